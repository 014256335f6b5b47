"""Calendar parts of dates as tensor arithmetic, so that they export with the model."""

from __future__ import annotations

import math

import torch
from torch import Tensor

CALENDAR_PARTS = (
    "time of year (sine)",
    "time of year (cosine)",
    "weekday (sine)",
    "weekday (cosine)",
    "time of day (sine)",
    "time of day (cosine)",
    "day of month",
)
# A part's angle in turns is `_TURNS_A_DAY * days + _TURNS_AHEAD`: days since 1 March (time of
# year), since 1970, a Thursday, where Monday is 0 (weekday), or since 1970 (time of day). A cosine
# is a sine a quarter turn ahead.
_TURNS_A_DAY = ([1 / 366], [1 / 366], [1 / 7], [1 / 7], [1.0], [1.0])
_TURNS_AHEAD = ([0.0], [0.25], [3 / 7], [3 / 7 + 0.25], [0.0], [0.25])

# Dates beyond year 1 .. 9999 are typing errors; the clip keeps the arithmetic finite.
FIRST_DAY, LAST_DAY = -719_162.0, 2_932_896.0


def calendar_parts(days: Tensor) -> Tensor:
    """Expand dates into the parts named by ``CALENDAR_PARTS``.

    The civil date is computed from the day count with floor divisions only (Neri and Schneider
    2023, "Euclidean affine functions and their application to calendar algorithms"), here in
    float64: the half in each numerator is further from the next whole number than rounding
    reaches. Cyclic parts are a sine and a cosine; the day of month runs from 0 to 1.

    Args:
        days: Days since 1970-01-01 UTC, float64, finite.

    Shape:
        ``[...]`` to ``[..., 7]`` float32.
    """
    # One long row: onnxruntime applies a constant along the last axis at once, but row by row,
    # twenty times slower, where that axis has one cell.
    exact = days.clamp(FIRST_DAY, LAST_DAY).reshape(1, -1)
    date = torch.floor(exact)
    day = date + 719_468.0  # days since 0000-03-01
    century = torch.floor(day * (4 / 146_097) + 3.5 / 146_097)
    day = day - torch.floor(century * 36_524.25)  # of the century
    year = torch.floor(day * (4 / 1_461) + 3.5 / 1_461)
    day = day - torch.floor(year * 365.25)  # of the year, from 1 March, 0 .. 365
    month = torch.floor(day * (5 / 153) + 2.5 / 153)
    day_of_month = day - torch.floor(month * 30.6 + 0.5)  # 0 .. 30
    turns = torch.cat((day, day, date, date, exact, exact))
    turns = turns * turns.new_tensor(_TURNS_A_DAY) + turns.new_tensor(_TURNS_AHEAD)
    # float32 from here on: exact enough for an angle, and not every runtime has sin of doubles.
    angle = (turns - torch.floor(turns)).to(torch.float32) * (2 * math.pi)
    parts = torch.cat((torch.sin(angle), (day_of_month / 30.0).to(torch.float32)))
    return parts.T.reshape(*days.shape, len(CALENDAR_PARTS))
