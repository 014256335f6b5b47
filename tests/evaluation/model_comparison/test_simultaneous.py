"""Corrected p-values and intervals, against tables of Dunnett and Tukey and against each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student
from scipy.stats import ttest_rel

from churn_torch.evaluation.model_comparison.paired_metrics import Estimates, mean_estimates
from churn_torch.evaluation.model_comparison.simultaneous import differences

INFINITE = 1e9


def pairs_of(n: int) -> np.ndarray:
    return np.array([(i, j) for i in range(n) for j in range(i)])


def test_one_pair_is_a_paired_t_test() -> None:
    values = np.random.default_rng(0).normal(0.2, 1.0, size=(2, 30))
    values[1] -= 0.4
    found = differences(mean_estimates("brier", values), np.array([[0, 1]]))
    expected = ttest_rel(*values)
    low, high = expected.confidence_interval(0.95)
    assert found.p_value[0] == found.adjusted_p_value[0] == pytest.approx(expected.pvalue)
    assert (found.low[0], found.high[0]) == pytest.approx((low, high))


@pytest.mark.parametrize(
    ("n", "pairs", "critical"),
    [
        # Dunnett 1964, table of the two-sided 5 % point, 4 treatments, infinite freedom.
        (5, np.array([(i, 0) for i in range(1, 5)]), 2.44),
        # Tables of the studentised range: q(0.05; 5, infinity) = 3.858 over the root of 2.
        (5, pairs_of(5), 3.858 / np.sqrt(2)),
    ],
)
def test_equal_variances_give_the_tables_of_dunnett_and_tukey(n, pairs, critical) -> None:
    made = Estimates("auroc", np.zeros(n), ((np.eye(n), INFINITE),))
    found = differences(made, pairs)
    np.testing.assert_allclose(found.high / np.sqrt(2), critical, rtol=0.01)


@given(st.integers(0, 10**6), st.integers(2, 6), st.sampled_from([3.0, 30.0, INFINITE]))
@settings(max_examples=15, deadline=None)
def test_an_interval_excludes_0_where_the_corrected_test_does(seed, n, freedom) -> None:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n, n))
    made = Estimates("auroc", rng.normal(size=n) * 4, ((root @ root.T, freedom),))
    found = differences(made, pairs_of(n))
    apart = np.abs(found.adjusted_p_value - 0.05) > 1e-3  # the draws decide to 3 digits
    excludes = (found.low > 0) | (found.high < 0)
    assert (excludes == (found.adjusted_p_value < 0.05))[apart].all()
    assert (found.adjusted_p_value >= found.p_value).all()
    assert (found.adjusted_p_value <= np.minimum(len(found.value) * found.p_value, 1)).all()


def test_the_freedom_of_two_parts_is_that_of_welch() -> None:
    parts = ((np.diag([2.0, 0.0]), 4.0), (np.diag([0.0, 3.0]), 9.0))
    found = differences(Estimates("auroc", np.array([5.0, 0.0]), parts), np.array([[0, 1]]))
    freedom = 25 / (4 / 4 + 9 / 9)
    assert found.p_value[0] == pytest.approx(2 * student.sf(np.sqrt(5), freedom))


def test_models_that_answer_the_same_do_not_differ() -> None:
    values = np.random.default_rng(1).random((1, 50)).repeat(3, axis=0)
    values[2] += 0.01 * np.random.default_rng(2).random(50)
    found = differences(mean_estimates("brier", values), pairs_of(3))
    assert found.value[0] == found.low[0] == found.high[0] == 0
    assert found.adjusted_p_value[0] == 1
    assert np.isfinite(np.array(found)).all()


def test_many_pairs_are_corrected_with_fewer_draws() -> None:
    n = 80
    made = Estimates("auroc", np.zeros(n), ((np.eye(n), INFINITE),))
    found = differences(made, pairs_of(n))
    # q(0.05; 80, infinity) over the root of 2, times the error, the root of 2.
    np.testing.assert_allclose(found.high, 5.95, rtol=0.02)
