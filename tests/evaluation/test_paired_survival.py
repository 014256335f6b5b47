"""Models of time to churn on the same rows: values of one, differences against a bootstrap."""

from __future__ import annotations

import numpy as np
import pytest

from churn_torch.evaluation.concordance import concordance
from churn_torch.evaluation.kaplan_meier import Z_95
from churn_torch.evaluation.paired_metrics import loss_estimates
from churn_torch.evaluation.paired_survival import survival_estimates
from churn_torch.evaluation.survival_metrics import auroc_at, brier_at, brier_interval_at
from tests.reference.survival import made_lifetimes

X, LAST, EVENT, CURVES = made_lifetimes(400)
HORIZON = 6
NOISY = 1 / (1 + np.exp(1.2 - 0.6 * X + np.random.default_rng(1).normal(size=400)))
RISK = np.stack([1 - CURVES[:, HORIZON - 1], NOISY])


def test_values_and_spreads_are_those_of_single_models() -> None:
    found = {one.metric: one for one in survival_estimates(RISK, LAST, EVENT, horizon=HORIZON)}
    assert list(found) == ["auroc", "log_loss", "brier", "c_index"]
    for place, risk in enumerate(RISK):
        curve = 1 - risk[:, None]
        flat = np.repeat(curve, HORIZON, axis=1)
        assert found["auroc"].value[place] == pytest.approx(auroc_at(flat, LAST, EVENT, HORIZON))
        assert found["brier"].value[place] == pytest.approx(brier_at(flat, LAST, EVENT, HORIZON))
        low, high = brier_interval_at(flat, LAST, EVENT, HORIZON)
        spread = Z_95 * np.sqrt(found["brier"].covariance[place, place])
        assert spread == pytest.approx((high - low) / 2, rel=0.01)
        index = concordance(risk, LAST, EVENT)
        assert index is not None
        assert found["c_index"].value[place] == pytest.approx(index.value)
        spread = Z_95 * np.sqrt(found["c_index"].covariance[place, place])
        assert spread == pytest.approx(index.high - index.value, rel=0.01)


def test_without_censoring_losses_are_the_plain_ones() -> None:
    last = np.where(EVENT == 1, LAST, 20)
    _, log_loss, brier, _ = survival_estimates(RISK, last, EVENT, horizon=HORIZON)
    plain = loss_estimates((EVENT == 1) & (last <= HORIZON), RISK)
    assert log_loss.value == pytest.approx(plain[0].value)
    assert brier.value == pytest.approx(plain[1].value)


def test_the_spread_of_differences_is_that_of_a_bootstrap() -> None:
    rng = np.random.default_rng(2)
    found = survival_estimates(RISK, LAST, EVENT, horizon=HORIZON)
    drawn = []
    for _ in range(300):
        rows = rng.integers(0, 400, 400)
        again = survival_estimates(RISK[:, rows], LAST[rows], EVENT[rows], horizon=HORIZON)
        drawn.append([one.value[1] - one.value[0] for one in again])
    for one, spread in zip(found, np.std(drawn, axis=0), strict=True):
        variance = np.array([-1, 1]) @ one.covariance @ np.array([-1, 1])
        assert np.sqrt(variance) == pytest.approx(spread, rel=0.2), one.metric


def test_rows_of_one_customer_count_together() -> None:
    twice = np.tile(np.arange(400), 2)
    plain = survival_estimates(RISK, LAST, EVENT, horizon=HORIZON)
    doubled = survival_estimates(
        RISK[:, twice], LAST[twice], EVENT[twice], horizon=HORIZON, clusters=twice
    )
    for one, other in zip(plain, doubled, strict=True):
        np.testing.assert_allclose(other.value, one.value, atol=1e-9)
        np.testing.assert_allclose(other.covariance, one.covariance, rtol=1e-6)
