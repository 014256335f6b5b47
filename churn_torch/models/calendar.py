"""Calendar parts of dates as tensor arithmetic, so that they export with the model."""

from __future__ import annotations

import math

import torch
from torch import Tensor

CALENDAR_PARTS = (
    "time of year (sine)",
    "time of year (cosine)",
    "day of month",
    "weekday (sine)",
    "weekday (cosine)",
    "time of day (sine)",
    "time of day (cosine)",
)

# Dates beyond year 1 .. 9999 are typing errors; the clip keeps the arithmetic finite.
FIRST_DAY, LAST_DAY = -719_162.0, 2_932_896.0


def calendar_parts(days: Tensor) -> Tensor:
    """Expand dates into the parts named by ``CALENDAR_PARTS``.

    The civil date is computed from the day count with floor divisions only (Howard Hinnant,
    "chrono-compatible low-level date algorithms", ``civil_from_days``). Cyclic parts are a sine
    and a cosine; the day of month runs from 0 to 1.

    Args:
        days: Days since 1970-01-01 UTC, float64, finite.

    Shape:
        ``[...]`` to ``[..., 7]`` float32.
    """
    days = days.clamp(FIRST_DAY, LAST_DAY)
    date = torch.floor(days)
    shifted = date + 719_468.0  # days since 0000-03-01
    day_of_era = shifted - torch.floor(shifted / 146_097.0) * 146_097.0
    year_of_era = torch.floor(
        (
            day_of_era
            - torch.floor(day_of_era / 1_460.0)
            + torch.floor(day_of_era / 36_524.0)
            - torch.floor(day_of_era / 146_096.0)
        )
        / 365.0
    )
    leap_days = torch.floor(year_of_era / 4.0) - torch.floor(year_of_era / 100.0)
    day_of_year = day_of_era - (365.0 * year_of_era + leap_days)  # from 1 March, 0 .. 365
    month = torch.floor((5.0 * day_of_year + 2.0) / 153.0)
    day_of_month = day_of_year - torch.floor((153.0 * month + 2.0) / 5.0)  # 0 .. 30
    # 1970-01-01 was a Thursday; Monday is 0.
    weekday = date + 3.0 - torch.floor((date + 3.0) / 7.0) * 7.0
    # float32 from here on: exact enough for an angle, and not every runtime has cos of doubles.
    turns = (t.to(torch.float32) for t in (day_of_year / 366.0, weekday / 7.0, days - date))
    (year_sin, year_cos), week, day = (
        (torch.sin(2 * math.pi * turn), torch.cos(2 * math.pi * turn)) for turn in turns
    )
    month_part = (day_of_month / 30.0).to(torch.float32)
    return torch.stack((year_sin, year_cos, month_part, *week, *day), dim=-1)
