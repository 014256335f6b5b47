"""Numbers that are dates."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from churn_torch.tables.values.dates.days import day_numbers
from churn_torch.tables.values.dates.serials import (
    EPOCH_MS,
    EPOCH_NS,
    EPOCH_S,
    EPOCH_US,
    EXCEL,
    day_of_number,
    number_formats,
    numbers_to_dates,
)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([20210313, 20240131], ["%Y%m%d"]),
        ([20210313101500], ["%Y%m%d"]),
        ([202103, 202401], ["%Y%m"]),
        ([44256, 44257.5], [EXCEL]),
        ([1614600000, 1614686400], [EPOCH_S]),
        ([1614600000000], [EPOCH_MS]),
        ([1614600000000000], [EPOCH_US]),
        ([1.6146e18], [EPOCH_NS]),
        ([-631152000, 1614600000], [EPOCH_S]),
        ([20210313, 99991231, 0], ["%Y%m%d"]),
        ([99991231, 0], []),
        ([2015, 2016], []),
        ([17, 18], []),
        ([0, 1], []),
        ([20241301, 20240131], []),
        ([20210313, float("inf")], []),
        ([], []),
    ],
)
def test_number_formats(numbers: list[float], expected: list[str]) -> None:
    assert number_formats(pd.Series(numbers, dtype="float64")) == expected


@pytest.mark.parametrize(
    ("number", "form", "expected"),
    [
        (19700102, "%Y%m%d", 1), (19700102120000, "%Y%m%d", 1.5), (197002, "%Y%m", 31),
        (19701301, "%Y%m%d", None), (17, "%Y%m%d", None), (19700102.5, "%Y%m%d", None),
        (0, "%Y%m%d", math.nan), (0, EXCEL, math.nan), (0, EPOCH_S, 0.0),
        (25570.25, EXCEL, 1.25), (60, EXCEL, None), (1e9, EXCEL, None),
        (-86_400, EPOCH_S, -1), (1.5 * 86_400e3, EPOCH_MS, 1.5), (1.6e12, EPOCH_S, None),
        (20240131, "%d/%m/%Y", None), (20240131, None, None), (-1, "ISO8601", None),
    ],
)  # fmt: skip
def test_a_number_means_the_same_alone_and_in_a_column(
    number: float, form: str | None, expected: float | None
) -> None:
    dates, bad = numbers_to_dates(pd.Series([number, math.nan], dtype="float64"), form)
    assert (bad[1], dates.isna()[1]) == (False, True)
    if expected is None:
        assert bad[0]
        with pytest.raises(ValueError, match=r"\d"):
            day_of_number(number, form)
    else:
        assert not bad[0]
        column, alone = float(day_numbers(dates)[0]), day_of_number(number, form)
        assert column == pytest.approx(expected, nan_ok=True, abs=0)
        assert alone == pytest.approx(expected, nan_ok=True, abs=0)


def test_one_large_number_among_small_ones_is_no_moment() -> None:
    assert number_formats(pd.Series([0.5 * i for i in range(99)] + [7e11])) == []
