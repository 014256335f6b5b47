"""Time that leaks through a random split: what a split by time would measure in its place."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.evaluation.leakage.simple_model import Labels, fit, inputs_of
from churn_torch.evaluation.model_comparison.paired_metrics import auroc_estimates, ranked
from churn_torch.tables.schema import Kind, Schema

# Rows and columns that are looked at, at most, and dates.
_ROWS, _COLUMNS = 10_000, 20
_DATES = 3
# Rows after this share of all are late, where dates have so many values that this can be said.
_LATE = 0.7
_SHARES = (0.1, 0.5)
_FEWEST = 30
# Gaps of AUROC that are smaller, or less than so many standard errors, say nothing.
SMALLEST_GAP = 0.05
STANDARD_ERRORS = 4.0


@dataclass(frozen=True)
class TimeGap:
    """How much better a model is tested where it has learned from rows of the same time.

    Attributes:
        column: The date.
        at_random: AUROC on late rows of a model that has learned from rows of all times.
        by_time: AUROC on the same rows of a model that has learned from earlier rows only.
    """

    column: str
    at_random: float
    by_time: float


def time_gaps(
    parsed: pd.DataFrame, label: Labels, schema: Schema, scores: Mapping[str, float]
) -> list[TimeGap]:
    """Return the dates by which a split would measure less than a random one does.

    Both models are tested on the same late rows and learn from as many rows, so that neither a
    harder time nor a smaller sample makes the gap. The models are those of
    `churn_torch.evaluation.leakage.simple_model`; the error of the gap is that of DeLong (1988).

    Args:
        parsed: N training rows of features, in no order.
        label: ``[N]`` of 1 and 0.
        schema: Their columns.
        scores: The features that are learned from, and the AUROC of each: those with the highest
            are taken.
    """
    best = sorted(scores, key=lambda name: -scores[name])
    dates = [name for name in best if schema[name].kind is Kind.DATETIME]
    gaps = []
    for date in dates[:_DATES]:
        time = parsed[date].to_numpy(np.float64)
        rows = np.flatnonzero(~np.isnan(time))[:_ROWS]
        used = list(dict.fromkeys([date, *best]))[:_COLUMNS]
        inputs = inputs_of(parsed.take(rows), schema, used)
        gap = _gap(time[rows], label[rows], inputs, date)
        gaps += [] if gap is None else [gap]
    return gaps


def _gap(
    time: npt.NDArray[np.float64], label: Labels, inputs: npt.NDArray[np.float64], name: str
) -> TimeGap | None:
    if not len(time):
        return None
    is_late = time > np.quantile(time, _LATE)
    early, late = np.flatnonzero(~is_late), np.flatnonzero(is_late)
    n_churners = [label[early].sum(), label[late].sum()]
    enough = min(*n_churners, len(early) - n_churners[0], len(late) - n_churners[1]) >= _FEWEST
    if not enough or not _SHARES[0] <= len(late) / len(time) <= _SHARES[1]:
        return None
    by_time = inputs[late] @ fit(inputs[early], label[early])
    at_random = np.empty(len(late))
    # Each half of the late rows is tested by a model that has learned from the other half too.
    for half in (0, 1):
        tested = np.arange(len(late)) % 2 == half
        taken = np.concatenate([early[: len(early) - int((~tested).sum())], late[~tested]])
        at_random[tested] = inputs[late[tested]] @ fit(inputs[taken], label[taken])
    is_churner = label[late] == 1
    estimates = auroc_estimates(is_churner, [ranked(is_churner, p) for p in (at_random, by_time)])
    difference = float(estimates.value[0] - estimates.value[1])
    contrast = np.array([1.0, -1.0])
    error = math.sqrt(max(float(contrast @ estimates.covariance @ contrast), 0.0))
    if difference < max(SMALLEST_GAP, STANDARD_ERRORS * error):
        return None
    return TimeGap(name, float(estimates.value[0]), float(estimates.value[1]))
