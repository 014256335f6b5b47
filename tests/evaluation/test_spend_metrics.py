from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import d2_tweedie_score, mean_absolute_error

from churn_torch.errors import InputError
from churn_torch.evaluation.spend_metrics import spend_metrics


def rows(n: int, seed: int):
    rng = np.random.default_rng(seed)
    expected = rng.gamma(2, 20, n)
    label = rng.random(n) < 0.3
    return expected, np.full(n, 0.3), rng.gamma(1, expected) * ~label, label


def test_measures_of_known_spend():
    expected, probability, spend, label = rows(2_000, 0)
    found = spend_metrics(expected, probability, spend, label)
    known, guess = spend[~label], expected[~label]
    assert found.n == len(known)
    assert found.ratio == pytest.approx(known.sum() / guess.sum())
    assert found.mean_absolute_error == pytest.approx(mean_absolute_error(known, guess))
    assert found.explained == pytest.approx(d2_tweedie_score(known, guess, power=1))
    assert found.expected_all == pytest.approx(0.7 * expected.sum())
    assert found.spent_all == pytest.approx(spend.sum())
    assert sum(group.n for group in found.deciles) == found.n
    means = [group.expected for group in found.deciles]
    assert means == sorted(means, reverse=True)
    top = np.argsort(-guess)[: found.deciles[0].n]
    assert found.deciles[0].observed == pytest.approx(known[top].mean())


def test_the_interval_of_the_total_covers():
    inside = 0
    for seed in range(300):
        low, high = spend_metrics(*rows(400, seed)).ratio_interval
        inside += low <= 1 <= high
    assert 0.91 <= inside / 300 <= 0.98


def test_nobody_who_stays_is_refused():
    one = np.ones(3)
    with pytest.raises(InputError, match=r"data.spend: expected two or more customers who stay"):
        spend_metrics(one, one / 2, one, one)
