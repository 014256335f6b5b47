"""What a single raw cell means: a number, a date, text or nothing.

Tables arrive as CSV (all text), as Parquet or SQL (typed), as a DataFrame (anything) or as JSON
rows. The rules are these. Each stands once, here or in `dates`, `number_formats` and
`missing_words`: as a function of a column, and beside it of one cell where rows come one by one.

=============  ================================================================================
Missing        null, NaN, NaT, text of whitespace only, the words of ``MISSING_TEXT``, and those
               of `missing_words`.
Number         A number of at most ``LARGEST``; a truth value is 1 or 0; text that spells a number
               in the column's format (`number_formats`).
Yes/no, as     As a number; besides the words of ``TRUTH``, in any case.
numbers
Yes/no, as     Text as it is. Truth values, numbers and other words of `TRUTH`, in any case, become
text           the word of the vocabulary that has the same truth.
Category       Text as it is, but for accents (NFC); a number as `scalar_text` spells it. Other
               spellings of a word, such as ``1.0`` for ``1``, are in `known_words`. Where the
               column was learned from numbers, text that spells a number is spelled like one too
               (`number_as_text`).
Date           Days since 1970-01-01 UTC: of a timestamp, of text in the form of the column or
               ISO text, of a number where the form is one of numbers (`dates`).
=============  ================================================================================

JSON has types, so its rows (`churn_torch.serving.http.requests`) are read more strictly in two
respects: numbers and yes/no are not sent as text, and truth values only go to columns that know
them. And more freely in one: a date may be the number of days, where no numbers were learned.
"""

from __future__ import annotations

import datetime
import math
import re
from decimal import Decimal
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandas.api import types

# Compared exactly, in columns of every kind: no answer of a person looks like these. Columns of
# numbers and dates know more of them (`missing_words`).
MISSING_TEXT = frozenset(
    {
        *("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "<NA>", "#N/A"),
        *("\\N", "$null$", "#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!"),
    }
)

_MISSING = pa.array(sorted(MISSING_TEXT), pa.large_string())

TRUTH = {
    **dict.fromkeys(("1", "yes", "true", "y", "t"), 1.0),
    **dict.fromkeys(("0", "no", "false", "n", "f"), 0.0),
}

# Numbers enter the model as float32.
LARGEST = float(np.finfo(np.float32).max)
# Distinct whole numbers beyond this may be one and the same float64.
LARGEST_EXACT = 2.0**53
CODE = r"[+-]?0\d"
_SPELLED_NUMBER = re.compile(rf"(?!{CODE})[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


class Storage(StrEnum):
    """How the raw values of a column arrive."""

    NUMBER = "number"
    TEXT = "text"
    DATETIME = "datetime"


def plain(series: pd.Series) -> tuple[Storage | None, pd.Series]:
    """Bring a column to float64, UTC timestamps or text; missing is NaN, NaT or NaN.

    Returns:
        The form and the values, on the same index. Durations are numbers of days, intervals are
        their text. The form is None when the cells are neither (lists, dicts, bytes, times of the
        day): the values are then returned as they came.
    """
    storage, values = _plain(series)
    if storage is None and series.isna().all():
        return Storage.TEXT, pd.Series(np.nan, index=series.index, name=series.name, dtype="str")
    return storage, values


def is_plain(dtype: Any) -> bool:
    """Tell whether a column's dtype alone says what its cells are."""
    if types.is_object_dtype(dtype):
        return False
    return (
        isinstance(dtype, pd.CategoricalDtype)
        or types.is_string_dtype(dtype)
        or types.is_bool_dtype(dtype)
        or types.is_numeric_dtype(dtype)
        or types.is_datetime64_any_dtype(dtype)
    )


def _plain(series: pd.Series) -> tuple[Storage | None, pd.Series]:
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        storage, levels = plain(pd.Series(series.cat.categories))
        return storage, levels.reindex(series.cat.codes.to_numpy()).set_axis(series.index)
    if isinstance(dtype, pd.PeriodDtype):
        series = series.dt.to_timestamp()
    if types.is_bool_dtype(dtype) or (
        types.is_numeric_dtype(dtype) and not types.is_complex_dtype(dtype)
    ):
        return Storage.NUMBER, _floats(series)
    if types.is_datetime64_any_dtype(series.dtype):
        return Storage.DATETIME, pd.to_datetime(series, utc=True)
    if types.is_timedelta64_dtype(dtype):
        return Storage.NUMBER, series.dt.total_seconds() / 86_400
    if types.is_object_dtype(dtype):
        return _plain_objects(series)
    if types.is_string_dtype(dtype):
        return Storage.TEXT, _blank_to_missing(series.astype("str"))
    if isinstance(dtype, pd.IntervalDtype):
        return Storage.TEXT, series.map(str, na_action="ignore").astype("str")
    return None, series


def _plain_objects(series: pd.Series) -> tuple[Storage | None, pd.Series]:
    """Do the work of `plain` for Python objects, judged by what they all have in common."""
    common = types.infer_dtype(series, skipna=True)
    if common in ("string", "empty"):
        return Storage.TEXT, _blank_to_missing(series.astype("str"))
    present = series[series.notna()]
    kinds = set(present.map(type))
    if common in ("boolean", "integer", "floating", "mixed-integer-float", "decimal") or (
        Decimal in kinds and all(issubclass(kind, _NUMBERS) for kind in kinds)
    ):
        return Storage.NUMBER, present.map(_float).astype("float64").reindex(series.index)
    if common in ("date", "datetime", "datetime64") or (
        all(issubclass(kind, _DATES) for kind in kinds)
    ):
        return Storage.DATETIME, pd.to_datetime(series, utc=True)
    if common in ("timedelta", "timedelta64"):
        return _plain(pd.to_timedelta(series))
    if common == "period":
        return _plain(pd.Series(pd.PeriodIndex(series), index=series.index))
    if common == "interval":
        return Storage.TEXT, series.map(str, na_action="ignore").astype("str")
    # Dates beside words are what pandas makes of a workbook's column.
    if common.startswith("mixed") and all(issubclass(kind, (*_SCALARS, *_DATES)) for kind in kinds):
        text = present.map(scalar_text).reindex(series.index).astype("str")
        return Storage.TEXT, _blank_to_missing(text)
    return None, series


def _float(cell: float | int | Decimal) -> float:
    try:
        return float(cell)
    except OverflowError:  # Python's integers have no limit
        return math.inf if cell > 0 else -math.inf


_NUMBERS = (bool, int, float, Decimal, np.integer, np.floating, np.bool_)
_DATES = (datetime.date, np.datetime64)
_SCALARS = (str, *_NUMBERS)


def is_duration(series: pd.Series) -> bool:
    """Tell whether the cells are spans of time, which are read as numbers of days."""
    levels = series.cat.categories if isinstance(series.dtype, pd.CategoricalDtype) else series
    if types.is_object_dtype(levels.dtype):
        return types.infer_dtype(levels, skipna=True).startswith("timedelta")
    return types.is_timedelta64_dtype(levels.dtype)


def other_cells(series: pd.Series) -> str:
    """Say what the cells of a column are where `plain` has no form for them."""
    kinds = list(dict.fromkeys(map(type, series[series.notna()])))
    kind = next((kind for kind in kinds if not issubclass(kind, _SCALARS)), kinds[0])
    if issubclass(kind, list | tuple | dict | set | frozenset | np.ndarray):
        return f"nested values ({kind.__name__})"
    return f"values of the type {kind.__name__}"


def scalar_text(cell: object) -> str:
    """Spell a number or a truth value as text: ``415`` for 415.0."""
    if isinstance(cell, Decimal) and abs(cell) < LARGEST_EXACT:
        cell = float(cell)
    if isinstance(cell, float | np.floating) and float(cell).is_integer():
        return str(int(cell)) if abs(float(cell)) < LARGEST_EXACT else repr(float(cell))
    return str(cell)


def _floats(series: pd.Series) -> pd.Series:
    if isinstance(series.dtype, np.dtype):
        return series.astype("float64")
    values = series.to_numpy(dtype="float64", na_value=np.nan)
    return pd.Series(values, index=series.index, name=series.name)


def arrow_text(text: pd.Series) -> pa.Array:
    """Return a column of text as one Arrow array; NaN is null."""
    array = pa.array(text, pa.large_string())
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def is_missing_text(text: str) -> bool:
    """Tell whether a text means that there is no value."""
    return text in MISSING_TEXT or not text.strip()


def _blank_to_missing(text: pd.Series) -> pd.Series:
    """Do the work of `is_missing_text` for a column."""
    array = pa.array(text, pa.large_string())
    trimmed = pc.utf8_trim_whitespace(array)
    blank = pc.or_(pc.is_in(array, _MISSING), pc.equal(trimmed, ""))
    if not pc.any(blank, min_count=0).as_py():
        return text
    return text.mask(pc.fill_null(blank, False).to_numpy(zero_copy_only=False))


def canonical_text(series: pd.Series) -> pd.Series:
    """Return the column as text: ``415`` for 415.0, ``True`` for True, ``""`` for missing.

    Text is kept exactly as it came (spaces included), because the exported file compares it as is.
    """
    return spelled(series)[1]


def spelled(series: pd.Series) -> tuple[Storage | None, pd.Series]:
    """Return how the values of a column arrive (see `plain`), and its `canonical_text`."""
    storage, values = plain(series)
    if storage is None:  # cells that may not even be hashable
        values = series.map(str, na_action="ignore")
    elif storage is not Storage.TEXT:
        if is_duration(series):
            series = values  # days
        # The original column, not the float64 one: integers beyond 2**53 keep all their digits.
        codes, levels = pd.factorize(series)
        # Not as pandas would hand them out: float32 has another 0.1 than float64.
        exact = levels.to_numpy() if types.is_float_dtype(series.dtype) else levels
        texts = np.array([*map(_level_text, exact), ""], dtype=object)
        values = pd.Series(texts[codes], index=series.index, name=series.name)
    return storage, values.astype("str").fillna("")


def _level_text(level: object) -> str:
    if isinstance(level, pd.Timestamp):
        return level.isoformat()
    return scalar_text(level)


def number_as_text(text: str) -> str:
    """Spell a number in text one way (``1.0`` and `` 1`` as ``1``); other text and codes stay."""
    trimmed = text.strip()
    if _SPELLED_NUMBER.fullmatch(trimmed) and abs(number := float(trimmed)) < LARGEST_EXACT:
        return scalar_text(number)
    return text


def numbers_as_text(text: pd.Series) -> pd.Series:
    """Do the work of `number_as_text` for a column without NaN."""
    codes, levels = pd.factorize(text)
    different = np.array([number_as_text(str(level)) for level in levels], dtype=object)
    return pd.Series(different[codes], index=text.index, name=text.name, dtype="str")
