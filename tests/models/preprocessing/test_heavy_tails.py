"""Which columns have a heavy tail, and where it is cut."""

from __future__ import annotations

import numpy as np
import pytest

from churn_torch.models.preprocessing.heavy_tails import Limits, heavy_tail


def tail_of(values: np.ndarray) -> Limits | None:
    low, high = float(values.min()), float(values.max())
    return heavy_tail(values, float(np.median(values)), low, high)


RNG = np.random.default_rng(0)
SPREAD = {
    "normal": RNG.normal(size=5000),
    "exponential": RNG.exponential(size=5000),
    "amounts": RNG.lognormal(2.7, 1.7, 5000),
    "Cauchy": RNG.standard_cauchy(5000),
    "yes or no": RNG.integers(0, 2, 5000).astype(float),
    "rarely yes": np.r_[np.zeros(4999), 1.0],
    "one value": np.full(9, 7.0),
    "one row": np.array([7.0]),
    "two values": np.array([0.0, 1e30]),
    "a few unlike the others": np.r_[np.zeros(5000), 1.0, 2.0, 900.0],
}


@pytest.mark.parametrize("name", SPREAD)
def test_skewed_columns_have_no_heavy_tail(name: str):
    assert tail_of(SPREAD[name]) is None
    assert tail_of(-SPREAD[name]) is None


def test_the_tail_is_cut_where_999_of_1000_values_are_not_further_out():
    values = np.r_[np.arange(-1000.0, 1001.0), 1e6]
    distance = np.sort(np.abs(values - np.median(values)))
    limits = tail_of(values)
    assert limits is not None
    assert limits.lower is None
    assert limits.upper == np.median(values) + distance[int(0.999 * (len(values) - 1))]
    assert np.mean(distance > limits.upper) <= 0.001


def test_a_thousand_times_as_far_and_no_less():
    assert tail_of(np.r_[-1.0, 0.0, 1.0, 999.0]) is None
    assert tail_of(np.array([-1.0, 0.0, 0.0, 1.0, 1000.0])) == Limits(None, 1.0)
    assert tail_of(np.array([1.0, 0.0, 0.0, -1.0, -1000.0])) == Limits(-1.0, None)
    assert tail_of(np.r_[RNG.random(4000), -1e9, 1e9, 1e9]) is not None


def test_where_nearly_all_values_are_equal_the_others_are_compared():
    assert tail_of(np.r_[np.zeros(5000), 1.0, 2.0, 3000.0]) == Limits(None, 2.0)


def test_the_largest_value_counts_though_the_sample_lacks_it():
    sample = np.arange(-100.0, 101.0)
    assert heavy_tail(sample, 0.0, -100.0, 1e9) == Limits(None, 100.0)
    assert heavy_tail(sample, 0.0, -1e9, 1e9) == Limits(-100.0, 100.0)


def test_the_note_names_both_ends_and_the_way_back():
    assert Limits(-1.5, 12_000.0).note == (
        "heavy tail: numbers below -1.5 count as -1.5 and numbers above 12,000 count as 12,000 "
        "(preprocess.outliers=none keeps them)"
    )
