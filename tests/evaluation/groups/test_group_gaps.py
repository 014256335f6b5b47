"""Gaps between groups: the distance against brute force, the test, and what the interval holds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from churn_torch.evaluation.groups.group_gaps import Estimates, _distance, gap_interval


def estimates(value, error) -> Estimates:
    return Estimates(np.array(value, float), np.array(error, float))


@pytest.mark.parametrize("seed", range(4))
def test_the_distance_to_a_narrower_range_is_that_of_brute_force(seed):
    rng = np.random.default_rng(seed)
    value, error = rng.normal(size=(2, 5)), rng.uniform(0.3, 2, size=(2, 5))
    gap = float(np.ptp(value, axis=-1).min()) * 0.6
    starts = np.linspace(-4, 4, 80_001)[:, None]
    expected = sum(
        (((one - np.clip(one, starts, starts + gap)) / its) ** 2).sum(-1).min()
        for one, its in zip(value, error, strict=True)
    )
    assert _distance(value[None], error, gap)[0] == pytest.approx(expected, rel=1e-5)


def test_the_distance_to_a_wider_range_is_that_of_the_cheapest_pair():
    value, error = np.array([[0.0, 1.0, 1.1]]), np.array([[0.1, 0.1, 1.0]])
    distance = _distance(value[None], error, 2.0)[0]
    assert distance == pytest.approx((2.0 - 1.1) ** 2 / (0.1**2 + 1.0**2))


def test_no_gap_at_all_is_tested_by_the_chi_square_test_of_homogeneity():
    n, churners = np.array([400, 300, 500]), np.array([100, 90, 120])
    share = churners / n
    found = gap_interval([Estimates(share, np.sqrt(share * (1 - share) / n), n.astype(float))])
    expected = chi2_contingency([churners, n - churners], correction=False).pvalue
    assert found.p_value == pytest.approx(expected, rel=0.01)


def test_far_apart_two_groups_have_the_interval_of_their_difference():
    found = gap_interval([estimates([0.2, 0.8], [0.03, 0.04])], draws=20_000)
    assert found.value == pytest.approx(0.6)
    assert found.typical == pytest.approx(0.6, abs=0.003)
    assert (found.low, found.high) == pytest.approx((0.502, 0.698), abs=0.003)
    assert found.p_value < 1e-20


def test_the_larger_of_two_gaps_counts():
    small, large = estimates([0.5, 0.5], [0.02, 0.02]), estimates([0.1, 0.5], [0.02, 0.02])
    found = gap_interval([small, large])
    assert found.value == pytest.approx(0.4)
    assert found.low > 0.3


def test_groups_that_are_alike_differ_in_the_sample_and_not_beyond_chance():
    rng = np.random.default_rng(1)
    found = [
        gap_interval([estimates(rng.normal(0.5, 0.05, 5), [0.05] * 5)], draws=300)
        for _ in range(60)
    ]
    assert min(one.value for one in found) > 0.03
    assert np.mean([one.low == 0 for one in found]) >= 0.9
    assert np.mean([one.p_value < 0.05 for one in found]) <= 0.1
    assert np.median([one.typical for one in found]) < 0.03
    assert all(one.low <= one.value <= one.high for one in found)


def test_the_interval_is_the_same_for_the_same_seed():
    one = [estimates([0.1, 0.2, 0.4], [0.05, 0.1, 0.05])]
    assert gap_interval(one) == gap_interval(one)
