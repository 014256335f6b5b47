"""The figures of an offer, and what a decision by it means."""

from __future__ import annotations

import json

import numpy as np
import pytest

from churn_torch.decisions.offer_profit import (
    OfferProfit,
    check_weighed,
    decision,
    only_offer,
)
from churn_torch.decisions.offers import BetaRate, Offer, payoffs
from churn_torch.decisions.profit import profit_curve
from churn_torch.errors import InputError
from churn_torch.tables.customer_value import Valuation

CALL = Offer(contact_cost=10, keep_rate=0.3)
LETTER = Offer(contact_cost=1, incentive=10, keep_rate=BetaRate(alpha=6, beta=14))


@pytest.mark.parametrize("offer", [CALL, LETTER])
def test_the_figures_are_those_of_the_curve(offer):
    rng = np.random.default_rng(0)
    p = rng.random(300).astype(np.float32)
    label, value = rng.random(300) < p, rng.exponential(100, 300)
    measured = OfferProfit(offer, threshold=0.4)
    measured.update(p, label, value)
    figures = json.loads(json.dumps(measured.figures(), allow_nan=False))
    curve = profit_curve(p, label, payoffs(offer, value))
    best, at = curve.best(0.3), curve.at(0.4, 0.3)
    assert (figures["mpc"], figures["best_share"], figures["best_threshold"]) == best
    assert (figures["profit"], figures["share"], figures["threshold"]) == at
    assert figures["curve"][-1] == {"share": 1.0, "profit": pytest.approx(curve.profit(0.3)[-1])}
    assert figures["n"] == 300
    assert ("empc" in figures) == isinstance(offer.keep_rate, BetaRate)
    if "empc" in figures:
        assert figures["empc"] == curve.expected_best(offer.keep_rate).profit
    for name, (low, high) in figures["intervals"].items():
        assert low <= figures[name] <= high, name
    assert measured.choose_threshold() == best.threshold


@pytest.mark.parametrize(
    ("n", "churn", "spread", "warned"),
    [(500, 0.28, 0.0, False), (500, 0.28, 0.8, True), (500, 0.07, 0.8, True),
     (4_000, 0.28, 0.8, False)],
)  # fmt: skip
def test_few_leavers_of_much_value_are_warned_of(n, churn, spread, warned):
    rng = np.random.default_rng(3)
    label, value = np.arange(n) < churn * n, 200 * np.exp(spread * rng.normal(size=n))
    at_once, in_chunks = OfferProfit(CALL), OfferProfit(CALL)
    at_once.update(rng.random(n), label, value)
    for start in range(0, n, 100):
        rows = slice(start, start + 100)
        in_chunks.update(rng.random(len(label[rows])), label[rows], value[rows])
    for measured in (at_once, in_chunks):
        said = measured.figures().get("sentence", "")
        assert bool(said) == warned
        assert not said or f"of these {n:,} customers" in said


@pytest.mark.parametrize(
    ("value", "got"), [([1.0, -2.0], "-2"), ([1.0, np.nan], "a missing value")]
)
def test_values_that_cannot_be_are_refused(value, got):
    with pytest.raises(InputError, match=f"^data.value: expected 0 or more .*, got {got}"):
        OfferProfit(CALL).update(np.array([0.1, 0.2]), np.array([0, 1]), np.array(value))


def test_the_decision_names_the_costs():
    said = decision("letter", LETTER, Valuation("12 * charges", 12, 0.01))
    assert json.loads(json.dumps(said)) == said
    assert said["offer"]["letter"]["keep_rate"] == {"alpha": 6, "beta": 14}
    assert (said["meaning"], said["value"], said["horizon"]) == (
        "worth contacting",
        "12 * charges",
        12,
    )


@pytest.mark.parametrize(
    ("offers", "value", "named"),
    [
        ({"call": CALL}, None, "data.value: expected what a kept customer is worth"),
        ({"call": Offer(contact_cost=-1, keep_rate=0.3)}, 1.0, "offer.call.contact_cost"),
        ({"call": Offer(contact_cost=1, keep_rate=1.3)}, 1.0, "offer.call.keep_rate"),
        ({"call": Offer(contact_cost=1, keep_rate="rate")}, 1.0, "offer.call.keep_rate"),
    ],
)
def test_offers_that_cannot_be_weighed_are_refused(offers, value, named):
    with pytest.raises(InputError, match=f"^{named}"):
        check_weighed(offers, value)


def test_without_an_offer_nothing_is_needed():
    check_weighed({}, None)


@pytest.mark.parametrize(("offers", "got"), [({}, "none"), ({"a": CALL, "b": CALL}, "a, b")])
def test_exactly_one_offer_is_weighed(offers, got):
    with pytest.raises(InputError, match=f"^offer: expected one offer .* got {got};"):
        only_offer(offers, "threshold=profit")
    assert only_offer({"call": CALL}, "threshold=profit") == ("call", CALL)
