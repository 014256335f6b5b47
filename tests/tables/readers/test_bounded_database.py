"""Statements of our own on data of others hold to a share of the free memory."""

from __future__ import annotations

import pyarrow as pa
import pytest

from churn_torch.bounded import TooMuchError
from churn_torch.tables.readers import free_memory
from churn_torch.tables.readers.bounded_database import connected


def test_rows_come_back_however_they_are_asked_for() -> None:
    with connected() as database:
        with database.named("ours", pa.table({"a": [1, 2]})):
            assert database.rows("SELECT * FROM ours WHERE a < $1", [2]) == [(1,)]
            assert database.table("FROM ours").to_pydict() == {"a": [1, 2]}
            schema, batches = database.batches("FROM ours")
            assert pa.Table.from_batches(batches, schema) == pa.table({"a": [1, 2]})
        assert database.rows("SELECT count(*) FROM duckdb_views() WHERE NOT internal") == [(0,)]


def test_batches_hold_to_a_share_of_the_free_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(free_memory, "available_bytes", lambda: 100_000_000)
    with pytest.raises(TooMuchError), connected({"memory_limit": "8GB"}) as database:
        list(database.batches("SELECT repeat('ab', 1_000_000) AS a FROM range(300)")[1])
