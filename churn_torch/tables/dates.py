"""Dates in text: the formats that are read, and the days since 1970 that a date becomes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd

ISO = "ISO8601"
COMPACT = "%Y%m%d"
_ISO_PATTERN = (
    r"\s*\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?\s?(Z|[+-]\d{2}(:?\d{2})?)?)?\s*"
)
_DATE_PATTERN = r"\s*\d{1,4}[/.-]\w{1,9}[/.-]\d{1,4}(\s.*)?"
# Where both day first and month first fit, the first of these formats is taken.
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
_FORMATS = tuple(date + time for time in _TIMES for date in _DATES)
# Most columns are no dates, which so many of their values show.
_FIRST_LOOK = 100

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAY = 86_400e6


def read_date(text: str, form: str | None) -> datetime:
    """Read one date: ISO text, else in the column's format (`ISO`, a strptime pattern or none).

    Raises:
        ValueError: The text is no such date.
    """
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        if form in (None, ISO):
            raise
        date = datetime.strptime(text, form)
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def read_dates(text: pd.Series, form: str) -> tuple[pd.Series, pd.Series]:
    """Read text as UTC timestamps in one format (`ISO` or a strptime pattern).

    Returns:
        The timestamps (NaT where missing or unreadable) and the mask of unreadable cells.
    """
    # Dates repeat, so the different ones are few.
    codes, levels = pd.factorize(text)
    trimmed = pd.Series(levels, dtype="str").str.strip()
    of_level = pd.to_datetime(trimmed, format=form, utc=True, errors="coerce")
    dates = of_level.reindex(codes).set_axis(text.index)
    return dates, dates.isna() & text.notna()


def date_formats(levels: pd.Series) -> list[str]:
    """List the formats in which every one of the distinct texts is a date, the best one first."""
    head = levels.head(_FIRST_LOOK)
    candidates: tuple[str, ...] = ()
    if head.str.fullmatch(_ISO_PATTERN).all():
        candidates = (ISO,)
    elif head.str.fullmatch(_DATE_PATTERN).all():
        candidates = _FORMATS
    fitting = [form for form in candidates if not read_dates(head, form)[1].any()]
    return [form for form in fitting if not read_dates(levels, form)[1].any()]


def day_number(date: datetime) -> float:
    """Return the days since 1970-01-01 UTC of one date; the fraction is the time of day."""
    return float((date - _EPOCH) // _MICROSECOND) / _DAY


def day_numbers(dates: pd.Series) -> pd.Series:
    """Do the work of `day_number` for a column of UTC timestamps; float64, NaN for NaT."""
    elapsed: pd.Series = (dates.dt.as_unit("us") - _EPOCH) / pd.Timedelta(_DAY, unit="us")
    return elapsed.astype("float64")
