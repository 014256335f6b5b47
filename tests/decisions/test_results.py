"""What a campaign was worth: the estimates by hand, and their intervals hold known effects."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from churn_torch.decisions.group_difference import count, mean_difference, rate_difference
from churn_torch.decisions.offers import BetaRate, Offer, payoffs
from churn_torch.decisions.results import (
    Outcomes,
    by_offer_and_decile,
    expected_kept,
    leavers,
    net_outcome,
    per_row,
)

CALL = Offer(contact_cost=10, keep_rate=0.3)
DISCOUNT = Offer(contact_cost=1, incentive=10, keep_rate=BetaRate(alpha=6, beta=14), stayer_cost=4)
ALWAYS = Offer(contact_cost=2, incentive=7, keep_rate=0.2, incentive_paid="always")
OFFERS = {"call": CALL, "discount": DISCOUNT, "always": ALWAYS}


def made(n: int = 900, seed: int = 0, *, revenue: bool = False) -> Outcomes:
    rng = np.random.default_rng(seed)
    treated, probability = rng.random(n) < 0.7, rng.beta(2, 3, n)
    value, offer = rng.lognormal(5, 0.5, n), rng.choice(list(OFFERS), n).astype(object)
    churned = (rng.random(n) < probability * np.where(treated, 0.7, 1)).astype(float)
    expected = np.zeros(n)
    for name, one in OFFERS.items():
        rows = offer == name
        net = payoffs(one, value[rows]).net(probability[rows], one.mean_keep_rate)
        expected[rows] = net
    return Outcomes(
        treated=treated,
        churned=churned,
        offer=offer,
        probability=probability,
        value=value,
        expected_net_value=expected,
        revenue=value * (1 - churned) if revenue else None,
    )


@pytest.mark.parametrize("name", OFFERS)
@pytest.mark.parametrize("revenue", [False, True])
def test_the_mean_difference_of_net_outcomes_is_the_net_value_of_a_contact(name, revenue):
    # Customers of whom it is known what they do with and without the offer.
    rng = np.random.default_rng(1)
    n = 400
    stays = rng.random(n) < 0.6
    stays_with_offer = stays | (rng.random(n) < 0.3)
    value = rng.lognormal(5, 0.5, n)
    offer = OFFERS[name]
    stayer_cost = offer.incentive if offer.stayer_cost is None else offer.stayer_cost
    if offer.incentive_paid == "always":
        cost = np.where(stays, offer.contact_cost + stayer_cost, offer.contact_cost + 7)
    else:
        kept = stays_with_offer & ~stays
        cost = offer.contact_cost + np.where(stays, stayer_cost, kept * offer.incentive)
    true = (value * (stays_with_offer & ~stays) - cost).mean()
    # Both copies of every customer: one treated, one not.
    treated = np.repeat([True, False], n)
    stayed = np.concatenate([stays_with_offer, stays])
    outcomes = Outcomes(
        treated=treated,
        churned=1.0 - stayed,
        offer=np.full(2 * n, name, dtype=object),
        probability=np.full(2 * n, 0.4),
        value=np.tile(value, 2),
        expected_net_value=np.zeros(2 * n),
        revenue=np.tile(value, 2) * stayed if revenue else None,
    )
    net = net_outcome(outcomes, per_row(outcomes, OFFERS))
    assert mean_difference(net, treated).value == pytest.approx(true)


def test_a_row_for_all_each_offer_and_each_decile():
    outcomes = made()
    frame = by_offer_and_decile(outcomes, OFFERS)
    assert frame["by"].tolist() == ["all"] + ["offer"] * 3 + ["decile"] * 10
    whole = frame.iloc[0]
    assert whole["treated"] == outcomes.treated.sum()
    for by in ("offer", "decile"):
        rows = frame[frame["by"] == by]
        for column in ("treated", "control", "churned_treated", "churned_control"):
            assert rows[column].sum() == whole[column]
        assert rows["expected_net_value"].sum() == pytest.approx(whole["expected_net_value"])
    top = frame[frame["name"] == "1"].iloc[0]
    first = np.argsort(-outcomes.expected_net_value)[:90]
    assert top["churned_treated"] == outcomes.churned[first][outcomes.treated[first]].sum()
    rates = [outcomes.churned[outcomes.treated == group].mean() for group in (True, False)]
    assert whole["difference"] == pytest.approx(rates[1] - rates[0])
    assert whole["kept"] == pytest.approx(whole["treated"] * (rates[1] - rates[0]))
    assert whole["relative_risk"] == pytest.approx(rates[0] / rates[1])
    assert (
        leavers(outcomes, "call").churned_treated
        == frame.iloc[frame.index[frame["name"] == "call"][0]]["churned_treated"]
    )


def test_what_the_list_expected_is_the_probability_times_the_keep_rate():
    outcomes = made()
    found = expected_kept(outcomes, per_row(outcomes, OFFERS))
    rates = {name: offer.mean_keep_rate for name, offer in OFFERS.items()}
    keep = np.array([rates[name] for name in outcomes.offer])
    assert found == pytest.approx(outcomes.probability * keep)


def test_adjustment_by_a_good_prediction_narrows_the_intervals():
    frame = by_offer_and_decile(made(4000), OFFERS)
    for name in ("difference", "net_value"):
        plain, adjusted = (
            frame.iloc[0][f"{column}_high"] - frame.iloc[0][f"{column}_low"]
            for column in (name, f"{name}_adjusted")
        )
        assert adjusted < 0.97 * plain


def test_groups_that_cannot_be_compared_are_not_known():
    few = made(30)
    frame = by_offer_and_decile(few, OFFERS)
    lonely = frame[(frame["control"] == 0) | (frame["treated"] == 0)]
    assert len(lonely)
    assert lonely[["difference", "net_value", "net_value_adjusted_low"]].isna().all(axis=None)
    assert by_offer_and_decile(made(3), OFFERS)["by"].tolist().count("decile") == 3


def test_small_groups_are_not_adjusted():
    frame = by_offer_and_decile(made(300), OFFERS)
    small = frame[frame[["treated", "control"]].min(axis=1) < 20]
    assert 0 < len(small) < len(frame)
    for name in ("difference", "kept", "net_value"):
        for end in ("", "_low", "_high"):
            assert small[f"{name}_adjusted{end}"].equals(small[f"{name}{end}"])
    others = frame.drop(small.index)
    assert (others["difference_adjusted"] != others["difference"]).all()


def test_money_is_not_known_where_a_few_customers_all_left():
    outcomes = made(300)
    rows = np.r_[np.flatnonzero(outcomes.treated), np.flatnonzero(~outcomes.treated)[:6]]
    few = Outcomes(
        **{
            name: None if column is None else np.asarray(column)[rows]
            for name, column in vars(outcomes).items()
        }
    )
    few.churned[-6:] = 1
    whole = by_offer_and_decile(few, OFFERS).iloc[0]
    assert np.isnan([whole["net_value"], whole["net_value_adjusted_low"]]).all()
    assert whole["difference_adjusted"] == 1 - few.churned[few.treated].mean()


@pytest.mark.parametrize("lost", [False, True], ids=["grows with risk", "riskiest are lost"])
def test_intervals_cover_known_effects(lost):
    rng = np.random.default_rng(5)
    n, repetitions = 1500, 200
    risk = rng.normal(size=n)
    rate = expit(risk - 0.5)
    called = rate * (1 - (0.7 * expit(-3 * risk) if lost else 0.3))
    value = rng.lognormal(5, 0.6, n)
    worth = (rate - called) * value - CALL.contact_cost
    truth = {"difference": (rate - called).mean(), "net_value": worth.mean()}
    held = dict.fromkeys((*truth, *(f"{name}_adjusted" for name in truth)), 0)
    for _ in range(repetitions):
        treated = rng.random(n) < 0.8
        outcomes = Outcomes(
            treated=treated,
            churned=(rng.random(n) < np.where(treated, called, rate)).astype(float),
            offer=np.full(n, "call", dtype=object),
            probability=0.9 * rate,
            value=value,
            expected_net_value=np.zeros(n),
        )
        net = net_outcome(outcomes, per_row(outcomes, {"call": CALL}))
        stayed, risk = 1 - outcomes.churned, outcomes.probability * value
        found = {
            "difference": rate_difference(count(outcomes.churned, treated)),
            "difference_adjusted": mean_difference(stayed, treated, 0.9 * rate[:, None]),
            "net_value": mean_difference(net, treated),
            "net_value_adjusted": mean_difference(net, treated, risk[:, None]),
        }
        for name, one in found.items():
            held[name] += one.low <= truth[name.removesuffix("_adjusted")] <= one.high
    assert all(0.9 * repetitions <= n <= 0.98 * repetitions for n in held.values()), held
