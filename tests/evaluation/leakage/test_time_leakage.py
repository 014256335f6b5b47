"""Dates by which a split would measure less than a random one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_torch.evaluation.leakage.time_leakage import TimeGap, time_gaps
from churn_torch.tables.schema import Column, Kind, Schema, Storage

N = 4_000
SCHEMA = Schema(
    (Column("day", Kind.DATETIME, Storage.DATETIME), Column("x", Kind.NUMERIC, Storage.NUMBER)),
    "churn",
    "1",
    "0",
)


def gaps(chance_of_day: np.ndarray, x_matters: float, seed: int, days: int = 140) -> list[TimeGap]:
    random = np.random.default_rng(seed)
    day, x = random.integers(0, days, N), random.normal(size=N)
    score = np.log(chance_of_day / (1 - chance_of_day))[day] + x_matters * x
    label = (random.random(N) < 1 / (1 + np.exp(-score))).astype(np.float32)
    parsed = pd.DataFrame({"day": 19_000.0 + day, "x": x})
    return time_gaps(parsed, label, SCHEMA, {"day": 0.6, "x": 0.7})


def test_churn_that_goes_by_the_week() -> None:
    weeks = np.random.default_rng(1).permutation(20) < 10
    (found,) = gaps(np.repeat(np.where(weeks, 0.08, 0.5), 7), 0.5, seed=0)
    assert found.column == "day"
    assert found.at_random > found.by_time + 0.1


@pytest.mark.parametrize("seed", range(5))
def test_a_rate_that_drifts_and_columns_that_matter_are_no_leak(seed: int) -> None:
    assert gaps(np.linspace(0.1, 0.4, 140), 1.0, seed) == []
    assert gaps(np.full(140, 0.2), 2.0, seed) == []


def test_two_dates_or_hardly_any_churners_say_nothing() -> None:
    assert gaps(np.array([0.1, 0.5]), 1.0, 0, days=2) == []
    assert gaps(np.full(140, 0.002), 0.0, 0) == []
    none = pd.DataFrame({"day": np.full(50, np.nan), "x": np.zeros(50)})
    assert time_gaps(none, np.ones(50, np.float32), SCHEMA, {"day": 0.5, "x": 0.5}) == []
