"""Segments where a model is weak: found on one half of the rows, tested on the other half.

Two things are looked for. The residual, label minus probability, has mean 0 in every segment of a
calibrated model. So has the excess log-loss: the log-loss of a row minus the log-loss that its own
probability leads one to expect, which is the entropy of the probability. A segment of much churn is
therefore not weak just because its rows are hard to tell apart. The excess also finds segments
whose mean is right, but whose probabilities are too extreme or in the wrong order.

A shallow tree of each of the two proposes segments on one half of the rows. They are tested on
the other half, as Athey & Imbens 2016, "Recursive partitioning for heterogeneous causal effects",
do, so p-values and intervals hold although the segments were searched for. They are corrected for
the number of segments (`churn_torch.evaluation.model_comparison.simultaneous`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.evaluation.groups.segment_tree import (
    Bools,
    Condition,
    Floats,
    Segment,
    SegmentTrees,
)
from churn_torch.evaluation.leakage.column_leakage import auroc
from churn_torch.evaluation.model_comparison.paired_metrics import Codes, Estimates, mean_estimates
from churn_torch.evaluation.model_comparison.simultaneous import Differences, differences
from churn_torch.evaluation.share_intervals import CONFIDENCE
from churn_torch.tables.schema import Schema

# Conditions of a segment, at most.
DEPTH = 2
# Rows of a segment in the half that it is found on, at least, and as a share of the half; customers
# in the other half.
FEWEST_ROWS, SMALLEST_SHARE = 30, 0.02
# Fewer rows are not searched.
ROWS_NEEDED = 200
# Segments that are tested, at most: the more there are, the less certain is each.
MOST_TESTED = 5
# A segment that shares more of its rows with a stronger one is the same finding again.
OVERLAP = 0.5
# A smaller error, as a share of the mean probability or of the log-loss, is not worth a word.
NOTABLE_RATIO = 0.05
_EPS = 1e-7


@dataclass(frozen=True)
class WeakSegment:
    """A segment where the model is weak, measured on rows that it was not found on.

    Intervals of 95 % and p-value hold for all tested segments at once.

    Attributes:
        conditions: All of them hold in the segment.
        n: Its rows.
        share: Of the rows it was tested on.
        churn_rate: Observed.
        mean_probability: Predicted.
        gap: Churn rate minus mean probability.
        gap_low: Lower end.
        gap_high: Upper end.
        log_loss: Of its rows.
        excess_log_loss: Log-loss minus the log-loss that the probabilities lead one to expect.
        excess_low: Lower end.
        excess_high: Upper end.
        auroc: In the segment; None where it has one class.
        p_value: Of a model that is right in the segment, corrected for all tests.
        sentence: What is wrong, for a manager.
    """

    conditions: tuple[Condition, ...]
    n: int
    share: float
    churn_rate: float
    mean_probability: float
    gap: float
    gap_low: float
    gap_high: float
    log_loss: float
    excess_log_loss: float
    excess_low: float
    excess_high: float
    auroc: float | None
    p_value: float
    sentence: str


def weak_segments(
    parsed: pd.DataFrame,
    probability: npt.ArrayLike,
    label: npt.ArrayLike,
    schema: Schema,
    *,
    seed: int,
    clusters: Codes | None = None,
) -> tuple[WeakSegment, ...]:
    """Return the segments in which a model is wrong beyond chance, the surest finding first.

    Args:
        parsed: N rows of features that the model has not learned from
            (`churn_torch.tables.encode.parse`).
        probability: ``[N]``, of churn.
        label: ``[N]``, 1 for churners and 0 for the others.
        schema: The columns.
        seed: Of the halves.
        clusters: ``[N]``, the customer of each row, from 0 on, where customers have several rows:
            these stay in one half and count together.

    Returns:
        None where nothing is wrong, and where `reason_not_searched` gives a reason.
    """
    p, y = np.asarray(probability, np.float64), np.asarray(label, np.float64)
    if reason_not_searched(y, schema):
        return ()
    clipped = p.clip(_EPS, 1 - _EPS)
    logit = np.log(clipped) - np.log1p(-clipped)
    # The second is the first in times of minus the logit.
    wrong = np.stack([y - p, (p - y) * logit])
    chance = np.stack([p * (1 - p), p * (1 - p) * logit**2])  # variances, were p right
    customer = np.arange(len(y)) if clusters is None else clusters
    order = np.random.default_rng(seed).permutation(customer.max() + 1)
    first = (order < len(order) / 2)[customer]
    fewest = max(FEWEST_ROWS, int(SMALLEST_SHARE * first.sum()))
    trees = SegmentTrees(parsed, schema, first, depth=DEPTH, fewest_rows=fewest, seed=seed)
    candidates = _proposed(trees, wrong, chance, first)
    customer = np.unique(customer[~first], return_inverse=True)[1]
    tested = [one._replace(rows=one.rows[~first]) for one in candidates]
    tested = [one for one in tested if len(np.unique(customer[one.rows])) >= FEWEST_ROWS]
    if not tested:
        return ()
    rows = np.stack([one.rows for one in tested])
    found = _tested(rows, wrong[:, ~first], chance[:, ~first], customer)
    measured = [
        _measured(one, p[~first], y[~first], found, [number, len(tested) + number])
        for number, one in enumerate(tested)
    ]
    return tuple(sorted((one for one in measured if one), key=lambda one: one.p_value))


def reason_not_searched(label: npt.ArrayLike, schema: Schema) -> str:
    """Return why the rows cannot be searched for weak segments; empty where they can."""
    label = np.asarray(label)
    if not schema.features:
        return "the model has no columns"
    if len(label) < ROWS_NEEDED:
        return f"there are {len(label):,} rows, and {ROWS_NEEDED} are needed"
    n_churners = int((label == 1).sum())
    if n_churners in (0, len(label)):
        return f"all rows are {'churners' if n_churners else 'customers who stayed'}"
    return ""


# The search


def _proposed(trees: SegmentTrees, wrong: Floats, chance: Floats, first: Bools) -> list[Segment]:
    """Return segments that look weak in the first half, each on rows that are largely its own."""
    found = [one for target in wrong for one in trees.segments(target)]
    strength = []
    for one in found:
        rows = one.rows & first
        by_chance = chance[:, rows].sum(axis=1)
        variance = np.maximum(by_chance, np.square(wrong[:, rows]).sum(axis=1)).clip(_EPS)
        z = wrong[:, rows].sum(axis=1) / np.sqrt(variance)
        strength.append(max(abs(z[0]), z[1]))
    kept: list[Segment] = []
    for place in np.argsort(-np.array(strength), kind="stable"):
        one = found[place]
        if len(kept) < MOST_TESTED and not any(_same(one, other) for other in kept):
            kept.append(one)
    return kept


def _same(one: Segment, other: Segment) -> bool:
    shared = (one.rows & other.rows).sum()
    return bool(shared > OVERLAP * min(one.rows.sum(), other.rows.sum()))


# The test


def _tested(segments: Bools, wrong: Floats, chance: Floats, customer: Codes) -> Differences:
    """Test the mean residual and the mean excess of S segments: the S residuals first.

    A variance is that of the rows or that of chance, whichever is larger: of a segment of few
    churners, the rows may show too little of it.

    Args:
        segments: ``[S, N]``.
        wrong: ``[2, N]``, residual and excess.
        chance: ``[2, N]``, their variances if the model is right.
        customer: ``[N]``, of each row, from 0 on.
    """
    n_rows = segments.sum(axis=1)
    influences, floors = [], []
    for each, variance in zip(wrong, chance, strict=True):
        means = segments @ each / n_rows
        apart = segments * (each - means[:, None]) * (segments.shape[1] / n_rows)[:, None]
        influences.append(means[:, None] + apart)
        floors.append(segments @ variance / n_rows**2)
    nothing_wrong = np.zeros((1, segments.shape[1]))
    rows = mean_estimates("", np.concatenate([*influences, nothing_wrong]), customer)
    covariance = rows.covariance.copy()
    floor = np.append(np.concatenate(floors), 0.0)
    covariance += np.diag(np.maximum(floor - np.diag(covariance), 0.0))
    fewest = min(len(np.unique(customer[one])) for one in segments)
    estimates = Estimates("", rows.value, ((covariance, float(fewest - 1)),))
    number = np.arange(len(floor) - 1)
    return differences(estimates, np.stack([number, np.full_like(number, len(number))], axis=1))


def _measured(
    segment: Segment, p: Floats, y: Floats, found: Differences, places: list[int]
) -> WeakSegment | None:
    """Describe a segment; None where nothing is wrong, or too little to be worth a word.

    Args:
        segment: Of N rows.
        p: ``[N]``, probabilities.
        y: ``[N]``, labels.
        found: The test.
        places: In it, of the residual and of the excess of this segment.
    """
    p, y = p[segment.rows], y[segment.rows]
    n, rate, mean = len(y), float(y.mean()), float(p.mean())
    (gap, excess), low, high = (of[places].tolist() for of in found[:3])
    clipped = p.clip(_EPS, 1 - _EPS)
    log_loss = float(-np.where(y == 1, np.log(clipped), np.log1p(-clipped)).mean())
    expected = log_loss - excess
    is_wrong = found.adjusted_p_value[places] < 1 - CONFIDENCE
    # A log-loss below what is expected is no weakness.
    notable = np.array([abs(gap) / max(mean, _EPS), excess / max(expected, _EPS)]) >= NOTABLE_RATIO
    weak = is_wrong & notable
    if not weak.any():
        return None
    told = (
        f"the model predicts {_percent(mean)}, but {_percent(rate)} leave"
        if weak[0]
        else f"the model is too sure of itself: its log-loss is {log_loss:.3f}, where its "
        f"probabilities promise {expected:.3f}"
    )
    customers = " and ".join(one.in_words() for one in segment.conditions)
    return WeakSegment(
        segment.conditions,
        n,
        n / len(segment.rows),
        rate,
        mean,
        gap,
        low[0],
        high[0],
        log_loss,
        excess,
        low[1],
        high[1],
        auroc(p, y.astype(np.float32)) if 0 < rate < 1 else None,
        float(found.adjusted_p_value[places][weak].min()),
        f"For customers with {customers} {told} (n = {n:,}).",
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.1f} %"
