"""The profile of a column: what its cells have in common, before anything is decided."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.compute as pc
from pandas.api import types

from churn_torch.tables.inference.file_decimal import may_group
from churn_torch.tables.inference.sentinels import Sentinels, date_sentinels, number_sentinels
from churn_torch.tables.inference.spellings import spelled_alike
from churn_torch.tables.schema import FEATURE_KINDS, Column, Kind, Storage
from churn_torch.tables.values import cells, plain_numbers
from churn_torch.tables.values.missing_words import without_sentinels
from churn_torch.tables.values.number_formats import NumberFormat

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ColumnProfile:
    """What the cells of a column have in common; all that inference looks at.

    Attributes:
        storage: None when the cells are neither numbers nor text nor dates.
        other_cells: What they are then, in words.
        levels: The distinct non-missing values: float64 (sorted), or text, or UTC timestamps.
        n_distinct: Their number; long whole numbers count by all their digits.
        counts: How many cells hold each of the levels, where they are text.
        decimal: The sign of a decimal where the values leave it open; None where nobody knows.
        number_format: How the numbers were written, where that is not plain.
        missing_words: Texts that were counted as missing, besides the usual ones.
        remarks: What was done with the cells; `as_column` adds it to the note of a feature.
        sentinels: Values that look like words for missing, and how many cells hold them.
    """

    name: str
    storage: Storage | None
    rows: int
    missing: int
    levels: pd.Series
    n_distinct: int
    is_bool: bool = False
    is_category: bool = False
    counts: Counts | None = None
    decimal: str | None = None
    number_format: NumberFormat | None = None
    missing_words: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    sentinels: Sentinels = ()
    other_cells: str = ""
    is_duration: bool = False

    @property
    def present(self) -> int:
        """The number of cells that are not missing."""
        return self.rows - self.missing

    def as_column(self, kind: Kind, note: str, datetime_format: str | None = None) -> Column:
        """Return the schema's entry for the column."""
        if kind in FEATURE_KINDS:
            remarks = [*self.remarks]
            if kind is Kind.CATEGORICAL and self.counts is not None:
                remarks += filter(None, [spelled_alike(self.levels, self.counts)])
            if kind in (Kind.NUMERIC, Kind.DATETIME):
                remarks += [self._suspicion(word, count) for word, count in self.sentinels]
            note = "; ".join([note, *remarks])
        return Column(
            name=self.name,
            kind=kind,
            storage=self.storage or Storage.TEXT,
            datetime_format=datetime_format,
            number_format=self.number_format,
            missing_words=self.missing_words,
            missing_share=self.missing / self.rows,
            n_distinct=self.n_distinct,
            note=note,
        )

    def _suspicion(self, word: str, count: int) -> str:
        share = f"{count / self.rows:.0%} of the rows" if count >= 0.05 * self.rows else ""
        where = share or f"{count:,} {'row' if count == 1 else 'rows'}"
        key = override(f"data.missing.{self.name}=[{word}]")
        return f"is {word} (in {where}) a word for missing? then set {key}"


def override(argument: str) -> str:
    """Return an argument of the command line as it is typed into a shell."""
    return f'"{argument}"' if re.search(r"[^\w.=\[\],:+/-]", argument) else argument


def profile_column(
    series: pd.Series, *, missing: Sequence[str] = (), decimal: str | None = None
) -> ColumnProfile:
    """Read every cell of a column once; inference then works on the distinct values.

    Args:
        series: The column.
        missing: Words for missing that the user named.
        decimal: The sign of a decimal where the values leave it open.
    """
    words = tuple(missing)
    found = _distinct(series, words, decimal)
    remarks: tuple[str, ...] = ()
    if found.named:
        cells_ = f"{found.named:,} {'cell' if found.named == 1 else 'cells'}"
        count = "counts" if found.named == 1 else "count"
        remarks = (f"{cells_} with a word of data.missing {count} as missing",)
    return ColumnProfile(
        name=str(series.name),
        storage=found.storage,
        rows=len(series),
        missing=found.missing,
        levels=found.levels,
        n_distinct=found.n_distinct,
        is_bool=_is_bool(series),
        is_category=isinstance(series.dtype, pd.CategoricalDtype),
        counts=found.counts,
        decimal=decimal,
        missing_words=words,
        remarks=remarks,
        sentinels=found.sentinels,
        is_duration=cells.is_duration(series),
        other_cells=cells.other_cells(series) if found.storage is None else "",
    )


class _Distinct(NamedTuple):
    """The distinct values; `named` cells hold a word that the user named for missing."""

    storage: Storage | None
    levels: pd.Series
    missing: int
    n_distinct: int
    counts: Counts | None = None
    named: int = 0
    sentinels: Sentinels = ()


def _distinct(series: pd.Series, words: Sequence[str], decimal: str | None) -> _Distinct:
    if isinstance(series.dtype, pd.StringDtype):
        return _distinct_texts(series, words, decimal)
    storage, values = cells.plain(series)
    if storage is None:
        return _Distinct(None, pd.Series([], dtype="str"), int(values.isna().sum()), 0)
    if storage is Storage.TEXT:
        return _distinct_texts(values, words, decimal)
    if storage is Storage.NUMBER:
        return _distinct_numbers(
            values, words, lambda: int(series.nunique()), whole=types.is_integer_dtype(series.dtype)
        )
    missing = int(values.isna().sum())
    if words:
        named = Column("", Kind.DATETIME, storage, missing_words=tuple(words))
        values = _without_days(values, named)
    levels = pd.Series(values.dropna().unique())
    absent = int(values.isna().sum())
    suspicious = date_sentinels(levels, lambda level: int((values == level).sum()))
    n_distinct, named_cells = len(levels), absent - missing
    return _Distinct(storage, levels, absent, n_distinct, None, named_cells, suspicious)


def _distinct_numbers(
    values: pd.Series,
    words: Sequence[str],
    count: Callable[[], int],
    *,
    whole: bool = True,
    counts: Counts | None = None,
    rows: int | None = None,
) -> _Distinct:
    """Return the distinct numbers.

    Args:
        values: The numbers of all rows, or of those that differ as text.
        words: Words for missing.
        count: Counts the numbers by all their digits.
        whole: Whether they came as whole numbers or text, all of whose digits count.
        counts: The rows of each of the values; None where each is a row.
        rows: The rows of the column, where `counts` is given.
    """

    def rows_of(which: pd.Series) -> int:
        return int(which.sum() if counts is None else counts[which.to_numpy()].sum())

    missing = rows_of(values.isna())
    absent = missing
    if words:
        named = Column("", Kind.NUMERIC, Storage.NUMBER, missing_words=tuple(words))
        values = without_sentinels(values, named)
        absent = rows_of(values.isna())
    levels = sorted_numbers(values)
    long = whole and len(levels) > 0 and not float(levels.abs().max()) < cells.LARGEST_EXACT
    n_rows = len(values) if rows is None else rows
    return _Distinct(
        storage=Storage.NUMBER,
        levels=levels,
        missing=absent,
        n_distinct=count() if long else len(levels),
        named=absent - missing,
        sentinels=number_sentinels(levels, lambda x: rows_of(values == x), n_rows),
    )


def _without_days(dates: pd.Series, column: Column) -> pd.Series:
    words = pd.to_datetime(list(column.missing_words), utc=True, errors="coerce", format="ISO8601")
    return dates.mask(dates.isin(words))


def _distinct_texts(series: pd.Series, words: Sequence[str], decimal: str | None) -> _Distinct:
    numbers = plain_numbers.numbers_at_once(series)
    if (
        numbers is not None
        and numbers.notna().any()
        and not plain_numbers.leading_zero(series).any()
        and not may_group(series, decimal)
    ):
        return _distinct_numbers(numbers, words, lambda: int(series.nunique()))
    values, counted = pc.value_counts(cells.arrow_text(series)).flatten()
    spelled = pd.Series(values, dtype="str")
    counts = counted.to_numpy(zero_copy_only=False)
    levels = cells.plain(spelled)[1]
    missing = int(counts[levels.isna()].sum())
    if words:
        levels = levels.mask(levels.str.strip().isin(words))
    present = levels.notna().to_numpy()
    absent = int(counts[~present].sum())
    levels, counts = levels[present].reset_index(drop=True), counts[present]
    numbers = _plain_numbers(levels, decimal)
    if numbers is not None:
        found = _distinct_numbers(
            numbers, words, lambda: len(levels), counts=counts, rows=len(series)
        )
        total = absent + found.named
        return found._replace(missing=total, named=total - missing)
    return _Distinct(Storage.TEXT, levels, absent, len(levels), counts, absent - missing)


def _plain_numbers(levels: pd.Series, decimal: str | None) -> pd.Series | None:
    """Read text as numbers if all of it is plain numbers, but for blanks around them."""
    # Most columns of text hold no numbers, which a few of their values show.
    if not len(levels) or plain_numbers.read_numbers(levels[:999])[1].any():
        return None
    numbers, unreadable = plain_numbers.read_numbers(levels)
    if unreadable.any() or plain_numbers.leading_zero(levels).any() or may_group(levels, decimal):
        return None
    return numbers


def sorted_numbers(numbers: pd.Series) -> pd.Series:
    """Return the distinct numbers, by sorting: several times as fast as hashing."""
    return pd.Series(np.unique(numbers.dropna().to_numpy()))


def _is_bool(series: pd.Series) -> bool:
    if types.is_object_dtype(series.dtype):
        return types.infer_dtype(series, skipna=True) == "boolean"
    return types.is_bool_dtype(series.dtype)
