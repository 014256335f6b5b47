"""Which customer gets which offer: the most net value under a budget and capacities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]

NOBODY = -1
# Lower bounds of the dual by at most so much, relatively, end the search.
_TOLERANCE = 1e-9
_MOST_CUTS = 100
# Rounds in which offers that no longer fit are left out and the rest is filled.
_MOST_ROUNDS = 20
# Offers are worth the same to a customer up to this share of the largest net value.
_TIE = 1e-7
# A larger share of the bound that is not reached is worth a second attempt.
_SMALL_GAP = 1e-3
_SHIFT = 1e-4


@dataclass(frozen=True)
class Allocation:
    """At most one offer for each customer.

    Attributes:
        offer: ``[N]`` the offer's position, or `NOBODY`.
        net: What the chosen are expected to bring.
        bound: What no choice can exceed: the optimum of the relaxation in which customers can be
            divided.
        prices: ``[1 + K]`` what one more unit of the budget, and one more contact of each offer,
            adds to the bound.
    """

    offer: npt.NDArray[np.int16]
    net: float
    bound: float
    prices: Floats


def allocate(
    net: Floats,
    spend: Floats,
    *,
    budget: float | None = None,
    capacities: Sequence[int | None] | None = None,
) -> Allocation:
    """Choose at most one offer for each customer, so that the net value is as large as possible.

    This is a multiple-choice knapsack (Kellerer, Pferschy & Pisinger 2004, "Knapsack problems",
    chapter 11). A price for a unit of the budget and one for a contact of each offer are found
    as the optimum of the Lagrangian dual, by cutting planes (Kelley 1960); it equals the optimum
    of the relaxation. Customers then get the offer that is worth most at these prices, those of
    the largest worth first, until the budget or a capacity ends; the rest is filled with what
    fits. Where all contacts cost the same and there is one offer, that is the optimum; else the
    difference to ``bound`` is at most about a contact or two.

    Args:
        net: ``[N, K]`` expected net value of each offer; an offer that must not be made, or
            that brings nothing, has a value of 0 or less, or NaN.
        spend: ``[N, K]`` what the budget pays for it, 0 or more.
        budget: The most that can be spent; None for no limit.
        capacities: ``[K]`` most contacts of each offer; None for no limit.
    """
    n, k = net.shape
    offer = np.full(n, NOBODY, np.int16)
    limits = [None] * k if capacities is None else list(capacities)
    candidates = np.flatnonzero((net > 0).any(axis=1))
    problem = _Problem(
        np.where(net[candidates] > 0, net[candidates], -np.inf),
        spend[candidates],
        np.inf if budget is None else float(budget),
        np.array([np.inf if limit is None else limit for limit in limits], np.float64),
    )
    prices, bound = _cheapest_prices(problem)
    chosen = _fill(problem, prices)
    total = problem.total(chosen)
    if k > 1 and total < (1 - _SMALL_GAP) * bound:
        # Many customers are alike, and prices cannot tell which of them should get which offer.
        told_apart = problem.told_apart()
        second = _fill(told_apart, _cheapest_prices(told_apart)[0])
        if problem.total(second) > total:
            chosen, total = second, problem.total(second)
    offer[candidates] = chosen
    return Allocation(offer, total, max(bound, total), prices)


@dataclass(frozen=True)
class _Problem:
    """Customers for whom an offer pays: ``net`` is ``-inf`` where it does not."""

    net: Floats
    spend: Floats
    budget: float
    capacities: Floats

    def total(self, chosen: npt.NDArray[np.int16]) -> float:
        """Return what the chosen offers bring."""
        taken = np.flatnonzero(chosen >= 0)
        return float(self.net[taken, chosen[taken]].sum())

    def told_apart(self) -> _Problem:
        """Return the problem with net values that differ a little at random, always the same."""
        shifts = np.random.default_rng(0).uniform(-_SHIFT, _SHIFT, self.net.shape)
        return replace(self, net=self.net * (1 + shifts))

    def worth(self, prices: Floats) -> Floats:
        """Return ``[N, K]`` the net value less the prices (of the budget, then of each offer)."""
        worth = self.net - prices[1:]
        if prices[0]:
            worth -= prices[0] * self.spend
        return worth

    def dual(self, prices: Floats) -> tuple[float, Floats]:
        """Return the dual's value at prices, and a subgradient (finite limits only)."""
        worth = self.worth(prices)
        best = worth.argmax(axis=1)
        gained = worth[np.arange(len(worth)), best]
        taken = np.flatnonzero(gained > 0)
        best = best[taken]
        used = np.array([self.spend[taken, best].sum()])
        contacts = np.bincount(best, minlength=self.net.shape[1])
        limits = np.concatenate([[self.budget], self.capacities])
        finite = np.isfinite(limits)
        slope = np.where(finite, limits, 0.0) - np.where(
            finite, np.concatenate([used, contacts]), 0.0
        )
        paid = float((prices[finite] * limits[finite]).sum())
        return float(gained[taken].sum()) + paid, slope


def _cheapest_prices(problem: _Problem) -> tuple[Floats, float]:
    """Return prices of the budget and of each offer that minimise the dual, and its minimum."""
    n_prices = 1 + problem.net.shape[1]
    free = np.zeros(n_prices)
    if not len(problem.net):
        return free, 0.0
    value, slope = problem.dual(free)
    if (slope >= 0).all():  # nothing is scarce
        return free, value
    limited = np.flatnonzero(np.isfinite(np.concatenate([[problem.budget], problem.capacities])))
    largest = _largest_prices(problem)[limited]
    scale = max(value, np.finfo(float).tiny)
    # In units in which each price is between 0 and 1 and the dual is 1 without prices.
    best, best_prices = value, free
    cuts = [(value / scale, slope[limited] * largest / scale, np.zeros(len(limited)))]
    minimum_of = _master(len(limited))
    for _ in range(_MOST_CUTS):
        point, lower = minimum_of(cuts)
        prices = free.copy()
        prices[limited] = point * largest
        value, slope = problem.dual(prices)
        if value < best:
            best, best_prices = value, prices
        if best / scale - lower <= _TOLERANCE * best / scale:
            break
        cuts.append((value / scale, slope[limited] * largest / scale, point))
    return best_prices, best


def _largest_prices(problem: _Problem) -> Floats:
    """Return prices at which nobody is contacted."""
    with np.errstate(divide="ignore", invalid="ignore"):
        per_unit = np.where(problem.spend > 0, problem.net / problem.spend, 0.0)
    of_offers = np.maximum(problem.net.max(axis=0), 0.0)
    return np.concatenate([[max(float(per_unit.max()), 0.0)], of_offers])


def _master(n: int) -> Callable[[list[tuple[float, Floats, Floats]]], tuple[Floats, float]]:
    """Return a function from cuts (value, slope, point) to the minimum of their maximum."""
    from scipy.optimize import linprog  # takes 0.2 s to import, and only scarce contacts need it

    cost = np.zeros(n + 1)
    cost[-1] = 1.0

    def minimum_of(cuts: list[tuple[float, Floats, Floats]]) -> tuple[Floats, float]:
        slopes = np.array([[*slope, -1.0] for _, slope, _ in cuts])
        ends = np.array([slope @ point - value for value, slope, point in cuts])
        found: Any = linprog(
            cost, A_ub=slopes, b_ub=ends, bounds=[(0.0, 1.0)] * n + [(0.0, None)], method="highs"
        )
        return np.clip(found.x[:-1], 0.0, 1.0), float(found.x[-1])

    return minimum_of


def _fill(problem: _Problem, prices: Floats) -> npt.NDArray[np.int16]:
    """Give out offers, the largest worth at the prices first, until nothing fits any more.

    Of offers that are worth the same to a customer the cheapest comes first: what is left of the
    budget then pays for better ones.
    """
    n, k = problem.net.shape
    chosen = np.full(n, NOBODY, np.int16)
    left, contacts_left = problem.budget, problem.capacities.copy()
    # Each customer's column 0 stands for no offer.
    worth = np.column_stack([np.zeros(n), problem.worth(prices)])
    net = np.column_stack([np.zeros(n), problem.net])
    spend = np.column_stack([np.zeros(n), problem.spend])
    tie = _TIE * max(float(problem.net.max(initial=0.0)), 0.0)
    rows = np.arange(n)
    for _ in range(_MOST_ROUNDS):
        now = chosen + 1
        more = spend - spend[rows, now][:, None]
        fits = (net > net[rows, now][:, None]) & (more <= left)
        fits[:, 1:] &= contacts_left >= 1
        gain = np.where(fits, worth - worth[rows, now][:, None], -np.inf)
        best = gain.max(axis=1)
        some = np.flatnonzero(np.isfinite(best))
        if not len(some):
            break
        if k > 1:
            alike = gain[some] >= best[some, None] - tie
            offers = np.where(alike, spend[some], np.inf).argmin(axis=1) - 1
        else:
            offers = np.zeros(len(some), np.intp)
        order = np.argsort(-best[some], kind="stable")
        some, offers = some[order], offers[order]
        end = _first_that_does_not_fit(more[some, offers + 1], offers, left, contacts_left)
        some, offers = some[:end], offers[:end]
        left -= float(more[some, offers + 1].sum())
        contacts_left -= np.bincount(offers, minlength=k)
        before = chosen[some]
        contacts_left += np.bincount(before[before >= 0], minlength=k)
        chosen[some] = offers
    return chosen


def _first_that_does_not_fit(
    spend: Floats, offers: npt.NDArray[np.intp], left: float, contacts_left: Floats
) -> int:
    """Return how many of these, in their order, fit into budget and capacities."""
    # A sum of many costs may be off by a rounding where the budget is their exact sum.
    end = int(np.searchsorted(np.cumsum(spend), left * (1 + 1e-12), side="right"))
    for number, limit in enumerate(contacts_left):
        of_this = np.flatnonzero(offers == number)
        if len(of_this) > limit:
            end = min(end, int(of_this[int(limit)]))
    return end
