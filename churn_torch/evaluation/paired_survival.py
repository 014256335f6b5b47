"""Metrics of several models of time to churn on the same rows, with the covariance of their values.

All are of the chance to leave within the horizon. Who was not observed for so long and still there
counts by inverse censoring weights, which the models share and which are taken as known. A value
has the covariance of its influence function: what each row adds to it (Efron & Tibshirani 1993, "An
introduction to the bootstrap", chapter 21).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from churn_torch.evaluation.concordance import pairs_of
from churn_torch.evaluation.paired_metrics import (
    EPS,
    Codes,
    Estimates,
    Floats,
    influence_estimates,
    mean_estimates,
)
from churn_torch.evaluation.survival_metrics import KnownOutcomes, known_outcomes, rank


def survival_estimates(
    risk: npt.NDArray[np.floating],
    last: npt.NDArray[Any],
    event: npt.NDArray[Any],
    *,
    horizon: int,
    clusters: Codes | None = None,
) -> tuple[Estimates, ...]:
    """Return AUROC, log-loss, Brier score and C-index of R models.

    Args:
        risk: ``[R, N]``, chances to leave within the horizon.
        last: ``[N]``, the last period observed, from 0 on.
        event: ``[N]``, 1 for customers who left in it; some left within the horizon, and some
            stayed for it.
        horizon: Periods.
        clusters: ``[N]``, the customer of each row, from 0 on; None where no customer has several.
    """
    wide, known = risk.astype(np.float64), known_outcomes(last, event, horizon)
    clipped = wide.clip(EPS, 1 - EPS)
    log_loss = -known.weight * np.where(known.left, np.log(clipped), np.log1p(-clipped))
    brier = known.weight * np.square(wide - known.left)
    return (
        _auroc(wide, known, clusters),
        mean_estimates("log_loss", log_loss, clusters),
        mean_estimates("brier", brier, clusters),
        _c_index(wide, last, event, clusters),
    )


def _auroc(risk: Floats, known: KnownOutcomes, clusters: Codes | None) -> Estimates:
    values, influence = [], np.zeros(risk.shape)
    for place, one in enumerate(risk):
        ranked = rank(one, known)
        assert ranked is not None
        values.append(ranked.value)
        share = ranked.weight / ranked.weight.sum()
        influence[place, known.left] = share * (ranked.above - ranked.value)
        influence[place, known.stayed] = (ranked.below - ranked.value) / len(ranked.below)
    return influence_estimates("auroc", np.array(values), influence, clusters)


def _c_index(
    risk: Floats, last: npt.NDArray[Any], event: npt.NDArray[Any], clusters: Codes | None
) -> Estimates:
    values, influences = [], []
    for one in risk:
        right, pairs = pairs_of(one, last, event)
        value = float(right.sum() / pairs.sum())
        values.append(value)
        influences.append((right - value * pairs) * 2 / pairs.sum())
    return influence_estimates("c_index", np.array(values), np.stack(influences), clusters)
