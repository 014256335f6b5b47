"""Sentinels: the values that are named, and those that are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_torch.tables.inference.sentinels import (
    date_sentinels,
    number_sentinels,
    text_date_sentinels,
)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([999] * 60 + list(range(40)), (("999", 60),)),
        ([*range(99), -999_999], (("-999999", 1),)),
        ([-99, -99, *range(50)], (("-99", 2),)),
        ([-1] * 30 + list(range(70)), (("-1", 30),)),
        ([*range(500, 999), 999], ()),
        ([-1, *range(-50, 50)], ()),
        ([0, 1] * 50, ()),
        ([0.5, 99.9, 999.9], ()),
        ([np.inf, 1.0, 2.0, 999.0], ()),
        ([999], ()),
    ],
)
def test_numbers(values: list, found: tuple) -> None:
    series = pd.Series(values, dtype="float64")
    levels = pd.Series(np.unique(series))
    assert number_sentinels(levels, lambda x: int((series == x).sum()), len(series)) == found


def test_dates() -> None:
    days = pd.Series(pd.to_datetime(["1900-01-01", "2024-05-01", "9999-12-31"], utc=True))
    assert date_sentinels(days, lambda day: day.year) == (
        ("1900-01-01", 1900),
        ("9999-12-31", 9999),
    )
    assert date_sentinels(days[1:2], lambda day: 1) == ()
    assert date_sentinels(days[:0], lambda day: 1) == ()


@pytest.mark.parametrize(
    "text",
    ["9999-12-31", "31.12.9999", "12/31/9999", "1900-01-01 00:00:00", "01/01/1900", "99991231"],
)
def test_dates_in_text(text: str) -> None:
    levels = pd.Series([text, "2023-12-31", "19000102"], dtype="str")
    assert text_date_sentinels(levels, np.array([7, 1, 1])) == ((text, 7),)
