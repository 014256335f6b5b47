"""A DuckDB connection whose statements end at a signal, and hold to a share of the free memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from churn_torch.bounded import run_bounded
from churn_torch.tables.readers.free_memory import memory_limit
from churn_torch.tables.sql_text import closing

T = TypeVar("T")
Setting = str | bool | int | float | list[str]

_SETTINGS: dict[str, Setting] = {
    # Otherwise a table name could pick up a Python variable of ours.
    "python_enable_replacements": "false",
    "allow_community_extensions": "false",
}
# Rows of a batch.
BATCH_ROWS = 65_536
# Of what a statement may take, the share that DuckDB takes before it uses the disk: it does not
# count everything.
_COUNTED_SHARE = 0.67


class Database:
    """A connection to a database in memory, whose work is bounded.

    DuckDB looks at signals only between steps of its own, and does not count all of its memory.
    All methods raise `TooMuchError` where a statement takes more memory than it may.

    Args:
        connection: The connection.
        memory: Bytes by which a statement may let the process grow; None for any number.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, memory: int | None) -> None:
        self._connection = connection
        self._memory = memory

    def run(self, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Return what work with the connection returns."""
        return run_bounded(
            lambda: work(self._connection),
            interrupt=self._connection.interrupt,
            memory=self._memory,
        )

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Run a statement and return its rows, each a tuple."""
        return self.run(lambda connection: connection.execute(sql, parameters).fetchall())

    def table(self, sql: str) -> pa.Table:
        """Run a query and return its rows as a table."""
        return self.run(lambda connection: connection.sql(sql).to_arrow_table())

    def batches(self, sql: str) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """Run a query and return the schema and the batches of its rows."""
        reader = self.run(lambda connection: connection.sql(sql).to_arrow_reader(BATCH_ROWS))
        return reader.schema, iter(lambda: self.run(lambda _: next(reader, None)), None)

    @contextmanager
    def named(self, name: str, rows: pa.Table | pa.RecordBatchReader) -> Iterator[None]:
        """Let a name stand for rows of Arrow in the statements of the block.

        After an error it stays: the connection may be busy with what was given up.
        """
        self._connection.register(name, rows)
        yield
        self._connection.unregister(name)


@contextmanager
def connected(settings: Mapping[str, Setting] | None = None) -> Iterator[Database]:
    """Open a database in memory.

    Args:
        settings: Of DuckDB; without ``memory_limit`` that is a share of the free memory.

    Raises:
        duckdb.Error: It does not take the settings.
    """
    limit = memory_limit()
    chosen = {**_SETTINGS, **(settings or {})}
    if limit is not None:
        chosen.setdefault("memory_limit", f"{int(_COUNTED_SHARE * limit)}B")
    with closing(duckdb.connect(":memory:", config=chosen)) as connection:
        yield Database(connection, limit)
