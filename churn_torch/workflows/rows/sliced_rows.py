"""Scored rows with the columns that they are sliced by: a few numbers a row, to be measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import union_categoricals

from churn_torch.errors import InputError, suggest
from churn_torch.tables.encode import is_dated, parse_time
from churn_torch.tables.schema import Kind, Schema
from churn_torch.tables.values import cells
from churn_torch.tables.values.cells import Storage
from churn_torch.tables.values.missing_words import read_column


class SlicedRows:
    """Probability, label and some columns of rows that are added chunk by chunk.

    Args:
        by: The columns; without any, nothing is kept.
    """

    def __init__(self, by: Sequence[str]) -> None:
        self.by = tuple(by)
        self._probability: list[npt.NDArray[np.float32]] = []
        self._label: list[npt.NDArray[np.float32]] = []
        self._worth: list[npt.NDArray[np.float64]] = []
        self._values: dict[str, list[pd.Series]] = {name: [] for name in by}

    def add(
        self,
        probability: npt.NDArray[np.float32],
        label: npt.NDArray[np.float32],
        sliced: pd.DataFrame,
        worth: npt.NDArray[np.float64] | None = None,
    ) -> None:
        """Keep the rows of a chunk.

        Args:
            probability: ``[N]``.
            label: ``[N]``.
            sliced: Their columns, from `sliced`.
            worth: ``[N]``, what each customer is worth, where that is known.
        """
        if not self.by or not len(label):
            return
        self._probability.append(probability)
        self._label.append(label)
        if worth is not None:
            self._worth.append(worth)
        for name in self.by:
            self._values[name].append(sliced[name])

    @property
    def probability(self) -> npt.NDArray[np.float32]:
        """``[N]``."""
        return np.concatenate([np.empty(0, np.float32), *self._probability])

    @property
    def label(self) -> npt.NDArray[np.float32]:
        """``[N]``."""
        return np.concatenate([np.empty(0, np.float32), *self._label])

    @property
    def worth(self) -> npt.NDArray[np.float64] | None:
        """``[N]``, or None where that is not known."""
        return np.concatenate(self._worth) if self._worth else None

    def values(self, name: str) -> pd.Series:
        """Return a column; text as categories."""
        return joined(self._values[name])


def sliced(frame: pd.DataFrame, schema: Schema, by: Sequence[str]) -> pd.DataFrame:
    """Return the columns to slice by: numbers and dates as such, all else as categories of text.

    Args:
        frame: Raw or carried rows.
        schema: What is known of their columns.
        by: The columns.
    """
    columns = {name: _typed(frame, schema, name).reset_index(drop=True) for name in by}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))


def check_sliced(key: str, by: Sequence[str], names: Sequence[str]) -> None:
    """Refuse columns that the rows do not have.

    Raises:
        InputError: Naming the key.
    """
    for name in by:
        if name not in names:
            raise InputError(
                key,
                expected="columns of the table",
                got=f"{name!r}{suggest(name, names)}",
                fix="name columns that are there",
            )


def _typed(frame: pd.DataFrame, schema: Schema, name: str) -> pd.Series:
    storage, values = cells.plain(frame[name])
    column = next((column for column in schema.columns if column.name == name), None)
    if column is not None and column.kind not in (Kind.CATEGORICAL, Kind.BOOLEAN):
        if is_dated(column):
            return pd.Series(pd.to_datetime(parse_time(frame, column), unit="D").round("s"))
        if column.storage is Storage.NUMBER and storage is Storage.TEXT:
            numbers, unreadable = read_column(values, column)
            if not unreadable.any():
                return numbers
    if storage is Storage.NUMBER and column is not None and column.kind is Kind.BOOLEAN:
        return values.map({0.0: "no", 1.0: "yes"}).astype("category")
    if storage in (Storage.NUMBER, Storage.DATETIME):
        return values
    return cells.canonical_text(frame[name]).astype("category")


def joined(chunks: Sequence[pd.Series]) -> pd.Series:
    """Return the values of all chunks; text as categories, of which each chunk has its own."""
    if all(isinstance(chunk.dtype, pd.CategoricalDtype) for chunk in chunks):
        return pd.Series(union_categoricals([chunk.array for chunk in chunks]))
    if any(isinstance(chunk.dtype, pd.CategoricalDtype) for chunk in chunks):
        chunks = [cells.canonical_text(chunk) for chunk in chunks]
    return pd.concat(chunks, ignore_index=True)
