"""Staging: each source is read once, into Parquet files by a hash of the customer.

All that is computed later reads these files, so a source that changes meanwhile changes nothing,
and a part of the customers fits into memory however long the logs are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from churn_torch.errors import InputError, keyed
from churn_torch.events.source_columns import Role, typed_source
from churn_torch.events.specification import EventSpecification
from churn_torch.events.specification_parts import CustomerSource
from churn_torch.tables.labelled.read import located
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers import arrow, sources
from churn_torch.tables.readers.opening import opened
from churn_torch.tables.sql_text import quoted, quoted_name

# The names of staged columns; those of the user's columns follow.
ID, TIME, KNOWN = "_id", "_time", "_known"
PART = "_part"
CUSTOMERS = "customers"
_PLAINLY = ReadOptions()


@dataclass(frozen=True)
class Staged:
    """A source that was read.

    Attributes:
        name: Of the log, or ``customers``.
        files: The folder of its files.
        parts: Into how many parts the customers are dealt.
        rows: How many rows were read; those that the filter leaves out do not count.
        without_id: Rows without a customer.
        without_time: Rows without a time.
        first: The earliest time.
        last: The latest time.
        only_dates: All times are midnights.
        has_zone: The times came with a time zone.
        id_type: The SQL type of the id.
        has_known: The log says when it got an event.
        has_start: The customers have a start.
        dates: Columns of the customers that hold dates.
    """

    name: str
    files: Path
    parts: int
    rows: int
    without_id: int
    without_time: int
    first: datetime | None
    last: datetime | None
    only_dates: bool
    has_zone: bool
    id_type: str
    has_known: bool
    has_start: bool = False
    dates: tuple[str, ...] = ()

    def all_parts(self) -> str:
        """Return SQL for all rows."""
        files = quoted(str(self.files / "**/*.parquet"))
        return f"read_parquet({files}, hive_partitioning = false)"

    def relation(self, part: int) -> str:
        """Return SQL for the rows of a part of the customers."""
        folder = self.files / f"{PART}={part}" if self.parts > 1 else self.files
        pattern = quoted(str(folder / "*.parquet"))
        if not any(folder.glob("*.parquet")):
            return f"(SELECT * FROM {self.all_parts()} LIMIT 0)"
        return f"read_parquet({pattern}, hive_partitioning = false)"


def needed_columns(specification: EventSpecification, log: str) -> dict[str, Role]:
    """Return the columns of a log that become features, and what they are read as.

    Raises:
        InputError: One would have to be both numbers and text.
    """
    features = specification.features.get(log)
    if features is None:
        return {}
    roles = dict.fromkeys(features.values, Role.VALUE)
    return roles | dict.fromkeys(features.numbers, Role.NUMBER)


def stage_log(
    connection: duckdb.DuckDBPyConnection,
    specification: EventSpecification,
    name: str,
    folder: Path,
    parts: int,
    announce: arrow.Announce,
) -> Staged:
    """Read a log.

    Raises:
        InputError: It cannot be read, or lacks a column.
    """
    log = specification.events[name]
    key = f"events.{name}"
    roles = {log.id: Role.ID, log.time: Role.TIME}
    if log.known is not None:
        roles[log.known] = Role.TIME
    for column, role in needed_columns(specification, name).items():
        roles.setdefault(column, role)
    features = specification.features.get(name)
    selected = {ID: (log.id, Role.ID), TIME: (log.time, Role.TIME)}
    if log.known is not None:
        selected[KNOWN] = (log.known, Role.TIME)
    if features is not None:
        selected |= {f"n_{c}": (c, Role.NUMBER) for c in features.numbers}
        selected |= {f"v_{c}": (c, Role.VALUE) for c in features.values}
    return _stage(
        connection,
        located(log.source),
        log.filter,
        key,
        roles,
        selected,
        folder / name,
        parts,
        announce,
    )


def stage_customers(
    connection: duckdb.DuckDBPyConnection,
    customers: CustomerSource,
    folder: Path,
    parts: int,
    announce: arrow.Announce,
) -> Staged:
    """Read the table of customers.

    Raises:
        InputError: It cannot be read, lacks a column, or names a customer twice.
    """
    roles = {customers.id: Role.ID}
    selected = {ID: (customers.id, Role.ID)}
    for name, column in ((TIME, customers.start), (KNOWN, customers.known)):
        if column is not None:
            roles[column] = Role.TIME
            selected[name] = (column, Role.TIME)
    for column in customers.columns:
        roles.setdefault(column, Role.GUESSED)
        selected[f"c_{column}"] = (column, roles[column])
    staged = _stage(
        connection,
        located(customers.source),
        customers.filter,
        CUSTOMERS,
        roles,
        selected,
        folder / CUSTOMERS,
        parts,
        announce,
    )
    for part in range(parts):
        twice = connection.execute(
            f"SELECT {ID}, count(*) FROM {staged.relation(part)} WHERE {ID} IS NOT NULL "
            f"GROUP BY {ID} HAVING count(*) > 1 LIMIT 1"
        ).fetchone()
        if twice:
            raise InputError(
                f"{CUSTOMERS}.id",
                expected="one row for each customer",
                got=f"{twice[1]:,} rows for {twice[0]!r}",
                fix="leave out the others, e.g. with a SELECT as the source",
            )
    return staged


def _stage(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    condition: str | None,
    key: str,
    roles: Mapping[str, Role],
    selected: Mapping[str, tuple[str, Role]],
    folder: Path,
    parts: int,
    announce: arrow.Announce,
) -> Staged:
    raised: list[BaseException] = []
    with keyed(f"{key}.source"), opened(source, _PLAINLY, None, announce=announce) as (sch, rows):
        files = sources.files(source)
        before = _state(files)
        narrowed = _narrowed(sch, rows, roles, condition)
        typed = typed_source(*narrowed, roles, condition, key)
        types = {field.name: field.type for field in typed.schema}
        reader = pa.RecordBatchReader.from_batches(typed.schema, _kept(typed.batches, raised))
        connection.register("source_rows", reader)
        expressions = [
            f"{_expression(column, role, types[column])} AS {quoted_name(name)}"
            for name, (column, role) in selected.items()
        ]
        chosen = f"SELECT {', '.join(expressions)} FROM source_rows"
        if typed.filter:
            chosen += f" WHERE (\n{typed.filter}\n)"
        folder.mkdir(parents=True)
        try:
            _copy(connection, chosen, folder, parts)
        except duckdb.Error as error:
            if raised:
                raise raised[0] from None
            raise _unreadable(key, error) from None
        finally:
            connection.unregister("source_rows")
        if _state(files) != before:
            raise InputError(
                f"{key}.source",
                expected="files that stay as they are while they are read",
                got=f"{source!r}, which was changed meanwhile",
                fix="run the command again when nothing writes to it",
            )
    return _described(connection, key, selected, types, folder, parts)


def _narrowed(
    schema: pa.Schema,
    batches: Iterator[pa.RecordBatch],
    roles: Mapping[str, Role],
    condition: str | None,
) -> arrow.Batches:
    """Leave out the columns that nobody needs; a condition may name any."""
    return arrow.select(schema, batches, None if condition else list(roles))


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


def _expression(column: str, role: Role, kind: pa.DataType) -> str:
    """Return SQL for a column as its role wants it."""
    name = quoted_name(column)
    if role is Role.TIME:
        has_zone = pa.types.is_timestamp(kind) and kind.tz is not None
        return f"timezone('UTC', {name})" if has_zone else f"CAST({name} AS TIMESTAMP)"
    if role is Role.NUMBER:
        return f"nullif(CAST({name} AS DOUBLE), 'NaN')"
    if role is Role.ID:
        if pa.types.is_integer(kind):
            return f"CAST({name} AS HUGEINT)" if pa.types.is_uint64(kind) else f"{name}::BIGINT"
        return f"nullif(trim({name}), '')"
    if role is Role.VALUE:
        return f"nullif(trim(CAST({name} AS VARCHAR)), '')"
    return f"timezone('UTC', {name})" if _zoned(kind) else name


def _zoned(kind: pa.DataType) -> bool:
    return pa.types.is_timestamp(kind) and kind.tz is not None


def _copy(connection: duckdb.DuckDBPyConnection, chosen: str, folder: Path, parts: int) -> None:
    options = "FORMAT parquet, COMPRESSION snappy"
    if parts == 1:
        connection.execute(f"COPY ({chosen}) TO {quoted(str(folder / 'rows.parquet'))} ({options})")
        return
    shift = 64 - (parts.bit_length() - 1)
    part = f"hash(coalesce(CAST({ID} AS VARCHAR), '')) >> {shift}"
    connection.execute(
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
    connection: duckdb.DuckDBPyConnection,
    key: str,
    selected: Mapping[str, tuple[str, Role]],
    types: Mapping[str, pa.DataType],
    folder: Path,
    parts: int,
) -> Staged:
    relation = f"read_parquet({quoted(str(folder / '**/*.parquet'))}, hive_partitioning = false)"
    has_time = TIME in selected
    time = TIME if has_time else "NULL::TIMESTAMP"
    good = f"FILTER ({ID} IS NOT NULL)"
    rows, no_id, no_time, first, last, midnights = connection.execute(
        f"SELECT count(*), count(*) FILTER ({ID} IS NULL), count(*) FILTER ({time} IS NULL), "
        f"min({time}) {good}, max({time}) {good}, "
        f"coalesce(bool_and({time} = date_trunc('day', {time})), true) FROM {relation}"
    ).fetchall()[0]
    id_type = connection.execute(
        f"SELECT column_type FROM (DESCRIBE SELECT {ID} FROM {relation})"
    ).fetchall()[0][0]
    return Staged(
        name=key.rpartition(".")[2],
        files=folder,
        parts=parts,
        rows=rows,
        without_id=no_id,
        without_time=no_time if has_time else 0,
        first=first,
        last=last,
        only_dates=midnights,
        has_zone=has_time and _zoned(types[selected[TIME][0]]),
        id_type=id_type,
        has_known=KNOWN in selected,
        has_start=has_time,
        dates=tuple(
            column
            for column, role in selected.values()
            if role is Role.GUESSED
            and (pa.types.is_timestamp(types[column]) or pa.types.is_date(types[column]))
        ),
    )
