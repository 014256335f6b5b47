"""Calibrators: small modules from logit to calibrated logit, fitted on the validation rows.

Each ``fit_*`` function looks at data and returns numbers; the module of the same name holds them
as buffers, so it exports with the rest of the scorer. Every map is non-decreasing and continuous.
Weights are above 0, and their sum counts as the number of rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit
from torch import Tensor, nn

from churn_torch.errors import InputError

Array = np.ndarray[Any, np.dtype[np.float64]]

# Steepest rise of an isotonic curve over one standard deviation of the logits: a steeper one would
# depend on a handful of rows. A deviation below MIN_SPREAD of the largest logit does not raise the
# limit further, because float32 rounding of the logit would change the probability visibly.
MAX_RISE = 10.0
MIN_SPREAD = 0.02


def _log_loss(logit: Array, target: Array, weight: Array | float) -> float:
    """Mean binary cross-entropy of ``target`` in [0, 1] under ``logit``, in nats."""
    return float(np.mean(weight * (np.logaddexp(0.0, logit) - target * logit)))


def fit_temperature(logit: Array, label: Array, weight: Array | float = 1.0) -> float:
    """Return the temperature that minimises log-loss of ``logit / temperature``.

    Source: Guo, Pleiss, Sun, Weinberger 2017, "On calibration of modern neural networks".
    """
    result = minimize_scalar(
        lambda log_t: _log_loss(logit * np.exp(-log_t), label, weight),
        bounds=(-4.0, 4.0),
        method="bounded",
        options={"xatol": 1e-8},
    )
    return float(np.exp(result.x))


def fit_platt(logit: Array, label: Array, weight: Array | float = 1.0) -> tuple[float, float]:
    """Return ``(slope, intercept)`` of Platt scaling, slope kept above zero.

    The targets are Platt's smoothed ones, ``(n1 + 1) / (n1 + 2)`` and ``1 / (n0 + 2)``, so that
    separable validation rows give finite numbers.
    Source: Platt 1999; Lin, Lin, Weng 2007, "A note on Platt's probabilistic outputs".
    """
    n_positive = np.sum(weight * label)
    n_negative = np.sum(weight * (1 - label))
    target = np.where(label > 0, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))

    def loss_and_gradient(theta: Array) -> tuple[float, Array]:
        z = theta[0] * logit + theta[1]
        residual = weight * (expit(z) - target)
        return _log_loss(z, target, weight), np.array(
            [np.mean(residual * logit), np.mean(residual)]
        )

    result = minimize(
        loss_and_gradient,
        np.array([1.0, 0.0]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(1e-3, None), (None, None)],
        options={"ftol": 1e-14, "gtol": 1e-9},
    )
    return float(result.x[0]), float(result.x[1])


def fit_isotonic(
    logit: Array, label: Array, n_knots: int, weight: Array | float = 1.0
) -> tuple[Array, Array]:
    """Return increasing knots ``(logit, calibrated logit)``, at most ``n_knots`` of them.

    Centred isotonic regression: each pooled block of rows becomes one point at its mean logit and
    its event rate, and straight lines join the points. So the map has no steps at which float
    noise could change the probability. Small blocks of equal labels would distort the lines beside
    them, so blocks with fewer rows than half the square root of all rows are pooled further, and
    the rate is ``(events + 1/2) / (rows + 1)``, which is never 0 or 1.
    Source: Oron & Flournoy 2017, "Centered isotonic regression"; Krichevsky & Trofimov 1981.
    """
    from sklearn.isotonic import IsotonicRegression

    order = np.argsort(logit, kind="stable")
    z, y, w = logit[order], label[order], np.broadcast_to(weight, logit.shape)[order]
    pooled = IsotonicRegression().fit_transform(z, y, sample_weight=w)
    starts = np.flatnonzero(np.r_[True, np.diff(pooled) > 0])
    sums = np.add.reduceat(np.stack([w * z, w * y, w]), starts, axis=1)
    fewest = np.sqrt(w.sum()) / 2
    spread = np.sqrt(np.average((z - np.average(z, weights=w)) ** 2, weights=w))
    steepest = MAX_RISE / max(float(spread), MIN_SPREAD * float(np.abs(z).max()), 1e-30)
    while True:
        rows = sums[2]
        knots, rates = sums[0] / rows, (sums[1] + 0.5) / (rows + 1)
        values = np.log(rates) - np.log1p(-rates)
        if len(knots) == 1:
            return knots, values
        slope = np.diff(values) / np.diff(knots)
        if rows.min() < fewest or len(knots) > n_knots:
            # The block with the fewest rows joins the smaller of its neighbours.
            i = int(np.argmin(rows))
            i -= i == len(rows) - 1 or (i > 0 and rows[i - 1] < rows[i + 1])
        elif slope.min() <= 0:
            i = int(np.argmin(slope))
        elif slope.max() > steepest:
            i = int(np.argmax(slope))
        else:
            return knots, values
        sums[:, i] += sums[:, i + 1]
        sums = np.delete(sums, i + 1, axis=1)


class Calibrator(nn.Module):
    """Identity, and the interface of the others: ``[N]`` logits in, ``[N]`` logits out."""

    def fit(self, logit: Array, label: Array, weight: Array | float = 1.0) -> None:
        """Set the buffers from validation logits, labels and weights, all float64 ``[N]``."""

    def forward(self, logit: Tensor) -> Tensor:
        """Return calibrated logits."""
        return logit


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


class Isotonic(Calibrator):
    """A continuous increasing polyline, flat beyond its ends; see `fit_isotonic`.

    Args:
        n_knots: Most knots kept. Unused ones repeat the last and add nothing.

    Raises:
        InputError: ``n_knots`` is below 2.
    """

    left: Tensor
    run: Tensor
    slope: Tensor
    floor: Tensor

    def __init__(self, n_knots: int = 32) -> None:
        super().__init__()
        if n_knots < 2:
            raise InputError("calibration.n_knots", expected="2 or more", got=str(n_knots))
        self.n_knots = n_knots
        self.register_buffer("left", torch.zeros(n_knots - 1))
        self.register_buffer("run", torch.zeros(n_knots - 1))
        self.register_buffer("slope", torch.zeros(n_knots - 1))
        self.register_buffer("floor", torch.zeros(()))

    def fit(self, logit: Array, label: Array, weight: Array | float = 1.0) -> None:
        """Set the knots from centred isotonic regression."""
        knots, values = fit_isotonic(logit, label, self.n_knots, weight)
        run, rise = np.diff(knots), np.diff(values)
        for buffer in (self.left, self.run, self.slope):
            buffer.zero_()
        self.left[: len(run)] = torch.from_numpy(knots[:-1])
        self.run[: len(run)] = torch.from_numpy(run)
        self.slope[: len(run)] = torch.from_numpy(rise / run)
        self.floor.fill_(values[0])

    def forward(self, logit: Tensor) -> Tensor:
        """Return the polyline at each logit, as a sum of its segments."""
        inside = torch.minimum((logit.unsqueeze(1) - self.left).clamp(min=0.0), self.run)
        return self.floor + (inside * self.slope).sum(1)
