from __future__ import annotations

from types import SimpleNamespace

from churn_torch.training.logistic.outcome import outcome_of
from churn_torch.training.logistic.penalty_choice import PenaltyChoice


def test_it_tells_of_the_best_model_and_of_every_penalty():
    choice = PenaltyChoice(0.0, [3.0, 1.0], 2)
    choice.validation_loss = [0.4, 0.0, 0.0, 0.5, 0.0, 0.0]
    choice.held_loss = [0.0, 0.5, 0.7, 0.0, 0.25, 0.75]
    choice.separable[3] = True
    problems = [SimpleNamespace(converged=i == 3, gradient_norm=float(i)) for i in range(6)]
    outcome = outcome_of(choice, problems, solver="newton", passes=4)
    path = outcome.pop("path")
    assert outcome == {
        "solver": "newton", "passes": 4, "converged": True, "separable": True,
        "gradient_norm": 3.0, "l2": 1.0,
    }  # fmt: skip
    assert path == [
        {
            "l2": 3.0, "validation_log_loss": 0.4, "converged": False, "gradient_norm": 0.0,
            "held_out_log_loss": 0.6,
        },
        {
            "l2": 1.0, "validation_log_loss": 0.5, "converged": True, "gradient_norm": 3.0,
            "held_out_log_loss": 0.5,
        },
    ]  # fmt: skip


def test_without_folds_nothing_is_held_out():
    choice = PenaltyChoice(0.0, [1.0], 0)
    choice.validation_loss = [0.4]
    problems = [SimpleNamespace(converged=True, gradient_norm=0.0)]
    outcome = outcome_of(choice, problems, solver="lbfgs", passes=1)
    assert "held_out_log_loss" not in outcome["path"][0]
