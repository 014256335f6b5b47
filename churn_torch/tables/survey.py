"""A survey of a column: what its cells have in common, before anything is decided."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from pandas.api import types

from churn_torch.tables import cells
from churn_torch.tables.cells import Storage


@dataclass(frozen=True)
class Survey:
    """What the cells of a column have in common; all that inference looks at.

    Attributes:
        storage: None when the cells are neither numbers nor text nor dates.
        levels: The distinct non-missing values: float64, or text, or UTC timestamps.
        n_distinct: Their number; long whole numbers count by all their digits.
        stray_text: A text that keeps a column of numbers from being one.
    """

    name: str
    storage: Storage | None
    rows: int
    missing: int
    levels: pd.Series
    n_distinct: int
    is_bool: bool = False
    is_category: bool = False
    stray_text: str | None = None

    @property
    def present(self) -> int:
        """The number of cells that are not missing."""
        return self.rows - self.missing


def survey(series: pd.Series) -> Survey:
    """Look at every cell of a column once; the rules then work on the distinct ones."""
    storage, values = cells.plain(series)
    stray = None
    if storage is None:
        levels = pd.Series([], dtype="str")
        n_distinct = 0
    elif storage is Storage.NUMBER and types.is_integer_dtype(series.dtype):
        integers = series.dropna().unique()
        levels = pd.Series(integers, dtype="float64")
        n_distinct = len(integers)
    else:
        levels = pd.Series(values.dropna().unique())
        n_distinct = len(levels)
    if storage is Storage.TEXT and n_distinct:
        numbers, stray = _numbers(levels)
        if numbers is not None:
            storage, levels = Storage.NUMBER, pd.Series(numbers.unique())
            if float(levels.abs().max()) < cells.LARGEST_EXACT:
                n_distinct = len(levels)
    return Survey(
        name=str(series.name),
        storage=storage,
        rows=len(series),
        missing=int(values.isna().sum()),
        levels=levels,
        n_distinct=n_distinct,
        is_bool=_is_bool(series),
        is_category=isinstance(series.dtype, pd.CategoricalDtype),
        stray_text=stray,
    )


def _numbers(levels: pd.Series) -> tuple[pd.Series | None, str | None]:
    """Read text as numbers if all of it is; else name a text that is not, if nearly all is."""
    # Most text is no number, which a few of its values tell.
    if cells.read_numbers(levels[:999])[1].mean() > 0.5:
        return None, None
    numbers, unreadable = cells.read_numbers(levels)
    if unreadable.any():
        nearly = unreadable.mean() <= 0.1
        return None, str(levels[unreadable].iloc[0]) if nearly else None
    return (None if cells.leading_zero(levels).any() else numbers), None


def _is_bool(series: pd.Series) -> bool:
    if types.is_object_dtype(series.dtype):
        return types.infer_dtype(series, skipna=True) == "boolean"
    return types.is_bool_dtype(series.dtype)
