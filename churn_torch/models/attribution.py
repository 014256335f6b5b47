"""Reasons: how much each input column moves the logit, for any net."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.models.scorer import Scorer

# Numbers of points that are tried, and the largest accepted error of the integral, in log-odds.
POINTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
TOLERANCE = 1e-4
# Rows times points whose gradient is taken at once.
_EXPANDED_ROWS = 8_192
_FEW_ROWS = 100
# Far below any reason; in a row without reasons it divides the error evenly.
_NO_REASON = 1e-9


class Attribution(nn.Module):
    """Integrated gradients from the mean training row, summed for each input column.

    ``reason_c = sum_f (x_f - b_f) * integral_0^1 d logit / d x_f (b + t (x - b)) dt`` over the
    features f of column c (its one-hot features, missing flag, parts of a date). The integral uses
    Gauss-Legendre points. One point is exact for a linear net. For other nets the integral has a
    small error, a few hundredths where the net has kinks (relu, selu). The error is divided among
    the columns in proportion to the sizes of their reasons, so the reasons and `base` always add up
    to the logit. The reasons of an additive net are exact: they are its ``contributions``,
    ``[M, n_features]`` to ``[M, F]``.
    Source: Sundararajan, Taly & Yan 2017, "Axiomatic attribution for deep networks".

    Args:
        scorer: Trained, in evaluation mode.
        n_points: Points of the integral.
        gradient: Maps ``[M, n_features]`` to the gradient of the net's logit; None uses torch's
            automatic differentiation.

    Shape:
        Columns of N rows to ``[N, F]`` float32 log-odds, in the order of `Columns`: float32,
        float64, text.
    """

    typical: Tensor
    typical_contributions: Tensor

    def __init__(
        self, scorer: Scorer, n_points: int, gradient: Callable[[Tensor], Tensor] | None = None
    ) -> None:
        super().__init__()
        self.scorer = scorer
        self.n_points = n_points
        net = scorer.net
        self.contributions = getattr(net, "contributions", None)
        self.gradient = gradient or torch.func.grad(lambda x: net(x).sum())
        points, weights = np.polynomial.legendre.leggauss(n_points)
        self.register_buffer("points", torch.from_numpy((points + 1) / 2).float())
        self.register_buffer("weights", torch.from_numpy(weights / 2).float())
        preprocess = scorer.preprocess
        self.register_buffer("of_column", preprocess.of_column())
        with torch.no_grad():
            baseline = scorer.baseline.unsqueeze(0)
            self.register_buffer("typical", net(baseline))
            added = None if self.contributions is None else self.contributions(baseline)
            self.register_buffer("typical_contributions", added)

    def forward(self, x: Tensor, logit: Tensor | None = None) -> Tensor:
        """Return the reasons of model-space rows ``[N, n_features]``.

        Args:
            x: The rows.
            logit: The net's logits of them, if they have been computed already.
        """
        if self.contributions is not None:
            exact: Tensor = self.contributions(x) - self.typical_contributions
            return exact
        reasons = self._integrated(x)
        if self.n_points == 1:  # only chosen where it is exact
            return reasons
        missed = self._missed(self.scorer.net(x) if logit is None else logit, reasons)
        size = reasons.abs() + _NO_REASON
        return reasons + size * (missed / size.sum(1)).unsqueeze(1)

    def _missed(self, logit: Tensor, reasons: Tensor) -> Tensor:
        """Return the difference between the logit and the sum of base and reasons, ``[N]``."""
        missed: Tensor = logit - self.typical - reasons.sum(1)
        return missed

    def _integrated(self, x: Tensor) -> Tensor:
        baseline, points = self.scorer.baseline, self.get_buffer("points")
        moved = x - baseline
        n_features = self.scorer.preprocess.n_features
        if self.n_points == 1:
            slope = self.gradient(baseline + points * moved)
        else:
            along = baseline + points.view(-1, 1, 1) * moved
            slopes = self.gradient(along.reshape(-1, n_features))
            slope = (slopes.view(self.n_points, -1, n_features) * self._weight_a_point).sum(0)
        reasons: Tensor = (moved * slope) @ self.get_buffer("of_column")
        return reasons

    @property
    def _weight_a_point(self) -> Tensor:
        return self.get_buffer("weights").view(-1, 1, 1)

    def base(self) -> float:
        """Return the logit of the mean training row, before calibration."""
        return float(self.typical[0] - self.scorer.prior_shift)

    @torch.no_grad()
    def explain(self, columns: Columns) -> Tensor:
        """Return the reasons of any number of rows, chunk by chunk."""
        return torch.cat([self(x) for x in self._chunks(columns)])

    @torch.no_grad()
    def error(self, columns: Columns) -> float:
        """Return the largest difference of base and reasons to the logit before calibration."""
        logit = self.scorer.raw_logit(*columns) - self.scorer.prior_shift
        return float((self.explain(columns).sum(1) + self.base() - logit).abs().max())

    @torch.no_grad()
    def spread(self, columns: Columns) -> float:
        """Return the largest error of the integral of a row, before it is divided among columns."""
        if self.contributions is not None:
            return 0.0
        return max(
            float(self._missed(self.scorer.net(x), self._integrated(x)).abs().max())
            for x in self._chunks(columns)
        )

    def _chunks(self, columns: Columns) -> Iterator[Tensor]:
        """Yield rows in model space, as many as can be integrated at once."""
        chunk_rows = max(1, min(self.scorer.chunk_rows, _EXPANDED_ROWS // self.n_points))
        for chunk in columns.in_chunks(chunk_rows):
            yield self.scorer.preprocess(*chunk)


def fit_attribution(scorer: Scorer, columns: Columns) -> Attribution:
    """Return the attribution with the fewest points whose error is within `TOLERANCE`.

    Args:
        scorer: Trained, in evaluation mode.
        columns: Rows to measure the error on.
    """
    few = columns.take(slice(0, _FEW_ROWS))
    for n_points in POINTS:
        attribution = Attribution(scorer, n_points)
        # A few rows are enough to reject most numbers of points.
        if all(attribution.spread(rows) <= TOLERANCE for rows in (few, columns)):
            break
    return attribution
