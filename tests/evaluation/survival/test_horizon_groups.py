from __future__ import annotations

import numpy as np
import pytest

from churn_torch.evaluation.survival.horizon_groups import HorizonGroup, horizon_group, left_within
from tests.reference.survival import made_lifetimes, slow_kaplan_meier


def test_a_group_is_judged_by_its_own_kaplan_meier_estimate() -> None:
    _, last, event, curves = made_lifetimes(60)
    group = horizon_group(1 - curves[:, 5], last, event, 6)
    assert group.observed == pytest.approx(1 - slow_kaplan_meier(last, event, 6)[-1])
    assert group.interval is not None
    assert group.interval[0] < group.observed < group.interval[1]


def test_who_left_is_the_mean_of_the_groups() -> None:
    groups = (HorizonGroup(30, 0.1, 0.2, (0.1, 0.3), 0.04), HorizonGroup(10, 0.5, 0.6, None, 0.0))
    found = left_within(groups)
    assert found is not None
    assert found[0] == pytest.approx(0.3)
    assert found[1] == pytest.approx((0.3 - 1.96 * 0.03, 0.3 + 1.96 * 0.03), abs=1e-4)
    assert left_within((*groups, HorizonGroup(5, 0.1, None, None))) is None


def test_one_curve_of_all_is_too_high_where_low_risks_are_observed_longer() -> None:
    rng = np.random.default_rng(0)
    risky = np.arange(20_000) % 2 == 0
    leaves = np.where(risky, rng.geometric(0.3, 20_000), 99)
    ends = np.where(risky, rng.integers(0, 4, 20_000), 9)
    event, last = (leaves <= ends).astype(int), np.minimum(leaves, ends)
    truth = 0.5 * (1 - 0.7**3)
    parts = [horizon_group(np.ones(10_000), last[rows], event[rows], 3) for rows in (risky, ~risky)]
    found = left_within(tuple(parts))
    assert found is not None
    assert found[0] == pytest.approx(truth, abs=0.01)
    together = horizon_group(np.ones(20_000), last, event, 3)
    assert together.observed is not None
    assert together.observed < truth - 0.05
