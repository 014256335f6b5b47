"""Reading tables: the only place that touches rows on disk or in a database."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa

from churn_torch.errors import InputError
from churn_torch.tables.readers import arrow, parquet_files
from churn_torch.tables.readers.csv_files import read_csv
from churn_torch.tables.readers.paths import find_files, is_parquet, near
from churn_torch.tables.readers.writing import write
from churn_torch.tables.schema import Schema, with_text_names

__all__ = [
    "Source",
    "column_names",
    "count_rows",
    "files",
    "note_absent_columns",
    "read",
    "read_chunks",
    "read_sample",
    "write",
]

Source = str | Path | pd.DataFrame

_QUERY = re.compile(r"\s*(select|with)[\s(*\"']", re.IGNORECASE)
_URL = re.compile(r"\w+://")
READ_ROWS = 65_536  # rows read at a time
# A DataFrame is sampled in so many runs of rows.
_RUNS = 16


def read(
    source: Source, *, database: str | None = None, columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """Read a whole table.

    Args:
        source: A CSV or Parquet file, a glob, a folder, a query that starts with SELECT or WITH,
            an address (``s3://``, ``https://``) that DuckDB can open, or a DataFrame.
        database: The DuckDB file that a query runs in; it is opened read-only.
        columns: The columns to read, in this order; all when None.

    Returns:
        The rows. CSV cells are text as they stand in the file (an empty cell is missing); other
        sources keep their types, and integers with missing cells stay integers (Int64).

    Raises:
        InputError: The source is missing, empty or unreadable, or lacks a column.
    """
    if isinstance(source, pd.DataFrame):
        return _select_frame(source, columns)
    with _opened(source, database, columns) as (schema, batches):
        table = pa.Table.from_batches(batches, schema=schema)
    if table.num_rows == 0:
        raise _no_rows(source)
    return arrow.to_pandas(table)


def read_chunks(
    source: Source,
    *,
    database: str | None = None,
    rows: int = READ_ROWS,
    columns: Sequence[str] | None = None,
    coded: Collection[str] = (),
) -> Generator[pd.DataFrame]:
    """Read a table as `read` does, but in chunks of `rows` rows (the last one may be shorter).

    Memory stays at a few chunks, however large the table is.

    Args:
        source: As for `read`.
        database: As for `read`.
        rows: Rows of a chunk.
        columns: As for `read`.
        coded: Text columns that may come as pandas categories, as Parquet holds them: faster to
            read and to parse.

    Raises:
        InputError: As for `read`; a bad line is met when its chunk is.
    """
    if isinstance(source, pd.DataFrame):
        frame = _select_frame(source, columns)
        for start in range(0, len(frame), rows):
            yield frame.iloc[start : start + rows].reset_index(drop=True)
        return
    empty = True
    with _opened(source, database, columns, coded) as (schema, batches):
        for group in arrow.rebatched(batches, rows):
            empty = False
            yield arrow.to_pandas(pa.Table.from_batches(group, schema=schema), coded)
    if empty:
        raise _no_rows(source)


def count_rows(source: Source, database: str | None = None) -> int | None:
    """Return the number of rows where it costs nothing (a DataFrame, Parquet), else None."""
    if isinstance(source, pd.DataFrame):
        return len(source)
    paths = files(source, database)
    if paths is None or not all(is_parquet(path) for path in paths):
        return None
    return sum(int(parquet_files.metadata(path).num_rows) for path in paths)


def column_names(source: Source, database: str | None = None) -> list[str] | None:
    """Return the names of the columns where it costs nothing (a DataFrame, Parquet), else None."""
    if isinstance(source, pd.DataFrame):
        return list(map(str, source.columns))
    paths = files(source, database)
    if paths is None or not all(is_parquet(path) for path in paths):
        return None
    with _opened(source, database, None) as (schema, _):
        return list(schema.names)


def note_absent_columns(schema: Schema, source: Source, database: str | None = None) -> Schema:
    """Note the columns that only some of several Parquet files have; elsewhere they are missing."""
    paths = files(source, database)
    if paths is None or len(paths) == 1 or not all(is_parquet(path) for path in paths):
        return schema
    names = (parquet_files.metadata(path).schema.to_arrow_schema().names for path in paths)
    n_having = Counter(chain.from_iterable(names))
    noted = {}
    for column in schema.columns:
        if 0 < (n := n_having[column.name]) < len(paths):  # 0: it is the name of a folder
            absence = f"not in {len(paths) - n:,} of {len(paths):,} files: missing there"
            note = f"{column.note}; {absence}" if column.note else absence
            noted[column.name] = replace(column, note=note)
    return schema.with_columns(noted)


def read_sample(
    source: Source, *, rows: int, database: str | None = None
) -> tuple[pd.DataFrame, list[int]]:
    """Read about ``rows`` rows to judge a table by: all of it where it has no more.

    Returns:
        The rows, and the lengths of the runs of rows they come in. The runs of Parquet and
        DataFrames are spread evenly over the table; CSV and queries give one, the first rows.

    Raises:
        InputError: As for `read`.
    """
    if isinstance(source, pd.DataFrame):
        frame = _select_frame(source, None)
        if len(frame) <= rows:
            return frame, [len(frame)]
        starts = [run * len(frame) // _RUNS for run in range(_RUNS)]
        runs = [frame.iloc[start : start + rows // _RUNS] for start in starts]
        return pd.concat(runs, ignore_index=True), list(map(len, runs))
    paths = files(source, database)
    if paths is None or not all(is_parquet(path) for path in paths):
        chunks = read_chunks(source, database=database, rows=rows)
        frame = next(chunks)
        chunks.close()
        return frame, [len(frame)]
    folder = Path(source).expanduser()
    schema, groups = parquet_files.sample_parquet(paths, folder if folder.is_dir() else None, rows)
    table = pa.Table.from_batches([batch for group in groups for batch in group], schema=schema)
    if table.num_rows == 0:
        raise _no_rows(source)
    return arrow.to_pandas(table), [sum(batch.num_rows for batch in group) for group in groups]


def files(source: Source, database: str | None = None) -> list[Path] | None:
    """Return the files that hold the table, or None for a query, an address or a DataFrame.

    Raises:
        InputError: There are none.
    """
    if isinstance(source, pd.DataFrame) or _as_query(source, database) is not None:
        return None
    return find_files(source)


@contextmanager
def _opened(
    source: str | Path,
    database: str | None,
    columns: Sequence[str] | None,
    coded: Collection[str] = (),
) -> Iterator[arrow.Batches]:
    """Open a source as a schema and record batches, reduced to `columns`."""
    query = _as_query(source, database)
    if query is not None:
        with _queried(query, database) as (schema, batches):
            yield arrow.select(schema, batches, columns)
        return
    paths = find_files(source)
    parquet = [is_parquet(path) for path in paths]
    if all(parquet):
        folder = Path(source).expanduser()
        yield parquet_files.read_parquet(paths, folder if folder.is_dir() else None, columns, coded)
    elif not any(parquet):
        yield arrow.select(*read_csv(paths), columns)
    else:
        raise InputError(
            f"expected files of one format, however: {str(source)!r} holds Parquet and others "
            f"({paths[parquet.index(False)].name!r}); narrow it to one with a glob"
        )


def _no_rows(source: str | Path) -> InputError:
    return InputError(
        f"expected a table with rows, however: {str(source)[:200]!r} has columns but no rows; "
        "check the source"
    )


def _select_frame(frame: pd.DataFrame, columns: Sequence[str] | None) -> pd.DataFrame:
    frame = with_text_names(frame).reset_index(drop=True)
    arrow.check_columns(list(frame.columns), columns)
    return frame if columns is None else frame[list(columns)]


def _as_query(source: str | Path, database: str | None) -> str | None:
    """Return the query that reads the source, or None when it is a path."""
    text = str(source)
    if isinstance(source, str) and _QUERY.match(text) and not os.path.exists(text):
        return text
    if database is not None:
        raise InputError(
            f"expected a query (SELECT ...) to run in the database, however: got {text!r}; write "
            f"SELECT * FROM {text}, or leave the database out"
        )
    if _URL.match(text):
        quoted = "'" + text.replace("'", "''") + "'"
        if re.search(r"\.(parquet|pq)(\?|$)", text):
            return f"SELECT * FROM read_parquet({quoted})"
        return f"SELECT * FROM read_csv({quoted}, all_varchar=true)"
    return None


@contextmanager
def _queried(query: str, database: str | None) -> Iterator[arrow.Batches]:
    path = None if database is None else Path(database).expanduser()
    if path is not None and not path.is_file():
        raise InputError(
            f"expected a DuckDB database file, however: {database!r} is not there"
            f"{near(path)}; check the path"
        )
    try:
        where = ":memory:" if path is None else str(path)
        with duckdb.connect(where, read_only=path is not None) as connection:
            # Otherwise a table name could pick up a Python variable of ours.
            connection.execute("SET python_enable_replacements = false")
            reader = connection.sql(query).to_arrow_reader(READ_ROWS)
            yield reader.schema, arrow.guarded(reader, "the rows of the query")
    except duckdb.Error as error:
        raise InputError(
            f"expected a query that DuckDB can run, however: {arrow.first_line(error)}; mend the "
            "query or data.database"
        ) from None


def check_output(out: str | Path, source: str | Path | pd.DataFrame, database: str | None) -> None:
    """Refuse an output that would take the place of what is read.

    Raises:
        InputError: ``out`` is the source, one of its files, or the database.
    """
    read = [] if database is None else [Path(database)]
    read += files(source, database) or []
    if Path(out).resolve() in {path.resolve() for path in read}:
        raise InputError(
            f"out: expected a file other than what is read, got {str(out)!r}; name another file"
        )
