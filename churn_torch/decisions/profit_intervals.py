"""Intervals of measures of profit: a bootstrap of sums of customers, in bounded time and memory.

Neighbouring groups are put together to about a thousand cells. A replicate draws the sums of each
cell (customers, kept, cost) from the normal distribution with the mean and the covariance that a
draw of customers with replacement gives them: the Gaussian multiplier bootstrap (Chernozhukov,
Chetverikov & Kato 2014, "Gaussian approximation of suprema of empirical processes"). A maximum over
shares is larger in a sample than it is in truth, by about as much as it is larger in the replicates
than in the sample, so the interval of a maximum is moved down by that. A few customers of much
value make a mean of profits skewed, and a sample without them looks both poor and sure: Hall's
transformation (1992, "On the removal of skewness by transformation") takes that into account.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv

from churn_torch.decisions.offers import BetaRate, Floats, mean_rate
from churn_torch.decisions.profit import ProfitCurve
from churn_torch.decisions.profit_groups import ScoreGroups
from churn_torch.evaluation.share_intervals import CONFIDENCE, Interval, wilson

METHOD = "Gaussian multiplier bootstrap, 1,000 replicates, corrected for bias and skewness"
REPLICATES, AT_A_TIME = 1_000, 50
CELLS = 1_024
# Keep rates that stand for their distribution, of equal probability.
NODES = 32


class _Sums(NamedTuple):
    """Sums of customers after 0, 1, ..., C cells, of R replicates: ``[R, C + 1]``."""

    rows: Floats
    kept: Floats
    cost: Floats

    def profit(self, keep_rate: float) -> Floats:
        return np.asarray((keep_rate * self.kept - self.cost) / self.rows[:, -1:])


def profit_intervals(
    groups: ScoreGroups,
    keep_rate: float | BetaRate,
    *,
    threshold: float | None = None,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> dict[str, Interval]:
    """Return the intervals of the measures of profit, per customer of all.

    benchmarks/profit.py measures how often they hold the truth.

    Args:
        groups: Customers by score.
        keep_rate: The chance that a contacted leaver stays.
        threshold: From which score on customers are contacted, chosen without these customers.
        confidence: How often the intervals are to hold the truth.
        seed: Of the draws.

    Returns:
        ``mpc``, ``best_share`` and ``best_threshold`` (1 for nobody); ``empc`` if the keep rate is
        a distribution; ``profit`` and ``share`` (Wilson's) if there is a threshold.
    """
    curve = ProfitCurve.of(groups)
    mean = mean_rate(keep_rate)
    rates = _nodes(keep_rate) if isinstance(keep_rate, BetaRate) else np.empty(0)
    best = int(np.argmax(curve.profit(mean)))
    chosen = None if threshold is None else curve.last_from(threshold)
    ends = _cell_ends(curve, [best] if chosen is None else [best, chosen])
    cells = np.add.reduceat(groups.sums, np.concatenate([[0], ends[:-1]]), axis=1)
    lowest = np.concatenate([[1.0], groups.lowest[ends - 1]])
    drawn: dict[str, list[Floats]] = {}
    for sums in _replicates(cells, np.random.default_rng(seed)):
        one = _measures(sums, mean, rates, None if chosen is None else _position(ends, chosen))
        one["best_threshold"] = lowest[one["best"].astype(int)]
        for name, values in one.items():
            drawn.setdefault(name, []).append(values)
    sample = _measures(_cumulated(cells[None, :3]), mean, rates, None)
    tail = (1 - confidence) / 2
    found = {name: np.concatenate(values) for name, values in drawn.items() if name != "best"}
    estimates = {"mpc": float(curve.profit(mean).max())}
    if isinstance(keep_rate, BetaRate):
        estimates["empc"] = curve.expected_best(keep_rate).profit
    for name, estimate in estimates.items():
        # Moved from the cells and nodes to the sample, and down by the bias.
        bias = found[name].mean() - sample[name].item()
        moved = found[name] + estimate - sample[name].item() - bias
        found[name] = np.maximum(_skewed(moved, _skewness(groups, mean, best)), 0.0)
    if chosen is not None:
        found["profit"] = _skewed(found["profit"], _skewness(groups, mean, chosen))
    intervals = {}
    for name, values in found.items():
        low, high = np.quantile(values, [tail, 1 - tail]).tolist()
        intervals[name] = (low, high)
    if chosen is not None:
        n_chosen = int(curve.rows[chosen])
        intervals["share"] = wilson(n_chosen, curve.n, confidence=confidence)
    return intervals


def _skewness(groups: ScoreGroups, keep_rate: float, last: int) -> float:
    """Return the skewness of the mean profit of all customers, of whom the first groups are taken.

    Within a group, profits count as symmetric around their mean: few scores are equal where there
    are so few customers that the skewness matters.
    """
    n = groups.sums[0].sum()
    rows, kept, cost, kept2, kept_cost, cost2 = groups.sums[:, :last]
    total = keep_rate * kept - cost
    squares = keep_rate**2 * kept2 - 2 * keep_rate * kept_cost + cost2
    each = total / rows
    mean, second = total.sum() / n, squares.sum() / n
    third = (3 * each * squares - 2 * total * each**2).sum() / n
    variance = second - mean**2
    if variance <= 1e-12 * second:
        return 0.0
    return float((third - 3 * mean * second + 2 * mean**3) / variance**1.5 / np.sqrt(n))


def _skewed(values: Floats, skewness: float) -> Floats:
    """Stretch symmetric replicates, ``[R]``, to where the truth is likely to lie (Hall 1992)."""
    spread = values.std()
    if not spread or abs(skewness) < 1e-9:
        return values
    score = (values.mean() - values) / spread
    inverse = np.cbrt(1 + skewness * (score - skewness / 6)) - 1
    return np.asarray(values.mean() - spread * 3 / skewness * inverse)


def _measures(sums: _Sums, mean: float, rates: Floats, chosen: int | None) -> dict[str, Floats]:
    """Return each measure of each replicate, ``[R]``."""
    profit = sums.profit(mean)
    best = profit.argmax(axis=1)
    shares = sums.rows / sums.rows[:, -1:]
    measures = {
        "mpc": profit.max(axis=1),
        "best": best.astype(np.float64),
        "best_share": np.clip(np.take_along_axis(shares, best[:, None], axis=1)[:, 0], 0, 1),
    }
    if len(rates):
        measures["empc"] = np.mean([sums.profit(rate).max(axis=1) for rate in rates], axis=0)
    if chosen is not None:
        measures["profit"] = profit[:, chosen]
    return measures


def _replicates(cells: Floats, rng: np.random.Generator) -> Iterator[_Sums]:
    """Draw the sums of all cells again and again, ``AT_A_TIME`` replicates at once."""
    rows, kept, cost, kept2, kept_cost, cost2 = cells
    # The covariance of (rows, kept, cost) of a cell by Cholesky's method; rows has itself as
    # variance and kept and cost as covariances.
    spread_rows = np.sqrt(rows)
    spread_kept = np.sqrt(np.maximum(kept2 - kept * kept / rows, 0.0))
    joint = kept_cost - kept * cost / rows
    slope = np.divide(joint, spread_kept, out=np.zeros_like(joint), where=spread_kept > 0)
    rest = np.sqrt(np.maximum(cost2 - cost * cost / rows - slope * slope, 0.0))
    for _ in range(REPLICATES // AT_A_TIME):
        one, two, three = rng.standard_normal((3, AT_A_TIME, len(rows)))
        share = spread_rows * one
        drawn = (
            rows + share,
            kept + kept / rows * share + spread_kept * two,
            cost + cost / rows * share + slope * two + rest * three,
        )
        yield _cumulated(np.stack(drawn, axis=1))


def _cumulated(cells: Floats) -> _Sums:
    """Return the running sums of cells, ``[R, 3, C]``, from 0 on."""
    sums = np.zeros((*cells.shape[:2], cells.shape[2] + 1))
    np.cumsum(cells, axis=2, out=sums[:, :, 1:])
    return _Sums(*np.moveaxis(sums, 1, 0))


def _cell_ends(curve: ProfitCurve, kept_apart: list[int]) -> npt.NDArray[np.intp]:
    """Return after which groups the cells end: of about equal size, and after the given groups."""
    rows = curve.rows[1:]
    ends = np.searchsorted(rows, np.arange(1, CELLS + 1) * (curve.n / CELLS)) + 1
    ends = np.union1d(np.minimum(ends, len(rows)), [end for end in kept_apart if end])
    return ends.astype(np.intp)


def _position(ends: npt.NDArray[np.intp], last: int) -> int:
    """Return after how many cells the given group ends."""
    return 0 if last == 0 else int(np.searchsorted(ends, last)) + 1


def _nodes(rate: BetaRate) -> Floats:
    middles = (np.arange(NODES) + 0.5) / NODES
    return np.asarray(betaincinv(rate.alpha, rate.beta, middles))
