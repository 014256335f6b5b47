"""The carried columns: what travels with the rows to the predictions and is not learned from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pandas.api import types

from churn_torch.errors import InputError, suggest
from churn_torch.tables.customer_value import PREDICTED_VALUE, ValueExpression
from churn_torch.tables.options import DataOptions
from churn_torch.tables.schema import Column, Kind, Schema, Storage
from churn_torch.tables.values import cells
from churn_torch.tables.values.missing_words import read_column

ROW, VALUE = "row", "value"
# Columns of the predictions behind the carried ones; cross-validation adds the last two.
PREDICTED = ("label", "churn_probability")
FOLDS = ("repeat", "fold")
# Keys of columns that travel as numbers where they are text in the source.
_NUMBERS = {
    "data.weight": Kind.WEIGHT,
    "data.treatment_probability": Kind.TREATMENT_PROBABILITY,
    "data.spend": Kind.SPEND,
    "data.duration": Kind.DURATION,
    "data.entry": Kind.NUMERIC,
    "data.carry": Kind.NUMERIC,
    "fairness.by": Kind.NUMERIC,
}


@dataclass(frozen=True)
class CarriedColumns:
    """Which columns travel with the rows, and how they are taken from raw rows.

    Attributes:
        sources: Columns of the source that travel, in this order.
        numbers: Those of them that are text in a CSV and travel as numbers. The id, time and group
            stay as they are.
        with_row: Whether the position in the source comes first, where no id names the rows.
        value: What a customer is worth.
    """

    sources: tuple[str, ...]
    numbers: Mapping[str, Column]
    with_row: bool
    value: ValueExpression | None = None

    @property
    def needed(self) -> set[str]:
        """The columns of the source that must be read for this."""
        return {*self.sources, *(() if self.value is None else self.value.columns)}

    @property
    def key(self) -> str:
        """Text that is the same where the same would be carried."""
        value = None if self.value is None else [self.value.text, self.value.factor]
        return json.dumps([self.sources, self.with_row, value])

    def take(self, frame: pd.DataFrame, positions: npt.NDArray[np.int64]) -> pd.DataFrame:
        """Return the carried columns of raw rows.

        Args:
            frame: N raw rows.
            positions: ``[N]`` positions of the rows in the source.

        Raises:
            InputError: A value cannot be computed.
        """
        carried: dict[str, object] = {ROW: positions} if self.with_row else {}
        for name in self.sources:
            carried[name] = _cells(frame[name], self.numbers.get(name))
        if self.value is not None:
            carried[VALUE] = self.value(frame, positions)
        return pd.DataFrame(carried, index=pd.RangeIndex(len(frame)), copy=False)


def choose_carried(
    schema: Schema,
    data: DataOptions,
    *,
    test_columns: Sequence[str] | None = None,
    reserved: Sequence[str] = PREDICTED,
) -> CarriedColumns:
    """Return the carried columns of a table: id, time, group, weight and so on.

    Args:
        schema: The columns of the table.
        data: What the user named.
        test_columns: Columns of a test source. The id, time, group and weight travel only where
            it has them too: it needs none of them.
        reserved: Names that the predictions add.

    Raises:
        InputError: ``data.carry`` or ``data.value`` names an unknown column, or a name is taken.
    """
    names = [column.name for column in schema.columns]
    roles = (
        ("data.id", schema.id),
        ("data.split.column", data.roles.time),
        ("data.split.column", data.roles.group),
        ("data.weight", schema.weight),
        ("data.treatment", schema.treatment),
        ("data.treatment_probability", schema.treatment_probability),
        ("data.spend", schema.spend),
        ("data.duration", data.duration),
        ("data.entry", data.entry),
    )
    sources = {
        name: key
        for key, name in roles
        if name is not None and (test_columns is None or name in test_columns)
    }
    with_row = schema.id is None or schema.id not in sources
    for name, key in data.carried_keys.items():
        _check_present(key, name, names, "the table")
        if test_columns is not None:
            _check_present(key, name, test_columns, "data.test_source")
        sources.setdefault(name, key)
    taken = dict.fromkeys(reserved, "the predictions add a column of that name")
    if with_row:
        taken[ROW] = "the row number has that name where no column is named as data.id"
    if data.value is not None:
        taken[VALUE] = "data.value has that name"
    for name, key in sources.items():
        if name in taken:
            raise InputError(
                key,
                expected="a column with a name that the predictions do not use",
                got=f"{name!r}: {taken[name]}",
                fix="rename the column in the source (SELECT ... AS ...)",
            )
    value = (
        None
        if data.value in (None, PREDICTED_VALUE)
        else ValueExpression(
            str(data.value), schema, horizon=data.horizon, discount_rate=data.discount_rate
        )
    )
    numbers = {
        name: schema[name]
        for name, key in sources.items()
        if key in _NUMBERS and schema[name].kind in (Kind.NUMERIC, *_NUMBERS.values())
    }
    return CarriedColumns(tuple(sources), numbers, with_row, value)


def noted(schema: Schema, data: DataOptions) -> Schema:
    """Return the schema with a note at each column that the user asked to carry."""
    columns = [schema[name] for name in data.carried_keys]
    return schema.with_columns(
        {column.name: replace(column, note=f"{column.note}; carried") for column in columns}
    )


def _check_present(key: str, name: str, names: Sequence[str], where: str) -> None:
    if name not in names:
        raise InputError(
            key,
            expected=f"columns of {where}",
            got=f"{name!r}{suggest(name, names)}",
            fix="name columns that are there",
        )


def _cells(series: pd.Series, as_numbers: Column | None) -> pd.Series:
    """Return cells as they came; as text where a Parquet file could not hold them."""
    series = series.reset_index(drop=True)
    if as_numbers is not None:
        storage, values = cells.plain(series)
        if storage is Storage.TEXT:
            return read_column(values, as_numbers)[0]
    if types.is_object_dtype(series.dtype):
        try:
            empty = pa.types.is_null(pa.array(series, from_pandas=True).type)
        except (pa.ArrowException, OverflowError, TypeError):
            return cells.canonical_text(series)
        if empty:  # later rows may hold text
            return series.astype("str")
    return series
