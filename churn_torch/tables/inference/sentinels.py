"""Sentinels: values such as 999 or 9999-12-31 that often stand for "no value".

They are named to the user and left as they are, because they may be values.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from churn_torch.tables import cells

Sentinels = tuple[tuple[str, int], ...]

_NINES = re.compile(r"-?9{3,}|-9{2,}")
# A value that so many rows share is suspicious where it is an end of the range.
_SHARE = 0.02
_APART = 2.0
_FIRST_AND_LAST_DAYS = ("9999-12-31", "9999-01-01", "1900-01-01", "0001-01-01", "1753-01-01")
_DAY = (
    r"^\s*(9999-?(12-?31|01-?01)|(31[./-]12|12/31)[./-]9999|(1900|0001|1753)-?01-?01"
    r"|01[./-]01[./-](1900|0001|1753))([T ].*)?$"
)


def number_sentinels(levels: pd.Series, count: Callable[[float], int], rows: int) -> Sentinels:
    """Return the ends of the range that are all nines, or the one negative number, with counts.

    Args:
        levels: The distinct numbers, sorted.
        count: Counts the rows that hold a number.
        rows: The rows of the column.
    """
    numbers = levels.to_numpy()
    if len(numbers) < 3 or not np.isfinite(numbers[[0, -1]]).all():
        return ()
    suspicious = []
    for value, rest in ((numbers[0], numbers[1:]), (numbers[-1], numbers[:-1])):
        spelled = f"{value:.0f}" if value == np.rint(value) else ""
        inside = max(abs(rest[0]), abs(rest[-1]), 1.0)
        minus_one = spelled == "-1" and rest[0] >= 0
        if not _NINES.fullmatch(spelled) and not minus_one:
            continue
        n_rows = count(float(value))
        if (n_rows >= _SHARE * rows and n_rows > 1) or abs(value) > _APART * inside:
            suspicious.append((spelled, n_rows))
    return tuple(suspicious)


def date_sentinels(levels: pd.Series, count: Callable[[pd.Timestamp], int]) -> Sentinels:
    """Return the first and last days that a calendar of a database knows, with counts."""
    if not len(levels):
        return ()
    ends = sorted({levels.min(), levels.max()})
    found = [(f"{end.year:04}-{end.month:02}-{end.day:02}", end) for end in ends]
    return tuple((day, count(end)) for day, end in found if day in _FIRST_AND_LAST_DAYS)


def text_date_sentinels(levels: pd.Series, counts: np.ndarray) -> Sentinels:
    """Do the work of `date_sentinels` for dates in text."""
    array = cells.arrow_text(levels)
    found = np.flatnonzero(pc.match_substring_regex(array, _DAY).to_numpy(zero_copy_only=False))
    return tuple((str(levels.iloc[i]).strip(), int(counts[i])) for i in found)
