"""Staging: each source is read once, into Parquet files by a hash of the customer.

All that is computed later reads these files, so a source that changes meanwhile changes nothing,
and a part of the customers fits into memory however long the logs are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from churn_torch.errors import InputError, keyed
from churn_torch.events.feature_sql import (
    ID,
    KNOWN,
    TIME,
    entry_column,
    number_column,
    value_column,
)
from churn_torch.events.source_columns import Role, typed_source
from churn_torch.events.specification import CUSTOMERS, EventSpecification
from churn_torch.events.staged_columns import has_zone, staged_column
from churn_torch.events.staged_source import PART, StagedSource
from churn_torch.tables.labelled.read import located
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers import arrow, sources
from churn_torch.tables.readers.bounded_database import Database
from churn_torch.tables.readers.opening import opened
from churn_torch.tables.sql_text import quoted, quoted_name

_PLAINLY = ReadOptions()
# What is read of a source: the user's column and its role, by the name it is staged under.
Selected = Mapping[str, tuple[str, Role]]
# Rows of a log whose features are computed together; more are dealt into parts.
PART_ROWS = 8_000_000
# Where the number of rows is not known before they are read: bytes of a row in a packed file.
_ROW_BYTES = 12
_MOST_PARTS = 256


def stage(
    database: Database,
    specification: EventSpecification,
    folder: Path,
    announce: arrow.Announce,
) -> dict[str, StagedSource]:
    """Read every source of a specification.

    Args:
        database: It may write to the folder.
        specification: Whose sources are read.
        folder: For the files.
        announce: Called with a sentence for each thing that was found while reading.

    Returns:
        The sources by name: of the logs, then ``customers``.

    Raises:
        InputError: A source cannot be read, lacks a column, or names a customer twice.
    """
    parts = number_of_parts(specification)
    staged = {}
    for name, log in specification.events.items():
        staged[name] = _stage(
            database,
            located(log.source),
            log.filter,
            f"events.{name}",
            _selected_of_log(specification, name),
            folder / name,
            parts,
            announce,
        )
    customers = specification.customers
    if customers is not None:
        selected = {ID: (customers.id, Role.ID)}
        for name, column in ((TIME, customers.start), (KNOWN, customers.known)):
            if column is not None:
                selected[name] = (column, Role.TIME)
        selected |= {f"c_{column}": (column, Role.GUESSED) for column in customers.columns}
        staged[CUSTOMERS] = _stage(
            database,
            located(customers.source),
            customers.filter,
            CUSTOMERS,
            selected,
            folder / CUSTOMERS,
            parts,
            announce,
        )
        _check_one_row_each(database, staged[CUSTOMERS])
    return staged


def number_of_parts(specification: EventSpecification) -> int:
    """Return into how many parts the customers are dealt, a power of two."""
    largest = 1
    for name, log in specification.events.items():
        with keyed(f"events.{name}.source"):
            source = located(log.source)
            rows = sources.count_rows(source)
            if rows is None:
                rows = size_on_disk(source) // _ROW_BYTES
        largest = max(largest, rows)
    parts = 1
    while parts * PART_ROWS < largest and parts < _MOST_PARTS:
        parts *= 2
    return parts


def size_on_disk(source: str) -> int:
    """Return the bytes of the files of a source; 0 for a query or an address."""
    return sum(path.stat().st_size for path in sources.files(source) or ())


def _selected_of_log(specification: EventSpecification, name: str) -> dict[str, tuple[str, Role]]:
    log, features = specification.events[name], specification.features.get(name)
    selected = {ID: (log.id, Role.ID), TIME: (log.time, Role.TIME)}
    if log.known is not None:
        selected[KNOWN] = (log.known, Role.TIME)
    if (spent := specification.label.spend.get(name)) is not None:
        selected[number_column(spent)] = (spent, Role.NUMBER)
    if features is not None:
        selected |= {number_column(c): (c, Role.NUMBER) for c in features.numbers}
        selected |= {value_column(c): (c, Role.VALUE) for c in features.values}
        if features.sequence is not None:
            selected |= {entry_column(c): (c, Role.ENTRY) for c in features.sequence.columns}
    return selected


def _stage(
    database: Database,
    source: str,
    condition: str | None,
    key: str,
    selected: Selected,
    folder: Path,
    parts: int,
    announce: arrow.Announce,
) -> StagedSource:
    roles: dict[str, Role] = {}
    for column, role in selected.values():  # what must be a time or a number is read as that
        if roles.get(column) in (None, Role.ENTRY, Role.GUESSED) or (
            roles[column] is Role.VALUE and role is not Role.ENTRY
        ):
            roles[column] = role
    raised: list[BaseException] = []
    with keyed(f"{key}.source"), opened(source, _PLAINLY, None, announce=announce) as opening:
        files = sources.files(source)
        before = _state(files)
        # A condition may name any column.
        narrowed = arrow.select(*opening, None if condition else list(roles))
        typed = typed_source(*narrowed, roles, condition, key)
        types = {field.name: field.type for field in typed.schema}
        reader = pa.RecordBatchReader.from_batches(typed.schema, _kept(typed.batches, raised))
        expressions = [
            f"{staged_column(column, role, types[column])} AS {quoted_name(name)}"
            for name, (column, role) in selected.items()
        ]
        chosen = f"SELECT {', '.join(expressions)} FROM source_rows"
        if typed.filter:
            chosen += f" WHERE (\n{typed.filter}\n)"
        folder.mkdir(parents=True)
        try:
            with database.named("source_rows", reader):
                _copy(database, chosen, folder, parts)
            if not any(folder.glob("**/*.parquet")):  # no rows: the columns all the same
                with database.named("source_rows", typed.schema.empty_table()):
                    _copy(database, chosen, folder, 1)
        except duckdb.Error as error:
            if raised:
                raise raised[0] from None
            if isinstance(error, duckdb.IOException):  # of the folder: the rows come from Arrow
                raise
            raise _unreadable(key, error) from None
        if _state(files) != before:
            raise InputError(
                f"{key}.source",
                expected="files that stay as they are while they are read",
                got=f"{source!r}, which was changed meanwhile",
                fix="run the command again when nothing writes to it",
            )
    return _described(database, key, selected, types, folder, parts)


def _state(files: Sequence[Path] | None) -> list[tuple[int, int]]:
    stats = [path.stat() for path in files or ()]
    return [(stat.st_size, stat.st_mtime_ns) for stat in stats]


def _kept(
    batches: Iterator[pa.RecordBatch], raised: list[BaseException]
) -> Iterator[pa.RecordBatch]:
    """Keep an error of the rows: DuckDB would pass on its text only."""
    try:
        yield from batches
    except Exception as error:
        raised.append(error)
        raise


def _copy(database: Database, chosen: str, folder: Path, parts: int) -> None:
    options = "FORMAT parquet, COMPRESSION snappy"
    if parts == 1:
        database.rows(f"COPY ({chosen}) TO {quoted(str(folder / 'rows.parquet'))} ({options})")
        return
    shift = 64 - (parts.bit_length() - 1)
    part = f"hash(coalesce(CAST({ID} AS VARCHAR), '')) >> {shift}"
    database.rows(
        f"COPY (SELECT *, {part} AS {PART} FROM ({chosen})) TO {quoted(str(folder))} "
        f"({options}, PARTITION_BY ({PART}), OVERWRITE_OR_IGNORE)"
    )


def _unreadable(key: str, error: duckdb.Error) -> InputError:
    return InputError(
        key,
        expected="rows that DuckDB can read",
        got=f"the error {arrow.library_message(error)!r}",
        fix="correct the source or its filter",
    )


def _described(
    database: Database,
    key: str,
    selected: Selected,
    types: Mapping[str, pa.DataType],
    folder: Path,
    parts: int,
) -> StagedSource:
    """Count what was read."""
    relation = f"read_parquet({quoted(str(folder / '**/*.parquet'))}, hive_partitioning = false)"
    time = TIME if TIME in selected else "NULL::TIMESTAMP"
    known = KNOWN if KNOWN in selected else "now()"
    good = f"FILTER ({ID} IS NOT NULL)"
    [row] = database.rows(
        f"SELECT count(*), count(*) FILTER ({ID} IS NULL), count(*) FILTER ({time} IS NULL), "
        f"count(*) FILTER ({known} IS NULL), "
        f"min({time}) {good}, max({time}) {good}, "
        f"coalesce(bool_and({time} = date_trunc('day', {time})), true), any_value(typeof({ID})) "
        f"FROM {relation}"
    )
    rows, without_id, without_time, without_known, first, last, only_dates, id_type = row
    return StagedSource(
        name=key.rpartition(".")[2],
        folder=folder,
        parts=parts,
        meaning={name: column for name, (column, _) in selected.items()},
        rows=rows,
        without_id=without_id,
        without_time=without_time,
        without_known=without_known,
        first=first,
        last=last,
        only_dates=only_dates,
        has_zone=TIME in selected and has_zone(types[selected[TIME][0]]),
        id_type=id_type or "VARCHAR",
        has_known=KNOWN in selected,
        dates=tuple(
            column
            for column, role in selected.values()
            if role is Role.GUESSED
            and (pa.types.is_timestamp(types[column]) or pa.types.is_date(types[column]))
        ),
        is_log=key != CUSTOMERS,
    )


def _check_one_row_each(database: Database, customers: StagedSource) -> None:
    for part in range(customers.parts):
        twice = database.rows(
            f"SELECT {ID}, count(*) FROM {customers.relation(part)} GROUP BY {ID} "
            f"HAVING count(*) > 1 ORDER BY {ID} LIMIT 1"
        )
        if twice:
            [(id, count)] = twice
            raise InputError(
                f"{CUSTOMERS}.id",
                expected="one row for each customer",
                got=f"{count:,} rows for {id!r}",
                fix="leave out the others, e.g. with a SELECT as the source",
            )
