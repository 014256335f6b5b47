from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, linprog, milp
from scipy.sparse import coo_array, vstack

from churn_torch.decisions.allocation import NOBODY, allocate


def best_of_all(net, spend, budget, capacities):
    """The optimum, by trying every assignment."""
    n, k = net.shape
    best = 0.0
    for choice in itertools.product(range(-1, k), repeat=n):
        taken = [(i, j) for i, j in enumerate(choice) if j >= 0]
        counts = np.bincount([j for _, j in taken], minlength=k)
        if sum(spend[i, j] for i, j in taken) <= budget and (counts <= capacities).all():
            best = max(best, sum(net[i, j] for i, j in taken))
    return best


def constraints(net, spend, budget, capacities):
    n, k = net.shape
    columns = np.arange(n * k)
    one_each = coo_array((np.ones(n * k), (columns // k, columns)), (n, n * k))
    of_offers = coo_array((np.ones(n * k), (columns % k, columns)), (k, n * k))
    paid = coo_array(spend.reshape(1, -1))
    return vstack([one_each, of_offers, paid]), np.concatenate([np.ones(n), capacities, [budget]])


def check(found, net, spend, budget, capacities):
    """Nothing is exceeded, nobody gets an offer that does not pay, and the sum is right."""
    rows = np.flatnonzero(found.offer != NOBODY)
    offers = found.offer[rows]
    assert spend[rows, offers].sum() <= budget * (1 + 1e-9)
    assert (np.bincount(offers, minlength=net.shape[1]) <= capacities).all()
    assert (net[rows, offers] > 0).all()
    assert found.net == pytest.approx(net[rows, offers].sum())


@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 3))
def test_small_cases_lie_between_the_optimum_and_the_bound(seed, n, k):
    rng = np.random.default_rng(seed)
    net, spend = rng.normal(2, 3, (n, k)), rng.uniform(0.5, 3, (n, k))
    budget, capacities = rng.uniform(1, 8), rng.integers(1, 4, k)
    found = allocate(net, spend, budget=budget, capacities=list(map(int, capacities)))
    check(found, net, spend, budget, capacities)
    optimum = best_of_all(net, spend, budget, capacities)
    assert found.net <= optimum + 1e-9 <= found.bound + 2e-9
    # What is left is at most what the largest contacts bring.
    assert found.net >= optimum - np.maximum(net, 0).max() * (k + 1)


@given(st.integers(0, 10**6), st.integers(1, 8), st.integers(1, 8))
def test_one_offer_at_one_cost_is_exact(seed, n, capacity):
    rng = np.random.default_rng(seed)
    net, spend = rng.normal(1, 2, (n, 1)).round(1), np.full((n, 1), 2.5)
    budget = rng.uniform(2.5, 15)
    found = allocate(net, spend, budget=budget, capacities=[capacity])
    taken = min(int(budget / 2.5), capacity)
    expected = np.sort(np.maximum(net[:, 0], 0))[::-1][:taken].sum()
    assert found.net == pytest.approx(expected)
    assert found.net == pytest.approx(best_of_all(net, spend, budget, np.array([capacity])))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("scarce", ["budget", "capacities", "both", "whole units"])
def test_medium_cases_are_the_optimum_of_the_relaxation_but_for_a_contact_or_two(seed, scarce):
    rng = np.random.default_rng(seed)
    n, k = 400, 3
    probability, value = rng.beta(1, 3, n), rng.lognormal(5, 0.6, n)
    keep, cost = np.array([0.1, 0.25, 0.45]), np.array([1.0, 8.0, 22.0])
    spend = cost + probability[:, None] * keep * rng.uniform(0, 20, k)
    if scarce == "whole units":  # many ties
        spend, value = np.tile(cost, (n, 1)), rng.integers(1, 4, n) * 50.0
        probability = rng.integers(1, 5, n) / 10
    net = probability[:, None] * keep * value[:, None] - spend
    budget = np.inf if scarce == "capacities" else 600.0
    capacities = np.full(k, np.inf if scarce == "budget" else 40.0)
    found = allocate(
        net,
        spend,
        budget=None if np.isinf(budget) else budget,
        capacities=[None if np.isinf(c) else int(c) for c in capacities],
    )
    check(found, net, spend, budget, capacities)
    matrix, limits = constraints(net, spend, min(budget, 1e9), np.minimum(capacities, n))
    relaxed = linprog(-net.ravel(), A_ub=matrix, b_ub=limits, bounds=(0, 1))
    assert found.bound == pytest.approx(-relaxed.fun, rel=1e-7)
    whole = milp(
        -net.ravel(),
        constraints=LinearConstraint(matrix, ub=limits),
        integrality=np.ones(n * k),
        bounds=(0, 1),
        options={"time_limit": 2},
    )
    assert found.net <= -whole.fun + 1e-6 or whole.status == 1
    assert found.net >= found.bound - 2 * net.max()
    assert found.net >= 0.985 * found.bound


def test_without_limits_everybody_gets_the_best_offer():
    net = np.array([[1.0, 3.0], [2.0, -1.0], [-1.0, -2.0], [np.nan, 4.0]])
    found = allocate(net, np.ones((4, 2)))
    assert found.offer.tolist() == [1, 0, NOBODY, 1]
    assert found.net == found.bound == 9.0


def test_an_offer_that_costs_nothing_needs_no_budget():
    net = np.array([[5.0], [1.0], [3.0]])
    found = allocate(net, np.array([[0.0], [0.0], [2.0]]), budget=1.0)
    assert found.offer.tolist() == [0, 0, NOBODY]


def test_a_budget_that_is_the_sum_of_the_costs_pays_for_all():
    found = allocate(np.ones((30, 1)), np.full((30, 1), 0.1), budget=3.0)
    assert (found.offer == 0).all()


def test_nobody_is_worth_an_offer():
    found = allocate(np.full((3, 2), -1.0), np.ones((3, 2)), budget=5.0)
    assert (found.offer == NOBODY).all()
    assert found.net == found.bound == 0.0
