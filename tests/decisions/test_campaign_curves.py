"""The curves of a campaign beside slow sums over customers and over budgets."""

from __future__ import annotations

import numpy as np
import pytest

from churn_torch.decisions.allocation import allocate
from churn_torch.decisions.campaign_curves import profit_curve, spending, value_groups


def made(n: int, k: int, seed: int = 0):
    """Return net values, some of them of offers that must not be made, and spend."""
    rng = np.random.default_rng(seed)
    net = rng.normal(2, 10, (n, k))
    net[rng.random((n, k)) < 0.2] = np.nan
    return net, rng.uniform(1, 5, (n, k)).cumsum(axis=1)


def test_the_profit_curve_is_the_sum_of_the_best_customers():
    net, _ = made(400, 2)
    low, high = net - 1, net + 2
    may = ~np.isnan(net).all(axis=1)
    order = np.flatnonzero(may)[np.argsort(-np.nanmax(net[may], axis=1), kind="stable")]
    best = np.nanargmax(net[order], axis=1)
    curve = profit_curve(net, low, high, held_back=0.0)
    for contacts, value, interval in curve:
        rows, of = order[:contacts], best[:contacts]
        assert value == pytest.approx(net[rows, of].sum())
        assert interval == pytest.approx((low[rows, of].sum(), high[rows, of].sum()))
    total = np.cumsum(net[order, best])
    assert max(point.net for point in curve) == pytest.approx(total.max())
    # It ends before it has lost more than a tenth of its peak.
    assert curve[-1].net >= 0.9 * total.max() > total[curve[-1].contacts]
    assert curve[0] == (0, 0.0, (0.0, 0.0))


def test_customers_held_back_are_no_contacts():
    net, _ = made(500, 1)
    whole, half = (profit_curve(net, None, None, held_back=share) for share in (0.0, 0.5))
    for one, other in zip(whole, half, strict=True):
        assert other.net == pytest.approx(one.net / 2)
        assert abs(other.contacts - one.contacts / 2) <= 0.5
        assert one.interval is None


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("share", [0.05, 0.4, 0.8])
def test_the_next_money_brings_the_price_of_the_budget(k: int, share: float):
    net, spend = made(1_000, k, seed=k)
    everything = spending(net, spend, 0.0, held_back=0.0).points[-1].spend
    budget = share * everything
    found = spending(net, spend, budget, held_back=0.0)
    price = allocate(net, spend, budget=budget).prices[0]
    assert found.marginal == pytest.approx(price, rel=0.02)
    marginal = [point.marginal for point in found.points]
    assert marginal == sorted(marginal, reverse=True)
    # All that pays, with the best offer of each customer, costs what the last point says.
    value = np.where(np.isnan(net), -np.inf, net)
    best, rows = value.argmax(axis=1), np.flatnonzero((value > 0).any(axis=1))
    assert everything == pytest.approx(spend[rows, best[rows]].sum())
    assert spending(net, spend, everything, held_back=0.0).marginal == 0


def test_what_costs_nothing_needs_no_budget():
    found = spending(np.array([[5.0], [3.0]]), np.zeros((2, 1)), 0.0, held_back=0.1)
    assert found == ([], 0.0)


def test_curves_of_many_customers_are_short():
    net, spend = made(50_000, 2)
    assert len(profit_curve(net, None, None, held_back=0.1)) <= 200
    assert len(spending(net, spend, 1.0, held_back=0.1).points) <= 200


def test_customers_by_what_they_are_worth():
    rng = np.random.default_rng(0)
    value, eligible = rng.exponential(100, 1_000), rng.random(1_000) < 0.7
    contacted = np.flatnonzero(eligible)[::3]
    net = rng.random(len(contacted))
    groups = value_groups(value, eligible, contacted, net)
    assert len(groups) == 10
    assert sum(group.n_customers for group in groups) == eligible.sum()
    assert {group.n_customers for group in groups} <= {eligible.sum() // 10 + i for i in range(2)}
    assert groups[0].high == value[eligible].max()
    for low, high, _, n_contacted, brought in groups:
        here = (value[contacted] >= low) & (value[contacted] < np.nextafter(high, np.inf))
        assert n_contacted == here.sum()
        assert brought == pytest.approx(net[here].sum())


def test_customers_who_are_all_worth_the_same_are_one_group():
    everybody = np.ones(7, bool)
    groups = value_groups(np.full(7, 200.0), everybody, np.arange(3), np.ones(3))
    assert groups == [(200, 200, 7, 3, 3.0)]
