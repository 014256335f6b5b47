"""The largest difference of a metric between groups: its interval, and whether it is chance.

The largest minus the smallest of several noisy estimates is too large on average: groups that are
alike in truth differ in every sample. So the interval is that of a likelihood-ratio test, inverted.
For each possible gap it takes the true values of the groups that have this gap and fit the
estimates best (a clipped range: values beyond it move to its edges), and asks by simulation how far
estimates fall from such values by chance; the interval holds all gaps that this does not reject.
The test of no gap at all is the chi-square test of homogeneity. This is hybrid resampling (Chuang
& Lai 2000, "Hybrid resampling methods for confidence intervals"). Values near an edge of the range
count as on it, as in generalised moment selection (Andrews & Soares 2010, "Inference for parameters
defined by moment inequalities"), because how many groups share the edge decides how far chance
moves it. benchmarks/fairness_coverage.py measures how often the interval holds the true gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2, f

from churn_torch.evaluation.share_intervals import CONFIDENCE, edge_between

DRAWS = 1_000
STEPS = 10
# A value nearer than this to an edge, in standard errors, counts as on it.
NEAR = 1.0

Floats = npt.NDArray[np.float64]


class Estimates(NamedTuple):
    """A metric in K groups, each measured on rows of its own.

    Attributes:
        value: ``[K]``.
        error: ``[K]`` standard errors, above 0.
        rows: ``[K]`` rows of each group, where the metric is a share of them: its error then
            follows from the true share that is tested, as in Wilson's interval. None for others.
        freedom: ``[K]`` degrees of freedom of the errors; None where they follow from ``rows``.
    """

    value: Floats
    error: Floats
    rows: Floats | None = None
    freedom: Floats | None = None

    def noise(self, random: np.random.Generator, draws: int) -> Floats:
        """Draw by how many estimated standard errors estimates miss the truth, ``[D, K]``."""
        size = (draws, len(self.value))
        if self.freedom is None:
            return random.standard_normal(size)
        return random.standard_t(self.freedom, size)

    def error_if(self, value: Floats) -> Floats:
        """Return the standard errors if these were the true values."""
        if self.rows is None:
            return self.error
        share = np.clip(value, 0.5 / self.rows, 1 - 0.5 / self.rows)
        return np.sqrt(share * (1 - share) / self.rows)


class GapInterval(NamedTuple):
    """The largest difference between two groups.

    Attributes:
        value: In this sample; where groups are alike it is above 0 by chance.
        typical: The true gap of which half of the samples show a larger one; 0 where chance alone
            shows one as large in half of them.
        low: Lower end of the interval of the true gap.
        high: Upper end.
        p_value: Of no difference in truth.
    """

    value: float
    typical: float
    low: float
    high: float
    p_value: float


def gap_interval(
    metrics: Sequence[Estimates],
    *,
    confidence: float = CONFIDENCE,
    seed: int = 0,
    draws: int = DRAWS,
) -> GapInterval:
    """Return the largest gap of one metric, or of the metric that has the larger gap.

    Args:
        metrics: One or more metrics of the same K groups, independent of each other; K is 2 or
            more.
        confidence: Share of samples whose interval is to hold the true gap.
        seed: Of the draws.
        draws: Samples that are simulated for each gap that is tried.
    """
    value = np.array([each.value for each in metrics])
    error = np.array([each.error for each in metrics])
    random = np.random.default_rng(seed)
    noise = np.stack([each.noise(random, draws) for each in metrics], axis=1)
    observed = float(_ranges(value).max())

    def if_true(gap: float) -> tuple[Floats, Floats]:
        """The values with this gap that fit best, and the errors that they would have."""
        nearest = _nearest(value, error, gap)
        return nearest, np.array([m.error_if(v) for m, v in zip(metrics, nearest, strict=True)])

    def rejected(gap: float) -> bool:
        nearest, its_error = if_true(gap)
        simulated = _distance(nearest + noise * its_error, its_error, gap)
        distance = _distance(value[None], its_error, gap)[0]
        return bool(distance > np.quantile(simulated, confidence))

    def too_small(gap: float) -> bool:
        """Whether most samples of this true gap show a smaller one than this sample."""
        nearest, its_error = if_true(gap)
        return bool(np.median(_ranges(nearest + noise * its_error).max(-1)) < observed)

    p_value = _p_value_of_no_gap(metrics, if_true(0.0)[1])
    far = observed + 6 * np.sqrt(2) * float(error.max())
    return GapInterval(
        observed,
        edge_between(too_small, 0.0, observed, steps=STEPS) if too_small(0.0) else 0.0,
        edge_between(rejected, 0.0, observed, steps=STEPS) if p_value < 1 - confidence else 0.0,
        edge_between(rejected, far, observed, steps=STEPS),
        p_value,
    )


def _p_value_of_no_gap(metrics: Sequence[Estimates], error: Floats) -> float:
    """Return the p-value of no difference between the groups in any metric.

    It is that of the chi-square test, or where errors are estimated that of Welch 1951, "On the
    comparison of several mean values: an alternative approach".

    Args:
        metrics: As for `gap_interval`.
        error: ``[M, K]``.
    """
    value = np.array([each.value for each in metrics])
    distance, freedom = _distance(value[None], error, 0.0)[0], value.size - len(value)
    if len(metrics) > 1 or metrics[0].freedom is None:
        return float(chi2.sf(distance, freedom))
    weight = error[0] ** -2.0
    unsure = float(((1 - weight / weight.sum()) ** 2 / metrics[0].freedom).sum())
    too_large = 1 + 2 * (freedom - 1) / (freedom * (freedom + 2)) * unsure
    of_errors = freedom * (freedom + 2) / (3 * unsure)
    return float(f.sf(distance / freedom / too_large, freedom, of_errors))


def _ranges(value: Floats) -> Floats:
    return np.asarray(value.max(-1) - value.min(-1))


def _distance(value: Floats, error: Floats, gap: float) -> Floats:
    """Return the squared distance, in standard errors, to the nearest values with a gap.

    Args:
        value: ``[D, M, K]``.
        error: ``[M, K]``.
        gap: Largest range of the M metrics.

    Shape:
        [D]
    """
    distance = np.empty(len(value))
    wide = _ranges(value).max(-1) >= gap
    start = _best_start(value[wide], error, gap)
    clipped = np.clip(value[wide], start, start + gap)
    distance[wide] = (((value[wide] - clipped) / error) ** 2).sum((-1, -2))
    distance[~wide] = _push(value[~wide], error, gap)[0].min((-1, -2, -3))
    return distance


def _nearest(value: Floats, error: Floats, gap: float) -> Floats:
    """Return the values with a gap that the simulation starts from, ``[M, K]``."""
    if _ranges(value).max() < gap:
        apart, shares = _push(value[None], error, gap)
        metric, low, high = np.unravel_index(apart[0].argmin(), apart[0].shape)
        nearest = value.copy()
        more = gap - (value[metric, high] - value[metric, low])
        nearest[metric, low] -= more * shares[metric, low, high]
        nearest[metric, high] += more * (1 - shares[metric, low, high])
        return nearest
    low = _best_start(value[None], error, gap)[0]
    high = low + gap
    nearest = np.clip(value, low, high)
    is_lower = nearest - low < high - nearest
    edge = np.where(is_lower, low, high)
    is_near = np.abs(nearest - edge) < NEAR * error
    is_near &= _ranges(value)[:, None] >= gap
    return np.where(is_near, edge, nearest)


def _push(value: Floats, error: Floats, gap: float) -> tuple[Floats, Floats]:
    """Return what it takes to move each pair of groups apart to a gap.

    Returns:
        The squared distance, ``[D, M, K, K]``, lower group first, infinite for a group with itself;
        and the share of the way that the lower group goes, ``[M, K, K]``.
    """
    variance = error**2
    both = variance[:, :, None] + variance[:, None, :]
    missing = gap - (np.expand_dims(value, 2) - np.expand_dims(value, 3))
    distance = np.asarray(missing**2 / both)
    same = np.arange(value.shape[-1])
    distance[:, :, same, same] = np.inf
    return distance, np.asarray(variance[:, :, None] / both)


def _best_start(value: Floats, error: Floats, gap: float) -> Floats:
    """Return where a range of a given width lies nearest to the values of each metric.

    The squared distance of the values to the range is convex in its start, and its slope is
    linear between the starts at which a value enters or leaves the range.

    Shape:
        [D, M, 1]
    """
    weight = error**-2.0
    knots = np.sort(np.concatenate([value, value - gap], axis=-1), axis=-1)
    slope = np.zeros(knots.shape)
    for k in range(value.shape[-1]):
        beyond = value[..., k, None] - knots
        moved = np.minimum(beyond, 0.0) + np.maximum(beyond - gap, 0.0)
        slope -= weight[:, k, None] * moved
    last = np.asarray((slope <= 0).sum(-1, keepdims=True)).clip(1, knots.shape[-1] - 1)
    left, right = (np.take_along_axis(knots, last - step, -1) for step in (1, 0))
    from_, to = (np.take_along_axis(slope, last - step, -1) for step in (1, 0))
    rise = to - from_
    share = np.divide(-from_, rise, out=np.zeros_like(rise), where=rise > 0)
    return np.asarray(left + share * (right - left))
