"""A campaign in numbers, and as a table for the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.table import Table
from rich.text import Text


class Interval(NamedTuple):
    """The ends of a 95 % interval."""

    low: float
    high: float


class CurvePoint(NamedTuple):
    """A point of the profit curve: the best customers are contacted, in the order of net value.

    Attributes:
        contacts: How many.
        net: What they are expected to bring.
        interval: Of ``net``, where a keep rate is uncertain.
    """

    contacts: int
    net: float
    interval: Interval | None


class SpendPoint(NamedTuple):
    """A point of the list: what is spent so far, and what the next unit of money brings."""

    spend: float
    marginal: float


class Sensitivity(NamedTuple):
    """The net value of the contacts if keep rates and values were so many times as large."""

    keep_rate: float
    value: float
    net: float


@dataclass(frozen=True, kw_only=True)
class OfferFigures:
    """An offer of a campaign.

    Attributes:
        name: The offer's.
        n_contacted: Customers who are contacted with it.
        n_control: Customers who would be.
        spend: What its contacts are expected to cost.
        net: What they are expected to bring, costs deducted.
        kept: Customers who are expected to be kept.
    """

    name: str
    n_contacted: int
    n_control: int
    spend: float
    net: float
    kept: float


@dataclass(frozen=True, kw_only=True)
class CampaignFigures:
    """What a campaign is expected to do, and how it came about.

    Attributes:
        source: The customers' table, as the user named it.
        run: The run or file that scored them.
        date: ISO date.
        ranked_by: ``probability`` or ``uplift``.
        budget: None for no limit.
        share_control: Share of the list in the control group.
        n_customers: Rows of the source.
        n_left: Customers who have left.
        n_not_eligible: Customers to whom no offer may be made.
        n_not_worth: Customers whom it does not pay to contact.
        n_not_chosen: Customers for whom the budget or a capacity did not suffice.
        offers: One by one.
        net: Expected net value of the contacts.
        interval: Of ``net``, where a keep rate is uncertain: all keep rates at their 2.5 %, and all
            at their 97.5 % point.
        gap: By how much of the best possible the choice may miss it, as a share of it.
        limited_by: ``budget``, or offers whose capacity is used up.
        churn: Expected churn rate of the list without the campaign.
        effect: By how much a contact lowers the churn rate of the list.
        n_needed: Customers, control group and contacts together, that a test needs to see
            ``effect`` with 80 % power; None without a control group.
        curve: The profit curve, of all customers who have not left.
        spending: Marginal value of the budget along the list.
        deciles: ``[D, 2]`` mean probability and mean net value of the contacts, best first.
        reasons: The most frequent first reasons, and of how many contacts they are.
        sensitivity: For other keep rates and values.
    """

    source: str
    run: str
    date: str
    ranked_by: str
    budget: float | None
    share_control: float
    n_customers: int
    n_left: int
    n_not_eligible: int
    n_not_worth: int
    n_not_chosen: int
    offers: Sequence[OfferFigures]
    net: float
    interval: Interval | None
    gap: float
    limited_by: Sequence[str]
    churn: float
    effect: float
    n_needed: float | None
    curve: Sequence[CurvePoint]
    spending: Sequence[SpendPoint]
    deciles: Sequence[tuple[float, float]]
    reasons: Sequence[tuple[str, int]]
    sensitivity: Sequence[Sensitivity]

    @property
    def n_contacted(self) -> int:
        """Customers who are contacted."""
        return sum(offer.n_contacted for offer in self.offers)

    @property
    def n_control(self) -> int:
        """Customers in the control group."""
        return sum(offer.n_control for offer in self.offers)

    @property
    def spend(self) -> float:
        """What all contacts are expected to cost."""
        return sum(offer.spend for offer in self.offers)

    @property
    def kept(self) -> float:
        """Customers who are expected to be kept."""
        return sum(offer.kept for offer in self.offers)

    @property
    def is_measurable(self) -> bool:
        """Whether the list is large enough to see the expected effect."""
        return self.n_needed is not None and self.n_contacted + self.n_control >= self.n_needed


def campaign_table(campaign: CampaignFigures) -> Table:
    """Lay out a campaign: who was left out, who is contacted, and what that is expected to bring.

    Args:
        campaign: Its figures.
    """
    table = Table(title=f"Campaign: net value from the {campaign.ranked_by}", title_justify="left")
    for heading in ("", "customers", "spend", "kept", "net value"):
        table.add_column(heading, justify="right" if heading else "left", overflow="fold")

    def count(label: str, n: int) -> None:
        table.add_row(Text(label), f"{n:,}", "", "", "")

    count("in the source", campaign.n_customers)
    for label, n in (
        ("have left already", campaign.n_left),
        ("may get no offer", campaign.n_not_eligible),
        ("cost more than they bring", campaign.n_not_worth),
        (_beyond(campaign.limited_by), campaign.n_not_chosen),
    ):
        if n:
            count(f"  {label}", n)
    table.add_section()
    for offer in campaign.offers:
        table.add_row(
            Text(f"contacted: {offer.name}"),
            f"{offer.n_contacted:,}",
            f"{offer.spend:,.2f}",
            f"{offer.kept:,.1f}",
            f"{offer.net:,.2f}",
        )
    if len(campaign.offers) > 1:
        spend, kept, net = (
            f"{campaign.spend:,.2f}",
            f"{campaign.kept:,.1f}",
            f"{campaign.net:,.2f}",
        )
        table.add_row("contacted", f"{campaign.n_contacted:,}", spend, kept, net)
    count("control group, not contacted", campaign.n_control)
    return table


def _beyond(limits: Sequence[str]) -> str:
    offers = [limit for limit in limits if limit != "budget"]
    met = ["the budget"] if "budget" in limits else []
    met += [f"the capacity of {', '.join(offers)}"] if offers else []
    return f"beyond {' and '.join(met) or 'the limits'}"


def campaign_sentences(campaign: CampaignFigures) -> list[str]:
    """Say how sure the net value is, how close to the best choice the list is, and what is tested.

    Args:
        campaign: Its figures.
    """
    said = []
    net = f"Expected net value {campaign.net:,.2f}"
    if campaign.interval is not None and campaign.interval.low < campaign.interval.high:
        low, high = campaign.interval
        net += f", between {low:,.2f} and {high:,.2f} (95 % interval of the keep rates)"
    said.append(f"{net}.")
    if campaign.budget is not None:
        said.append(
            f"The budget of {campaign.budget:,.2f} pays for contacts and expected incentives: "
            f"{campaign.spend:,.2f}."
        )
    if campaign.gap > 1e-6:
        lost = campaign.gap / (1 - campaign.gap) * campaign.net if campaign.gap < 1 else math.inf
        said.append(
            f"The best choice there can be brings at most {campaign.gap:.2%} ({lost:,.2f}) more "
            "(the optimum of the relaxation)."
        )
    else:
        said.append("No other choice brings more.")
    if said_of_test := _test_sentence(campaign):
        said.append(said_of_test)
    return said


def _test_sentence(campaign: CampaignFigures) -> str:
    if not campaign.share_control:
        return "Without a control group (control=0) nobody can see what the campaign was worth."
    if not campaign.n_control or campaign.n_needed is None:
        return "The list is too small for a control group, so its effect cannot be measured."
    n = campaign.n_contacted + campaign.n_control
    effect = (
        f"to see {campaign.churn:.1%} churn fall to {campaign.churn - campaign.effect:.1%} with "
        "80 % power"
    )
    if math.isinf(campaign.n_needed):
        return "No effect is expected, so none can be measured."
    needed = f"The test needs {math.ceil(campaign.n_needed):,} customers {effect}"
    if campaign.is_measurable:
        return f"{needed}; the list has {n:,}."
    return (
        f"{needed}, and the list has {n:,}: this campaign is too small to be measured. Take more "
        "customers or a larger control group, or add up several campaigns."
    )
