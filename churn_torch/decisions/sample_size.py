"""How large a campaign must be to be measured: a test of two churn rates, treated and control."""

from __future__ import annotations

import math
from statistics import NormalDist

from churn_torch.evaluation.share_intervals import edge_between

POWER, ALPHA = 0.8, 0.05


def customers_needed(
    p_control: float,
    effect: float,
    share_control: float,
    *,
    power: float = POWER,
    alpha: float = ALPHA,
) -> float:
    """Return how many customers, of both groups, a two-sided test of two proportions needs.

    The test compares the difference of the two churn rates with its standard error under the
    pooled rate; the power uses the standard error of the two rates themselves (Fleiss, Levin & Paik
    2003, "Statistical methods for rates and proportions", section 4.2, without continuity
    correction). statsmodels' ``power_proportions_2indep`` has the same form. Cohen's h is another
    approximation, which differs from this one where the groups are of different sizes.

    Args:
        p_control: Churn rate without the campaign, above 0 and below 1.
        effect: By how much the campaign lowers it for the mean treated customer: at most
            ``p_control``; below 0 where the campaign drives customers away.
        share_control: Share of the customers in the control group, above 0 and below 1.
        power: Chance to see the effect.
        alpha: Chance to see one where there is none.

    Returns:
        The number of customers, not rounded; infinite where the effect is 0.
    """
    if effect == 0:
        return math.inf
    p_treated = p_control - effect
    share_treated = 1 - share_control
    pooled = share_control * p_control + share_treated * p_treated
    under_null = pooled * (1 - pooled) * (1 / share_treated + 1 / share_control)
    treated, control = p_treated * (1 - p_treated), p_control * (1 - p_control)
    normal = NormalDist()
    size = normal.inv_cdf(1 - alpha / 2) * math.sqrt(under_null)
    size += normal.inv_cdf(power) * math.sqrt(treated / share_treated + control / share_control)
    return (size / effect) ** 2


def effect_seen(
    n: float,
    p_control: float,
    share_control: float,
    *,
    power: float = POWER,
    alpha: float = ALPHA,
) -> float | None:
    """Return the smallest effect that a campaign of a given size sees with the given power.

    Args:
        n: Customers of both groups.
        p_control: As for `customers_needed`.
        share_control: The same.
        power: The same.
        alpha: The same.

    Returns:
        By how much the churn rate of the mean treated customer must fall; None where it would not
        be seen if all were kept.
    """

    def is_unseen(effect: float) -> bool:
        return customers_needed(p_control, effect, share_control, power=power, alpha=alpha) > n

    return None if is_unseen(p_control) else edge_between(is_unseen, 0.0, p_control)
