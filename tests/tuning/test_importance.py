from __future__ import annotations

import optuna
import pytest
from optuna.distributions import FloatDistribution

from churn_torch.tuning.importance import key_importance

SPACE = {"useful": FloatDistribution(0.0, 1.0), "idle": FloatDistribution(0.0, 1.0)}


@pytest.fixture
def trials():
    """Thirty trials over a grid of two keys."""
    study = optuna.create_study()
    for i in range(30):
        params = {"useful": i / 29, "idle": i * 7 % 30 / 29}
        study.add_trial(optuna.create_trial(params=params, distributions=SPACE, value=0.0))
    return study.trials


def test_the_key_that_decides_the_loss_comes_first(trials):
    losses = {trial.number: (trial.params["useful"] - 0.3) ** 2 for trial in trials}
    importance = key_importance(trials, losses)
    assert next(iter(importance)) == "useful"
    assert importance["useful"] > 5 * importance["idle"]


def test_losses_that_are_all_the_same_say_nothing(trials):
    assert key_importance(trials, dict.fromkeys(range(30), 0.5)) == {}
