"""Reliability against scikit-learn's isotonic and logistic regression, and on made tables."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

from churn_torch.evaluation.reliability import Calibration, calibration, grouped, reliability

Floats = npt.NDArray[np.float64]


def made(
    n: int, seed: int, *, slope: float = 1.0, shift: float = 0.0
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Return probabilities, and labels whose log-odds are ``shift + slope * logit``."""
    random = np.random.default_rng(seed)
    logit = random.normal(-1, 1.5, n)
    label = random.random(n) < 1 / (1 + np.exp(-(shift + slope * logit)))
    return 1 / (1 + np.exp(-logit)), label.astype(np.int64)


def measured(n: int, seed: int, **how: float) -> Calibration:
    return calibration(grouped(*made(n, seed, **how)))


@pytest.mark.parametrize("seed", range(100))
def test_the_curve_is_isotonic_regression(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(2, 300))
    probability = random.choice(random.random(n // 2 + 1), n)
    label = random.random(n) < random.random()
    curve = reliability(grouped(probability, label), n_draws=2)
    theirs = IsotonicRegression(out_of_bounds="raise").fit(probability, label)
    assert np.allclose(curve.rate, theirs.predict(np.array(curve.probability)), atol=1e-12)
    # Its points are all that is needed: between them the curve is straight.
    between = np.interp(probability, curve.probability, curve.rate)
    assert np.allclose(between, theirs.predict(probability), atol=1e-12)
    assert curve.probability[0] == probability.min()
    assert curve.probability[-1] == probability.max()


def test_blocks_count_all_rows() -> None:
    curve = reliability(grouped([0.1, 0.2, 0.2, 0.7, 0.9], [0, 1, 0, 0, 1]), n_draws=2)
    # 0.2 and 0.7 violate the order, and share one rate.
    assert curve.probability == (0.1, 0.2, 0.7, 0.9)
    assert curve.rate == pytest.approx((0, 1 / 3, 1 / 3, 1))
    assert curve.n_rows == (1, 3, 3, 1)


@given(
    rows=st.lists(
        st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.booleans()), min_size=2
    )
)
def test_the_parts_of_the_brier_score_add_up_to_it(rows: list[tuple[float, bool]]) -> None:
    probability, label = map(np.array, zip(*rows, strict=True))
    if label.all() or not label.any():
        return
    parts = calibration(grouped(probability, label))
    whole = parts.miscalibration - parts.discrimination + parts.uncertainty
    assert whole == pytest.approx(brier_score_loss(label, probability), abs=1e-12)
    assert parts.miscalibration >= -1e-12
    assert parts.discrimination >= -1e-12
    assert parts.uncertainty == pytest.approx(label.mean() * (1 - label.mean()))


@pytest.mark.parametrize(("slope", "shift"), [(1.0, 0.0), (0.6, -0.4), (1.7, 0.5)])
def test_the_slope_is_that_of_a_logistic_regression(slope: float, shift: float) -> None:
    probability, label = made(3_000, 1, slope=slope, shift=shift)
    logit = np.log(probability / (1 - probability))
    theirs = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(logit[:, None], label)
    ours = calibration(grouped(probability, label))
    assert ours.slope == pytest.approx(theirs.coef_[0, 0], abs=1e-5)
    fitted = theirs.predict_proba(logit[:, None])[:, 1]
    design = np.column_stack([np.ones_like(logit), logit])
    information = design.T @ ((fitted * (1 - fitted))[:, None] * design)
    error = np.sqrt(np.linalg.inv(information)[1, 1])
    assert ours.slope_high is not None
    assert ours.slope_low is not None
    assert ours.slope_high - ours.slope_low == pytest.approx(2 * 1.959964 * error, rel=1e-4)


def test_the_intercept_makes_the_mean_probability_the_churn_rate() -> None:
    probability, label = made(3_000, 2, shift=-0.5)
    intercept = calibration(grouped(probability, label)).intercept
    logit = np.log(probability / (1 - probability))
    assert intercept is not None
    assert (1 / (1 + np.exp(-(intercept + logit)))).mean() == pytest.approx(label.mean(), abs=1e-9)


def test_intervals_hold_the_truth_and_few_calibrated_models_are_called_wrong() -> None:
    runs = [measured(600, seed) for seed in range(200)]
    slopes = [run.slope_low <= 1 <= run.slope_high for run in runs]  # type: ignore[operator]
    intercepts = [run.intercept_low <= 0 <= run.intercept_high for run in runs]  # type: ignore[operator]
    assert 0.9 <= np.mean(slopes) <= 0.99
    assert 0.9 <= np.mean(intercepts) <= 0.99
    # Two tests at 5 % each.
    assert np.mean([run.sentence != "" for run in runs]) <= 0.12


def test_the_band_holds_the_curve_of_a_calibrated_model_and_not_that_of_another() -> None:
    def inside(slope: float) -> float:
        shares = []
        for seed in range(20):
            curve = reliability(grouped(*made(500, seed, slope=slope)), seed=seed)
            low, rate, high = map(np.array, (curve.band_low, curve.rate, curve.band_high))
            shares.append(((low - 1e-12 <= rate) & (rate <= high + 1e-12)).mean())
        return float(np.mean(shares))

    assert inside(1.0) >= 0.9  # its ends are where the curve is farthest out
    assert inside(0.3) < 0.8


def test_many_groups_are_drawn_together_without_moving_the_band() -> None:
    probability, label = made(4_000, 3)
    exact = reliability(grouped(probability, label), seed=1)
    coarse = reliability(grouped(np.round(probability, 3), label), seed=2)
    at = np.linspace(0.05, 0.9, 20)
    ends = [np.interp(at, c.probability, c.band_high) for c in (exact, coarse)]
    assert np.abs(ends[0] - ends[1]).max() < 0.04


def test_words_say_what_is_wrong() -> None:
    assert measured(4_000, 4).sentence == ""
    assert "by about" in measured(4_000, 4, shift=-0.6).sentence
    assert "too high by" in measured(4_000, 4, shift=-0.6).sentence
    assert "too low by" in measured(4_000, 4, shift=0.6).sentence
    assert "too extreme: high" in measured(4_000, 4, slope=0.5).sentence
    assert "not extreme enough" in measured(4_000, 4, slope=2.0).sentence


def test_an_error_too_small_to_matter_is_not_said() -> None:
    assert measured(400_000, 5, slope=0.97, shift=-0.02).sentence == ""


@pytest.mark.parametrize(
    ("probability", "label"),
    [([0.3] * 6, [0, 1, 0, 0, 1, 0]), ([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1])],
    ids=["one probability", "separated"],
)
def test_where_there_is_no_slope_there_is_none(probability: list[float], label: list[int]) -> None:
    parts = calibration(grouped(probability, label))
    assert parts.slope is parts.slope_low is parts.slope_high is None
    assert parts.intercept is not None


def test_probabilities_of_0_and_1_have_a_slope() -> None:
    parts = calibration(grouped([0.0, 0.0, 1.0, 1.0, 0.5, 0.5], [0, 1, 1, 0, 1, 0]))
    assert parts.slope == pytest.approx(0, abs=1e-6)
