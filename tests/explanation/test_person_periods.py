"""Person-periods of customers: those of a slow loop, put together with weights."""

from __future__ import annotations

import numpy as np
import pytest

from churn_torch.explanation.person_periods import person_periods
from churn_torch.models.nets.survival import Hazard
from churn_torch.tables.labelled.lifetimes import LifetimeColumns
from tests.reference.survival import person_periods as slow_person_periods

ENDS = (1, 3, 6)


@pytest.mark.parametrize("empty", [(), (1,)])
def test_each_period_observed_is_in_one_row_with_its_customer(empty: tuple[int, ...]) -> None:
    rng = np.random.default_rng(5)
    n = 60
    x = np.column_stack([np.arange(n), rng.normal(size=n)]).astype(np.float64)
    entry = rng.integers(0, 5, n)
    # Some were not observed at all, others for longer than the last period.
    last = entry + rng.integers(0, 6, n)
    left = rng.integers(0, 2, n) * (last > entry)
    hazard = Hazard(LifetimeColumns("t", "e", 1, 2, ENDS, empty), (0, 0))
    lifetime = np.stack([entry, last], axis=1).astype(np.float32)
    design, outcome, weight, customer = person_periods(hazard, x, lifetime, left)
    np.testing.assert_array_equal(design[:, :2], x[customer])
    times = weight.astype(int)
    np.testing.assert_array_equal(times, weight)
    found = np.repeat(np.column_stack([design, outcome]), times, axis=0)

    slow, leaves = slow_person_periods(x, entry, last, left, ENDS)
    possible = ~slow[:, 2:][:, list(empty)].any(axis=1) if empty else np.ones(len(slow), bool)
    baselines = np.delete(slow[:, 2:], list(empty), axis=1)[:, 1:]  # the first needs none
    expected = np.column_stack([slow[:, :2], baselines, leaves])[possible]
    assert sorted(map(tuple, found)) == sorted(map(tuple, expected))
