"""What a campaign was worth: kept customers and net value, by offer and by decile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.decisions.group_difference import (
    UNKNOWN,
    Bools,
    Counts,
    Estimate,
    Floats,
    count,
    mean_difference,
    rate_difference,
    relative_risk,
)
from churn_torch.decisions.offers import Offer, Payoffs, payoffs

DECILES = 10
ALL = "all"
# A regression, or a standard error of money, wants so many customers in each group.
_FEWEST = 20


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """Customers of a campaign whose outcome is known.

    Attributes:
        treated: ``[N]``, whether the customer was on the call list, not in the control group.
        churned: ``[N]``, 1 for a customer who left, 0 for one who stayed.
        offer: ``[N]`` names of offers; in the control group the one that would have been made.
        probability: ``[N]`` probabilities of churn, as predicted.
        value: ``[N]``, what each customer is worth.
        expected_net_value: ``[N]``, as the call list has it.
        uplift: ``[N]``, by how much an offer lowers the probability, where the list has it.
        revenue: ``[N]``, what each customer brought after the campaign, before the incentive is
            taken off; None where it is not known.
    """

    treated: Bools
    churned: Floats
    offer: npt.NDArray[Any]
    probability: Floats
    value: Floats
    expected_net_value: Floats
    uplift: Floats | None = None
    revenue: Floats | None = None


def by_offer_and_decile(outcomes: Outcomes, offers: Mapping[str, Offer]) -> pd.DataFrame:
    """Estimate the effect on all customers, on those of each offer and on each decile.

    Deciles are of the expected net value, the first the highest; groups of 10 customers or fewer
    have fewer of them.

    Args:
        outcomes: The customers.
        offers: The offers by name.

    Returns:
        A row a group. ``by`` (all, offer, decile) and ``name`` say which. ``difference`` is the
        churn rate of the control group minus that of the treated, ``kept`` the customers kept, and
        ``net_value`` that of all treated. Those with ``_adjusted`` are adjusted by what was
        predicted, where both groups have 20 customers or more. ``expected_`` is what the list
        expected of the treated. Estimates have the ends of their intervals in ``_low`` and
        ``_high`` and are NaN where they cannot be known.
    """
    money = per_row(outcomes, offers)
    net = net_outcome(outcomes, money)
    kept = expected_kept(outcomes, money)
    rows = [
        {"by": by, "name": name, **_effect(outcomes, net, kept, rows)}
        for by, name, rows in _groups(outcomes)
    ]
    return pd.DataFrame(rows)


def leavers(outcomes: Outcomes, offer: str) -> Counts:
    """Count the leavers among the customers of an offer."""
    rows = outcomes.offer == offer
    return count(outcomes.churned[rows], outcomes.treated[rows])


def per_row(outcomes: Outcomes, offers: Mapping[str, Offer]) -> Payoffs:
    """Return the payoffs of each customer's own offer, ``[N]`` each."""
    shape = len(outcomes.value)
    columns = [np.zeros(shape) for _ in range(3)]
    for name, offer in offers.items():
        rows = outcomes.offer == name
        paid = payoffs(offer, outcomes.value[rows])
        for column, amount in zip(
            columns, (paid.kept, paid.leaver_cost, paid.stayer_cost), strict=True
        ):
            column[rows] = amount
    return Payoffs(*columns)


def net_outcome(outcomes: Outcomes, money: Payoffs) -> Floats:
    """Return an outcome of each customer whose mean difference is the net value of a contact.

    Who was kept is not seen, only who stayed. With s and s' for staying with and without the offer,
    the net value is ``(s - s') kept - (1 - s') leaver_cost - s' stayer_cost``. A treated customer
    gets the terms with s, one of the control group the others with the sign turned around. What a
    customer would bring in any case is taken off in both groups: it is known and would be noise.

    Args:
        outcomes: The customers.
        money: Their payoffs.

    Shape:
        [N] float64.
    """
    stayed = 1.0 - outcomes.churned
    extra = np.asarray(money.stayer_cost) - money.leaver_cost
    if outcomes.revenue is None:
        brought = -outcomes.churned * np.asarray(money.kept)
    else:  # the revenue takes the place of the value; the incentive still comes off
        brought = outcomes.revenue - stayed * (outcomes.value - money.kept)
    with_offer, without = brought - money.leaver_cost, brought + stayed * extra
    return np.asarray(np.where(outcomes.treated, with_offer, without))


def expected_kept(outcomes: Outcomes, money: Payoffs) -> Floats:
    """Return the chance to keep each customer that the list expected; NaN where it does not say.

    Without an uplift it is what the expected net value means, whatever the keep rate was read from.

    Args:
        outcomes: The customers.
        money: Their payoffs.

    Shape:
        [N] float64.
    """
    if outcomes.uplift is not None:
        return outcomes.uplift
    kept = np.asarray(money.kept, np.float64)
    brought = outcomes.expected_net_value + money.cost(outcomes.probability)
    unknown = np.full(len(kept), np.nan)
    return np.asarray(np.divide(brought, kept, out=unknown, where=kept != 0))


def _groups(outcomes: Outcomes) -> Iterator[tuple[str, str, Bools]]:
    n = len(outcomes.churned)
    yield ALL, ALL, np.ones(n, dtype=bool)
    for name in dict.fromkeys(outcomes.offer.tolist()):
        yield "offer", str(name), outcomes.offer == name
    rank = np.empty(n, dtype=np.int64)
    rank[np.argsort(-outcomes.expected_net_value, kind="stable")] = np.arange(n)
    decile = rank * DECILES // max(n, 1)
    for place in np.unique(decile):
        yield "decile", str(place + 1), decile == place


def _effect(outcomes: Outcomes, net: Floats, kept: Floats, rows: Bools) -> dict[str, Any]:
    treated, churned = outcomes.treated[rows], outcomes.churned[rows]
    p, value = outcomes.probability[rows], outcomes.value[rows]
    counts = count(churned, treated)
    n = counts.treated
    difference = rate_difference(counts)
    is_small = min(counts.treated, counts.control) < _FEWEST
    fewer = difference if is_small else _adjusted(1 - churned, treated, p[:, None])
    risk = p * value
    known = risk[:, None] if outcomes.revenue is None else np.column_stack([risk, value])
    plain = mean_difference(net[rows], treated)
    if is_small and _is_one_sided(counts):
        plain = UNKNOWN
    net_adjusted = plain if is_small else _adjusted(net[rows], treated, known)
    estimates = {
        "difference": difference,
        "difference_adjusted": fewer,
        "relative_risk": relative_risk(counts),
        "kept": difference.times(n),
        "kept_adjusted": fewer.times(n),
        "net_value": plain.times(n),
        "net_value_adjusted": net_adjusted.times(n),
    }
    effect: dict[str, Any] = {
        "treated": n,
        "control": counts.control,
        "churned_treated": counts.churned_treated,
        "churned_control": counts.churned_control,
        "churn_rate_treated": counts.rate_treated,
        "churn_rate_control": counts.rate_control,
    }
    for name, estimate in estimates.items():
        effect |= {
            name: estimate.value,
            f"{name}_low": estimate.low,
            f"{name}_high": estimate.high,
        }
    effect["expected_kept"] = float(kept[rows][treated].sum())
    effect["expected_net_value"] = float(outcomes.expected_net_value[rows][treated].sum())
    return effect


def _is_one_sided(counts: Counts) -> bool:
    """Tell whether all of a group left or stayed: its error then looks smaller than it is."""
    return counts.rate_treated in (0, 1) or counts.rate_control in (0, 1)


def _adjusted(outcome: Floats, treated: Bools, covariates: Floats) -> Estimate:
    """Return the adjusted difference, or the plain one where a group is too small for it."""
    adjusted = mean_difference(outcome, treated, covariates)
    return mean_difference(outcome, treated) if adjusted is UNKNOWN else adjusted
