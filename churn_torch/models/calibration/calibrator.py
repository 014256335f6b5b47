"""The calibrator that changes nothing, and the interface of all the others."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor, nn

Array = np.ndarray[Any, np.dtype[np.float64]]


def log_loss(logit: Array, target: Array, weight: Array | float = 1.0) -> float:
    """Return the mean binary cross-entropy of ``target`` in [0, 1] under ``logit``, in nats."""
    return float(np.mean(weight * row_losses(logit, target)))


def row_losses(logit: Array, target: Array) -> Array:
    """Return the binary cross-entropy of each row, in nats."""
    losses: Array = np.logaddexp(0.0, logit) - target * logit
    return losses


def smoothed_targets(label: Array, weight: Array | float = 1.0) -> Array:
    """Return Platt's targets, ``(n1 + 1) / (n1 + 2)`` and ``1 / (n0 + 2)``, in place of 1 and 0.

    With them separable rows give finite numbers.
    Source: Platt 1999; Lin, Lin, Weng 2007, "A note on Platt's probabilistic outputs".
    """
    n_positive = np.sum(weight * label)
    n_negative = np.sum(weight * (1 - label))
    return np.where(label > 0, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))


class Calibrator(nn.Module):
    """Identity, and the interface of the others: ``[N]`` logits in, ``[N]`` logits out.

    Every map is non-decreasing and continuous.
    """

    def fit(self, logit: Array, label: Array, weight: Array | float = 1.0) -> None:
        """Set the buffers from validation logits, labels and weights, all float64 ``[N]``.

        Weights are above 0, and their sum counts as the number of rows.
        """

    def forward(self, logit: Tensor) -> Tensor:
        """Return calibrated logits."""
        return logit
