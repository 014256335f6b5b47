"""Parquet: one file, several, or a folder with hive-style parts (``country=fr/...``)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as pa_dataset
import pyarrow.parquet as pa_parquet

from churn_torch.errors import InputError, first_line
from churn_torch.tables.column_names import check_names
from churn_torch.tables.readers.arrow import (
    Batches,
    bounded,
    check_columns,
    guarded,
    uuid_texts,
    with_clean_names,
)
from churn_torch.tables.readers.header_rows import clean_names
from churn_torch.tables.readers.packing import Stored, unreadable

# Rows and cells that are decoded at a time, at most.
_BATCH_ROWS = 65_536
_BATCH_CELLS = 1 << 21
# Bytes of a column that are fetched at a time: a row group may be larger than memory. From a small
# file a column is fetched whole: a buffer would grow to what a damaged page says of its size.
_BUFFER = 1 << 20
_SMALL_FILE = 1 << 26
# A sample is taken from so many row groups, if there are as many.
_SAMPLED_GROUPS = 16
# A number takes so many bytes in memory, however well a file packs it.
_CELL_BYTES = 8


def metadata(path: Path) -> pa_parquet.FileMetaData:
    """Read the footer of a file: its columns and row count, without its rows."""
    try:
        footer = pa_parquet.read_metadata(path)
        list(footer.schema.to_arrow_schema().names)  # which may be no text
        return footer
    except (pa.ArrowException, OSError, UnicodeDecodeError, ValueError) as error:
        fix = "write it again"
        raise unreadable(Stored(path), error, expected="a Parquet file", fix=fix) from None


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _plain_text(schema: pa.Schema) -> pa.Schema:
    """Return a schema in which text has one type, however a file holds it, and no metadata."""
    plain = []
    for column in schema:
        kind = column.type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
            kind = pa.string()
        plain.append(column.with_type(kind).remove_metadata())
    return pa.schema(plain)


def _schema(path: Path) -> pa.Schema:
    """Return the types of a file's columns; those of UUIDs are text, though they hold bytes."""
    footer = metadata(path).schema
    columns = map(footer.column, range(len(footer)))
    uuids = {column.path for column in columns if column.logical_type.type == "UUID"}
    return pa.schema(
        field.with_type(pa.string()) if field.name in uuids else field
        for field in _plain_text(footer.to_arrow_schema())
    )


def estimated_bytes(path: Path) -> int:
    """Estimate what a file takes in memory: its columns unpacked, at least 8 bytes a cell."""
    footer = metadata(path)
    groups = (footer.row_group(i).total_byte_size for i in range(footer.num_row_groups))
    return int(max(sum(groups), footer.num_rows * footer.num_columns * _CELL_BYTES))


def read_parquet(
    paths: Sequence[Path],
    folder: Path | None,
    columns: Sequence[str] | None,
    coded: Collection[str] = (),
) -> Batches:
    """Open files as one table; only the asked columns are read from disk, a few rows at a time.

    Args:
        paths: The files.
        folder: Where hive-style parts start, if a folder was named.
        columns: The columns to read, in this order; all when None.
        coded: Text columns to leave as codes and a dictionary, as Parquet mostly holds them;
            those that every file has.

    Raises:
        InputError: A file is damaged, the files do not fit together, or a column is not there.
    """
    schema, files = _opened(paths, folder, columns)
    # A column that some file lacks comes from the name of a folder, or is empty there.
    held = [set(metadata(file.path).schema.to_arrow_schema().names) for file in files]
    for i, kind in enumerate(schema):
        is_coded = kind.name.strip() in coded and _is_text(kind.type)
        if is_coded and all(kind.name in names for names in held):
            schema = schema.set(i, kind.with_type(pa.dictionary(pa.int32(), pa.string())))
    batches = (batch for file in files for batch in file.batches(schema))
    return with_clean_names(schema, guarded(batches, str(folder or paths[0])))


def sample_parquet(
    paths: Sequence[Path], folder: Path | None, rows: int
) -> tuple[pa.Schema, list[list[pa.RecordBatch]]]:
    """Read about `rows` rows in runs that are spread evenly over the table.

    A run is the start of a row group: 16 of them, or more where row groups are small.

    Returns:
        The schema, and the batches of each run, in source order.

    Raises:
        InputError: As for `read_parquet`.
    """
    schema, files = _opened(paths, folder, None)
    where = str(folder or paths[0])
    counts = [metadata(file.path).num_row_groups for file in files]
    groups = [(file, i) for file, count in zip(files, counts, strict=True) for i in range(count)]
    n_rows = sum(metadata(file.path).num_rows for file in files)
    n_runs = min(len(groups), max(_SAMPLED_GROUPS, ceil(rows * len(groups) / max(n_rows, 1))))
    runs = []
    for run in range(n_runs):
        file, group = groups[run * len(groups) // n_runs]
        taken = ceil(rows / n_runs)
        batches = guarded(file.batches(schema, row_groups=[group], batch_rows=taken), where)
        runs.append([batch.slice(0, taken) for batch in _first(batches, taken)])
    return with_clean_names(schema, iter(()))[0], [
        list(with_clean_names(schema, iter(run))[1]) for run in runs
    ]


def _first(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield batch.slice(0, rows)
        rows -= batch.num_rows
        if rows <= 0:
            return


@dataclass(frozen=True)
class _File:
    """A file of a table, and the columns that the names of its folders add."""

    path: Path
    parts: Mapping[str, Any] = field(default_factory=dict)

    def batches(
        self,
        schema: pa.Schema,
        row_groups: Sequence[int] | None = None,
        batch_rows: int | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Read the columns of `schema`, as its types; null where the file has no such column.

        Not by `pyarrow.dataset`: that decodes a row group at once (measured: 10 M rows of 64
        columns in 3.6 GB; 0.3 GB and six times as fast like this).
        """
        if batch_rows is None:
            batch_rows = max(1, min(_BATCH_ROWS, _BATCH_CELLS // max(1, len(schema))))
        coded = [kind.name for kind in schema if pa.types.is_dictionary(kind.type)]
        buffer = _BUFFER if self.path.stat().st_size > _SMALL_FILE else 0
        with pa_parquet.ParquetFile(
            self.path, pre_buffer=False, buffer_size=buffer, read_dictionary=coded
        ) as file:
            n_rows, names = 0, set(file.schema_arrow.names)
            wanted = [name for name in schema.names if name in names]
            read = file.iter_batches(batch_rows, row_groups=row_groups, columns=wanted)
            for batch in bounded(read):
                columns = [self._column(batch, names, kind) for kind in schema]
                yield pa.record_batch(columns, schema=schema)
                n_rows += batch.num_rows
            if row_groups is None and n_rows != file.metadata.num_rows:
                raise pa.ArrowInvalid(f"{n_rows:,} rows in place of {file.metadata.num_rows:,}")

    def _column(self, batch: pa.RecordBatch, names: set[str], kind: pa.Field) -> pa.Array:
        if kind.name in names:
            column = batch.column(kind.name)
            if column.type == pa.uuid():
                return uuid_texts(column)
            if _is_text(kind.type) or pa.types.is_dictionary(kind.type):
                column.validate(full=True)  # Arrow takes any bytes for text
            # Arrow's cast of lists without any value to their own type gives damaged lists.
            return column if column.type == kind.type else column.cast(kind.type)
        value = pa.scalar(self.parts.get(kind.name), kind.type)
        return pa.repeat(value, batch.num_rows)


def _opened(
    paths: Sequence[Path], folder: Path | None, columns: Sequence[str] | None
) -> tuple[pa.Schema, list[_File]]:
    """Find the schema that holds all files, narrowed to `columns`, and their parts."""
    where = str(folder or paths[0])
    schemas = [_schema(path) for path in paths]
    for schema in schemas:
        check_names(clean_names(schema.names).names)
    open_files = partial(
        pa_dataset.dataset,
        [str(path) for path in paths],
        format="parquet",
        partitioning="hive" if folder else None,
        partition_base_dir=str(folder) if folder else None,
    )
    try:
        # Files may differ in types (an int column that became float): take what holds all.
        dataset = open_files()
        known = {name for schema in schemas for name in schema.names}
        # The parts that folder names add.
        schemas.append(pa.schema([field for field in dataset.schema if field.name not in known]))
        schema = pa.unify_schemas(schemas, promote_options="permissive")
        fragments = list(open_files(schema=schema).get_fragments())
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(
            where,
            expected="Parquet files with the same columns",
            got=f"different ones ({first_line(error)})",
            fix="write them again or read them with SELECT ...",
        ) from None
    # What pandas stores of a nameless index is no column of the table.
    names = [name for name in schema.names if not re.fullmatch(r"__index_level_\d+__", name)]
    raw = dict(zip(clean_names(names).names, names, strict=True))
    check_columns(list(raw), columns)
    chosen = list(names if columns is None else map(raw.__getitem__, columns))
    files = [
        _File(Path(fragment.path), pa_dataset.get_partition_keys(fragment.partition_expression))
        for fragment in fragments
    ]
    return pa.schema([schema.field(name) for name in chosen]), files
