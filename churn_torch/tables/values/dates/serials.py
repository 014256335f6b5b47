"""Numbers that are dates: seconds since 1970, days of a spreadsheet, 20240131."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.tables.values.dates.days import (
    FIRST_MOMENT,
    LAST_MOMENT,
    Int,
    Parts,
    as_dates,
    as_day,
    moments,
)
from churn_torch.tables.values.dates.forms import (
    COMPACT,
    COMPACT_MONTH,
    EPOCH_MS,
    EPOCH_NS,
    EPOCH_S,
    EPOCH_US,
    EXCEL,
)

_MICROS = {EPOCH_S: 1e6, EPOCH_MS: 1e3, EPOCH_US: 1.0, EPOCH_NS: 1e-3, EXCEL: 86_400e6}
# Forms whose text is a number like any other.
NUMBER_FORMS = frozenset(_MICROS)
# Forms whose numbers are written like their text.
DIGIT_FORMS = (COMPACT, COMPACT_MONTH)

Bool = npt.NDArray[np.bool_]
Float = npt.NDArray[np.float64]
# Spreadsheets begin with day 1, 1 January 1900, and have a 29 February 1900, day 60.
_EXCEL_1970, _EXCEL_MARCH_1900 = 25_569, 61
_YEARS = (1900, 2100)
_FIRST_LOOK = 999
_YEAR_9999 = LAST_MOMENT - 366 * 86_400_000_000


def numbers_to_dates(numbers: pd.Series, form: str | None) -> tuple[pd.Series, pd.Series]:
    """Read float64 numbers as UTC timestamps; 0 is missing where it could be no date.

    Returns:
        The timestamps (NaT where missing or unreadable) and the mask of unreadable cells: all,
        where numbers are no dates in this form.
    """
    values = numbers.to_numpy(np.float64)
    micros, good = micros_of_numbers(values, form)
    bad = ~good & ~np.isnan(values)
    if form in (EXCEL, *DIGIT_FORMS):
        bad &= values != 0
    return as_dates(micros, good, numbers.index), pd.Series(bad, numbers.index)


def day_of_number(number: float, form: str | None) -> float:
    """Do the work of `numbers_to_dates` for one number; NaN is missing.

    Raises:
        ValueError: It is no date in this form.
    """
    micros, good = micros_of_numbers(np.array([number]), form)
    if good[0]:
        return as_day(int(micros[0]))
    if number == 0 and form in (EXCEL, *DIGIT_FORMS):
        return np.nan
    raise ValueError(number)


def micros_of_numbers(numbers: Float, form: str | None) -> tuple[Int, Bool]:
    """Return microseconds since 1970 in UTC, and which of the numbers are dates."""
    if form in DIGIT_FORMS:
        return _digits(numbers, form == COMPACT)
    if form not in NUMBER_FORMS:
        return np.zeros(len(numbers), np.int64), np.zeros(len(numbers), bool)
    start = _EXCEL_1970 if form == EXCEL else 0
    with np.errstate(over="ignore"):
        micros = np.rint((numbers - start) * _MICROS[form])
    good = (micros >= FIRST_MOMENT) & (micros <= LAST_MOMENT)
    if form == EXCEL:
        good &= numbers >= _EXCEL_MARCH_1900
    return np.where(good, micros, 0).astype(np.int64), good


def _digits(numbers: Float, with_day: bool) -> tuple[Int, Bool]:
    """Read 20240131 or 20240131103000, or without days 202401."""
    whole = (numbers % 1 == 0) & (numbers > 0) & (numbers < 1e14)
    digits = np.where(whole, numbers, 0).astype(np.int64)
    time = np.zeros_like(digits)
    if with_day:
        timed = digits >= 10**12
        digits, time = np.where(timed, digits // 10**6, digits), np.where(timed, digits % 10**6, 0)
    months, day = (digits // 100, digits % 100) if with_day else (digits, np.ones_like(digits))
    parts = Parts(
        year=months // 100,
        month=months % 100,
        day=day,
        hour=time // 10_000,
        minute=time // 100 % 100,
        second=time % 100,
    )
    micros, good = moments(parts)
    return micros, good & whole & (months >= 10**5)


def number_formats(numbers: pd.Series) -> list[str]:
    """List the forms in which all distinct numbers are dates of our time, the best one first."""
    values = numbers.to_numpy(np.float64)
    if not len(values) or not np.isfinite(values).all():
        return []
    low, high = _moments_of_years()
    fitting = []
    for form in (*DIGIT_FORMS, *_MICROS):
        # Most numbers are no dates, which a few of them show.
        few = _all_dates(values[:_FIRST_LOOK], form, low, high)
        if few is not False and _all_dates(values, form, low, high):
            fitting.append(form)
    # Small numbers are moments of the first days of 1970 in many units.
    return [form for form in fitting if form not in _MICROS or _is_recent(values, form)]


def _all_dates(values: Float, form: str, low: np.int64, high: np.int64) -> bool | None:
    """Tell whether numbers are dates between two moments; None where all stand for no date."""
    micros, good = micros_of_numbers(values, form)
    if form in (EXCEL, *DIGIT_FORMS):  # these stand for no date
        real = (values != 0) & (micros < _YEAR_9999)
        micros, good = micros[real], good[real]
    if not len(good):
        return None
    return bool(good.all() and micros.min() >= low and micros.max() <= high)


def _moments_of_years() -> Int:
    return moments(Parts(np.array(_YEARS)))[0]


def _is_recent(values: Float, form: str) -> bool:
    """Tell whether half the dates are after 1972, or a spreadsheet's all after 1908.

    One large number among small ones is a slip, no moment.
    """
    if form == EXCEL:
        return bool(values[values != 0].min() >= 3_000)
    return bool(np.median(np.abs(values)) * _MICROS[form] >= 1e14)
