"""The size of a campaign: agrees with statsmodels and with simulated campaigns."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from churn_torch.decisions.sample_size import customers_needed, effect_seen

# statsmodels 0.15.0, with r = share / (1 - share):
#   power = lambda n: power_proportions_2indep(-effect, p, n, ratio=r, return_results=False)
#   n = brentq(lambda n: power(n) - 0.8, 2, 1e8) / (1 - share)
REFERENCE = [
    ((0.2, 0.06, 0.1), 3239.65),
    ((0.5, 0.15, 0.1), 916.74),
    ((0.03, 0.006, 0.1), 61328.78),
    ((0.3, 0.09, 0.5), 733.98),
    ((0.8, 0.24, 0.2), 186.55),
    ((0.1, -0.02, 0.3), 9258.18),
    ((0.6, 0.03, 0.05), 44704.81),
]


@pytest.mark.parametrize(("case", "n"), REFERENCE)
def test_the_size_is_that_of_statsmodels(case, n):
    assert customers_needed(*case) == pytest.approx(n, rel=1e-4)


def test_a_campaign_of_that_size_sees_the_effect_as_often_as_promised():
    p, effect, share = 0.3, 0.08, 0.15
    n = math.ceil(customers_needed(p, effect, share))
    n_control = round(n * share)
    n_treated = n - n_control
    rng = np.random.default_rng(0)
    left = rng.binomial(n_treated, p - effect, 20_000)
    left_control = rng.binomial(n_control, p, 20_000)
    pooled = (left + left_control) / n
    error = np.sqrt(pooled * (1 - pooled) * (1 / n_treated + 1 / n_control))
    seen = np.abs(left_control / n_control - left / n_treated) / error > norm.ppf(0.975)
    assert seen.mean() == pytest.approx(0.8, abs=0.015)


@given(st.floats(0.02, 0.9), st.floats(0.05, 0.95), st.floats(0.02, 0.9))
def test_the_smallest_effect_seen_needs_that_size(p, part, share):
    n = customers_needed(p, part * p, share)
    assert effect_seen(n, p, share) == pytest.approx(part * p, rel=1e-6)


def test_no_effect_needs_a_campaign_without_end_and_a_tiny_one_sees_nothing():
    assert customers_needed(0.3, 0.0, 0.1) == math.inf
    assert effect_seen(10, 0.05, 0.1) is None
