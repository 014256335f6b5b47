"""Reading tables: the only place that touches rows on disk or in a database."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa

from churn_torch.errors import InputError, suggest
from churn_torch.tables import arrow
from churn_torch.tables.csv_files import read_csv
from churn_torch.tables.parquet_files import metadata, read_parquet
from churn_torch.tables.schema import with_text_names
from churn_torch.tables.writing import write

__all__ = ["Source", "count_rows", "read", "read_chunks", "write"]

Source = str | Path | pd.DataFrame

_QUERY = re.compile(r"\s*(select|with)[\s(*\"']", re.IGNORECASE)
_URL = re.compile(r"\w+://")
_DATA_NAME = re.compile(r"[^_.].*\.(parquet|pq|(csv|tsv|txt)(\.gz)?)", re.IGNORECASE)
_CHUNK = 65536


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
    rows: int = _CHUNK,
    columns: Sequence[str] | None = None,
) -> Iterator[pd.DataFrame]:
    """Read a table as `read` does, but in chunks of `rows` rows (the last one may be shorter).

    Memory stays at a few chunks, however large the table is.

    Raises:
        InputError: As for `read`; a bad line is met when its chunk is.
    """
    if isinstance(source, pd.DataFrame):
        frame = _select_frame(source, columns)
        for start in range(0, len(frame), rows):
            yield frame.iloc[start : start + rows].reset_index(drop=True)
        return
    empty = True
    with _opened(source, database, columns) as (schema, batches):
        for group in arrow.rebatched(batches, rows):
            empty = False
            yield arrow.to_pandas(pa.Table.from_batches(group, schema=schema))
    if empty:
        raise _no_rows(source)


def count_rows(source: Source, database: str | None = None) -> int | None:
    """Return the number of rows where it costs nothing (a DataFrame, Parquet), else None."""
    if isinstance(source, pd.DataFrame):
        return len(source)
    if _as_query(source, database) is not None:
        return None
    paths = _paths(source)
    if not all(_is_parquet(path) for path in paths):
        return None
    return sum(int(metadata(path).num_rows) for path in paths)


@contextmanager
def _opened(
    source: str | Path, database: str | None, columns: Sequence[str] | None
) -> Iterator[arrow.Batches]:
    """Open a source as a schema and record batches, reduced to `columns`."""
    query = _as_query(source, database)
    if query is not None:
        with _queried(query, database) as (schema, batches):
            yield arrow.select(schema, batches, columns)
        return
    paths = _paths(source)
    parquet = [_is_parquet(path) for path in paths]
    if all(parquet):
        folder = Path(source).expanduser()
        yield read_parquet(paths, folder if folder.is_dir() else None, columns)
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
            f"{_near(path)}; check the path"
        )
    try:
        where = ":memory:" if path is None else str(path)
        with duckdb.connect(where, read_only=path is not None) as connection:
            # Otherwise a table name could pick up a Python variable of ours.
            connection.execute("SET python_enable_replacements = false")
            reader = connection.sql(query).to_arrow_reader(_CHUNK)
            yield reader.schema, arrow.guarded(reader, "the rows of the query")
    except duckdb.Error as error:
        raise InputError(
            f"expected a query that DuckDB can run, however: {arrow.first_line(error)}; mend the "
            "query or data.database"
        ) from None


def _paths(source: str | Path) -> list[Path]:
    """Return the files that a path, glob or folder stands for, sorted.

    Raises:
        InputError: There are none.
    """
    path = Path(source).expanduser()
    if os.path.isfile(path):  # unlike Path.is_file, not upset by overlong names
        return [path]
    if os.path.isdir(path):
        files = (file for file in path.rglob("*") if _DATA_NAME.fullmatch(file.name))
        # Writers such as Spark leave _SUCCESS and hidden files beside the data.
        found = sorted(file for file in files if file.is_file() and not _is_hidden(file, path))
        if not found:
            raise InputError(
                f"expected Parquet or CSV files in the folder {str(source)!r}, however: it has "
                "none; name another folder or a file"
            )
        return found
    if glob.has_magic(str(path)):
        matches = (Path(name) for name in glob.glob(str(path), recursive=True))
        found = sorted(file for file in matches if file.is_file())
        if not found:
            raise InputError(
                f"expected files that match {str(source)!r}, however: there are none; "
                "check the folder and the pattern"
            )
        return found
    raise InputError(
        f"expected a file, a folder, a glob or SELECT ..., however: {str(source)[:200]!r} is not "
        f"there{_near(path)}; check the path"
    )


def check_output(out: str | Path, source: str | Path | pd.DataFrame, database: str | None) -> None:
    """Refuse an output that would take the place of what is read.

    Raises:
        InputError: ``out`` is the source, one of its files, or the database.
    """
    read = [] if database is None else [Path(database)]
    if not isinstance(source, pd.DataFrame) and _as_query(source, database) is None:
        read += _paths(source)
    if Path(out).resolve() in {path.resolve() for path in read}:
        raise InputError(
            f"out: expected a file other than what is read, got {str(out)!r}; name another file"
        )


def _is_hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)


def _near(path: Path) -> str:
    """Name the file beside a missing one that it was probably meant to be."""
    if not os.path.isdir(path.parent):
        return f", nor its folder {str(path.parent)!r}"
    return suggest(path.name, os.listdir(path.parent))


def _is_parquet(path: Path) -> bool:
    """Tell Parquet from text by its first bytes; the name only decides what to complain about."""
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise InputError(
            f"expected a readable file, however: {str(path)!r} cannot be opened "
            f"({error.strerror}); check its permissions"
        ) from None
    if not head:
        raise InputError(
            f"expected a table, however: {str(path)!r} is empty (0 bytes); check the source"
        )
    if head == b"PAR1":
        return True
    if path.suffix.lower() in (".parquet", ".pq"):
        raise InputError(
            f"expected a Parquet file, however: {str(path)!r} does not start like one; "
            "write it again, or name it .csv if it is one"
        )
    return False
