"""The columns of a source: which are read, as what, and how text becomes times and numbers."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from churn_torch.errors import InputError
from churn_torch.tables.encode import parse
from churn_torch.tables.expressions import Condition
from churn_torch.tables.inference.column_profile import profile_column
from churn_torch.tables.inference.file_decimal import file_decimal
from churn_torch.tables.inference.guesses import guess
from churn_torch.tables.inference.named_kinds import named_kind
from churn_torch.tables.readers import arrow
from churn_torch.tables.schema import Column, Kind, Schema, Storage
from churn_torch.tables.values import cells

_HEAD_ROWS = 100_000
_MICROS = 86_400_000_000


class Role(StrEnum):
    """What a column of a source is read as."""

    ID = "id"
    TIME = "time"
    NUMBER = "number"
    VALUE = "value"  # text, to be told apart and counted
    GUESSED = "guessed"  # what its cells look like
    ENTRY = "entry"  # a number or text, as its cells look, in a list


_LOOKED_AT = (Role.GUESSED, Role.ENTRY)


@dataclass(frozen=True)
class TypedSource:
    """A source whose columns are typed.

    Attributes:
        schema: The columns with their types.
        batches: The rows.
        filter: The user's condition, checked, as SQL over the columns; ``""`` for none.
    """

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    filter: str


def typed_source(
    schema: pa.Schema,
    batches: Iterator[pa.RecordBatch],
    roles: Mapping[str, Role],
    condition: str | None,
    where: str,
) -> TypedSource:
    """Reduce a source to the columns that are needed, each with a type that fits its role.

    Columns of text become times and numbers by the rules of every other table: the form of the
    first rows counts for all.

    Args:
        schema: Of the source.
        batches: Of the source.
        roles: The columns that are needed besides those of the condition.
        condition: The user's filter.
        where: The key of the source, for messages.

    Raises:
        InputError: A column is not there, cells cannot be read, or the condition is none.
    """
    arrow.check_columns(schema.names, list(roles))
    is_text = arrow.DELIMITER in (schema.metadata or {})
    head: list[pa.RecordBatch] = []
    if is_text or condition or any(not _fits(schema.field(n).type, r) for n, r in roles.items()):
        n_rows = 0
        for batch in batches:
            head.append(batch)
            n_rows += batch.num_rows
            if n_rows >= _HEAD_ROWS:
                break
    sample = pa.Table.from_batches(head, schema=schema).slice(0, _HEAD_ROWS)
    filter_sql, named = "", dict(roles)
    if condition and sample.num_rows:
        checked = _condition(sample, condition, f"{where}.filter")
        filter_sql = checked.text
        for name in checked.columns:
            if name not in named:
                kind = schema.field(name).type
                named[name] = Role.GUESSED if is_text and pa.types.is_string(kind) else Role.VALUE
    readers = _readers(sample, named, where) if sample.num_rows else {}
    fields = []
    for name, role in named.items():
        kind = schema.field(name).type
        if name in readers:
            kind = _type_of(readers[name])
        elif role is Role.ID and not _fits(kind, role):
            kind = pa.string()
        fields.append(pa.field(name, kind))
    typed = pa.schema(fields)
    finite = {name for name in roles if pa.types.is_floating(typed.field(name).type)}
    rows = _converted(chain(head, batches), typed, readers, finite, where)
    return TypedSource(typed, rows, filter_sql)


def _fits(kind: pa.DataType, role: Role) -> bool:
    """Tell whether a column can be taken as it comes."""
    types = pa.types
    if role is Role.TIME:
        return bool(types.is_timestamp(kind) or types.is_date(kind))
    if role is Role.NUMBER:
        plain = types.is_integer(kind) or types.is_floating(kind)
        return bool(plain or types.is_decimal(kind) or types.is_boolean(kind))
    if role is Role.ID:
        return bool(types.is_integer(kind) or _is_text(kind))
    return True


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _condition(sample: pa.Table, text: str, key: str) -> Condition:
    """Return the filter, checked: one expression over the columns of a row."""
    decimal = file_decimal(arrow.to_pandas(sample.slice(0, 1000)))
    columns = []
    for name in sample.column_names:
        profile = profile_column(arrow.to_pandas(sample.select([name]))[name], decimal=decimal)
        columns.append(guess(profile))
    return Condition(text, Schema(tuple(columns), "", "", ""), key=key)


def _readers(sample: pa.Table, roles: Mapping[str, Role], where: str) -> dict[str, Column]:
    """Return how the columns are read that do not come with a fitting type."""
    found = {}
    decimal = None
    for name, role in roles.items():
        if role not in _LOOKED_AT and _fits(sample.schema.field(name).type, role):
            continue
        if decimal is None:
            decimal = file_decimal(arrow.to_pandas(sample)) or "."
        profile = profile_column(arrow.to_pandas(sample.select([name]))[name], decimal=decimal)
        with _naming(where):
            if role in _LOOKED_AT:
                column = guess(profile)
                if role is Role.ENTRY and column.kind is Kind.DATETIME:
                    raise InputError(
                        f"column {name!r}",
                        expected="numbers or text for the entries of a sequence",
                        got="dates",
                    )
                if column.kind not in (Kind.NUMERIC, Kind.DATETIME):
                    continue
            elif role is Role.ID:
                column = profile.as_column(Kind.CATEGORICAL, "")
            elif profile.present == 0:
                kind = Kind.DATETIME if role is Role.TIME else Kind.NUMERIC
                column = Column(name, kind, Storage.TEXT)
            else:
                kind = Kind.DATETIME if role is Role.TIME else Kind.NUMERIC
                column = named_kind(profile, kind)
        found[name] = column
    return found


def _type_of(column: Column) -> pa.DataType:
    types = {Kind.DATETIME: pa.timestamp("us"), Kind.NUMERIC: pa.float64()}
    return types.get(column.kind, pa.string())


def _converted(
    batches: Iterator[pa.RecordBatch],
    typed: pa.Schema,
    readers: Mapping[str, Column],
    finite: Container[str],
    where: str,
) -> Iterator[pa.RecordBatch]:
    n_rows = 0
    schema = Schema(tuple(readers.values()), "", "", "")
    for batch in batches:
        parsed: dict[str, pa.Array] = {}
        if readers:
            frame = arrow.to_pandas(pa.Table.from_batches([batch.select(list(readers))]))
            with _naming(where):
                values = parse(frame, schema, first_row=n_rows)
            parsed = {name: _as_arrow(values[name], readers[name]) for name in readers}
        columns = [
            parsed[field.name] if field.name in parsed else batch.column(field.name)
            for field in typed
        ]
        for field, column in zip(typed, columns, strict=True):
            if field.name in finite and field.name not in readers:
                _check_finite(column, field.name, n_rows, where)
        n_rows += batch.num_rows
        yield pa.RecordBatch.from_arrays(columns, schema=typed)


def _check_finite(column: pa.Array, name: str, first_row: int, where: str) -> None:
    """Refuse infinite numbers, which would make sums and means infinite or none."""
    wrong = pc.index(pc.is_inf(column), True).as_py()
    if wrong >= 0:
        raise InputError(
            f"{where}, column {name!r}",
            expected="finite numbers",
            got=f"{column[wrong].as_py()} in row {first_row + wrong + 1:,}",
            fix="correct them, or leave these rows out with a SELECT as the source",
        )


def _as_arrow(values: pd.Series, column: Column) -> pa.Array:
    if column.kind is Kind.DATETIME:
        missing = np.isnan(days := values.to_numpy(np.float64))
        micros = np.rint(np.where(missing, 0, days) * _MICROS).astype(np.int64)
        return pa.array(micros, pa.int64(), mask=missing).cast(pa.timestamp("us"))
    if column.kind is Kind.NUMERIC:
        return pa.array(values.to_numpy(np.float64), pa.float64(), from_pandas=True)
    text = cells.canonical_text(values)
    return pa.array(text.mask(text == ""), pa.string(), from_pandas=True)


class _naming:
    """Put the key of the source in front of what is wrong with a column of it."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, InputError):
            raise InputError(
                f"{self._where}, {error.where}",
                expected=error.expected,
                got=error.got,
                fix="correct the cells, or compute the column in a SELECT as the source",
            ) from None
