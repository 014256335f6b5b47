"""Which keys of a search space matter for the log-loss."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import optuna
from optuna.trial import FrozenTrial


def key_importance(trials: Iterable[FrozenTrial], losses: Mapping[int, float]) -> dict[str, float]:
    """Return the importance of each key, largest first; empty where all losses are the same.

    Source: Watanabe et al. 2023, "PED-ANOVA: Efficiently quantifying hyperparameter importance in
    arbitrary subspaces".

    Args:
        trials: The trials to compare.
        losses: Their log-losses by number.
    """
    compared = optuna.create_study()
    for trial in trials:
        compared.add_trial(
            optuna.create_trial(
                params=trial.params,
                distributions=trial.distributions,
                value=losses[trial.number],
            )
        )
    if len({trial.value for trial in compared.trials}) == 1:
        return {}
    return optuna.importance.get_param_importances(compared)
