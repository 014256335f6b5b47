"""The profit curve and its maxima: published values, slow references, edges."""

from __future__ import annotations

import numpy as np
import pytest

from churn_torch.decisions.offers import BetaRate, Offer, Payoffs, payoffs
from churn_torch.decisions.profit import list_profit, profit_curve
from churn_torch.errors import InputError
from tests.reference import profit as reference

RATE = BetaRate(alpha=6, beta=14)
# The defaults of the literature: a customer worth 200, an incentive of 10, a contact of 1.
PAYOFFS = payoffs(Offer(contact_cost=1, incentive=10, keep_rate=RATE), 200.0)
I = np.arange(1000)  # noqa: E741
S = (I + 0.5) / 1000


@pytest.mark.parametrize(
    ("label", "score", "mpc", "empc"),
    [
        (
            np.tile([0, 1], 4),
            np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9]),
            23.875,
            23.8755934,
        ),
        ((7919 * I % 1000) / 1000 < S**3, S, 10.037, 10.1316678),
        (I >= 900, S, 5.6, 5.6),
        (I % 10 == 0, S, 0.0, 0.0143710),
    ],
)
def test_reference_values(label, score, mpc, empc):
    for dtype in (np.float64, np.float32):
        curve = profit_curve(score.astype(dtype), label, PAYOFFS)
        assert curve.best(RATE.mean).profit == pytest.approx(mpc, abs=1e-6)
        assert curve.expected_best(RATE).profit == pytest.approx(empc, abs=1e-6)


def test_a_thousand_random_cases_equal_numeric_integration():
    """Individual values, ties, values below the incentive, contacts that cost nothing."""
    rng = np.random.default_rng(0)
    for _ in range(1000):
        n = rng.integers(1, 9)
        score = rng.integers(0, 5, n) / 4
        label = rng.integers(0, 2, n)
        value, incentive = rng.exponential(rng.choice([5.0, 100.0]), n), rng.choice([0.0, 10.0])
        contact = rng.choice([0.0, 1.0, 20.0])
        a, b = rng.integers(1, 13, 2)
        offer = Offer(
            contact_cost=contact,
            incentive=incentive,
            keep_rate=BetaRate(alpha=float(a), beta=float(b)),
            incentive_paid=rng.choice(["accepted", "always"]),
        )
        one = payoffs(offer, value)
        customers = (
            *(score, label, one.kept),
            *(np.full(n, cost) for cost in (one.leaver_cost, one.stayer_cost)),
        )
        curve = profit_curve(score, label, one)
        best = curve.best(offer.mean_keep_rate)
        assert best.profit == pytest.approx(reference.mpc(a / (a + b), *customers), abs=1e-9)
        expected = curve.expected_best(offer.keep_rate)
        assert expected.profit == pytest.approx(reference.empc(a, b, *customers), abs=1e-8)
        assert expected.profit >= best.profit - 1e-12  # Jensen
        assert 0 <= expected.share <= 1
        threshold = np.inf if best.threshold is None else best.threshold
        contacted = score >= threshold
        assert contacted.mean() == best.share
        total = list_profit(contacted, label, one, offer.mean_keep_rate)
        assert total / n == pytest.approx(best.profit, abs=1e-9)


def test_one_value_for_all_is_the_same_value_for_each():
    rng = np.random.default_rng(1)
    score, label = rng.random(200), rng.integers(0, 2, 200)
    offer = Offer(contact_cost=1, incentive=10, keep_rate=RATE)
    each = profit_curve(score, label, payoffs(offer, np.full(200, 200.0)))
    np.testing.assert_allclose(each.profit(0.3), profit_curve(score, label, PAYOFFS).profit(0.3))


def test_ties_are_contacted_together():
    """Half of the tied customers would be worth it; all of them are not."""
    score, label = np.array([0.9, 0.5, 0.5, 0.5, 0.1]), np.array([1, 1, 0, 0, 0])
    curve = profit_curve(score, label, Payoffs(100.0, 0.0, 60.0))
    assert curve.rows.tolist() == [0, 1, 4, 5]
    assert curve.best(1.0) == (*(20.0, 0.2, 0.7)[:2], pytest.approx(0.7))


def test_of_equal_profits_the_fewest_customers_count():
    curve = profit_curve(np.array([0.9, 0.5]), np.array([1, 0]), Payoffs(100.0, 0.0, 0.0))
    assert curve.best(1.0).share == 0.5


def test_everybody_is_contacted_by_a_threshold_below_all():
    curve = profit_curve(np.array([0.9, 0.5]), np.array([1, 1]), Payoffs(100.0, 0.0, 0.0))
    assert curve.best(1.0) == (100.0, 1.0, 0.25)
    assert curve.at(0.25, 1.0).profit == 100.0
    assert curve.at(0.7, 1.0).share == 0.5
    assert curve.at(0.95, 1.0)[:2] == (0.0, 0.0)


def test_nobody_is_worth_contacting():
    curve = profit_curve(np.array([0.9, 0.5]), np.array([1, 0]), Payoffs(1.0, 5.0, 5.0))
    assert curve.best(1.0) == (0.0, 0.0, None)
    assert curve.expected_best(RATE) == (0.0, 0.0)


def test_before_it_is_known_who_leaves_the_probability_is_the_label():
    rng = np.random.default_rng(2)
    p, value, keep = rng.random(50), rng.random(50) * 300, rng.random(50)
    one = payoffs(Offer(contact_cost=1, incentive=10, keep_rate=0.3), value)
    assert profit_curve(p, p, one).profit(0.3)[-1] == pytest.approx(one.net(p, 0.3).mean())
    contacted = p > 0.5
    total = list_profit(contacted, p, one, keep)  # a keep rate of each customer's own
    assert total == pytest.approx(one.net(p, keep)[contacted].sum())


@pytest.mark.parametrize(
    ("score", "label", "amounts", "named"),
    [
        ([], [], (1.0, 1.0, 1.0), "score: expected customers, got none"),
        ([np.nan], [1], (1.0, 1.0, 1.0), "score: expected numbers, got NaN"),
        ([0.5, 0.1], [1], (1.0, 1.0, 1.0), "score: expected shape"),
        ([0.5], [2], (1.0, 1.0, 1.0), "label"),
        ([0.5], [np.nan], (1.0, 1.0, 1.0), "label"),
        ([0.5], [1], (np.array([1.0, 2.0]), 1.0, 1.0), "kept: expected shape"),
        ([0.5], [1], (np.array([np.nan]), 1.0, 1.0), "kept: expected finite"),
        ([0.5], [1], (1.0, np.inf, 1.0), "leaver_cost: expected finite"),
        ([0.5], [1], (1.0, 1.0, np.array([-3.0])), "stayer_cost: expected costs of 0 or more"),
    ],
)
def test_what_cannot_be_is_refused(score, label, amounts, named):
    with pytest.raises(InputError, match=f"^{named}"):
        profit_curve(np.array(score), np.array(label), Payoffs(*amounts))
