"""Record batches: what every reader returns, narrowed to columns and turned into pandas."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from churn_torch.bounded import TooMuchError, run_bounded
from churn_torch.errors import InputError, first_line, suggest
from churn_torch.tables.column_names import check_names
from churn_torch.tables.readers.free_memory import memory_limit
from churn_torch.tables.readers.header_rows import clean_names

# A schema, and the rows that follow it.
Batches = tuple[pa.Schema, Iterator[pa.RecordBatch]]

# In the metadata of a schema: what parts the cells of a CSV file.
DELIMITER = b"delimiter"

# Takes a sentence for the user.
Announce = Callable[[str], object]

# Characters of a library's message that are shown.
_LONGEST_MESSAGE = 1200


def check_columns(names: Sequence[str], columns: Sequence[str] | None) -> None:
    """Raise InputError when names repeat or a column that was asked for is not among them."""
    check_names(names)
    for name in columns or ():
        if name not in names:
            raise InputError(
                "source",
                expected=f"a column {name!r}",
                got=f"none of that name{suggest(name, names)}",
                fix=f"name one of its columns: {', '.join(map(repr, names[:12]))}",
            )


def select(
    schema: pa.Schema, batches: Iterator[pa.RecordBatch], columns: Sequence[str] | None
) -> Batches:
    """Narrow batches to `columns`, in that order; all when None."""
    check_columns(schema.names, columns)
    if columns is None:
        return schema, batches
    names = list(columns)
    return pa.schema([schema.field(name) for name in names], schema.metadata), (
        batch.select(names) for batch in batches
    )


def with_clean_names(schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> Batches:
    """Strip the blanks around column names, as every reader does; nameless columns get a name."""
    names = list(clean_names(schema.names).names)
    if names == schema.names:
        return schema, batches
    schema = pa.schema([field.with_name(n) for field, n in zip(schema, names, strict=True)])
    return schema, (pa.record_batch(batch.columns, schema=schema) for batch in batches)


def guarded(batches: Iterable[pa.RecordBatch], what: str) -> Iterator[pa.RecordBatch]:
    """Pass batches on; an error on the way becomes an InputError that names the source."""
    with _naming(what):
        yield from batches


def bounded(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Pass on batches that Arrow decodes; a signal, or a lack of memory, ends the wait for one.

    A file of some kilobytes can hold a batch of gigabytes: long texts that it holds once.

    Raises:
        TooMuchError: A batch takes too large a share of the free memory.
    """
    limit = memory_limit()
    return iter(lambda: run_bounded(lambda: next(batches, None), memory=limit), None)


def as_table(batches: Iterable[pa.RecordBatch], schema: pa.Schema, what: str) -> pa.Table:
    """Put batches together; Arrow may find only now that one is damaged.

    Raises:
        InputError: One is.
    """
    with _naming(what):
        return pa.Table.from_batches(batches, schema=schema)


@contextmanager
def _naming(what: str) -> Iterator[None]:
    """Turn the error of a library into an InputError that names the source."""
    try:
        yield
    except MemoryError:  # Arrow's is one of its own exceptions as well
        raise
    except TooMuchError as error:
        raise too_large(what, error) from None
    except (pa.ArrowException, OSError, duckdb.Error) as error:
        # Arrow holds at most 2 GB of text in an array; the source may be whole.
        if isinstance(error, pa.ArrowCapacityError) or "array capacity" in str(error):
            raise InputError(
                what,
                expected="a source whose columns take at most 2 GB in any 100,000 rows",
                got=f"the error {library_message(error)!r}",
                fix="write it with shorter cells",
            ) from None
        raise InputError(
            what,
            expected="a source that can be read to its end",
            got=f"the error {library_message(error)!r}",
            fix="repair the source",
        ) from None


def too_large(what: str, error: TooMuchError) -> InputError:
    """Return the sentence for a source of which a part takes too much memory."""
    return InputError(
        what,
        expected="a source of which some thousand rows fit into the free memory",
        got=f"one that takes {error}",
        fix="write it with shorter cells or fewer columns, or end other programs",
    )


@contextmanager
def enough_memory(what: str, fix: str) -> Iterator[None]:
    """Turn a lack of memory into a sentence."""
    try:
        yield
    except MemoryError:
        raise InputError(
            what, expected="a table that fits into memory", got="too large a one", fix=fix
        ) from None


def library_message(error: BaseException) -> str:
    """Return a library's message in one line; a very long one is cut at the end of a line."""
    text, cut = "", ""
    # DuckDB adds a stack trace where it finds a fault of its own.
    for line in map(str.strip, str(error).partition("Stack Trace:")[0].splitlines()):
        # A line of carets points into the line above it, which one line cannot show; the settings
        # of DuckDB's CSV reader are of no use here.
        if not line.strip("^") or re.match(r"\w+ = ", line):
            continue
        text = f"{text} {line}".lstrip()
        if len(text) <= _LONGEST_MESSAGE or not cut:
            cut = text
    return cut[:_LONGEST_MESSAGE] if cut else first_line(error)


def rebatched(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[list[pa.RecordBatch]]:
    """Regroup batches so that each list holds `rows` rows; the last one may hold fewer."""
    waiting: list[pa.RecordBatch] = []
    n_waiting = 0
    for batch in batches:
        while n_waiting + batch.num_rows >= rows:
            taken = rows - n_waiting
            yield [*waiting, batch.slice(0, taken)]
            waiting, n_waiting, batch = [], 0, batch.slice(taken)
        if batch.num_rows:
            waiting.append(batch)
            n_waiting += batch.num_rows
    if waiting:
        yield waiting


def to_pandas(table: pa.Table, coded: Collection[str] = ()) -> pd.DataFrame:
    """Convert to pandas without losing digits, and without Python objects where avoidable.

    Dictionaries of text become text, but for the columns in `coded`. The delimiter of a CSV file
    goes to ``frame.attrs``.
    """
    delimiter = (table.schema.metadata or {}).get(DELIMITER)
    frame = _in_pandas(table, coded)
    if delimiter is not None:
        frame.attrs["delimiter"] = delimiter.decode()
    return frame


def _in_pandas(table: pa.Table, coded: Collection[str]) -> pd.DataFrame:
    try:
        deep = {}
        for position, field in enumerate(table.schema):
            column = table.column(position)
            plain = column if field.name in coded else _plain(column)
            if _is_deep(plain.type):
                # As Python's own objects: Arrow's code for pandas ends the process at some of them.
                deep[field.name] = plain.to_pylist()
            elif plain.type != field.type:
                table = table.set_column(position, field.with_type(plain.type), plain)
        flat = table.drop_columns(list(deep))
        frame: pd.DataFrame = flat.to_pandas(
            ignore_metadata=True, date_as_object=False, split_blocks=True
        )
        if deep:
            objects = {n: pd.Series(v, frame.index, dtype=object) for n, v in deep.items()}
            frame = pd.concat([frame, pd.DataFrame(objects)], axis=1)[table.column_names]
        for name in flat.column_names:
            column = flat.column(name)
            if pa.types.is_integer(column.type) and column.null_count:
                # As float64, long ids would change and short ones would be written out as 12.0.
                nullable = pd.UInt64Dtype() if pa.types.is_uint64(column.type) else pd.Int64Dtype()
                frame[name] = column.to_pandas(types_mapper={column.type: nullable}.get)
        return frame
    except MemoryError:  # Arrow's is one of its own exceptions as well
        raise
    except (pa.ArrowException, ValueError, KeyError, OverflowError, NotImplementedError) as error:
        if table.num_columns > 1:
            for position in range(table.num_columns):
                _in_pandas(table.select([position]), coded)
        raise InputError(
            f"column {table.column_names[0]!r}",
            expected="values that pandas can hold",
            got=f"ones of the type {str(table.schema.types[0])[:80]} ({first_line(error)})",
            fix="write it as text or numbers, or read the other columns with SELECT ...",
        ) from None


def _is_deep(kind: pa.DataType) -> bool:
    """Tell values that hold others, but for lists of numbers, texts or dates."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        kind = kind.value_type
        return not pa.types.is_primitive(kind) and not _is_text(kind)
    return bool(pa.types.is_nested(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column as a type that pandas knows, without a dictionary of text."""
    kind = column.type
    if kind == pa.uuid():
        return pa.chunked_array([uuid_texts(chunk) for chunk in column.chunks], type=pa.string())
    if isinstance(kind, pa.BaseExtensionType):
        stored = [chunk.storage for chunk in column.chunks]
        return _plain(pa.chunked_array(stored, type=kind.storage_type))
    if pa.types.is_run_end_encoded(kind):
        return _plain(pc.run_end_decode(column))
    if pa.types.is_dictionary(kind) and not pa.types.is_primitive(kind.value_type):
        of_values = _plain(pa.chunked_array([], type=kind.value_type)).type
        values = [_plain(pa.chunked_array([chunk.dictionary])) for chunk in column.chunks]
        taken = [
            value.combine_chunks().take(chunk.indices)
            for value, chunk in zip(values, column.chunks, strict=True)
        ]
        return pa.chunked_array(taken, type=of_values)
    plain = _plain_type(kind)
    return column if plain == kind else column.cast(plain, safe=False)


def uuid_texts(column: pa.Array) -> pa.Array:
    """Return UUIDs as people write them."""
    return pa.array([cell and str(cell) for cell in column.to_pylist()], pa.string())


def _plain_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_decimal(kind):
        return pa.float64()
    if pa.types.is_null(kind):
        return pa.string()
    if pa.types.is_string_view(kind):
        return pa.large_string()
    if pa.types.is_binary_view(kind):
        return pa.large_binary()
    return pa.time64("us") if kind == pa.time64("ns") else kind
