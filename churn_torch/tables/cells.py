"""What a single raw cell means: a number, a date, text or nothing.

Tables arrive as CSV (all text), as Parquet or SQL (typed) or as a DataFrame (anything). The
functions here bring a column to one of three plain forms, so that inference and encoding agree.
"""

from __future__ import annotations

import math
from decimal import Decimal
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandas.api import types

# Compared exactly; text of whitespace only counts as missing too.
MISSING_TEXT = frozenset(
    {"", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "<NA>", "#N/A"}
)

_MISSING = pa.array(sorted(MISSING_TEXT), pa.large_string())

TRUTH = {
    **dict.fromkeys(("1", "yes", "true", "y", "t"), 1.0),
    **dict.fromkeys(("0", "no", "false", "n", "f"), 0.0),
}
TRUTH_PAIRS = tuple(map(frozenset, (("yes", "no"), ("true", "false"), ("y", "n"), ("t", "f"))))

ISO = "ISO8601"
_ISO_PATTERN = (
    r"\s*\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?\s?(Z|[+-]\d{2}(:?\d{2})?)?)?\s*"
)
_DATE_PATTERN = r"\s*\d{1,4}[/.-]\w{1,9}[/.-]\d{1,4}(\s.*)?"
# Day first stands before month first: where both fit, the first wins.
_DATES = (
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%Y/%m/%d",
    "%d-%b-%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y-%m-%d",
)
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_DATE_FORMATS = tuple(date + time for time in _TIMES for date in _DATES)

_EPOCH = pd.Timestamp("1970-01-01", tz="UTC").as_unit("us")
_DAY = pd.Timedelta(days=1).as_unit("us")
# Distinct whole numbers beyond this may be one and the same float64.
LARGEST_EXACT = 2.0**53


class Storage(StrEnum):
    """How the raw values of a column arrive."""

    NUMBER = "number"
    TEXT = "text"
    DATETIME = "datetime"


def plain(series: pd.Series) -> tuple[Storage | None, pd.Series]:
    """Bring a column to float64, UTC timestamps or text; missing is NaN, NaT or NaN.

    Returns:
        The form and the values, on the same index. The form is None when the cells are neither
        (lists, dicts, bytes, durations): the values are then returned as they came.
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
    if types.is_object_dtype(dtype):
        return _plain_objects(series)
    if types.is_string_dtype(dtype):
        return Storage.TEXT, _blank_to_missing(series.astype("str"))
    return None, series


def _plain_objects(series: pd.Series) -> tuple[Storage | None, pd.Series]:
    """Do the work of `plain` for Python objects, judged by what they all have in common."""
    found = types.infer_dtype(series, skipna=True)
    if found in ("boolean", "integer", "floating", "mixed-integer-float", "decimal"):
        return Storage.NUMBER, series.map(_float, na_action="ignore").astype("float64")
    if found in ("date", "datetime", "datetime64"):
        return Storage.DATETIME, pd.to_datetime(series, utc=True)
    if found in ("string", "empty"):
        return Storage.TEXT, _blank_to_missing(series.astype("str"))
    present = series[series.notna()]
    if found.startswith("mixed") and present.map(lambda cell: isinstance(cell, _SCALARS)).all():
        text = present.map(scalar_text).reindex(series.index).astype("str")
        return Storage.TEXT, _blank_to_missing(text)
    return None, series


def _float(cell: float | int | Decimal) -> float:
    try:
        return float(cell)
    except OverflowError:  # Python's whole numbers know no limit
        return math.inf if cell > 0 else -math.inf


_SCALARS = (str, bool, int, float, np.number, np.bool_)


def scalar_text(cell: object) -> str:
    """Spell a number or a truth value as text: ``415`` for 415.0."""
    if isinstance(cell, float | np.floating) and float(cell).is_integer():
        return str(int(cell)) if abs(float(cell)) < LARGEST_EXACT else repr(float(cell))
    return str(cell)


def _floats(series: pd.Series) -> pd.Series:
    if isinstance(series.dtype, np.dtype):
        return series.astype("float64")
    values = series.to_numpy(dtype="float64", na_value=np.nan)
    return pd.Series(values, index=series.index, name=series.name)


def _blank_to_missing(text: pd.Series) -> pd.Series:
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


def numbers_as_text(text: pd.Series) -> pd.Series:
    """Spell numbers in text one way (``1.0`` and ``1`` as ``1``); other text and codes stay."""
    codes, levels = pd.factorize(text)
    spelled = pd.Series(levels, dtype="str")
    numbers = read_numbers(spelled)[0]
    exact = numbers.abs() < LARGEST_EXACT
    numeric = exact & ~leading_zero(spelled)
    spelled = spelled.mask(numeric, canonical_text(numbers))
    return pd.Series(spelled.to_numpy()[codes], index=text.index, name=text.name, dtype="str")


def leading_zero(text: pd.Series) -> pd.Series:
    """Tell which values are codes such as ``00123``: as numbers they would lose their zeros."""
    found = pc.match_substring_regex(pa.array(text, pa.large_string()), r"^\s*[+-]?0\d")
    return pd.Series(pc.fill_null(found, False).to_numpy(zero_copy_only=False), index=text.index)


def read_numbers(text: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Read text as float64.

    Returns:
        The numbers (NaN where missing or unreadable) and the mask of unreadable cells.
    """
    trimmed = pc.utf8_trim_whitespace(pa.array(text, pa.large_string()))
    try:
        values = pc.cast(trimmed, pa.float64()).to_numpy(zero_copy_only=False)
        numbers = pd.Series(values, index=text.index, name=text.name)
    except pa.ArrowInvalid:  # some cell is no number: the slower reader goes on to the others
        cells = trimmed.to_numpy(zero_copy_only=False)
        spelled_out = pd.Series(cells, index=text.index, name=text.name, dtype="str")
        numbers = pd.to_numeric(spelled_out, errors="coerce").astype("float64")
    return numbers, numbers.isna() & text.notna()


def numbers_at_once(text: pd.Series) -> pd.Series | None:
    """Read text as float64 if every cell is a plain number or missing, else return None.

    That is what `read_numbers` would return, without a look for spaces and words for missing.
    """
    try:
        numbers = pc.cast(pa.array(text, pa.large_string()), pa.float64())
    except pa.ArrowInvalid:
        return None
    if pc.any(pc.is_nan(numbers)).as_py():  # some word for it
        return None
    return pd.Series(numbers.to_numpy(zero_copy_only=False), index=text.index, name=text.name)


def read_dates(text: pd.Series, form: str) -> tuple[pd.Series, pd.Series]:
    """Read text as UTC timestamps in one format (`ISO` or a strptime pattern).

    Returns:
        The timestamps (NaT where missing or unreadable) and the mask of unreadable cells.
    """
    # Dates repeat; the different ones are few.
    codes, levels = pd.factorize(text)
    trimmed = pd.Series(levels, dtype="str").str.strip()
    of_level = pd.to_datetime(trimmed, format=form, utc=True, errors="coerce")
    dates = of_level.reindex(codes).set_axis(text.index)
    return dates, dates.isna() & text.notna()


def date_formats(levels: pd.Series) -> list[str]:
    """List the formats in which every one of the distinct texts is a date, the best one first."""
    head = levels.head(100)  # most columns are no dates: that is found out on a few values
    candidates: tuple[str, ...] = ()
    if head.str.fullmatch(_ISO_PATTERN).all():
        candidates = (ISO,)
    elif head.str.fullmatch(_DATE_PATTERN).all():
        candidates = _DATE_FORMATS
    fitting = [form for form in candidates if not read_dates(head, form)[1].any()]
    return [form for form in fitting if not read_dates(levels, form)[1].any()]


def days(dates: pd.Series) -> pd.Series:
    """Turn UTC timestamps into float64 days since 1970-01-01; the fraction is the time of day."""
    elapsed: pd.Series = (dates.dt.as_unit("us") - _EPOCH) / _DAY
    return elapsed.astype("float64")
