from __future__ import annotations

import numpy as np
import pytest

from churn_torch.evaluation.survival.concordance import concordance
from tests.reference.survival import made_lifetimes, slow_concordance

LIFELINES = 0.7312432598983207


@pytest.mark.parametrize("decimals", [12, 0])
def test_it_counts_the_pairs(decimals: int) -> None:
    x, last, event, _ = made_lifetimes(80)
    risk = np.round(x, decimals)  # whole numbers are often equal
    index = concordance(risk, last, event)
    assert index is not None
    assert index.value == pytest.approx(slow_concordance(risk, last, event), abs=1e-12)


def test_it_is_that_of_lifelines() -> None:
    # lifelines 0.30: concordance_index(last, -risk, event).
    _, last, event, curves = made_lifetimes(200)
    index = concordance(1 - curves[:, 5], last, event)
    assert index is not None
    assert index.value == pytest.approx(LIFELINES, abs=1e-12)


def test_the_interval_is_as_wide_as_that_of_a_bootstrap() -> None:
    x, last, event, _ = made_lifetimes(300)
    index = concordance(x, last, event)
    assert index is not None
    rng, drawn = np.random.default_rng(1), []
    for _ in range(300):
        rows = rng.integers(0, 300, 300)
        again = concordance(x[rows], last[rows], event[rows])
        assert again is not None
        drawn.append(again.value)
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert (index.low, index.high) == pytest.approx((low, high), abs=0.01)


def test_without_a_pair_there_is_none() -> None:
    assert concordance(np.zeros(3), np.array([1, 1, 2]), np.zeros(3)) is None
    assert concordance(np.zeros(2), np.array([1, 1]), np.ones(2)) is None
    same = concordance(np.zeros(2), np.array([1, 1]), np.array([1, 0]))
    assert same is not None
    assert same.value == 0.5
