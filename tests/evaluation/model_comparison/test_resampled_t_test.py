"""The corrected resampled t-test, against its formula."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import t

from churn_torch.evaluation.model_comparison import resampled_t_test
from churn_torch.evaluation.model_comparison.resampled_t_test import (
    corrected_error,
    fold_estimates,
)
from churn_torch.evaluation.model_comparison.simultaneous import differences


def test_a_pair_is_the_test_of_nadeau_and_bengio() -> None:
    first, second = np.random.default_rng(0).normal(0.8, 0.01, size=(2, 10))
    found = differences(
        fold_estimates("auroc", np.stack([first, second]), 0.25), np.array([[0, 1]])
    )
    # As in the example "Statistical comparison of models using grid search" of scikit-learn.
    gaps = first - second
    error = math.sqrt(np.var(gaps, ddof=1) * (1 / 10 + 0.25))
    statistic = gaps.mean() / error
    assert found.value[0] == pytest.approx(gaps.mean())
    assert found.p_value[0] == pytest.approx(2 * t.sf(abs(statistic), 9))
    assert found.high[0] == pytest.approx(gaps.mean() + t.ppf(0.975, 9) * error)


def test_the_error_of_one_cross_validation_has_the_same_correction() -> None:
    values = np.array([0.8, 0.82, 0.78, 0.84])
    plain = np.std(values, ddof=1) / 2
    assert corrected_error(values, 0.0) == pytest.approx(plain)
    assert corrected_error(values, 1 / 3) == pytest.approx(plain * math.sqrt(1 + 4 / 3))


def test_folds_by_time_learn_from_earlier_rows_only() -> None:
    assert resampled_t_test.tested_to_learned(
        [20, 20, 20, 20, 20], 100, by_time=False
    ) == pytest.approx(0.25)
    # Three blocks of 25 behind the first: learned from 25, 50 and 75 rows.
    by_time = resampled_t_test.tested_to_learned([25, 25, 25], 100, by_time=True)
    assert by_time == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
