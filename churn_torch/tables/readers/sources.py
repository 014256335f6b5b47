"""Reading tables: the only place that reads rows from a file, a database or a DataFrame."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pandas as pd
import pyarrow as pa

from churn_torch.errors import InputError
from churn_torch.tables.column_names import with_text_names
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers import arrow, parquet_files
from churn_torch.tables.readers.arrow import Announce
from churn_torch.tables.readers.formats import is_parquet
from churn_torch.tables.readers.free_memory import available_bytes
from churn_torch.tables.readers.opening import as_query, opened
from churn_torch.tables.readers.paths import find_files
from churn_torch.tables.readers.writing import write
from churn_torch.tables.schema import Schema

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

READ_ROWS = 65_536  # rows read at a time
# A DataFrame is sampled in so many runs of rows.
_RUNS = 16
PLAINLY = ReadOptions()
_TOO_LARGE = (
    "stream it (data.streaming=true; CSV, Parquet and JSON lines can be read in parts), or read "
    "fewer columns with SELECT ..."
)


def unheard(sentence: str) -> None:
    """Take a sentence that nobody needs to read again."""


def read(
    source: Source,
    *,
    reading: ReadOptions = PLAINLY,
    columns: Sequence[str] | None = None,
    announce: Announce = unheard,
) -> pd.DataFrame:
    """Read a whole table.

    Args:
        source: A file of any format in `formats`, packed or not, a glob, a folder, one SELECT
            statement (see `queries`), an address (``s3://``, ``https://``) that DuckDB can open,
            or a DataFrame.
        reading: What the user said about how to read it; a database is opened read-only.
        columns: The columns to read, in this order; all when None.
        announce: Called with a sentence for each thing that was found and done: an encoding that
            is not UTF-8, lines above the header that are left out.

    Returns:
        The rows. CSV cells are text as they stand in the file (an empty cell is missing); other
        sources keep their types, and integers with missing cells stay integers (Int64). Blanks
        around column names are left out.

    Raises:
        InputError: The source is missing, empty or unreadable, or lacks a column.
    """
    if isinstance(source, pd.DataFrame):
        return _select_frame(source, columns)
    with (
        arrow.enough_memory(str(source)[:200], _TOO_LARGE),
        opened(source, reading, columns, announce=announce) as (schema, batches),
    ):
        table = arrow.as_table(_that_fit(batches, source), schema, str(source)[:200])
        if table.num_rows == 0:
            raise _no_rows(source)
        return arrow.to_pandas(table)


def _that_fit(batches: Iterable[pa.RecordBatch], source: str | Path) -> Iterator[pa.RecordBatch]:
    """Pass batches on while they fit into the memory that is free, once more as a DataFrame."""
    free, n_bytes = available_bytes(), 0
    for batch in batches:
        n_bytes += sum(map(_n_bytes, batch.columns))
        if free is not None and 2 * n_bytes > free:
            raise InputError(
                str(source)[:200],
                expected=f"a table that fits into the free memory ({free / 1e9:.1f} GB)",
                got=f"one of more than {n_bytes / 1e9:.1f} GB, which takes twice that while it is "
                "read",
                fix=_TOO_LARGE,
            )
        yield batch


def _n_bytes(column: pa.Array) -> int:
    kind = column.type
    if "union" in str(kind):  # the process could die of `nbytes`, where a list of unions is empty
        return int(column.get_total_buffer_size())
    # Cells of these types take nothing in Arrow, and a pointer in pandas.
    takes_nothing = pa.types.is_null(kind) or pa.types.is_run_end_encoded(kind)
    return int(column.nbytes + 8 * takes_nothing * len(column))


def read_chunks(
    source: Source,
    *,
    reading: ReadOptions = PLAINLY,
    rows: int = READ_ROWS,
    columns: Sequence[str] | None = None,
    coded: Collection[str] = (),
    announce: Announce = unheard,
) -> Generator[pd.DataFrame]:
    """Read a table as `read` does, but in chunks of `rows` rows (the last one may be shorter).

    Memory stays at a few chunks, however large the table is; workbooks, files of statistics
    programs and JSON of one object are read whole before.

    Args:
        source: As for `read`.
        reading: As for `read`.
        rows: Rows of a chunk.
        columns: As for `read`.
        coded: Text columns that may come as pandas categories, as Parquet holds them: faster to
            read and to parse.
        announce: As for `read`; called before the first chunk.

    Raises:
        InputError: As for `read`; a bad line is met when its chunk is.
    """
    if isinstance(source, pd.DataFrame):
        frame = _select_frame(source, columns)
        for start in range(0, len(frame), rows):
            yield frame.iloc[start : start + rows].reset_index(drop=True)
        return
    empty = True
    with (
        arrow.enough_memory(str(source)[:200], "read fewer rows or columns at a time"),
        opened(source, reading, columns, coded, announce) as (schema, batches),
    ):
        for group in arrow.rebatched(batches, rows):
            empty = False
            yield arrow.to_pandas(arrow.as_table(group, schema, str(source)[:200]), coded)
    if empty:
        raise _no_rows(source)


def count_rows(source: Source, reading: ReadOptions = PLAINLY) -> int | None:
    """Return the number of rows where it costs nothing (a DataFrame, Parquet), else None."""
    if isinstance(source, pd.DataFrame):
        return len(source)
    paths = files(source, reading)
    if paths is None or not all(is_parquet(path) for path in paths):
        return None
    return sum(int(parquet_files.metadata(path).num_rows) for path in paths)


def column_names(source: Source, reading: ReadOptions = PLAINLY) -> list[str] | None:
    """Return the names of the columns where it costs nothing (a DataFrame, Parquet), else None."""
    if isinstance(source, pd.DataFrame):
        return list(with_text_names(source[:0]).columns)
    paths = files(source, reading)
    if paths is None or not all(is_parquet(path) for path in paths):
        return None
    with opened(source, reading, None) as (schema, _):
        return list(schema.names)


def note_absent_columns(schema: Schema, source: Source, reading: ReadOptions = PLAINLY) -> Schema:
    """Note the columns that only some of several Parquet files have; elsewhere they are missing."""
    paths = files(source, reading)
    if paths is None or len(paths) == 1 or not all(is_parquet(path) for path in paths):
        return schema
    names = (parquet_files.metadata(path).schema.to_arrow_schema().names for path in paths)
    n_having = Counter(map(str.strip, chain.from_iterable(names)))
    noted = {}
    for column in schema.columns:
        if 0 < (n := n_having[column.name]) < len(paths):  # 0: it is the name of a folder
            absence = f"not in {len(paths) - n:,} of {len(paths):,} files: missing there"
            note = f"{column.note}; {absence}" if column.note else absence
            noted[column.name] = replace(column, note=note)
    return schema.with_columns(noted)


def read_sample(
    source: Source, *, rows: int, reading: ReadOptions = PLAINLY, announce: Announce = unheard
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
    paths = files(source, reading)
    if paths is None or not all(is_parquet(path) for path in paths):
        chunks = read_chunks(source, reading=reading, rows=rows, announce=announce)
        frame = next(chunks)
        chunks.close()
        return frame, [len(frame)]
    folder = Path(source).expanduser()
    schema, groups = parquet_files.sample_parquet(paths, folder if folder.is_dir() else None, rows)
    table = arrow.as_table(chain.from_iterable(groups), schema, str(source)[:200])
    if table.num_rows == 0:
        raise _no_rows(source)
    return arrow.to_pandas(table), [sum(batch.num_rows for batch in group) for group in groups]


def files(source: Source, reading: ReadOptions = PLAINLY) -> list[Path] | None:
    """Return the files that hold the table, or None for a query, an address or a DataFrame.

    Raises:
        InputError: There are none.
    """
    if isinstance(source, pd.DataFrame) or as_query(source, reading) is not None:
        return None
    return find_files(source)


def _no_rows(source: str | Path) -> InputError:
    return InputError(
        "source",
        expected="a table with rows",
        got=f"columns but no rows from {str(source)[:200]!r}",
        fix="check the source",
    )


def _select_frame(frame: pd.DataFrame, columns: Sequence[str] | None) -> pd.DataFrame:
    frame = with_text_names(frame).reset_index(drop=True)
    arrow.check_columns(list(frame.columns), columns)
    return frame if columns is None else frame[list(columns)]


def check_output(out: str | Path, source: Source, reading: ReadOptions = PLAINLY) -> None:
    """Refuse an output that would overwrite the input.

    Raises:
        InputError: ``out`` is the source, one of its files, or the database.
    """
    read = [] if reading.database is None else [Path(reading.database)]
    read += files(source, reading) or []
    if os.path.realpath(out) in map(os.path.realpath, read):
        raise InputError(
            "out",
            expected="a file other than what is read",
            got=repr(str(out)),
            fix="name another file",
        )
