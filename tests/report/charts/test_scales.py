"""Axes: few round ticks that stand side by side on a phone, and numbers of any size."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from churn_torch.report.charts.scales import Axis, Scale, compact


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.25, "0.25"), (999.4, "999"), (999.9, "1k"), (-12_345, "-12.3k"),
     (2e7, "20M"), (999_999_999, "1bn")],
)  # fmt: skip
def test_numbers_in_a_few_characters(value, text):
    assert compact(value) == text


@pytest.mark.parametrize("high", [1e-9, 1e-4, 0.013, 0.071, 0.2, 0.55, 1.0, 7.3, 99.0, 3e12])
@pytest.mark.parametrize("low", [0.0, -0.3, -1.0])
def test_ticks_are_few_and_round(low: float, high: float):
    ticks = [at for at, _ in Scale(low * high, high).ticks(Axis("", repr))]
    assert 3 <= len(ticks) <= 6
    assert 0 in ticks
    assert np.ptp(np.diff(ticks)) < 1e-9 * high
    assert all(low * high - 1e-9 * high <= tick <= high * (1 + 1e-9) for tick in ticks)


@pytest.mark.parametrize(
    "write", ["{:.0f}".format, "{:.0%}".format, "{:,.2f}".format, "{:.12f}".format, lambda _: "1"]
)
@pytest.mark.parametrize("high", [0.004, 0.6, 3.0, 12_345.0])
def test_words_of_ticks_differ_and_do_not_meet_on_a_phone(write, high):
    ticks = Scale(0, high).ticks(Axis("", write), beside=5)
    assert 1 <= len({word for _, word in ticks}) == len(ticks)
    if len(ticks) > 2:
        for (at, word), (after, following) in pairwise(ticks):
            assert (after - at) / high * (343 - 7.5 * (5 + len(ticks[-1][1]) / 2)) >= (
                len(word) + len(following)
            ) / 2 * 7.5


def test_ticks_in_words_that_do_not_fit_are_the_first_and_the_last():
    short, long = ([(k, word * size) for k, word in enumerate("abc")] for size in (3, 20))
    for ticks, kept in ((short, short), (long, [long[0], long[2]])):
        assert Scale(0, 2).ticks(Axis("", str, ticks=ticks), beside=5) == kept


@pytest.mark.parametrize(
    ("axis", "values", "ends"),
    [
        ({}, [1, 3], (1 - 0.1, 3 + 0.1)),
        ({}, [0, 2], (0, 2.1)),
        ({"include_zero": True}, [-1], (-1.05, 0)),
        ({"low": 0, "high": 1}, [-7, 7], (0, 1)),
        ({"low": 0}, [2], (0, 2.1)),
        ({}, [5, 5], (2.5, 7.5)),
        ({}, [0], (0, 1)),
        ({}, [0, 5e-324], (0, 1)),
        ({}, [], (0, 1)),
        ({}, [math.nan, math.inf, 1, 3], (0.9, 3.1)),
    ],
)
def test_a_scale_shows_the_numbers(axis, values, ends):
    scale = Axis("", str, **axis).scale(values, 0.05)
    assert (scale.low, scale.high) == pytest.approx(ends)
