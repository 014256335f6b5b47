"""From the parts of a date to a moment in UTC: microseconds since 1970, of one date or of many."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

Int = npt.NDArray[np.int64]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = date(1970, 1, 1).toordinal()
_DAY = 86_400_000_000
# Years 1 to 9999, as Python has them.
FIRST_MOMENT = (date(1, 1, 1).toordinal() - _FIRST) * _DAY
LAST_MOMENT = (date(9999, 12, 31).toordinal() - _FIRST + 1) * _DAY - 1


class Parts(NamedTuple):
    """The parts of one date, or of many as arrays.

    Attributes:
        quarter: 0 where a date has none, like the week and the half.
        half: 1 for AM, 2 for PM.
        zone: Minutes to the east of UTC.
    """

    year: Any
    month: Any = 1
    day: Any = 1
    quarter: Any = 0
    week: Any = 0
    weekday: Any = 0
    hour: Any = 0
    minute: Any = 0
    second: Any = 0
    micro: Any = 0
    half: Any = 0
    zone: Any = 0


def moments(parts: Parts) -> tuple[Int, npt.NDArray[np.bool_]]:
    """Return the microseconds since 1970 in UTC, and which of the dates there are."""
    year, month, day = (np.asarray(part, np.int64) for part in parts[:3])
    quarter, week, half = map(np.asarray, (parts.quarter, parts.week, parts.half))
    month = np.where(quarter > 0, 3 * quarter - 2, month)
    good = (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1)
    months = (year - 1970) * 12 + month - 1
    first = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    after = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    days = first + day - 1
    good &= days < after
    if week.any():
        monday, following = _first_monday(year), _first_monday(year + 1)
        of_week = monday + 7 * (week - 1) + np.maximum(parts.weekday, 1) - 1
        days = np.where(week > 0, of_week, days)
        good &= (week == 0) | (of_week < following)
    hour = np.asarray(parts.hour)
    good &= np.where(half > 0, (hour >= 1) & (hour <= 12), hour <= 23)
    hour = np.where(half > 0, hour % 12 + 12 * (half == 2), hour)
    good &= (parts.minute <= 59) & (parts.second <= 59)
    seconds = (hour * 60 + parts.minute - parts.zone) * 60 + parts.second
    return days * _DAY + seconds * 1_000_000 + parts.micro, good


def _first_monday(year: Int) -> Int:
    """Return the days since 1970 of the Monday of each year's first week: 4 January is in it."""
    january: Int = (year - 1970).astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    fourth = january + 3
    return fourth - (fourth + 3) % 7  # 1 January 1970 was a Thursday


def moment(parts: Parts) -> int:
    """Do the work of `moments` for one date.

    Raises:
        ValueError: There is no such date.
    """
    if parts.week:
        days = date.fromisocalendar(parts.year, parts.week, parts.weekday or 1).toordinal()
    else:
        month = 3 * parts.quarter - 2 if parts.quarter else parts.month
        days = date(parts.year, month, parts.day).toordinal()
    hour = parts.hour
    if parts.half:
        if not 1 <= hour <= 12:
            raise ValueError(hour)
        hour = hour % 12 + 12 * (parts.half == 2)
    if hour > 23 or parts.minute > 59 or parts.second > 59:
        raise ValueError(parts)
    seconds = (hour * 60 + parts.minute - parts.zone) * 60 + parts.second
    return int((days - _FIRST) * _DAY + seconds * 1_000_000 + parts.micro)


def as_day(micros: int) -> float:
    """Return days since 1970 of microseconds; the fraction is the time of day."""
    return float(micros) / _DAY


def as_dates(micros: Int, good: npt.NDArray[np.bool_], index: pd.Index) -> pd.Series:
    """Return UTC timestamps; NaT where not good."""
    stamps = micros.astype("datetime64[us]")
    stamps[~good] = np.datetime64("NaT")
    return pd.Series(stamps, index=index).dt.tz_localize("UTC")


def day_numbers(dates: pd.Series) -> pd.Series:
    """Do the work of `as_day` for a column of UTC timestamps; float64, NaN for NaT."""
    try:
        exact = dates.dt.as_unit("us")
    except pd.errors.OutOfBoundsDatetime:  # 290,000 years from now, where a second is enough
        exact = dates.dt.as_unit("s")
    unit = exact.dt.unit
    elapsed: pd.Series = (exact - pd.Timestamp(_EPOCH).as_unit(unit)) / pd.Timedelta(
        1, unit="D"
    ).as_unit(unit)
    return elapsed.astype("float64")
