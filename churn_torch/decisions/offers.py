"""Retention offers: what an offer costs, whom it keeps, and what it is expected to bring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from churn_torch.errors import InputError

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class BetaRate:
    """An uncertain keep rate: a Beta distribution with mean ``alpha / (alpha + beta)``.

    Attributes:
        alpha: As of so many leavers that were kept.
        beta: As of so many leavers that were not.
    """

    alpha: float
    beta: float

    @property
    def mean(self) -> float:
        """The expected keep rate."""
        return self.alpha / (self.alpha + self.beta)


def mean_rate(rate: float | BetaRate) -> float:
    """Return the expected keep rate of one for all customers."""
    return rate.mean if isinstance(rate, BetaRate) else rate


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A retention offer: the keys of conf/offer/*.yaml, where each is explained.

    Attributes:
        contact_cost: Cost of a contact, whatever comes of it.
        incentive: Cost of what a customer gets who accepts.
        incentive_paid: ``accepted``: a leaver gets it only if kept by it; ``always``: everybody
            who is contacted gets it.
        stayer_cost: What the offer costs, beside the contact, when made to somebody who would have
            stayed; None for the incentive, which a stayer takes too.
        keep_rate: Chance that a contacted leaver stays: a number, a Beta, or a column or SQL
            expression over the columns of a row.
        capacity: Most contacts.
        where: SQL condition on the customers to whom the offer may be made.
    """

    contact_cost: float
    keep_rate: float | BetaRate | str
    incentive: float = 0.0
    incentive_paid: Literal["accepted", "always"] = "accepted"
    stayer_cost: float | None = None
    capacity: int | None = None
    where: str | None = None

    def check(self, name: str) -> None:
        """Refuse an offer that cannot be.

        Args:
            name: The offer's name, for messages.

        Raises:
            InputError: A cost is negative or not finite, the keep rate is no chance, or the
                capacity is not above 0.
        """
        key = f"offer.{name}"
        costs = {"contact_cost": self.contact_cost, "incentive": self.incentive}
        if self.stayer_cost is not None:
            costs["stayer_cost"] = self.stayer_cost
        for cost, amount in costs.items():
            if not 0 <= amount < np.inf:
                raise InputError(
                    f"{key}.{cost}", expected="an amount of 0 or more", got=str(amount)
                )
        rate = self.keep_rate
        if isinstance(rate, BetaRate):
            for letter, value in (("alpha", rate.alpha), ("beta", rate.beta)):
                if not 0 < value < np.inf:
                    raise InputError(
                        f"{key}.keep_rate.{letter}", expected="a number above 0", got=str(value)
                    )
        elif not isinstance(rate, str) and not 0 <= rate <= 1:
            raise InputError(
                f"{key}.keep_rate",
                expected="a chance between 0 and 1, such as 0.3",
                got=str(rate),
                fix="30 % is 0.3",
            )
        if self.capacity is not None and self.capacity < 1:
            raise InputError(
                f"{key}.capacity", expected="1 or more contacts, or null", got=str(self.capacity)
            )

    @property
    def mean_keep_rate(self) -> float | None:
        """The expected keep rate; None where it is a column or an expression."""
        return None if isinstance(self.keep_rate, str) else mean_rate(self.keep_rate)

    @property
    def cost_of_stayer(self) -> float:
        """What the offer costs, beside the contact, when made to somebody who would have stayed."""
        return self.incentive if self.stayer_cost is None else self.stayer_cost


@dataclass(frozen=True)
class Payoffs:
    """What contacting each customer brings and costs, in money, before it is known who leaves.

    A contacted leaver brings ``keep_rate * kept - leaver_cost``, a contacted stayer costs
    ``stayer_cost``; a customer who is not contacted brings and costs nothing. In the notation of
    Verbraken, Verbeke & Baesens (2013), "A novel profit maximizing metric for measuring
    classification performance of customer churn prediction models": with d = incentive / CLV and
    f = contact / CLV, kept is CLV (1 - d), leaver_cost CLV f and stayer_cost CLV (d + f).

    Attributes:
        kept: What a leaver brings who is kept, ``[N]`` or one number for all.
        leaver_cost: What contacting a leaver costs whether kept or not, ``[N]`` or one number.
        stayer_cost: What contacting a stayer costs, ``[N]`` or one number.
    """

    kept: Floats | float
    leaver_cost: Floats | float
    stayer_cost: Floats | float

    def net(self, probability: Floats, keep_rate: Floats | float) -> Floats:
        """Return the expected net value of contacting each customer.

        Args:
            probability: ``[N]`` probabilities of churn.
            keep_rate: ``[N]``, or one number for all.

        Shape:
            [N] float64.
        """
        kept = np.asarray(probability, np.float64) * keep_rate
        return self.net_of_uplift(probability, kept)

    def net_of_uplift(self, probability: Floats, uplift: Floats) -> Floats:
        """Return the expected net value where it is known by how much a contact lowers churn.

        Args:
            probability: ``[N]`` probabilities of churn without a contact.
            uplift: ``[N]``: by how much a contact lowers them; below 0 where it drives away.

        Shape:
            [N] float64.
        """
        return np.asarray(uplift * np.asarray(self.kept, np.float64) - self.cost(probability))

    def cost(self, probability: Floats) -> Floats:
        """Return what contacting each customer is expected to cost, whoever is kept.

        Args:
            probability: ``[N]`` probabilities of churn without a contact.

        Shape:
            [N] float64.
        """
        costs = probability * self.leaver_cost + (1.0 - probability) * self.stayer_cost
        return np.asarray(costs)


def payoffs(offer: Offer, value: Floats | float) -> Payoffs:
    """Return the payoffs of an offer.

    Args:
        offer: The offer.
        value: What a kept customer is worth, ``[N]`` or one number for all.
    """
    stayer = offer.cost_of_stayer
    if offer.incentive_paid == "always":
        return Payoffs(value, offer.contact_cost + offer.incentive, offer.contact_cost + stayer)
    return Payoffs(value - offer.incentive, offer.contact_cost, offer.contact_cost + stayer)


def expected_spend(offer: Offer, probability: Floats, kept: Floats) -> Floats:
    """Return what contacting each customer is expected to cost: the contact and the incentive.

    This is what a budget pays. Without an incentive it is the contact cost of every customer.

    Args:
        offer: The offer.
        probability: ``[N]`` probabilities of churn without a contact.
        kept: ``[N]`` chances that the contact keeps the customer: probability times keep rate, or
            the uplift.

    Shape:
        [N] float64.
    """
    takers = probability if offer.incentive_paid == "always" else np.maximum(kept, 0.0)
    of_stayers = (1.0 - probability) * offer.cost_of_stayer
    return np.asarray(offer.contact_cost + takers * offer.incentive + of_stayers, np.float64)
