"""Platt scaling against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from churn_torch.models.calibration import Platt
from churn_torch.models.calibration.platt import fit_platt
from tests.models.calibration.made_rows import DEGENERATE, Array, sample


def platt_by_scikit_learn(logit: Array, label: Array) -> tuple[float, float]:
    """Smoothed targets as weights: each row counts for both classes."""
    n1, n0 = label.sum(), (1 - label).sum()
    target = np.where(label > 0, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
    model = LogisticRegression(C=np.inf, tol=1e-12, solver="newton-cholesky", max_iter=1000)
    model.fit(
        np.r_[logit, logit].reshape(-1, 1),
        np.r_[np.ones_like(label), np.zeros_like(label)],
        sample_weight=np.r_[target, 1 - target],
    )
    return float(model.coef_[0, 0]), float(model.intercept_[0])


@pytest.mark.parametrize(
    ("n", "slope", "shift"), [(2000, 1.0, 0.0), (300, 0.2, 1.5), (300, 5.0, -3.0), (12, 1.0, 0.5)]
)
@pytest.mark.parametrize("unit", [1.0, 1e-3, 30.0])
@pytest.mark.parametrize("offset", [0.0, 20.0])
def test_platt_against_scikit_learn(n: int, slope: float, shift: float, unit: float, offset: float):
    logit, label = sample(n, slope=slope, shift=shift)
    logit = (logit + offset) * unit
    expected = platt_by_scikit_learn((logit - logit.mean()) / logit.std(), label)
    slope, intercept = fit_platt(logit, label)
    got = slope * logit + intercept
    want = expected[0] * (logit - logit.mean()) / logit.std() + expected[1]
    np.testing.assert_allclose(got, want, rtol=1e-3, atol=2e-3)


def test_platt_stays_finite_on_separable_rows():
    logit, label = map(np.array, DEGENERATE["separable"])
    slope, intercept = fit_platt(logit, label)
    assert (slope, intercept) == pytest.approx(platt_by_scikit_learn(logit, label), abs=1e-4)
    assert 0.3 < slope < 3


def test_platt_never_turns_the_order_round():
    slope, _ = fit_platt(*map(np.array, DEGENERATE["separable, the wrong way round"]))
    assert slope == pytest.approx(1e-3)


def test_platt_is_a_line():
    calibrator = Platt()
    calibrator.slope.fill_(2)
    calibrator.intercept.fill_(-1)
    assert calibrator(torch.tensor([0.0, 1.5])).tolist() == [-1.0, 2.0]
