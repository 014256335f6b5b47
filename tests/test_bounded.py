"""Work of a database ends at once, whatever it does."""

from __future__ import annotations

import sqlite3
import time

import duckdb
import pytest

from churn_torch import interruption
from churn_torch.bounded import TooMuchError, run_bounded
from churn_torch.tables.sql_text import closing


def test_work_returns_and_raises_as_it_does_alone() -> None:
    with closing(duckdb.connect()) as connection:
        assert run_bounded(lambda: connection.execute("SELECT 7").fetchall()) == [(7,)]
        with pytest.raises(duckdb.CatalogException):
            run_bounded(lambda: connection.execute("SELECT * FROM nothing"))


def test_work_that_does_not_stop_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("churn_torch.bounded._GRACE_SECONDS", 0.0)
    start = time.monotonic()
    with (
        pytest.raises(TooMuchError, match="more than 0 s"),
        closing(duckdb.connect()) as connection,
    ):
        run_bounded(lambda: connection.execute("SELECT sleep_ms(2000)"), seconds=0.1)
    assert time.monotonic() - start < 1.5


def test_memory_that_a_database_does_not_count_is_bounded() -> None:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    with pytest.raises(TooMuchError, match=r"more than 0\.1 GB of memory"):
        run_bounded(
            lambda: connection.execute(
                "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) "
                "SELECT CAST(zeroblob(1000000) AS TEXT) FROM t"
            ).fetchall(),
            interrupt=connection.interrupt,
            memory=100_000_000,
        )
    connection.close()


def test_a_signal_ends_work_in_any_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interruption, "interrupted", lambda: True)
    endless = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT max(n) FROM t"
    with pytest.raises(KeyboardInterrupt), closing(duckdb.connect()) as connection:
        run_bounded(lambda: connection.execute(endless), interrupt=connection.interrupt)
