"""What a campaign says about the keep rate of an offer: a Beta distribution for the next one."""

from __future__ import annotations

import numpy as np

from churn_torch.decisions.group_difference import Counts
from churn_torch.decisions.offers import BetaRate
from churn_torch.evaluation.share_intervals import wilson

UNIFORM = BetaRate(alpha=1.0, beta=1.0)
_CELLS = 200  # of the grid, in each direction


def updated_keep_rate(counts: Counts, prior: BetaRate = UNIFORM) -> BetaRate | None:
    """Return the keep rate after a campaign: the share of leavers whom the offer kept.

    If p customers in 100 leave without the offer and a share k of them is kept, p (1 - k) in 100
    leave with it. The distribution of k given the leavers of both groups is computed on a grid over
    k and p, with the prior of k and Jeffreys' prior of p, and the Beta distribution with the same
    mean and variance is returned.

    Args:
        counts: Leavers of the treated and of the control group.
        prior: What was believed of k before.

    Returns:
        The Beta distribution; None where one group is empty or nobody of the control group left.
    """
    if not counts.is_comparable or not counts.churned_control:
        return None
    mean, spread = _moments(counts, prior, 0.0, 1.0)
    # Again, only where the first grid has found the distribution, or one cell of it.
    reach = 8 * spread + 1 / _CELLS
    mean, spread = _moments(counts, prior, max(mean - reach, 0.0), min(mean + reach, 1.0))
    size = mean * (1 - mean) / spread**2 - 1
    return BetaRate(alpha=mean * size, beta=(1 - mean) * size)


def _moments(counts: Counts, prior: BetaRate, low: float, high: float) -> tuple[float, float]:
    """Return the mean and the standard deviation of the keep rate, which lies between two ends."""
    cells = (np.arange(_CELLS) + 0.5) / _CELLS
    keep = (low + (high - low) * cells)[:, None]
    lowest, highest = wilson(counts.churned_control, counts.control, confidence=1 - 1e-12)
    churn = lowest + (highest - lowest) * cells
    leaving = churn * (1 - keep)
    stayed = counts.treated - counts.churned_treated
    log = counts.churned_treated * np.log(leaving) + stayed * np.log1p(-leaving)
    stayed = counts.control - counts.churned_control
    log += (counts.churned_control - 0.5) * np.log(churn) + (stayed - 0.5) * np.log1p(-churn)
    log += (prior.alpha - 1) * np.log(keep) + (prior.beta - 1) * np.log1p(-keep)
    weight = np.exp(log - log.max()).sum(1)
    weight /= weight.sum()
    mean = float(weight @ keep[:, 0])
    return mean, float(np.sqrt(weight @ (keep[:, 0] - mean) ** 2))
