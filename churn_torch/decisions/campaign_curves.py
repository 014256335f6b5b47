"""The curves of a campaign: net value by customers contacted, and what the next money brings."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from churn_torch.report.campaign import CurvePoint, Interval, SpendPoint, ValueGroup

Floats = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]

_POINTS = 101
_GROUPS = 10
# The profit curve ends where contacts have lost so much of the most that they bring.
_LOST = 0.1


class Spending(NamedTuple):
    """What the next unit of money brings, along the budget and at one place of it."""

    points: list[SpendPoint]
    marginal: float


def profit_curve(
    net: Floats, low: Floats | None, high: Floats | None, *, held_back: float
) -> list[CurvePoint]:
    """Return what the best customers bring, each with the best offer.

    Args:
        net: ``[N, K]`` expected net values; NaN where an offer must not be made.
        low: The same at the lower ends of the keep rates; None where none is uncertain.
        high: The same at their upper ends.
        held_back: Share of the customers in the control group.
    """
    filled = np.where(np.isnan(net), -np.inf, net)
    best = filled.argmax(axis=1)
    value = filled[np.arange(len(net)), best]
    order = np.argsort(-value, kind="stable")[: int(np.isfinite(value).sum())]

    def summed(values: Floats) -> Floats:
        return np.concatenate([[0.0], np.cumsum(values[order, best[order]])]) * (1 - held_back)

    total = summed(net)
    peak = int(total.argmax())
    end = int(np.flatnonzero(total >= (1 - _LOST) * total[peak])[-1])
    at = np.unique(np.append(np.linspace(0, end, _POINTS).astype(int), peak))
    contacts = np.rint(at * (1 - held_back)).astype(int).tolist()
    intervals: list[Interval | None] = [None] * len(at)
    if low is not None and high is not None:
        ends = zip(summed(low)[at].tolist(), summed(high)[at].tolist(), strict=True)
        intervals = [Interval(*pair) for pair in ends]
    points = zip(contacts, total[at].tolist(), intervals, strict=True)
    return [CurvePoint(*point) for point in points]


def spending(net: Floats, spend: Floats, spent: float, *, held_back: float) -> Spending:
    """Return what the next unit of a budget brings, if only the budget limits the contacts.

    A customer's first contact, or a change to a better and dearer offer, is made in the order of
    what it brings per unit of money: this is the optimum of the relaxation in which customers can
    be divided (Kellerer, Pferschy & Pisinger 2004, "Knapsack problems", chapter 11).

    Args:
        net: ``[N, K]`` expected net values.
        spend: ``[N, K]`` what the budget pays.
        spent: What the campaign spends.
        held_back: Share of the customers in the control group.
    """
    pays = np.flatnonzero((net > 0).any(axis=1))
    ratio, more = _steps(np.where(net[pays] > 0, net[pays], -np.inf), spend[pays])
    order = np.argsort(-ratio, kind="stable")
    ratio, paid = ratio[order], np.cumsum(more[order]) * (1 - held_back)
    if not len(ratio):
        return Spending([], 0.0)
    at = np.unique(np.linspace(0, len(ratio) - 1, _POINTS).astype(int))
    points = zip([0.0, *paid[at].tolist()], ratio[[0, *at]].tolist(), strict=True)
    next_step = int(np.searchsorted(paid, spent * (1 + 1e-9), side="right"))
    marginal = float(ratio[next_step]) if next_step < len(ratio) else 0.0
    return Spending([SpendPoint(*point) for point in points], marginal)


def _steps(net: Floats, spend: Floats) -> tuple[Floats, Floats]:
    """Return what each step from offer to offer brings per unit of money, and what it costs."""
    rows = np.arange(len(net))
    now_spend = np.zeros(len(net))
    now_net = np.where(spend > 0, 0.0, np.maximum(net, 0.0)).max(axis=1)
    ratios, costs = [], []
    for _ in range(net.shape[1]):
        more, gain = spend - now_spend[:, None], net - now_net[:, None]
        ratio = np.divide(gain, more, out=np.zeros(net.shape), where=(more > 0) & (gain > 0))
        best = ratio.argmax(axis=1)
        step = np.flatnonzero(ratio[rows, best] > 0)
        to = best[step]
        ratios.append(ratio[step, to])
        costs.append(more[step, to])
        now_spend[step], now_net[step] = spend[step, to], net[step, to]
    return np.concatenate(ratios), np.concatenate(costs)


def value_groups(
    value: Floats, eligible: npt.NDArray[np.bool_], contacted: Positions, net: Floats
) -> list[ValueGroup]:
    """Return who is contacted of each tenth of the customers, those worth most first.

    Args:
        value: ``[N]`` what customers are worth.
        eligible: ``[N]`` who may get an offer.
        contacted: ``[M]`` positions of the contacts.
        net: ``[M]`` what they are expected to bring.
    """
    edges = np.unique(np.quantile(value[eligible], np.linspace(0, 1, _GROUPS + 1)))
    n = max(len(edges) - 1, 1)

    def group(of: Floats) -> npt.NDArray[np.int64]:
        return np.clip(np.searchsorted(edges, of, side="right") - 1, 0, n - 1)

    of_contacts = group(value[contacted])
    counts = (
        edges[:n].tolist(),
        edges[-n:].tolist(),
        np.bincount(group(value[eligible]), minlength=n).tolist(),
        np.bincount(of_contacts, minlength=n).tolist(),
        np.bincount(of_contacts, net, minlength=n).tolist(),
    )
    return [ValueGroup(*one) for one in zip(*counts, strict=True)][::-1]
