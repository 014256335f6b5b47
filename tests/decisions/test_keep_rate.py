"""The keep rate after a campaign: agrees with sampling, learns from the prior, covers the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta

from churn_torch.decisions.group_difference import Counts
from churn_torch.decisions.keep_rate import updated_keep_rate
from churn_torch.decisions.offers import BetaRate


@pytest.mark.parametrize("prior", [BetaRate(alpha=1, beta=1), BetaRate(alpha=6, beta=14)])
def test_mean_and_spread_are_those_of_weighted_samples(prior):
    counts = Counts(900, 150, 170, 40)
    rng = np.random.default_rng(0)
    keep = rng.beta(prior.alpha, prior.beta, 400_000)
    churn = rng.beta(40.5, 110.5, 400_000)  # Jeffreys' prior and the control group
    leaving = churn * (1 - keep)
    log = 170 * np.log(leaving) + 730 * np.log1p(-leaving)
    weight = np.exp(log - log.max())
    mean = np.average(keep, weights=weight)
    spread = np.sqrt(np.average((keep - mean) ** 2, weights=weight))
    found = updated_keep_rate(counts, prior)
    assert found.mean == pytest.approx(mean, abs=0.003)
    assert beta.std(found.alpha, found.beta) == pytest.approx(spread, rel=0.02)


def test_a_small_campaign_leaves_the_prior_and_a_large_one_replaces_it():
    prior = BetaRate(alpha=6, beta=14)
    small = updated_keep_rate(Counts(9, 3, 2, 1), prior)
    assert small.mean == pytest.approx(prior.mean, abs=0.03)
    large = updated_keep_rate(Counts(90_000, 10_000, 18_000, 4_000), prior)
    assert large.mean == pytest.approx(0.5, abs=0.01)


def test_an_offer_that_drives_customers_away_keeps_next_to_nobody():
    found = updated_keep_rate(Counts(5000, 1000, 1500, 200))
    assert found.mean < 0.05


def test_without_leavers_or_a_control_group_nothing_is_known():
    assert updated_keep_rate(Counts(50, 10, 3, 0)) is None
    assert updated_keep_rate(Counts(50, 0, 3, 0)) is None
    assert updated_keep_rate(Counts(0, 50, 0, 3)) is None


def test_its_interval_covers():
    rng = np.random.default_rng(0)
    held = []
    for left, left_control in zip(
        rng.binomial(2000, 0.25 * 0.7, 200), rng.binomial(500, 0.25, 200), strict=True
    ):
        found = updated_keep_rate(Counts(2000, 500, left, left_control))
        low, high = beta.ppf([0.025, 0.975], found.alpha, found.beta)
        held.append(low <= 0.3 <= high)
    assert 0.9 <= np.mean(held) <= 0.98
