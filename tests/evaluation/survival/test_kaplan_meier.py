from __future__ import annotations

import numpy as np
import pytest

from churn_torch.evaluation.survival.kaplan_meier import kaplan_meier, still_observed
from tests.reference.survival import made_lifetimes, slow_kaplan_meier

LIFELINES_STAY = [0.84, 0.53146962701, 0.420525189575]
LIFELINES_LOW = [0.78140858, 0.455804702, 0.341888009]
LIFELINES_HIGH = [0.884047592, 0.601367696, 0.497001811]

K = 15


def test_it_is_the_product_of_the_shares_who_stay() -> None:
    _, last, event, _ = made_lifetimes(200)
    curve = kaplan_meier(last, event, n_periods=K)
    np.testing.assert_allclose(curve.stay, slow_kaplan_meier(last, event, K), rtol=1e-12)
    assert curve.at_risk.tolist() == [int((last >= k).sum()) for k in range(1, K + 1)]
    assert ((curve.low <= curve.stay) & (curve.stay <= curve.high)).all()


def test_curve_and_interval_are_those_of_lifelines() -> None:
    # lifelines 0.30: KaplanMeierFitter().fit(last, event), at the periods 1, 5 and 9.
    _, last, event, _ = made_lifetimes(200)
    curve = kaplan_meier(last, event, n_periods=K)
    at = [0, 4, 8]
    np.testing.assert_allclose(curve.stay[at], LIFELINES_STAY, atol=1e-9)
    np.testing.assert_allclose(curve.low[at], LIFELINES_LOW, atol=1e-6)
    np.testing.assert_allclose(curve.high[at], LIFELINES_HIGH, atol=1e-6)


def test_nobody_has_left_or_nobody_is_left() -> None:
    curve = kaplan_meier(np.array([3, 3, 3]), np.array([0, 0, 1]), n_periods=5)
    assert curve.stay[:3].tolist() == pytest.approx([1.0, 1.0, 2 / 3])
    assert np.isnan(curve.stay[3:]).all()
    assert curve.low[0] == pytest.approx(0.025 ** (1 / 3))  # of three, none by chance
    assert curve.high[0] == 1.0
    gone = kaplan_meier(np.array([1, 2]), np.array([1, 1]), n_periods=3)
    assert gone.stay.tolist() == [0.5, 0.0, 0.0]
    assert (gone.low[2], gone.high[2]) == (0.0, 0.0)


def test_who_is_still_observed_is_estimated_as_if_nobody_left() -> None:
    last, event = np.array([1, 2, 2, 3, 3, 3]), np.array([0, 1, 0, 0, 1, 0])
    # After period 1 one of 6 ends, after period 2 one of 4 who did not leave in it.
    expected = [1.0, 5 / 6, 5 / 6 * 3 / 4]
    assert still_observed(last, event, n_periods=3).tolist() == pytest.approx(expected)
