"""The fit of a sum of increasing curves against a general solver."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from churn_torch.models.calibration.bounded_fit import LEAST, MOST, fit_increasing
from churn_torch.models.calibration.calibrator import log_loss, smoothed_targets
from churn_torch.models.calibration.platt import fit_platt
from tests.models.calibration.made_rows import sample


@pytest.mark.parametrize(("slope", "shift"), [(1.0, 0.0), (0.3, 1.0), (4.0, -2.0)])
def test_one_curve_is_platt_scaling(slope: float, shift: float) -> None:
    logit, label = sample(800, slope=slope, shift=shift)
    factors, intercept = fit_increasing(logit[:, None], label)
    assert (factors[0], intercept) == pytest.approx(fit_platt(logit, label), abs=1e-4)


def test_factors_are_those_of_a_slow_solver_without_derivatives() -> None:
    logit, label = sample(500, slope=0.5, shift=0.5)
    curves = np.stack([np.minimum(logit, 0), np.maximum(logit, 0) + 3], axis=1)
    factors, intercept = fit_increasing(curves, label)
    target = smoothed_targets(label)
    slow = minimize(
        lambda theta: log_loss(curves @ theta[:2] + theta[2], target),
        np.array([1.0, 1.0, -3.0]),
        method="Nelder-Mead",
        options={"xatol": 1e-7, "fatol": 1e-12, "maxiter": 5000, "maxfev": 5000},
    ).x
    np.testing.assert_allclose(curves @ factors + intercept, curves @ slow[:2] + slow[2], atol=1e-3)


def test_factors_stay_in_their_bounds() -> None:
    logit, label = sample(500)
    falling, _ = fit_increasing(logit[:, None], 1 - label)
    assert falling == pytest.approx([LEAST])
    steep, _ = fit_increasing(logit[:, None] / 1e4, label)
    assert steep == pytest.approx([MOST])
