"""The list: who is contacted with which offer, and who is control, under budget and capacities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from churn_torch.decisions.allocation import NOBODY, Allocation, allocate
from churn_torch.decisions.control_group import draw_control
from churn_torch.errors import InputError
from churn_torch.tables.hashing import Hashes

Floats = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]

# How often the list is made longer or shorter until the contacts use the budget.
_MOST_ATTEMPTS = 8
# A rest of the budget that is not worth another attempt, as a share of it, where costs differ.
_SMALL_REST = 1e-3
# Sums of many costs are off by so much.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Targets:
    """A list of customers, the first ones with the largest expected net value.

    Attributes:
        contacted: Positions of the customers to contact.
        control: Positions of the control group, who would be contacted without it.
        offer: ``[N]`` the offer of each customer of the list, `NOBODY` for all others.
        gap: By how much of what is possible the choice may miss it, as a share.
        limited_by: ``budget`` or the names of offers whose capacity is used up; ``()`` where
            everybody for whom an offer pays is on the list.
    """

    contacted: Positions
    control: Positions
    offer: npt.NDArray[np.int16]
    gap: float
    limited_by: tuple[str, ...]


def choose_targets(
    net: Floats,
    spend: Floats,
    identity: Hashes,
    names: Sequence[str],
    *,
    budget: float | None,
    capacities: Sequence[int | None],
    share: float,
    salt: str,
) -> Targets:
    """Choose the list: contacts that budget and capacities pay for, and their control group.

    Control customers use neither budget nor capacity, so the list is as much longer than what
    these allow as the control group is large. It is chosen by `allocate`, and the control group is
    drawn from it.

    Args:
        net: ``[N, K]`` expected net value of each offer; 0 or less, or NaN, for an offer that must
            not be made.
        spend: ``[N, K]`` what the budget pays for it.
        identity: ``[N]`` hashes of the ids.
        names: ``[K]`` names of the offers.
        budget: The most that is spent; None for no limit.
        capacities: ``[K]`` most contacts of each offer; None for no limit.
        share: Share of the list in the control group.
        salt: As for `draw_control`.

    Raises:
        InputError: No offer pays for anybody, the budget is below one contact, or the control group
            is larger than what is left to contact.
    """
    _check_any_pays(net, names)
    _check_budget(budget, net, spend)
    limits = _Limits(
        np.inf if budget is None else budget,
        np.array([np.inf if c is None else c for c in capacities], np.float64),
    )
    wider = _Limits(limits.money / (1 - share), np.floor(limits.contacts / (1 - share)))
    small_rest = _SMALL_REST if _costs_differ(net, spend) else 0.0
    for attempt in range(_MOST_ATTEMPTS):
        found = allocate(net, spend, budget=wider.budget, capacities=wider.capacities)
        listed = np.flatnonzero(found.offer != NOBODY)
        of = found.offer[listed]
        drawn = draw_control(identity[listed], net[listed, of], of, share=share, salt=salt)
        contacted = listed[~drawn]
        left = limits.less(contacted, found.offer, spend)
        cheapest = _cheapest(net, spend, found)
        is_used_up = left.is_used_up(limits, cheapest, small_rest)
        if attempt + 1 == _MOST_ATTEMPTS or not share or is_used_up:
            break
        # The control group drawn has used more or less of the wider limits than its share.
        step = 1 / (1 - share) if attempt == 0 else 1.0
        wider = _Limits(
            wider.money + (left.money * step if np.isfinite(left.money) else 0.0),
            np.maximum(wider.contacts + np.where(np.isfinite(left.contacts), left.contacts, 0), 1),
        )
    contacted = _ranked(_within(contacted, net, spend, found, limits), net, found)
    control = _ranked(listed[drawn], net, found)
    if len(control) > len(contacted):
        raise _control_too_large(len(control), len(contacted), names, capacities, budget)
    offer = np.full(len(net), NOBODY, np.int16)
    for rows in (contacted, control):
        offer[rows] = found.offer[rows]
    left = limits.less(contacted, offer, spend)
    scarce = left.met(names, cheapest)
    rows = np.concatenate([contacted, control])
    gap = _gap(found, wider, left, rows, offer, net, spend)
    return Targets(contacted, control, offer, gap, scarce)


@dataclass(frozen=True)
class _Limits:
    """Money and ``[K]`` contacts that there are, or that are left; infinite for no limit."""

    money: float
    contacts: Floats

    @property
    def budget(self) -> float | None:
        return None if np.isinf(self.money) else self.money

    @property
    def capacities(self) -> list[int | None]:
        return [None if np.isinf(c) else int(c) for c in self.contacts]

    def less(self, rows: Positions, offer: npt.NDArray[np.int16], spend: Floats) -> _Limits:
        """Return what is left after contacting some customers; below 0 where they are too many."""
        of = offer[rows]
        used = np.bincount(of, minlength=len(self.contacts))
        return _Limits(self.money - float(spend[rows, of].sum()), self.contacts - used)

    def is_used_up(self, whole: _Limits, cheapest: Floats, small_rest: float) -> bool:
        """Tell whether this pays for no further contact worth the trouble, and is not exceeded."""
        if self.money < -_ROUNDING * whole.money or (self.contacts < 0).any():
            return False
        least = self._least(cheapest)
        rest = small_rest * whole.money if np.isfinite(whole.money) else 0.0
        money = self.money + _ROUNDING * whole.money if np.isfinite(whole.money) else self.money
        return money < max(least, rest) or bool(np.isinf(least))

    def met(self, names: Sequence[str], cheapest: Floats) -> tuple[str, ...]:
        """Return the names of the limits that leave no contact, of those who wait for one."""
        waiting = zip(names, self.contacts, np.isfinite(cheapest), strict=True)
        full = [name for name, n, wanted in waiting if n <= 0 and wanted]
        least = self._least(cheapest)
        return ("budget", *full) if np.isfinite(least) and self.money < least else tuple(full)

    def _least(self, cheapest: Floats) -> float:
        """Return what the cheapest contact costs of an offer whose capacity is not used up."""
        return float(np.where(self.contacts > 0, cheapest, np.inf).min())


def _gap(
    found: Allocation,
    wider: _Limits,
    left: _Limits,
    rows: Positions,
    offer: npt.NDArray[np.int16],
    net: Floats,
    spend: Floats,
) -> float:
    """Return by how much of the best possible the list may miss it.

    The list is compared with the bound of what it uses itself, contacts and control group, and what
    is left. Prices are those of the relaxation's optimum, so the bound follows from that of
    ``wider`` (and holds at any limits, as the dual does).
    """
    used = _Limits(0.0, np.zeros(net.shape[1])).less(rows, offer, spend)
    bound = found.bound
    if np.isfinite(wider.money):
        bound += found.prices[0] * (max(left.money, 0.0) - used.money - wider.money)
    finite = np.isfinite(wider.contacts)
    own = np.maximum(left.contacts, 0)[finite] - used.contacts[finite] - wider.contacts[finite]
    bound += float((found.prices[1:][finite] * own).sum())
    reached = float(net[rows, offer[rows]].sum())
    return max(1 - reached / bound, 0.0) if bound > 0 else 0.0


def _costs_differ(net: Floats, spend: Floats) -> bool:
    costs = spend[net > 0]
    return bool(costs.max() - costs.min() > _ROUNDING * costs.max())


def _cheapest(net: Floats, spend: Floats, found: Allocation) -> Floats:
    """Return ``[K]`` what each offer costs at least for a customer who is not on the list."""
    waiting = (net > 0) & (found.offer == NOBODY)[:, None]
    return np.asarray(np.where(waiting, spend, np.inf).min(axis=0, initial=np.inf))


def _within(
    contacted: Positions, net: Floats, spend: Floats, found: Allocation, limits: _Limits
) -> Positions:
    """Leave out the contacts that bring least for their money until all limits are kept."""
    of = found.offer[contacted]
    paid = spend[contacted, of]
    with np.errstate(divide="ignore"):
        order = np.argsort(-(net[contacted, of] / paid), kind="stable")
    fits = np.ones(len(order), bool)
    for number, limit in enumerate(limits.contacts):
        of_this = np.flatnonzero(of[order] == number)
        if len(of_this) > limit:
            fits[of_this[int(limit) :]] = False
    order = order[fits]
    within = np.cumsum(paid[order]) <= limits.money * (1 + _ROUNDING)
    return contacted[order[within]]


def _ranked(rows: Positions, net: Floats, found: Allocation) -> Positions:
    value = net[rows, found.offer[rows]]
    return rows[np.lexsort((rows, -value))]


def _check_any_pays(net: Floats, names: Sequence[str]) -> None:
    if (net > 0).any():
        return
    finite = net[np.isfinite(net)]
    best = f"{finite.max():,.2f} at best" if len(finite) else "nobody to whom it may be made"
    raise InputError(
        f"offer.{names[0]}" if len(names) == 1 else "offer",
        expected="customers whom it pays to contact",
        got=f"an expected net value of {best}",
        fix="check the costs, the keep rate and the value of a customer",
    )


def _check_budget(budget: float | None, net: Floats, spend: Floats) -> None:
    if budget is None:
        return
    one = float(np.where(net > 0, spend, np.inf).min())
    if budget < one or budget <= 0:
        raise InputError(
            "budget",
            expected=f"enough for one contact, {one:,.2f} or more",
            got=f"{budget:,.2f}",
            fix="raise it, or leave it out for no limit",
        )


def _control_too_large(
    n_control: int,
    n_contacted: int,
    names: Sequence[str],
    capacities: Sequence[int | None],
    budget: float | None,
) -> InputError:
    scarce = next((n for n, c in zip(names, capacities, strict=True) if c is not None), None)
    where = f"offer.{scarce}.capacity" if scarce else "control" if budget is None else "budget"
    return InputError(
        where,
        expected="more contacts than control customers",
        got=f"{n_contacted:,} contacts beside a control group of {n_control:,}",
        fix="lower control, or raise what limits the contacts",
    )
