"""Maximum profit uplift: what contacting the customers with the largest scores is worth, measured.

Source: Devriendt, Berrevoets & Verbeke 2021, "Why you should stop predicting customer churn and
start using uplift models", Information Sciences 548, section 4; here with a value of its own for
each customer, and without fixed costs. If y0 and y1 say whether a customer leaves without and with
a contact, a contact is worth ``kept (y0 - y1) - leaver_cost y0 - stayer_cost (1 - y0)``, in the
payoffs of `churn_torch.decisions.offers`: a customer who stays because of it brings ``kept -
leaver_cost``, one who leaves anyway costs ``leaver_cost``, one who stays anyway ``stayer_cost``,
and one who leaves because of it ``kept + stayer_cost``. No keep rate is assumed: y0 is observed for
customers who were not contacted and y1 for those who were, and chance makes the two groups alike.
For a value V, incentive d (paid if accepted) and contact cost f, the same for all, the profit of a
contacted share with churn rates r0 and r1 is ``V (r0 - r1) - d (1 - r1) - f`` per contact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churn_torch.decisions.offers import Payoffs
from churn_torch.evaluation.gains import Floats
from churn_torch.evaluation.uplift.experiment import Experiment
from churn_torch.evaluation.uplift.uplift_bootstrap import (
    REPLICATES,
    Interval,
    band,
    interval,
    merged,
    replicates,
)
from churn_torch.evaluation.uplift.uplift_curves import groups_of, sums_by_group, uplift_curve


@dataclass(frozen=True)
class UpliftProfit:
    """The profit of contacting the customers with the largest scores, per customer of the table.

    Attributes:
        profit: At the best share: the maximum profit uplift (MPU). 0 if no share is worth it. The
            best of many uncertain shares looks better than it is, most with few rows.
        interval: Its 95 % interval, which takes that bias off: it lies lower than the profit.
        share: The best share of the customers.
        share_interval: Its 95 % interval.
        threshold: Smallest score that is contacted at the best share; infinite for none.
        shares: ``[K]`` shares of the profit curve, from 0 to 1; K is about 200 at most.
        profits: ``[K]`` profit of each share.
        low: ``[K]`` lower limit of each, for this share alone.
        high: ``[K]`` upper limit.
    """

    profit: float
    interval: Interval
    share: float
    share_interval: Interval
    threshold: float
    shares: Floats
    profits: Floats
    low: Floats
    high: Floats


def uplift_profit(
    score: Floats, rows: Experiment, payoffs: Payoffs, *, seed: int = 0, n: int = REPLICATES
) -> UpliftProfit:
    """Return the maximum profit uplift of contacting customers in order of a score.

    Args:
        score: ``[N]``, largest first: a predicted uplift, or a predicted net value.
        rows: N customers of an experiment whose outcome is churn.
        payoffs: What keeping and contacting each of them brings and costs.
        seed: Of the bootstrap.
        n: Number of resampled tables.
    """
    kept, leaver_cost, stayer_cost = (
        np.broadcast_to(np.asarray(amount, np.float64), score.shape)
        for amount in (payoffs.kept, payoffs.leaver_cost, payoffs.stayer_cost)
    )
    churn = 1.0 - rows.good
    not_contacted = stayer_cost - (kept - leaver_cost + stayer_cost) * churn
    value = np.where(rows.treated, -kept * churn, not_contacted)

    values, group = groups_of(score)
    sums = sums_by_group(group, value, rows)
    curve = uplift_curve(sums)[0]
    best = int(curve.argmax())

    rough = merged(group)
    few = sums_by_group(rough, value, rows)
    resampled = replicates(rough, value, rows, n=n, seed=seed)
    curves = uplift_curve(resampled)
    chosen = np.take_along_axis(resampled.share, curves.argmax(axis=1)[:, None], axis=1)[:, 0]
    profits = uplift_curve(few)[0]
    curve_low, curve_high = band(curves, profits)
    profit = float(curve[best])
    low, high = interval(curves.max(axis=1), curve[best])
    return UpliftProfit(
        profit=profit,
        # The truth is never negative, as nobody need be contacted.
        interval=(min(max(low, 0.0), profit), max(high, profit)),
        share=float(sums.share[0, best]),
        share_interval=tuple(np.quantile(chosen, (0.025, 0.975)).tolist()),
        threshold=float(values[best - 1]) if best else np.inf,
        shares=few.share[0],
        profits=profits,
        low=curve_low,
        high=curve_high,
    )
