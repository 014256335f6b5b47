"""Profit from chunks of rows: exact up to a number of rows, in bins beyond."""

from __future__ import annotations

import numpy as np
import pytest

from churn_torch.decisions.offers import BetaRate, Offer, payoffs
from churn_torch.decisions.profit import ProfitCurve, profit_curve
from churn_torch.decisions.profit_sums import ProfitSums
from churn_torch.errors import InputError

RATE = BetaRate(alpha=6, beta=14)
OFFER = Offer(contact_cost=1, incentive=10, keep_rate=RATE)


def made(n: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 4, n).astype(np.float32)
    return p, rng.random(n) < p, rng.exponential(200, n)


def added(sums: ProfitSums, p, label, value, *, chunk: int = 700) -> ProfitSums:
    for start in range(0, len(p), chunk):
        part = slice(start, start + chunk)
        sums.update(p[part], label[part], payoffs(OFFER, value[part]))
    return sums


def test_chunks_are_the_whole():
    p, label, value = made(5000)
    curve = ProfitCurve.of(added(ProfitSums(), p, label, value).groups())
    whole = profit_curve(p, label, payoffs(OFFER, value))
    np.testing.assert_array_equal(curve.lowest, whole.lowest)
    np.testing.assert_allclose(curve.profit(0.3), whole.profit(0.3), atol=1e-9)


@pytest.mark.parametrize("threshold", [None, 0.2345])
def test_in_bins_the_measures_are_nearly_the_same(threshold):
    p, label, value = made(20_000)
    p[:3] = [0, 1e-30, 1]
    sums = added(ProfitSums(exact_rows=4000, threshold=threshold), p, label, value)
    assert sums.in_bins
    assert not sums.rows
    curve, whole = ProfitCurve.of(sums.groups()), profit_curve(p, label, payoffs(OFFER, value))
    assert curve.n == 20_000
    assert len(curve.lowest) < len(whole.lowest)
    assert set(curve.rows) <= set(whole.rows)  # a bin is whole groups
    assert (np.diff(curve.lowest) < 0).all()
    assert whole.best(0.3).profit - 0.05 < curve.best(0.3).profit <= whole.best(0.3).profit + 1e-9
    exact = whole.expected_best(RATE)
    assert curve.expected_best(RATE).profit == pytest.approx(exact.profit, abs=0.05)
    if threshold is not None:
        assert curve.at(threshold, 0.3) == pytest.approx(whole.at(threshold, 0.3))


@pytest.mark.parametrize("exact_rows", [4000, 10**6])
def test_the_chosen_threshold_contacts_the_best_share(exact_rows):
    p, label, value = made(20_000)
    sums = added(ProfitSums(exact_rows=exact_rows), p, label, value)
    threshold = sums.choose_threshold(0.3)
    best = ProfitCurve.of(sums.groups()).best(0.3)
    assert (p >= np.float32(threshold)).mean() == pytest.approx(best.share, abs=1e-12)
    assert 0 < best.share < 1


def test_nobody_worth_contacting_is_a_threshold_of_one():
    p, label, _ = made(100)
    sums = ProfitSums()
    sums.update(p, label, payoffs(OFFER, 1.0))
    assert sums.choose_threshold(0.3) == 1.0


@pytest.mark.parametrize(
    ("p", "label", "named"),
    [
        ([0.5, 1.5], [0, 1], "probability: expected numbers between 0 and 1"),
        ([0.5, np.nan], [0, 1], "probability: expected numbers between 0 and 1"),
        ([0.5], [0, 1], "probability: expected shape"),
        ([0.5, 0.5], [0, 3], "label"),
    ],
)
def test_rows_that_cannot_be_are_refused_and_none_is_added(p, label, named):
    sums = ProfitSums()
    with pytest.raises(InputError, match=f"^{named}"):
        sums.update(np.array(p), np.array(label), payoffs(OFFER, 200.0))
    assert not sums.rows
    with pytest.raises(InputError, match=r"^score: expected customers, got none"):
        sums.groups()


def test_no_rows_add_nothing():
    sums = ProfitSums()
    sums.update(np.empty(0), np.empty(0), payoffs(OFFER, 200.0))
    assert not sums.rows
