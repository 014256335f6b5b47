"""A campaign in numbers, and as a table for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from rich.table import Table
from rich.text import Text


class Interval(NamedTuple):
    """The ends of a 95 % interval."""

    low: float
    high: float


class CurvePoint(NamedTuple):
    """A point of the profit curve: the best customers are contacted, in the order of net value.

    The control group is held back from them.

    Attributes:
        contacts: How many.
        net: What they are expected to bring.
        interval: Of ``net``, where a keep rate is uncertain.
    """

    contacts: int
    net: float
    interval: Interval | None


class SpendPoint(NamedTuple):
    """What the next unit of money brings when so much is spent, without limits of the offers."""

    spend: float
    marginal: float


class Sensitivity(NamedTuple):
    """The net value of the contacts if keep rates and values were so many times as large."""

    keep_rate: float
    value: float
    net: float


class ValueGroup(NamedTuple):
    """A tenth of the customers who may get an offer, by what they are worth.

    Attributes:
        low: The least that one of them is worth.
        high: The most.
        n_customers: How many there are.
        n_contacted: How many of them are contacted.
        net: What those are expected to bring.
    """

    low: float
    high: float
    n_customers: int
    n_contacted: int
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
        terms: Its keys, as in conf/offer.
        keep_rate: The mean of its contacts, as assumed; None where there are none.
        keep_interval: Where the keep rate is a Beta distribution.
    """

    name: str
    n_contacted: int
    n_control: int
    spend: float
    net: float
    kept: float
    terms: Mapping[str, Any]
    keep_rate: float | None
    keep_interval: Interval | None


@dataclass(frozen=True, kw_only=True)
class CampaignFigures:
    """What a campaign is expected to do, and how it came about.

    Attributes:
        source: The customers' table, as the user named it.
        run: The run or file that scored them.
        date: ISO date.
        ranked_by: ``probability`` or ``uplift``.
        value: ``value``, ``horizon`` and ``discount_rate``, as the user said them.
        mean_value: What the mean contact is worth.
        left_by: How it is known who has left, in words; ``""`` where nobody is taken to have.
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
        effect_seen: The smallest effect that the list sees with 80 % power; None where none is
            seen.
        n_needed: Customers, control group and contacts together, that a test needs to see
            ``effect`` with 80 % power; None without a control group.
        curve: The profit curve, of all customers to whom an offer may be made, until contacts have
            lost a tenth of the most they bring.
        spending: Marginal value of the budget, until nothing more pays.
        marginal: What the next unit of money would bring; 0 where all who pay are on the list.
        values: The list by what customers are worth, those worth most first.
        reasons: The most frequent first reasons, and of how many contacts they are.
        reason_columns: The columns that are the first reason most often, and of how many contacts.
        correlated: Sentences on columns among these whose reasons cannot be told apart.
        n_doubted: Contacts with cells that cannot be trusted.
        sensitivity: For other keep rates and values.
        break_even: By what factors of the keep rates, and of the values, the contacts pay just what
            they cost; None where they pay at 0.
    """

    source: str
    run: str
    date: str
    ranked_by: str
    value: Mapping[str, Any]
    mean_value: float
    left_by: str
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
    effect_seen: float | None
    n_needed: float | None
    curve: Sequence[CurvePoint]
    spending: Sequence[SpendPoint]
    marginal: float
    values: Sequence[ValueGroup]
    reasons: Sequence[tuple[str, int]]
    reason_columns: Sequence[tuple[str, int]]
    correlated: Sequence[str]
    n_doubted: int
    sensitivity: Sequence[Sensitivity]
    break_even: tuple[float | None, float | None]

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
