"""Intervals of profit: against a bootstrap of single customers, and how often they hold it."""

from __future__ import annotations

import numpy as np
import pytest

from churn_torch.decisions.offers import BetaRate, Offer, payoffs
from churn_torch.decisions.profit import ProfitCurve, profit_curve
from churn_torch.decisions.profit_groups import ScoreGroups, exact_groups, outcomes
from churn_torch.decisions.profit_intervals import profit_intervals

RATE = BetaRate(alpha=6, beta=14)
OFFER = Offer(contact_cost=1, incentive=10, keep_rate=RATE)


def customers(n: int, seed: int):
    rng = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(1.3 - 1.5 * rng.standard_normal(n)))
    return p, rng.random(n) < p, rng.exponential(200, n)


def groups_of(p, label, value) -> ScoreGroups:
    return exact_groups(p, outcomes(label, payoffs(OFFER, value)))


@pytest.mark.parametrize("n", [400, 5000])
def test_they_agree_with_a_bootstrap_of_single_customers(n):
    """Of 5,000 customers neighbours are put together, of 400 each is drawn alone."""
    p, label, value = customers(n, 0)
    threshold = 0.2
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(400):
        rows = rng.integers(0, n, n)
        curve = profit_curve(p[rows], label[rows], payoffs(OFFER, value[rows]))
        at = curve.at(threshold, 0.3)
        best = curve.best(0.3)
        drawn.append(
            (at.profit, at.share, best.profit, curve.expected_best(RATE).profit, best.share)
        )
    drawn = np.array(drawn)
    groups = groups_of(p, label, value)
    curve, ours = ProfitCurve.of(groups), profit_intervals(groups, RATE, threshold=threshold)
    estimates = (curve.best(0.3).profit, curve.expected_best(RATE).profit)
    drawn[:, 2:4] -= drawn[:, 2:4].mean(axis=0) - np.array(estimates)  # the same correction
    for column, name in enumerate(("profit", "share", "mpc", "empc", "best_share")):
        low, high = np.quantile(drawn[:, column], [0.025, 0.975])
        assert ours[name] == pytest.approx((low, high), abs=0.2 * (high - low)), name


def test_they_hold_the_truth_about_as_often_as_they_say():
    p, _, value = customers(200_000, 100)
    truth = profit_curve(p, p, payoffs(OFFER, value))
    known = {
        "mpc": truth.best(0.3).profit,
        "empc": truth.expected_best(RATE).profit,
        "profit": truth.at(0.2, 0.3).profit,
        "share": truth.at(0.2, 0.3).share,
    }
    held = dict.fromkeys(known, 0)
    for seed in range(20):
        intervals = profit_intervals(groups_of(*customers(300, seed)), RATE, threshold=0.2)
        for name, value in known.items():
            held[name] += intervals[name][0] <= value <= intervals[name][1]
    for name, n in held.items():
        assert n >= 15, f"{name}: {n} of 20"  # of a true .95 in one of 3,000 cases less


def test_what_is_not_asked_for_has_no_interval():
    groups = groups_of(*customers(50, 0))
    assert profit_intervals(groups, 0.3).keys() == {"mpc", "best_share", "best_threshold"}


def test_the_same_seed_gives_the_same_intervals():
    groups = groups_of(*customers(50, 0))
    first, again = (profit_intervals(groups, RATE, threshold=0.3) for _ in range(2))
    assert first == again != profit_intervals(groups, RATE, threshold=0.3, seed=1)


def test_nobody_worth_contacting_and_one_customer_alone():
    p, label, _ = customers(50, 0)
    intervals = profit_intervals(groups_of(p, label, 1.0), RATE, threshold=1.0)
    assert intervals["profit"] == (0.0, 0.0)
    assert intervals["mpc"][0] == intervals["best_share"][0] == 0.0
    assert intervals["best_threshold"][1] == 1.0
    assert intervals["share"][0] == 0.0 < intervals["share"][1] < 0.1
    alone = profit_intervals(groups_of(p[:1], np.array([1]), 200.0), 0.3, threshold=0.0)
    assert alone["share"][1] == 1.0


def test_higher_confidence_is_wider():
    groups = groups_of(*customers(500, 3))
    narrow, wide = (
        profit_intervals(groups, 0.3, confidence=confidence)["mpc"] for confidence in (0.8, 0.99)
    )
    assert wide[0] < narrow[0] < narrow[1] < wide[1]
