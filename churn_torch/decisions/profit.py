"""The profit of contacting the customers with the highest scores, and its maximum.

Source: Verbraken, Verbeke & Baesens (2013), "A novel profit maximizing metric for measuring
classification performance of customer churn prediction models", IEEE Transactions on Knowledge and
Data Engineering 25(5), for one value for all; Óskarsdóttir, Baesens & Vanthienen (2018),
"Profit-based model selection for customer retention using individual customer lifetime values",
Big Data 6(1), for individual values. In the notation of the former, with one value CLV for all,

    P(t; g) = CLV (g (1 - d) - f) p0 F0(t) - CLV (d + f) p1 F1(t)

is what contacting all customers with a score of t or more brings, per customer of all, where g is
the chance that a contacted leaver stays. Here each customer has payoffs of its own: with y_i = 1
for leavers,

    P(t; g) = 1/N sum over s_i >= t of  g y_i kept_i - y_i leaver_cost_i - (1 - y_i) stayer_cost_i

which is the same where all payoffs are equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression
from scipy.special import betaincc

from churn_torch.decisions.offers import BetaRate, Floats, Payoffs
from churn_torch.decisions.profit_groups import ScoreGroups, exact_groups, outcomes
from churn_torch.evaluation.thresholds import between


class BestShare(NamedTuple):
    """The share of the customers that is most profitable to contact.

    Attributes:
        profit: What it brings per customer of all; 0 if nobody is worth contacting.
        share: The share.
        threshold: From which score on customers are contacted; None for nobody.
    """

    profit: float
    share: float
    threshold: float | None


class ExpectedMaximum(NamedTuple):
    """EMPC: the profit if the share is chosen anew for every keep rate.

    Attributes:
        profit: Per customer of all.
        share: The expected share that is contacted.
    """

    profit: float
    share: float


@dataclass(frozen=True)
class ProfitCurve:
    """What the customers with the highest scores bring and cost, by how many are contacted.

    Attributes:
        lowest: The score of each group of ties, highest first, ``[G]``.
        rows: Customers contacted after 0, 1, ..., G groups, ``[G + 1]``.
        kept: What the leavers among them would bring if all were kept, ``[G + 1]``.
        cost: What contacting them costs, ``[G + 1]``.
    """

    lowest: Floats
    rows: Floats
    kept: Floats
    cost: Floats

    @classmethod
    def of(cls, groups: ScoreGroups) -> ProfitCurve:
        """Return the curve of groups of customers."""
        sums = np.zeros((3, len(groups.lowest) + 1))
        np.cumsum(groups.sums[:3], axis=1, out=sums[:, 1:])
        return cls(groups.lowest, *sums)

    @property
    def n(self) -> int:
        """All customers."""
        return int(self.rows[-1])

    @property
    def shares(self) -> Floats:
        """The share of the customers that is contacted, ``[G + 1]``."""
        return self.rows / self.n

    def profit(self, keep_rate: float) -> Floats:
        """Return the profit per customer of all at each share, ``[G + 1]``.

        Args:
            keep_rate: The chance that a contacted leaver stays.
        """
        return np.asarray((keep_rate * self.kept - self.cost) / self.n)

    def best(self, keep_rate: float) -> BestShare:
        """Return the MPC: the maximum of the profit, with its share and threshold.

        The threshold is half-way to the next lower score. Of equal profits the smallest share
        counts.

        Args:
            keep_rate: The chance that a contacted leaver stays.
        """
        profit = self.profit(keep_rate)
        best = int(np.argmax(profit))
        if best == 0:
            return BestShare(0.0, 0.0, None)
        left_out = float(self.lowest[best]) if best < len(self.lowest) else 0.0
        threshold = between(float(self.lowest[best - 1]), left_out)
        return BestShare(float(profit[best]), float(self.shares[best]), threshold)

    def at(self, threshold: float, keep_rate: float) -> BestShare:
        """Return the profit of contacting all customers with a score at or above a threshold.

        Args:
            threshold: Compared in the precision of the scores.
            keep_rate: The chance that a contacted leaver stays.
        """
        last = self.last_from(threshold)
        return BestShare(float(self.profit(keep_rate)[last]), float(self.shares[last]), threshold)

    def last_from(self, threshold: float) -> int:
        """Return how many groups have a score at or above a threshold."""
        return int((self.lowest >= self.lowest.dtype.type(threshold)).sum())

    def expected_best(self, keep_rate: BetaRate) -> ExpectedMaximum:
        """Return the EMPC: the mean of ``max_t P(t; g)`` over the distribution of the keep rate g.

        For a given g each share is a line in g, so the maximum is the upper envelope of lines: the
        lower convex hull of (kept, cost). Between two corners of the hull, from slope g_k on, the
        next customers are worth contacting. With the tails S(g; a, b) of the Beta distribution and
        its mean m, the integral is exactly

            1/N sum over edges of  m dkept S(g_k; a + 1, b) - dcost S(g_k; a, b).

        Args:
            keep_rate: The distribution of g.
        """
        dkept, dcost, drows = self._hull()
        with np.errstate(over="ignore"):
            slope = np.clip(dcost / dkept, 0.0, 1.0)
        chance = betaincc(keep_rate.alpha, keep_rate.beta, slope)
        weighted = keep_rate.mean * betaincc(keep_rate.alpha + 1, keep_rate.beta, slope)
        profit = float(dkept @ weighted - dcost @ chance) / self.n
        return ExpectedMaximum(profit, float(drows @ chance) / self.n)

    def _hull(self) -> tuple[Floats, Floats, Floats]:
        """Return what each edge of the lower convex hull of (kept, cost) adds: kept, cost, rows.

        Cost never falls along the curve, so a share that keeps no more than a smaller one is never
        the best. The hull of the others has the slopes of an isotonic regression.
        """
        highest = np.maximum.accumulate(self.kept)
        rising = np.flatnonzero(np.diff(highest, prepend=-np.inf) > 0)
        kept, cost, rows = self.kept[rising], self.cost[rising], self.rows[rising]
        width = np.diff(kept)
        if not len(width):
            return width, width, width
        blocks = isotonic_regression(np.diff(cost) / width, weights=width).blocks
        return np.diff(kept[blocks]), np.diff(cost[blocks]), np.diff(rows[blocks])


def profit_curve(score: npt.NDArray[Any], label: npt.NDArray[Any], payoffs: Payoffs) -> ProfitCurve:
    """Return the profit curve over the targeted share.

    Args:
        score: ``[N]`` probabilities or other scores; higher means more likely to leave.
        label: ``[N]``: 1 for customers who left, 0 for those who stayed; or the probability of
            leaving, for the expected curve before it is known who leaves.
        payoffs: `churn_torch.decisions.offers.payoffs`, of each customer or one number for all.

    Raises:
        InputError: There is no customer, a score or a payoff is not finite, a cost is negative, or
            lengths differ.
    """
    return ProfitCurve.of(exact_groups(score, outcomes(label, payoffs)))


def list_profit(
    contacted: npt.NDArray[np.bool_],
    label: npt.NDArray[Any],
    payoffs: Payoffs,
    keep_rate: Floats | float,
) -> float:
    """Return the profit of contacting the customers of a list, in total.

    Args:
        contacted: ``[N]``, whether each customer is on the list.
        label: As for `profit_curve`: of probabilities the result is the expected profit.
        payoffs: As for `profit_curve`.
        keep_rate: The chance that a contacted leaver stays, ``[N]`` or one number for all.

    Raises:
        InputError: As for `profit_curve`.
    """
    kept, cost = outcomes(label, payoffs)
    net = keep_rate * kept - cost
    return float(net[np.asarray(contacted, bool)].sum())
