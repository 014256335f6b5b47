"""Bootstrap of curves over customers in order of predicted uplift.

Contacted customers and others are resampled apart, each as many as there are (Efron & Tibshirani
1993, "An introduction to the bootstrap", 8.3). They are not resampled by outcome as well: that
would fix both rates, and with them the average effect, which is what is uncertain. Rows are put
into up to 1,000 blocks by chance, and blocks are resampled instead of rows: the same interval, for
any number of rows, from one pass and one product of matrices. Curves have up to 200 points.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from churn_torch.evaluation.gains import Floats, Ints
from churn_torch.evaluation.uplift.experiment import Experiment
from churn_torch.evaluation.uplift.uplift_curves import Sums, cumulative

REPLICATES = 400
CONFIDENCE = 0.95
Interval = tuple[float, float]
_MOST_BLOCKS = 1000
_MOST_POINTS = 200


def merged(group: Ints, parts: int = _MOST_POINTS) -> Ints:
    """Put neighbouring groups of ties together, to at most so many parts of about the same size.

    Shape:
        [N], parts 0 to K - 1 in the same order; a larger group of ties stays whole.
    """
    ends = np.cumsum(np.bincount(group))
    part = -(-ends * parts // ends[-1])  # rounded up
    return np.asarray(np.unique(part, return_inverse=True)[1][group])


def replicates(
    group: Ints, value: Floats, rows: Experiment, *, n: int = REPLICATES, seed: int = 0
) -> Sums:
    """Return the sums of n resampled tables.

    Args:
        group: ``[N]`` from `merged`.
        value: ``[N]`` what each row counts.
        rows: N rows.
        n: Number of resampled tables.
        seed: Of the draws.

    Shape:
        [n, G + 1] each.
    """
    rng = np.random.default_rng(seed)
    n_groups = int(group.max()) + 1
    treated, control = (
        _resampled(np.flatnonzero(side), group, value, rows.weight, n_groups, n, rng)
        for side in (rows.treated, ~rows.treated)
    )
    return cumulative(
        treated.n + control.n, treated.weight, treated.value, control.weight, control.value
    )


def interval(values: Floats, estimate: float, *, confidence: float = CONFIDENCE) -> Interval:
    """Return the interval of a number from its values in resampled tables, ``[n]``.

    Values that are not finite are left out. For the rest see `band`.
    """
    low, high = band(values[np.isfinite(values)][:, None], np.array([estimate]), confidence)
    return float(low[0]), float(high[0])


def band(
    values: Floats, estimates: Floats, confidence: float = CONFIDENCE
) -> tuple[Floats, Floats]:
    """Return the limits of K numbers from their values in resampled tables.

    These are basic bootstrap intervals, which take the bias of the resampled values off: that of a
    largest value, such as a maximum profit, is above its estimate, as the estimate is above the
    truth.

    Args:
        values: ``[n, K]``.
        estimates: ``[K]``.
        confidence: Share of samples whose interval is to hold the truth.
    """
    if not len(values):
        return np.full_like(estimates, np.nan), np.full_like(estimates, np.nan)
    low, high = np.quantile(values, ((1 - confidence) / 2, (1 + confidence) / 2), axis=0)
    return 2 * estimates - high, 2 * estimates - low


class _Group(NamedTuple):
    """Of contacted customers, or of the others: sums of each group, ``[n, G]``."""

    n: Floats
    weight: Floats
    value: Floats


def _resampled(
    places: Ints,
    group: Ints,
    value: Floats,
    weight: Floats,
    n_groups: int,
    n: int,
    rng: np.random.Generator,
) -> _Group:
    """Return the sums of resampled blocks of the rows at some places."""
    n_blocks = min(len(places), _MOST_BLOCKS)
    block = rng.permutation(len(places)) % n_blocks
    cell = block * n_groups + group[places]
    each = (np.ones(len(places)), weight[places], weight[places] * value[places])
    sums = [np.bincount(cell, part, n_blocks * n_groups).reshape(n_blocks, -1) for part in each]
    drawn = rng.multinomial(n_blocks, np.full(n_blocks, 1 / n_blocks), size=n).astype(np.float64)
    return _Group(*(drawn @ part for part in sums))
