"""Calendar parts of dates from lookup tables, so that they export with the model."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import embedding

CALENDAR_PARTS = (
    "time of year (sine)",
    "time of year (cosine)",
    "weekday (sine)",
    "weekday (cosine)",
    "time of day (sine)",
    "time of day (cosine)",
    "day of month",
)
# The parts that depend on each of the `Places`.
OF_CYCLE, OF_WEEK, OF_TIME = (0, 1, 6), (2, 3), (4, 5)

# Dates outside the years 1 to 9999 are typing errors; clipping keeps the arithmetic finite.
FIRST_DAY, LAST_DAY = -719_162.0, 2_932_896.0
CYCLE_DAYS = 1_461


class Places(NamedTuple):
    """The positions of a date in the leap-year cycle, the week and the day.

    Attributes:
        cycle: Day within the four years that end with a 29 February, int64, 0 .. 1460.
        week: Day of the week from Wednesday, int64, 0 .. 6.
        time: Share of the day that has passed, float32.
    """

    cycle: Tensor
    week: Tensor
    time: Tensor


def calendar_places(days: Tensor) -> Places:
    """Return the places of dates.

    With the skipped leap days added back, every four years have 1,461 days. The number of skipped
    days follows from the century, computed as in Neri and Schneider 2023, "Euclidean affine
    functions and their application to calendar algorithms", here in float64: the offset of 7/8 of
    a day keeps the results further from whole numbers than rounding errors are large.

    Args:
        days: Days since 1970-01-01 UTC, float64, finite.
    """
    exact = days.clamp(FIRST_DAY, LAST_DAY)
    date = torch.floor(exact)
    day = date + 719_468.875  # days since 0000-03-01, a Wednesday
    century = torch.floor(day * (1 / 36_524.25))
    filled_up = day + torch.ceil(century * 0.75)
    return Places(
        cycle=torch.remainder(filled_up.to(torch.int64), CYCLE_DAYS),
        week=torch.remainder(day.to(torch.int64), 7),
        time=(exact - date).to(torch.float32),
    )


def calendar_parts(days: Tensor) -> Tensor:
    """Expand dates into the parts named by ``CALENDAR_PARTS``.

    Cyclic parts are a sine and a cosine; the day of month runs from 0 to 1.

    Args:
        days: Days since 1970-01-01 UTC, float64, finite.

    Shape:
        ``[...]`` to ``[..., 7]`` float32.
    """
    cycle, week, time = calendar_places(days)
    of_cycle = embedding(cycle, CYCLE_TABLE.to(days.device))
    of_week = embedding(week, WEEK_TABLE.to(days.device))
    angle = time.unsqueeze(-1) * (2 * math.pi)
    return torch.cat(
        (of_cycle[..., :2], of_week, torch.sin(angle), torch.cos(angle), of_cycle[..., 2:]), dim=-1
    )


def _circle(turns: np.ndarray) -> list[np.ndarray]:
    return [np.sin(2 * np.pi * turns), np.cos(2 * np.pi * turns)]


def _cycle_table() -> Tensor:
    """Return time of year and day of month of each day of the cycle, ``[1461, 3]`` float32."""
    day = np.arange(CYCLE_DAYS)
    year = (4 * day + 3) // 1_461
    day = day - 1_461 * year // 4  # of the year, from 1 March, 0 .. 365
    month = (5 * day + 2) // 153
    day_of_month = day - (153 * month + 2) // 5  # 0 .. 30
    return torch.from_numpy(np.stack([*_circle(day / 366), day_of_month / 30], axis=1)).float()


def _week_table() -> Tensor:
    """Return sine and cosine of each day of the week, where Monday is 0, ``[7, 2]`` float32."""
    return torch.from_numpy(np.stack(_circle((np.arange(7) + 2) % 7 / 7), axis=1)).float()


CYCLE_TABLE, WEEK_TABLE = _cycle_table(), _week_table()
