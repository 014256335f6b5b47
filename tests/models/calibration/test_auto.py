"""Automatic calibration: which calibrator is chosen, and why."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import expit

from churn_torch.models.calibration import Auto, Beta, Calibrator, Platt
from churn_torch.models.calibration.auto import CANDIDATES, choose
from tests.models.calibration.made_rows import PROBES, Array, fitted, sample


def bent(n: int, seed: int = 0) -> tuple[Array, Array]:
    """Logits whose true log-odds have a slope for each side of zero."""
    rng = np.random.default_rng(seed)
    logit = rng.normal(size=n) * 2
    truth = np.where(logit < 0, 0.2 * logit, 2 * logit) - 1
    return logit, (rng.random(n) < expit(truth)).astype(float)


def test_calibrated_logits_are_left_alone() -> None:
    chosen = [choose(*sample(1500, seed=seed), margin=2.0).chosen for seed in range(5)]
    assert chosen.count("none") >= 4
    assert torch.equal(fitted(Auto, *sample(800))(PROBES), PROBES)


@pytest.mark.parametrize("n", [300, 2000])
def test_a_wrong_slope_and_level_are_mended_by_the_simplest_that_can(n: int) -> None:
    logit, label = sample(n, slope=0.4, shift=-0.5)
    auto = fitted(Auto, logit, label)
    assert isinstance(auto, Auto)
    assert auto.chosen == "platt"
    assert torch.equal(auto(PROBES), fitted(Platt, logit, label)(PROBES))
    losses = auto.choice.log_loss
    assert losses["none"] - losses["platt"] > auto.choice.error > 0
    assert auto.choice.rows == n


def test_a_wrong_temperature_is_one_number() -> None:
    assert choose(*sample(4000, slope=0.4)).chosen == "temperature"


def test_a_bend_takes_a_curve_where_there_are_rows_enough() -> None:
    assert choose(*bent(2500)).chosen in ("beta", "quadratic")
    few = choose(*bent(1400))
    assert set(few.log_loss) == {"none", "platt"}
    assert set(choose(*bent(1500)).log_loss) == set(CANDIDATES)


@pytest.mark.parametrize("churners", [0, 5, 49])
def test_too_few_of_a_class_compare_nothing(churners: int) -> None:
    logit, label = np.linspace(-3, 3, 500), np.zeros(500)
    label[:churners] = 1
    for rows in (label, 1 - label):
        choice = choose(logit, rows)
        assert (choice.chosen, choice.log_loss) == ("none", {})


def test_a_larger_margin_asks_for_more() -> None:
    logit, label = sample(1200, seed=1, slope=0.8)
    assert choose(logit, label, margin=0.5).chosen == "platt"
    assert choose(logit, label, margin=50).chosen == "none"


def test_weights_decide_how_many_rows_there_are() -> None:
    logit, label = bent(3000)
    choice = choose(logit, label, np.full(3000, 0.4))
    assert choice.rows == 1200
    assert set(choice.log_loss) == {"none", "platt"}


def test_the_chosen_one_is_stored_and_comes_back() -> None:
    auto = fitted(Auto, *bent(2500))
    again = Auto()
    assert again.chosen == "none"
    again.load_state_dict(auto.state_dict())
    assert isinstance(again.calibrator, type(auto.calibrator))
    assert torch.equal(again(PROBES), auto(PROBES))
    assert all(isinstance(value, torch.Tensor) for value in auto.state_dict().values())


def test_a_state_with_an_unknown_choice_is_refused() -> None:
    state = Auto().state_dict()
    state["_extra_state"] = torch.tensor(len(CANDIDATES))
    with pytest.raises(IndexError):
        Auto().load_state_dict(state)


def test_a_second_choice_forgets_the_first() -> None:
    auto = fitted(Auto, *bent(2500))
    auto.fit(*sample(200))
    assert type(auto.calibrator) is Calibrator
    assert not isinstance(auto.candidates[3], Beta) or auto.candidates[3].c.item() == 0


def test_many_rows_are_compared_on_a_part_and_fitted_on_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("churn_torch.models.calibration.auto.MOST_ROWS", 1000)
    logit, label = sample(4000, slope=0.4, shift=-0.5)
    auto = fitted(Auto, logit, label)
    assert isinstance(auto, Auto)
    assert auto.choice.rows == 4000
    assert torch.equal(auto(PROBES), fitted(CANDIDATES[auto.chosen], logit, label)(PROBES))
