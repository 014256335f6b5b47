"""Calendar parts against datetime, day by day."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from churn_torch.models.preprocessing.calendar import (
    CALENDAR_PARTS,
    FIRST_DAY,
    LAST_DAY,
    calendar_parts,
)
from tests.reference.preprocess import calendar_row

# float32 angles; two days in a year are 0.017 apart, two minutes in a day 0.004.
ATOL = 2e-6
EPOCH = date(1970, 1, 1).toordinal()


def parts(days: list[float]) -> np.ndarray:
    return calendar_parts(torch.tensor(days, dtype=torch.float64)).numpy()


def by_datetime(days: list[float]) -> np.ndarray:
    return np.array([calendar_row(day) for day in days])


def test_every_day_from_1890_to_2110():
    first, last = date(1890, 1, 1).toordinal(), date(2110, 1, 1).toordinal()
    days = [float(day - EPOCH) for day in range(first, last)]
    np.testing.assert_allclose(parts(days), by_datetime(days), atol=ATOL)


def test_the_turns_of_february_and_of_the_year_in_every_year():
    turns = ((1, 1), (2, 28), (3, 1), (12, 31))
    dates = [date(y, m, d) for y in range(1, 10_000) for m, d in turns]
    dates += [date(y, 2, 29) for y in range(4, 10_000, 4) if y % 100 or not y % 400]
    days = [float(d.toordinal() - EPOCH) for d in dates]
    np.testing.assert_allclose(parts(days), by_datetime(days), atol=ATOL)


@pytest.mark.parametrize(
    ("when", "day_of_month", "weekday"),
    [
        (date(1970, 1, 1), 1, 3),  # Thursday
        (date(1900, 2, 28), 28, 2),  # no leap year
        (date(1900, 3, 1), 1, 3),
        (date(2000, 2, 29), 29, 1),  # leap year
        (date(2100, 3, 1), 1, 0),  # no leap year
        (date(1969, 12, 31), 31, 2),
        (date(2024, 2, 29), 29, 3),
    ],
)
def test_known_days(when: date, day_of_month: int, weekday: int):
    row = dict(zip(CALENDAR_PARTS, parts([float(when.toordinal() - EPOCH)])[0], strict=True))
    assert row["day of month"] == pytest.approx((day_of_month - 1) / 30, abs=ATOL)
    angle = 2 * math.pi * weekday / 7
    assert row["weekday (sine)"] == pytest.approx(math.sin(angle), abs=ATOL)
    assert row["weekday (cosine)"] == pytest.approx(math.cos(angle), abs=ATOL)
    assert row["time of day (sine)"] == 0
    assert row["time of day (cosine)"] == 1


@given(
    st.datetimes(
        min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.just(UTC)
    )
)
def test_time_of_day_to_the_second(when: datetime):
    elapsed = when - datetime(1970, 1, 1, tzinfo=UTC)
    # From 9999 a double of days resolves 40 microseconds: midnight itself may round up to the day.
    day = elapsed / timedelta(days=1)
    np.testing.assert_allclose(parts([day]), by_datetime([day]), atol=ATOL)
    second = when.hour * 3600 + when.minute * 60 + when.second
    turn = math.atan2(*parts([day])[0, 4:6]) / (2 * math.pi) * 86_400 % 86_400
    assert min(abs(turn - second), 86_400 - abs(turn - second)) < 1.1


def test_noon_before_1970():
    sine, cosine = parts([-0.5])[0, 4:6]
    assert (sine, cosine) == pytest.approx((0, -1), abs=ATOL)
    assert parts([-0.5])[0, 6] == 1  # the 31st


@pytest.mark.parametrize(("day", "limit"), [(1e300, LAST_DAY), (-1e300, FIRST_DAY)])
def test_absurd_days_are_the_first_or_last_there_is(day: float, limit: float):
    assert date.fromordinal(int(LAST_DAY) + EPOCH) == date.max
    assert date.fromordinal(int(FIRST_DAY) + EPOCH) == date.min
    assert np.array_equal(parts([day]), parts([limit]))


@pytest.mark.parametrize("shape", [(0, 1), (3, 2), (4,), ()])
def test_shape_and_dtype(shape: tuple[int, ...]):
    made = calendar_parts(torch.zeros(shape, dtype=torch.float64))
    assert made.shape == (*shape, len(CALENDAR_PARTS))
    assert made.dtype == torch.float32
