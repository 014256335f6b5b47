"""Quadratic calibration: a parabola in the logit that rises everywhere, straight at both ends."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from churn_torch.models.calibration.bounded_fit import fit_increasing
from churn_torch.models.calibration.calibrator import Array, Calibrator

# The parabola reaches from the first to the last of these quantiles of the logits.
ENDS = (0.01, 0.99)
# Least distance of the ends, as a share of the largest logit and as a number: a bend between
# neighbouring logits would turn rounding into probability.
MIN_SHARE, MIN_DISTANCE = 0.02, 1e-3


def fit_quadratic(
    logit: Array, label: Array, weight: Array | float = 1.0
) -> tuple[float, float, float, float, float]:
    """Return the ends of the parabola, its slopes there, and its value at the first.

    A parabola whose slopes at both ends are above 0 rises in between, and beyond the ends it goes
    on in a straight line: one more number than Platt scaling has. The targets are smoothed as
    there.
    """
    w = np.broadcast_to(weight, logit.shape)
    low, high = np.quantile(logit, ENDS, method="inverted_cdf", weights=w)
    least = max(MIN_SHARE * float(np.abs(logit).max()), MIN_DISTANCE)
    if high - low < least:
        middle = (low + high) / 2
        low, high = middle - least / 2, middle + least / 2
    # As the module will have them.
    low = float(np.float32(low))
    width = float(np.float32(high - low))
    inside = (logit - low).clip(0, width)
    bend = inside * (inside / (2 * width))
    below, above = (logit - low).clip(max=0), (logit - low - width).clip(min=0)
    curves = np.stack([below + inside - bend, bend + above], axis=1)
    (first, last), value = fit_increasing(curves, label, weight)
    return low, width, float(first), float(last), value


class Quadratic(Calibrator):
    """A parabola between two logits and a straight line beyond each; see `fit_quadratic`."""

    low: Tensor
    width: Tensor
    first_slope: Tensor
    last_slope: Tensor
    value: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("low", torch.zeros(()))
        self.register_buffer("width", torch.ones(()))
        self.register_buffer("first_slope", torch.ones(()))
        self.register_buffer("last_slope", torch.ones(()))
        self.register_buffer("value", torch.zeros(()))

    def fit(self, logit: Array, label: Array, weight: Array | float = 1.0) -> None:
        """Set ends, slopes and value by smoothed maximum likelihood."""
        buffers = (self.low, self.width, self.first_slope, self.last_slope, self.value)
        for buffer, number in zip(buffers, fit_quadratic(logit, label, weight), strict=True):
            buffer.fill_(number)

    def forward(self, logit: Tensor) -> Tensor:
        """Return the parabola at each logit, and its tangents beyond its ends."""
        from_low = logit - self.low
        inside = torch.minimum(from_low.clamp(min=0.0), self.width)
        bend = inside * (inside / (2 * self.width))
        below, above = from_low.clamp(max=0.0), (from_low - self.width).clamp(min=0.0)
        rise = self.first_slope * (below + inside - bend) + self.last_slope * (bend + above)
        return rise + self.value
