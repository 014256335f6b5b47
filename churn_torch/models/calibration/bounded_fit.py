"""Maximum likelihood of a sum of increasing curves, whose factors are bounded from below."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from churn_torch.models.calibration.calibrator import Array, log_loss, smoothed_targets

# A calibrated logit rises by no less and no more than this for each unit of a curve: at the least
# the order of the rows is kept, at the most the rounding of float32 does not show.
LEAST, MOST = 1e-3, 50.0


def fit_increasing(curves: Array, label: Array, weight: Array | float = 1.0) -> tuple[Array, float]:
    """Return the factors and the intercept of ``curves @ factors + intercept``.

    Log-loss against `smoothed_targets` is convex in them. The curves are centred and scaled
    meanwhile, so that the solver sees numbers of one size.

    Args:
        curves: Increasing functions of the logit at each row, ``[N, K]``.
        label: 0 or 1, ``[N]``.
        weight: Of the rows, ``[N]``.
    """
    target = smoothed_targets(label, weight)
    w = np.broadcast_to(weight, label.shape)
    center = np.average(curves, axis=0, weights=w)
    scale = np.sqrt(np.average((curves - center) ** 2, axis=0, weights=w))
    scale = np.where(scale > 0, scale, 1.0)
    standard = (curves - center) / scale

    def loss_and_gradient(theta: Array) -> tuple[float, Array]:
        z = standard @ theta[:-1] + theta[-1]
        residual = weight * (expit(z) - target)
        slopes = residual @ standard / len(label)
        return log_loss(z, target, weight), np.append(slopes, np.mean(residual))

    n_curves = curves.shape[1]
    start = np.append(scale / n_curves, float(center.sum()) / n_curves)
    result = minimize(
        loss_and_gradient,
        start.clip(-1e3, 1e3),
        jac=True,
        method="L-BFGS-B",
        bounds=[*((LEAST * s, MOST * s) for s in scale), (None, None)],
        options={"ftol": 1e-14, "gtol": 1e-9},
    )
    factors = result.x[:-1] / scale
    return factors.clip(LEAST, MOST), float(result.x[-1] - center @ factors)
