"""Beta calibration: one factor for each of the two log-probabilities."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from churn_torch.models.calibration.bounded_fit import fit_increasing
from churn_torch.models.calibration.calibrator import Array, Calibrator


def fit_beta(logit: Array, label: Array, weight: Array | float = 1.0) -> tuple[float, float, float]:
    """Return ``(a, b, c)`` of ``a log(p) - b log(1 - p) + c``, p the probability, a and b above 0.

    With ``a = b`` it is Platt scaling. The targets are smoothed as there.
    Source: Kull, Silva Filho, Flach 2017, "Beta calibration".
    """
    curves = np.stack([-np.logaddexp(0, -logit), np.logaddexp(0, logit)], axis=1)
    (a, b), c = fit_increasing(curves, label, weight)
    return float(a), float(b), c


class Beta(Calibrator):
    """A curve with one slope for small and one for large logits; see `fit_beta`."""

    a: Tensor
    b: Tensor
    c: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("a", torch.ones(()))
        self.register_buffer("b", torch.ones(()))
        self.register_buffer("c", torch.zeros(()))

    def fit(self, logit: Array, label: Array, weight: Array | float = 1.0) -> None:
        """Set the three numbers by smoothed maximum likelihood."""
        a, b, c = fit_beta(logit, label, weight)
        self.a.fill_(a)
        self.b.fill_(b)
        self.c.fill_(c)

    def forward(self, logit: Tensor) -> Tensor:
        """Return ``a log(p) - b log(1 - p) + c``, from the logit of p."""
        # Each summand rises, so rounding cannot make the sum fall.
        return self.b * functional.softplus(logit) - self.a * functional.softplus(-logit) + self.c
