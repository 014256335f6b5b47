"""Database files by path: the only table of a SQLite or DuckDB file, or the one that is named."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from churn_torch.bounded import TooMuchError, run_bounded
from churn_torch.errors import InputError, first_line, suggest
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers import queries
from churn_torch.tables.readers.arrow import Batches
from churn_torch.tables.readers.bounded_database import BATCH_ROWS
from churn_torch.tables.readers.free_memory import memory_limit
from churn_torch.tables.readers.packing import Stored, unreadable
from churn_torch.tables.readers.query_errors import too_large
from churn_torch.tables.sql_text import quoted_name
from churn_torch.tables.values.cells import scalar_text

# What a query in a SQLite file may do: read. To attach a file or to load code is something else.
_ALLOWED = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
}
# A name that no table of a user's has.
_ROWS = "rows_whose_types_are_asked"
_ERRORS = (sqlite3.Error, sqlite3.Warning, UnicodeError)  # the last for names and queries
_FORBIDDEN_FUNCTIONS = {"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"}


def is_sqlite(path: str | Path) -> bool:
    """Tell a SQLite file by its first bytes."""
    path = Path(path).expanduser()
    try:
        if not path.is_file():  # a pipe might never be opened
            return False
        with path.open("rb") as file:
            return file.read(16) == b"SQLite format 3\x00"
    except OSError:
        return False


@contextlib.contextmanager
def opened_duckdb(stored: Stored, reading: ReadOptions) -> Iterator[Batches]:
    """Open a table of a DuckDB file.

    Raises:
        InputError: The file has several tables and none is named, or cannot be read.
    """
    with stored.on_disk() as path:
        tables = queries.tables_of(path)
        name = tables[_chosen(stored, list(tables), reading)]
        query = queries.Query(f"SELECT * FROM {'.'.join(map(quoted_name, name))}")
        with queries.opened(query, ReadOptions(database=str(path))) as batches:
            yield batches


@contextlib.contextmanager
def opened_sqlite(stored: Stored, reading: ReadOptions) -> Iterator[Batches]:
    """Open a table of a SQLite file.

    Raises:
        InputError: The file has several tables and none is named, or cannot be read.
    """
    with stored.on_disk() as path:
        with _connected(path, stored) as connection:
            found = connection.execute(
                "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') "
                "AND name NOT LIKE 'sqlite%' ORDER BY name"
            )
            table = _chosen(stored, [str(name) for (name,) in found], reading)
        with opened_query(f"SELECT * FROM {quoted_name(table)}", path, stored) as batches:
            yield batches


@contextlib.contextmanager
def opened_query(sql: str, database: str | Path, stored: Stored | None = None) -> Iterator[Batches]:
    """Run one SELECT in a SQLite file, which is opened for reading alone.

    SQLite's columns have no types, so a pass finds out what the cells of each are.

    Args:
        sql: The query.
        database: The file.
        stored: What the user named, if that is a file and the query is ours.

    Raises:
        InputError: The query is not one SELECT, or SQLite cannot run it.
    """
    sql = sql.strip().rstrip(";")
    limit = memory_limit()
    with _connected(Path(database).expanduser(), stored) as connection:
        bounded = partial(run_bounded, interrupt=connection.interrupt, memory=limit)
        connection.set_authorizer(_allow if stored is None else _allow_here)
        found = bounded(lambda: connection.execute(f"SELECT * FROM ({sql}\n) LIMIT 0"))
        names = [str(column[0]) for column in found.description]
        kinds = bounded(lambda: _types(connection, sql, len(names)))
        schema = pa.schema(list(zip(names, kinds, strict=True)))
        cursor = bounded(lambda: connection.execute(sql))
        rows = iter(lambda: bounded(lambda: cursor.fetchmany(BATCH_ROWS)), [])
        yield schema, _guarded(rows, schema, stored)


def _types(connection: sqlite3.Connection, sql: str, width: int) -> list[pa.DataType]:
    """Return the types that hold every cell of each column."""
    names = [f"c{i}" for i in range(width)]
    kinds = ", ".join(f"group_concat(DISTINCT typeof({name}))" for name in names)
    found = connection.execute(
        f"WITH {_ROWS}({', '.join(names)}) AS ({sql}\n) SELECT {kinds} FROM {_ROWS}"
    )
    return [_type(set((of_column or "").split(",")) - {"null", ""}) for of_column in next(found)]


def _type(kinds: set[str]) -> pa.DataType:
    if kinds == {"integer"}:
        return pa.int64()
    if kinds and kinds <= {"integer", "real"}:
        return pa.float64()
    return pa.binary() if kinds == {"blob"} else pa.string()


def _guarded(
    fetched: Iterator[list[Any]], schema: pa.Schema, stored: Stored | None
) -> Iterator[pa.RecordBatch]:
    try:
        for rows in fetched:
            columns = [
                pa.array([_cell(cell, field.type) for cell in cells], field.type)
                for cells, field in zip(zip(*rows, strict=True), schema, strict=True)
            ]
            yield pa.record_batch(columns, schema=schema)
    except _ERRORS as error:
        raise _refused(error, stored) from None


def _cell(cell: Any, kind: pa.DataType) -> Any:
    if cell is not None and pa.types.is_floating(kind):
        return float(cell)  # Arrow takes no long integers between decimals
    if cell is None or not pa.types.is_string(kind):
        return cell
    return cell.decode(errors="replace") if isinstance(cell, bytes) else scalar_text(cell)


@contextlib.contextmanager
def _connected(path: Path, stored: Stored | None) -> Iterator[sqlite3.Connection]:
    try:
        address = f"{path.resolve().as_uri()}?mode=ro"
        log = path.with_name(f"{path.name}-wal")
        if not log.exists() or not log.stat().st_size:
            address += "&immutable=1"  # or SQLite would write files of its own beside it
        # `run_bounded` calls it in threads, one at a time.
        connection = sqlite3.connect(address, uri=True, check_same_thread=False)
        with contextlib.closing(connection):
            # Of a damaged page, SQLite would read what happens to be in memory behind it.
            connection.execute("PRAGMA cell_size_check = ON")
            yield connection
    except TooMuchError as error:
        raise too_large(f"one that takes {error}") from None
    except _ERRORS as error:
        raise _refused(error, stored) from None


def _allow(action: int, first: str | None, second: str | None, *rest: Any) -> int:
    is_function = action == sqlite3.SQLITE_FUNCTION
    if action in _ALLOWED and not (is_function and str(second).lower() in _FORBIDDEN_FUNCTIONS):
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _allow_here(action: int, *rest: Any) -> int:
    """Do the work of `_allow` where a file was named: a view of it must not run without end."""
    return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_RECURSIVE else _allow(action, *rest)


def _refused(error: BaseException, stored: Stored | None) -> InputError:
    if stored is not None:
        return unreadable(stored, error, expected="a SQLite database")
    return InputError(
        "query",
        expected="one SELECT that SQLite can run",
        got=f"the error {first_line(error)!r}",
        fix="correct the query or the database",
    )


def _chosen(stored: Stored, tables: list[str], reading: ReadOptions) -> str:
    key = f"{reading.prefix}sheet"
    shown = ", ".join(map(repr, tables[:12])) + (", ..." if len(tables) > 12 else "")
    if not tables:
        raise InputError(
            str(stored), expected="a database with a table", got="none", fix="check the source"
        )
    if reading.sheet is not None:
        if str(reading.sheet) in tables:
            return str(reading.sheet)
        raise InputError(
            key,
            expected=f"a table of {stored.name!r}",
            got=f"{reading.sheet!r}{suggest(str(reading.sheet), tables)}",
            fix=f"name one of {shown}",
        )
    if len(tables) > 1:
        raise InputError(
            str(stored),
            expected="a database with one table",
            got=f"one with {len(tables)}: {shown}",
            fix=f"name one with {key}=TABLE, or join them: {reading.prefix}database={stored.path} "
            f"and {reading.prefix}source='SELECT ...'",
        )
    return tables[0]
