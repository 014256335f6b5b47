"""Opening a source: a file of any format, several of them, or a query, as record batches."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyarrow as pa

from churn_torch.errors import InputError, first_line
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers import (
    arrow,
    arrow_files,
    database_files,
    excel_files,
    formats,
    json_files,
    parquet_files,
    queries,
    statistics_files,
)
from churn_torch.tables.readers.arrow import Announce
from churn_torch.tables.readers.csv_files import read_csv
from churn_torch.tables.readers.packing import Stored
from churn_torch.tables.readers.paths import find_files


@contextmanager
def opened(
    source: str | Path,
    reading: ReadOptions,
    columns: Sequence[str] | None,
    coded: Collection[str] = (),
    announce: Announce = lambda sentence: None,
) -> Iterator[arrow.Batches]:
    """Open a source as a schema and record batches, reduced to `columns`.

    Args:
        source: As for `sources.read`.
        reading: As for `sources.read`.
        columns: As for `sources.read`.
        coded: As for `sources.read_chunks`.
        announce: As for `sources.read`.

    Raises:
        InputError: As for `sources.read`.
    """
    query = as_query(source, reading)
    with ExitStack() as stack:
        if query is None:
            paths = find_files(source)
            parts = [part for path in paths for part in formats.parts(path)]
            found = list(dict.fromkeys(format for _, format in parts))
            if len(found) > 1:
                other = next(str(part) for part, format in parts if format != found[0])
                raise InputError(
                    "source",
                    expected="files of one format",
                    got=f"{found[0]} and others ({Path(other).name!r}) in {str(source)!r}",
                    fix="narrow it to one format with a glob",
                )
            plain = all(part.member is None and not part.packing for part, _ in parts)
            if found == [formats.PARQUET] and plain:
                folder = Path(source).expanduser()
                yield parquet_files.read_parquet(
                    paths, folder if folder.is_dir() else None, columns, coded
                )
                return
            stored = [part for part, _ in parts]
            schema, batches = _open_parts(stack, stored, found[0], reading, announce)
        elif reading.database is not None and database_files.is_sqlite(reading.database):
            schema, batches = stack.enter_context(
                database_files.opened_query(query.sql, reading.database)
            )
        else:
            schema, batches = stack.enter_context(queries.opened(query, reading, announce))
        yield arrow.select(*arrow.with_clean_names(schema, batches), columns)


def _open_parts(
    stack: ExitStack,
    stored: Sequence[Stored],
    format: str,
    reading: ReadOptions,
    announce: Announce,
) -> arrow.Batches:
    """Open files of one format as one table; all but CSV must agree in their columns' names."""
    if format == formats.CSV:
        return read_csv(stored, reading, announce)
    tables = [_open_part(stack, part, format, reading, announce) for part in stored]
    if len(tables) == 1:
        return tables[0]
    first = tables[0][0]
    for part, (schema, _) in zip(stored, tables, strict=True):
        if schema.names != first.names:
            odd = sorted(set(schema.names) ^ set(first.names))
            what = f"column {odd[0]!r} is not in both" if odd else "their order differs"
            raise InputError(
                str(part),
                expected=f"the columns of {stored[0].name!r}",
                got=f"others ({what})",
                fix="write them with the same columns",
            )
    try:
        schemas = [schema for schema, _ in tables]
        schema = pa.unify_schemas(schemas, promote_options="permissive")
    except pa.ArrowException as error:
        raise InputError(
            str(stored[0].path),
            expected="files whose columns have the same types",
            got=f"different ones ({first_line(error)})",
            fix="write them again",
        ) from None
    return schema, (batch.cast(schema) for _, batches in tables for batch in batches)


def _open_part(
    stack: ExitStack, part: Stored, format: str, reading: ReadOptions, announce: Announce
) -> arrow.Batches:
    if format == formats.PARQUET:  # packed, which Parquet needs not be
        path = stack.enter_context(part.on_disk())
        with _named(part, path):
            schema, batches = parquet_files.read_parquet([path], None, None)
        return schema, _batches_of(part, path, batches)
    if format == formats.JSON:
        return stack.enter_context(json_files.opened(part, reading, announce))
    if format == formats.EXCEL:
        return excel_files.read_excel(part, reading, announce)
    if format == formats.ARROW:
        return stack.enter_context(arrow_files.opened_arrow(part))
    if format == formats.ORC:
        return stack.enter_context(arrow_files.opened_orc(part))
    if format == formats.SQLITE:
        return stack.enter_context(database_files.opened_sqlite(part, reading))
    if format == formats.DUCKDB:
        return stack.enter_context(database_files.opened_duckdb(part, reading))
    return statistics_files.read_statistics(part, format, reading.encoding, announce)


def _batches_of(
    part: Stored, path: Path, batches: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    with _named(part, path):
        yield from batches


@contextmanager
def _named(part: Stored, path: Path) -> Iterator[None]:
    """Name a packed file in errors about the path that it is unpacked to.

    Raises:
        InputError: From the block.
    """
    try:
        yield
    except InputError as error:
        if error.where != str(path):
            raise
        raise InputError(
            str(part), expected=error.expected, got=error.got, fix=error.fix
        ) from error


def as_query(source: str | Path, reading: ReadOptions) -> queries.Query | None:
    """Return the query that reads the source, or None when it is a path."""
    text = str(source)
    if isinstance(source, str) and queries.is_query(text) and not os.path.exists(text):
        return queries.Query(text)
    if reading.database is not None:
        raise InputError(
            "source",
            expected="a query (SELECT ...) to run in the database",
            got=repr(text[:200]),
            fix=f"write SELECT * FROM {text[:200]}, or leave the database out",
        )
    return queries.of_address(text)
