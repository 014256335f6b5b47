"""Platt scaling: an increasing straight line in the logit."""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.special import expit
from torch import Tensor

from churn_torch.models.calibration.calibrator import (
    Array,
    Calibrator,
    log_loss,
    smoothed_targets,
)


def fit_platt(logit: Array, label: Array, weight: Array | float = 1.0) -> tuple[float, float]:
    """Return ``(slope, intercept)`` of Platt scaling, slope kept above zero.

    The targets are `smoothed_targets`.
    Source: Platt 1999; Lin, Lin, Weng 2007, "A note on Platt's probabilistic outputs".
    """
    target = smoothed_targets(label, weight)

    def loss_and_gradient(theta: Array) -> tuple[float, Array]:
        z = theta[0] * logit + theta[1]
        residual = weight * (expit(z) - target)
        return log_loss(z, target, weight), np.array([np.mean(residual * logit), np.mean(residual)])

    result = minimize(
        loss_and_gradient,
        np.array([1.0, 0.0]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(1e-3, None), (None, None)],
        options={"ftol": 1e-14, "gtol": 1e-9},
    )
    return float(result.x[0]), float(result.x[1])


class Platt(Calibrator):
    """An increasing straight line in the logit; see `fit_platt`."""

    slope: Tensor
    intercept: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("slope", torch.ones(()))
        self.register_buffer("intercept", torch.zeros(()))

    def fit(self, logit: Array, label: Array, weight: Array | float = 1.0) -> None:
        """Set slope and intercept by Platt's smoothed maximum likelihood."""
        slope, intercept = fit_platt(logit, label, weight)
        self.slope.fill_(slope)
        self.intercept.fill_(intercept)

    def forward(self, logit: Tensor) -> Tensor:
        """Return ``slope * logit + intercept``."""
        return logit * self.slope + self.intercept
