"""Temperature scaling: one number divides the logit."""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from churn_torch.models.calibration.calibrator import Array, Calibrator, log_loss


def fit_temperature(logit: Array, label: Array, weight: Array | float = 1.0) -> float:
    """Return the temperature that minimises log-loss of ``logit / temperature``.

    Source: Guo, Pleiss, Sun, Weinberger 2017, "On calibration of modern neural networks".
    """
    result = minimize_scalar(
        lambda log_t: log_loss(logit * np.exp(-log_t), label, weight),
        bounds=(-4.0, 4.0),
        method="bounded",
        options={"xatol": 1e-8},
    )
    return float(np.exp(result.x))


class Temperature(Calibrator):
    """Divide the logit by one number; see `fit_temperature`."""

    temperature: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("temperature", torch.ones(()))

    def fit(self, logit: Array, label: Array, weight: Array | float = 1.0) -> None:
        """Set the temperature that minimises validation log-loss."""
        self.temperature.fill_(fit_temperature(logit, label, weight))

    def forward(self, logit: Tensor) -> Tensor:
        """Return ``logit / temperature``."""
        return logit / self.temperature
