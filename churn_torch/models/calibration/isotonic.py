"""Centred isotonic regression: a continuous increasing polyline."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from churn_torch.errors import InputError
from churn_torch.models.calibration.calibrator import Array, Calibrator

# Steepest rise of an isotonic curve over one standard deviation of the logits: a steeper one would
# depend on a handful of rows. A deviation below MIN_SPREAD of the largest logit does not raise the
# limit further, because float32 rounding of the logit would change the probability visibly.
MAX_RISE = 10.0
MIN_SPREAD = 0.02


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
