"""Offers: what cannot be is refused, and payoffs agree with the paper's notation."""

from __future__ import annotations

import numpy as np
import pytest

from churn_torch.decisions.offers import BetaRate, Offer, expected_spend, payoffs
from churn_torch.errors import InputError


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"contact_cost": -1.0}, "offer.call.contact_cost"),
        ({"incentive": float("nan")}, "offer.call.incentive"),
        ({"stayer_cost": -0.1}, "offer.call.stayer_cost"),
        ({"keep_rate": 1.2}, "offer.call.keep_rate"),
        ({"keep_rate": float("nan")}, "offer.call.keep_rate"),
        ({"keep_rate": BetaRate(alpha=0, beta=1)}, "offer.call.keep_rate.alpha"),
        ({"keep_rate": BetaRate(alpha=1, beta=float("inf"))}, "offer.call.keep_rate.beta"),
        ({"capacity": 0}, "offer.call.capacity"),
    ],
)
def test_an_offer_that_cannot_be_is_refused(keys, named):
    with pytest.raises(InputError, match=f"^{named}: expected"):
        Offer(**{"contact_cost": 10.0, "keep_rate": 0.3, **keys}).check("call")


def test_the_expected_keep_rate():
    assert Offer(contact_cost=1, keep_rate=BetaRate(alpha=6, beta=14)).mean_keep_rate == 0.3
    assert Offer(contact_cost=1, keep_rate=0.2).mean_keep_rate == 0.2
    assert Offer(contact_cost=1, keep_rate="rate").mean_keep_rate is None


def test_payoffs_are_those_of_the_paper():
    p, value = np.array([0.0, 0.25, 1.0]), np.array([200.0, 100.0, 50.0])
    contact, incentive, keep = 1.0, 10.0, 0.3
    offer = Offer(contact_cost=contact, incentive=incentive, keep_rate=keep)
    f, d = contact / value, incentive / value
    expected = value * (keep * (1 - d) - f) * p - value * (d + f) * (1 - p)
    assert payoffs(offer, value).net(p, keep) == pytest.approx(expected)


def test_an_incentive_that_everybody_gets_and_a_stayer_who_costs_otherwise():
    p = np.array([0.5])
    offer = Offer(contact_cost=1, incentive=10, keep_rate=0.5, incentive_paid="always")
    assert payoffs(offer, 100.0).net(p, 0.5).item() == 0.5 * (50 - 11) - 0.5 * 11
    offer = Offer(contact_cost=1, incentive=10, keep_rate=0.5, stayer_cost=3)
    assert payoffs(offer, 100.0).net(p, 0.5).item() == 0.5 * (45 - 1) - 0.5 * 4


@pytest.mark.parametrize("paid", ["accepted", "always"])
@pytest.mark.parametrize("stayer_cost", [None, 3.0])
def test_the_net_value_is_what_is_kept_less_what_is_spent(paid, stayer_cost):
    rng = np.random.default_rng(0)
    p, value, keep = rng.random(50), rng.lognormal(5, 1, 50), rng.random(50)
    offer = Offer(
        contact_cost=2, incentive=7, incentive_paid=paid, stayer_cost=stayer_cost, keep_rate=0.3
    )
    spend = expected_spend(offer, p, p * keep)
    np.testing.assert_allclose(payoffs(offer, value).net(p, keep), p * keep * value - spend)


def test_of_an_uplift_the_net_value_is_by_how_much_churn_falls():
    p, uplift, value = np.array([0.5, 0.5]), np.array([0.2, -0.1]), np.array([100.0, 100.0])
    pays = payoffs(Offer(contact_cost=1, incentive=10, keep_rate=0.3), value)
    expected = [0.2 * 90 - 0.5 * 1 - 0.5 * 11, -0.1 * 90 - 0.5 * 1 - 0.5 * 11]
    np.testing.assert_allclose(pays.net_of_uplift(p, uplift), expected)
    # A keep rate of 0.4 is an uplift of 0.2.
    np.testing.assert_allclose(pays.net(p, 0.4)[0], expected[0])


def test_who_is_driven_away_takes_no_incentive():
    offer = Offer(contact_cost=1, incentive=10, stayer_cost=0, keep_rate=0.3)
    assert expected_spend(offer, np.array([0.5]), np.array([-0.2])) == 1.0
