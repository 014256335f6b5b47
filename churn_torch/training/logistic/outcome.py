"""The summary of an exact fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from churn_torch.training.logistic.penalty_choice import PenaltyChoice
from churn_torch.training.logistic.problem import Problem


def outcome_of(
    choice: PenaltyChoice, problems: Sequence[Problem], *, solver: str, passes: int
) -> dict[str, Any]:
    """Return how the solver ended, for metrics.json and the terminal.

    Args:
        choice: The models and their losses.
        problems: One for each model.
        solver: The method.
        passes: Passes over the rows so far.

    Returns:
        The state of the best model, and under ``path`` the losses of every penalty.
    """
    best = choice.best()
    path = []
    for i in choice.candidates:
        entry = {
            "l2": choice.penalty_of(i).l2,
            "validation_log_loss": choice.validation_loss[i],
            "converged": problems[i].converged,
            "gradient_norm": problems[i].gradient_norm,
        }
        if choice.folds:
            entry["held_out_log_loss"] = choice.loss_of(i)
        path.append(entry)
    return {
        "solver": solver,
        "passes": passes,
        "converged": problems[best].converged,
        "separable": choice.separable[best],
        "gradient_norm": problems[best].gradient_norm,
        "l2": choice.penalty_of(best).l2,
        "path": path,
    }
