"""Maximum profit uplift against its definition, the paper's formula and known truths."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_torch.decisions.offers import Offer, Payoffs, payoffs
from churn_torch.decisions.uplift_profit import uplift_profit
from churn_torch.evaluation.uplift.experiment import experiment
from tests.evaluation.made_experiments import drawn
from tests.reference.uplift import best_profit


@given(st.integers(0, 10_000), st.integers(2, 60), st.sampled_from([1, 6]))
@settings(max_examples=40, deadline=None)
def test_it_is_the_best_of_all_shares(seed: int, n: int, decimals: int):
    rng = np.random.default_rng(seed)
    made = drawn(rng, n, decimals=decimals)
    made.treatment[:2] = 0, 1
    amounts = rng.exponential([[100.0], [5.0], [8.0]], (3, n))
    found = uplift_profit(
        made.predicted, experiment(made.outcome, made.treatment), Payoffs(*amounts), n=5
    )
    profit, share = best_profit(made.predicted, made.outcome, made.treatment, *amounts)
    if found.share == pytest.approx(share):
        assert found.profit == pytest.approx(profit)
    else:  # between 0 and the first share with both groups lies a straight line
        assert found.profit >= profit - 1e-9
    contacted = (made.predicted >= found.threshold).mean()
    assert found.share == pytest.approx(contacted)


def test_with_one_value_it_is_the_formula_of_the_paper():
    made = drawn(np.random.default_rng(0), 5000)
    value, incentive, contact = 200.0, 10.0, 1.0
    offer = Offer(contact_cost=contact, incentive=incentive, keep_rate=0.3)
    rows = experiment(made.outcome, made.treatment)
    found = uplift_profit(made.predicted, rows, payoffs(offer, value), n=20)
    top = made.predicted >= found.threshold
    r1, r0 = (made.outcome[top & (made.treatment == t)].mean() for t in (1, 0))
    each = value * (r0 - r1) - incentive * (1 - r1) - contact
    assert found.profit == pytest.approx(found.share * each)
    assert found.profit == pytest.approx(found.profits.max(), rel=0.05)
    assert found.low[0] == found.high[0] == found.profits[0] == 0.0
    assert ((found.low <= found.profits + 1e-9) | (found.shares < 0.02)).all()


def test_an_offer_that_pays_for_nobody():
    made = drawn(np.random.default_rng(0), 2000)
    rows = experiment(made.outcome, made.treatment)
    found = uplift_profit(made.predicted, rows, Payoffs(10.0, 50.0, 50.0))
    assert (found.profit, found.share, found.threshold) == (0.0, 0.0, np.inf)
    assert found.interval == (0.0, 0.0)


def test_customers_who_leave_because_of_the_contact_are_left_out():
    """The effect is known: it keeps 30 % of the upper half and drives off 20 % of the lower."""
    rng = np.random.default_rng(0)
    n = 20_000
    score = rng.random(n)
    treatment = rng.integers(0, 2, n)
    rate = np.where(score > 0.5, 0.5 - 0.3 * treatment, 0.2 + 0.2 * treatment)
    rows = experiment(rng.random(n) < rate, treatment)
    found = uplift_profit(score, rows, Payoffs(100.0, 2.0, 2.0))
    assert found.share == pytest.approx(0.5, abs=0.03)
    assert found.interval[0] < 0.5 * (30 - 2) < found.interval[1]
    assert found.profits[-1] == pytest.approx(0.5 * 30 - 0.5 * 20 - 2, abs=1.5)


def test_the_interval_holds_the_truth():
    """The same effects, 60 times; the best of many shares looks better than it is."""
    rng = np.random.default_rng(1)
    hits, above = 0, 0
    for _ in range(60):
        score = rng.random(600)
        treatment = rng.integers(0, 2, 600)
        rate = np.where(score > 0.5, 0.5 - 0.3 * treatment, 0.2 + 0.2 * treatment)
        rows = experiment(rng.random(600) < rate, treatment)
        found = uplift_profit(score, rows, Payoffs(100.0, 2.0, 2.0), n=100)
        hits += found.interval[0] <= 14 <= found.interval[1]
        above += found.profit > 14
    assert hits >= 52
    assert above > 30
