"""The database that computes features ends at once and within the memory that is free."""

from __future__ import annotations

import errno
from pathlib import Path

import duckdb
import pytest

from churn_torch import interruption
from churn_torch.errors import InputError
from churn_torch.events.database import MEMORY, open_database
from churn_torch.tables.readers import free_memory
from churn_torch.tables.sql_text import quoted

ENDLESS = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT max(n) FROM t"


def test_a_signal_ends_a_statement(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(interruption, "interrupted", lambda: True)
    with pytest.raises(KeyboardInterrupt), open_database(tmp_path, "1GB", 1) as database:
        database.rows(ENDLESS)


def test_memory_that_duckdb_does_not_count_is_bounded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(free_memory, "available_bytes", lambda: 100_000_000)
    with (
        pytest.raises(InputError, match=r"got some that take more than 0\.1 GB of memory"),
        open_database(tmp_path, "1GB", 1) as database,
    ):
        database.rows("SELECT repeat('ab', 1_000_000) FROM range(300)")


def test_a_wrong_amount_of_memory_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="memory: expected an amount of memory such as 1GB"):
        open_database(tmp_path, "much", 1).__enter__()


def test_a_folder_that_cannot_be_written_is_an_error_of_the_disk(tmp_path: Path) -> None:
    absent = quoted(str(tmp_path / "absent" / "rows.parquet"))
    with (
        pytest.raises(FileNotFoundError) as raised,
        open_database(tmp_path, MEMORY, None) as database,
    ):
        database.rows(f"COPY (SELECT 1) TO {absent}")
    assert (raised.value.errno, raised.value.filename) == (errno.ENOENT, None)


def test_a_disk_without_room_for_what_is_laid_aside_is_full(tmp_path: Path) -> None:
    said = "Out of Memory Error: failed to offload data block of size 256.0 KiB (2.4 MiB/2.6 MiB)"
    with pytest.raises(OSError, match="No space left") as raised, open_database(tmp_path, "1GB", 1):
        raise duckdb.OutOfMemoryException(said)
    assert raised.value.errno == errno.ENOSPC
