"""The figures of a campaign beside sums over its customers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta

from churn_torch.decisions.call_list import NOT_TRUSTED, REASON_COLUMNS
from churn_torch.decisions.campaign_figures import campaign_figures
from churn_torch.decisions.candidates import Candidates, net_and_spend
from churn_torch.decisions.customer_rules import Judged
from churn_torch.decisions.offers import BetaRate, Offer
from churn_torch.decisions.sample_size import customers_needed
from churn_torch.decisions.targeting import choose_targets
from churn_torch.tables.customer_value import Valuation

CALL = Offer(contact_cost=10, keep_rate=0.3)
LETTER = Offer(contact_cost=1, incentive=10, keep_rate=BetaRate(alpha=6, beta=14))
WORDS = ("tenure: 3, odds x 1.5", "tenure: 3, odds x 2.1", "plan: a: b, odds x 1.2", "")


def made(offers, *, n=2_000, budget=3_000.0, share=0.2, with_uplift=False):
    """Return customers, those chosen, and the figures."""
    rng = np.random.default_rng(1)
    k = len(offers)
    probability = rng.beta(1, 3, n).astype(np.float32)
    judged = Judged(
        np.zeros(n, bool),
        rng.random((n, k)) < 0.9,
        rng.lognormal(5, 0.6, n),
        np.full((n, k), 0.3),
    )
    uplift = (probability * rng.random(n) / 2).astype(np.float32) if with_uplift else None
    candidates = Candidates(probability, uplift, np.arange(n, dtype=np.uint64), judged)
    net, spend = net_and_spend(candidates, offers)
    targets = choose_targets(
        net,
        spend,
        candidates.identity,
        list(offers),
        budget=budget,
        capacities=[None] * k,
        share=share,
        salt="",
    )
    m = len(targets.contacted)
    texts = [WORDS[i % len(WORDS)] for i in range(m)]
    calls = pd.DataFrame({REASON_COLUMNS[0]: texts, NOT_TRUSTED: [""] * (m - 2) + ["x"] * 2})
    figures = campaign_figures(
        candidates,
        targets,
        offers,
        net,
        spend,
        calls.astype("str"),
        budget=budget,
        share_control=share,
        value=Valuation("fee", 2),
        columns=["plan", "plan: a", "tenure", "never"],
        correlated=[
            {"columns": ["tenure", "plan: a"], "sentence": "tenure and plan: a as one"},
            {"columns": ["tenure", "never"], "sentence": "tenure and never as one"},
        ],
        source="",
        run="",
        date="",
        left_by="",
    )
    return candidates, targets, figures


def net_at(candidates, targets, offers, keep, value):
    """Return the net value of the contacts if keep rates and values were so many times as large."""
    total = 0.0
    for row in targets.contacted:
        offer = list(offers.values())[targets.offer[row]]
        p, worth = float(candidates.probability[row]), value * candidates.judged.value[row]
        kept = p * 0.3 * keep
        if candidates.uplift is not None:
            kept = min(float(candidates.uplift[row]) * keep, p)
        total += kept * (worth - offer.incentive) - offer.contact_cost
        total -= (1 - p) * offer.incentive
    return total


@pytest.mark.parametrize("with_uplift", [False, True])
def test_other_keep_rates_and_values(with_uplift):
    offers = {"call": CALL, "letter": LETTER}
    candidates, targets, figures = made(offers, with_uplift=with_uplift)
    assert {offer.n_contacted > 0 for offer in figures.offers} == {True}
    for keep, value, net in figures.sensitivity:
        assert net == pytest.approx(net_at(candidates, targets, offers, keep, value), rel=1e-5)
        if keep == value == 1:
            assert net == pytest.approx(figures.net)
    keep, value = figures.break_even
    for factors in ((keep, 1.0), (1.0, value)):
        assert net_at(candidates, targets, offers, *factors) == pytest.approx(
            0, abs=1e-4 * figures.net
        )


def test_contacts_that_cost_nothing_break_even_nowhere():
    _, _, figures = made({"free": Offer(contact_cost=0, keep_rate=0.3)}, budget=None)
    assert figures.break_even == (None, None)
    assert figures.spending == []


def test_intervals_are_those_of_the_keep_rates():
    candidates, targets, figures = made({"letter": LETTER})
    ends = beta.ppf([0.025, 0.975], 6, 14)
    assert figures.offers[0].keep_interval == pytest.approx(tuple(ends))
    by_hand = [net_at(candidates, targets, {"letter": LETTER}, end / 0.3, 1.0) for end in ends]
    assert figures.interval == pytest.approx(tuple(by_hand), rel=1e-5)
    assert made({"call": CALL})[2].interval is None


def test_the_chosen_point_lies_on_the_curve_of_one_offer():
    _, _, figures = made({"call": CALL})
    contacts, nets = zip(*((p.contacts, p.net) for p in figures.curve), strict=True)
    there = np.interp(figures.n_contacted, contacts, nets)
    # Which customers the control group holds back is chance.
    assert figures.net == pytest.approx(there, rel=0.03)


def test_the_smallest_effect_that_the_list_sees():
    _, targets, figures = made({"call": CALL})
    n = len(targets.contacted) + len(targets.control)
    share = len(targets.control) / n
    assert customers_needed(figures.churn, figures.effect_seen, share) == pytest.approx(n)
    assert (figures.effect_seen <= figures.effect) == figures.is_measurable
    assert made({"call": CALL}, share=0.0)[2].effect_seen is None


def test_reasons_are_counted_without_their_odds_and_by_column():
    _, targets, figures = made({"call": CALL})
    m, words = len(targets.contacted), len(WORDS)
    counts = [len(range(place, m, words)) for place in range(words)]
    assert figures.reasons == [("tenure: 3", counts[0] + counts[1]), ("plan: a: b", counts[2])]
    assert figures.reason_columns == [("tenure", counts[0] + counts[1]), ("plan: a", counts[2])]
    # Only groups of which two columns are among the reasons.
    assert figures.correlated == ["tenure and plan: a as one"]
    assert figures.n_doubted == 2
    assert figures.value == {"value": "fee", "horizon": 2, "discount_rate": 0.0}
