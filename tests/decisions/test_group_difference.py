"""Differences of two groups agree with statsmodels and NumPy, and their intervals cover."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from churn_torch.decisions.group_difference import (
    UNKNOWN,
    Counts,
    count,
    mean_difference,
    rate_difference,
    relative_risk,
)

# statsmodels 0.15.0: confint_proportions_2indep(x1, n1, x0, n0, compare="diff", method="newcomb")
NEWCOMBE = [
    ((150, 900, 25, 100), (-0.17915952176063207, -0.004462186438427329)),
    ((3, 90, 1, 10), (-0.37160648498010684, 0.0351227192232641)),
    ((0, 50, 0, 20), (-0.1611251580528194, 0.07134759913335874)),
    ((0, 50, 5, 50), (-0.21360231437479657, -0.008975448080590018)),
]
# The same with compare="ratio", method="score": another method, so only close.
SCORE = [
    ((150, 900, 25, 100), (0.46926425178289727, 0.9765082055347521)),
    ((40, 500, 60, 500), (0.45628685218805903, 0.972463028624062)),
]


def counts(x1: int, n1: int, x0: int, n0: int) -> Counts:
    return Counts(n1, n0, x1, x0)


@pytest.mark.parametrize(("case", "interval"), NEWCOMBE)
def test_the_difference_of_rates_is_newcombes(case, interval):
    found = rate_difference(counts(*case))
    assert (-found.high, -found.low) == pytest.approx(interval, abs=1e-12)
    assert found.value == case[2] / case[3] - case[0] / case[1]


@pytest.mark.parametrize(("case", "interval"), SCORE)
def test_the_relative_risk_is_close_to_the_score_interval(case, interval):
    found = relative_risk(counts(*case))
    assert (found.low, found.high) == pytest.approx(interval, rel=0.01)


@given(st.integers(0, 40), st.integers(1, 40), st.integers(0, 40), st.integers(1, 40))
def test_intervals_hold_their_estimates(x1, n1, x0, n0):
    group = counts(min(x1, n1), n1, min(x0, n0), n0)
    difference, ratio = rate_difference(group), relative_risk(group)
    assert -1 <= difference.low <= difference.value <= difference.high <= 1
    assert 0 <= ratio.low <= ratio.high
    assert math.isnan(ratio.value) or ratio.low - 1e-9 <= ratio.value <= ratio.high + 1e-9


def test_relative_risk_covers():
    rng = np.random.default_rng(1)
    left, left_control = rng.binomial(450, 0.14, 2000), rng.binomial(50, 0.2, 2000)
    found = [relative_risk(Counts(450, 50, a, b)) for a, b in zip(left, left_control, strict=True)]
    assert 0.94 <= np.mean([one.low <= 0.7 <= one.high for one in found]) <= 0.97


def test_without_covariates_it_is_welchs_test():
    rng = np.random.default_rng(2)
    outcome, treated = rng.normal(size=60) ** 3, rng.random(60) < 0.8
    welch = ttest_ind(outcome[treated], outcome[~treated], equal_var=False)
    interval = welch.confidence_interval()
    found = mean_difference(outcome, treated)
    assert found.value == pytest.approx(outcome[treated].mean() - outcome[~treated].mean())
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_with_a_covariate_it_is_the_regression_with_interactions_and_hc2_errors():
    rng = np.random.default_rng(7)
    n = 60
    treated = rng.random(n) < 0.7
    p = rng.random(n)
    churned = (rng.random(n) < p * np.where(treated, 0.6, 1)).astype(float)
    found = mean_difference(churned, treated, p[:, None])
    x = p - p.mean()
    design = np.column_stack([np.ones(n), treated, x, treated * x])
    inverse = np.linalg.inv(design.T @ design)
    coefficients = inverse @ design.T @ churned
    residual = churned - design @ coefficients
    leverage = np.einsum("nj,jk,nk->n", design, inverse, design)
    middle = design.T * (residual**2 / (1 - leverage)) @ design
    error = np.sqrt((inverse @ middle @ inverse)[1, 1])
    assert found.value == pytest.approx(coefficients[1])
    # statsmodels 0.15.0: OLS(churned, design).fit(cov_type="HC2") gives both.
    assert found.value == pytest.approx(-0.09521809194323871)
    assert error == pytest.approx(0.13145990753958114)
    half = (found.high - found.low) / 2
    assert 1.96 * error < half < 2.2 * error  # a t-distribution of some 40 degrees of freedom


def test_a_covariate_that_explains_the_outcome_narrows_the_interval():
    rng = np.random.default_rng(3)
    known, treated = rng.normal(size=500), rng.random(500) < 0.8
    outcome = 3 * known + treated + rng.normal(size=500) * 0.1
    plain = mean_difference(outcome, treated)
    adjusted = mean_difference(outcome, treated, known[:, None])
    assert adjusted.high - adjusted.low < 0.1 * (plain.high - plain.low)
    constant = mean_difference(outcome, treated, np.ones((500, 1)))
    assert constant.value == pytest.approx(plain.value)


def test_without_two_groups_nothing_is_known():
    ones = np.ones(4, dtype=bool)
    assert mean_difference(np.arange(4.0), ones) is UNKNOWN
    assert mean_difference(np.zeros(0), ones[:0]) is UNKNOWN
    only = count(np.array([1.0, 0, 0, 1]), ones)
    assert (only.churned_treated, only.control) == (2, 0)
    assert rate_difference(only) is UNKNOWN
    assert relative_risk(only) is UNKNOWN
    assert math.isnan(only.rate_control)
