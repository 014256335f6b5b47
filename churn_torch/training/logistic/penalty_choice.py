"""The linear models that are solved side by side, and the choice of the penalty among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from churn_torch.errors import InputError
from churn_torch.training.logistic.problem import Penalty


@dataclass(frozen=True)
class LinearModel:
    """One of the models solved side by side.

    Attributes:
        penalty: Position in the list of penalties.
        fold: The fold it does not learn from, -1 for none.
    """

    penalty: int
    fold: int = -1


class PenaltyChoice:
    """A model for every L2 penalty and fold, with the losses by which one is chosen.

    Args:
        l1: L1 penalty of all models.
        l2: L2 penalties to choose among.
        folds: Folds of the training rows to choose by; 0 chooses on the validation rows.

    Attributes:
        penalties: From the strongest to the weakest.
        folds: 0 where there is nothing to choose.
        models: Those that learn from all rows, and for each fold one that leaves it out.
        validation_loss: Log-loss of each model on the validation rows, NaN before the first pass.
        held_loss: Log-loss of each model on the rows of its fold, NaN before the first pass.
        separable: Whether a model without a penalty has separated the classes.

    Raises:
        InputError: A penalty or the number of folds is out of range.
    """

    def __init__(self, l1: float, l2: Sequence[float], folds: int) -> None:
        if l1 < 0 or not l2 or min(l2) < 0:
            raise InputError(
                "penalty",
                expected="l1 and l2 of 0 or above",
                got=f"l1={l1} and l2={l2[0] if len(l2) == 1 else list(l2)}",
                fix="set penalty.l1 and penalty.l2",
            )
        if folds < 0 or folds == 1:
            raise InputError(
                "penalty.folds",
                expected="0, or 2 or more",
                got=str(folds),
                fix="0 chooses the penalty on the validation rows",
            )
        self.penalties = [Penalty(l1, strength) for strength in sorted(l2, reverse=True)]
        self.folds = folds if len(l2) > 1 else 0
        self.models = [
            LinearModel(i, fold) for i in range(len(l2)) for fold in (-1, *range(self.folds))
        ]
        self.validation_loss = [float("nan")] * len(self.models)
        self.held_loss = [float("nan")] * len(self.models)
        self.separable = [False] * len(self.models)

    def penalty_of(self, i: int) -> Penalty:
        """Return the penalty of a model."""
        return self.penalties[self.models[i].penalty]

    @property
    def candidates(self) -> list[int]:
        """Positions of the models that learn from all rows, one for each penalty."""
        return [i for i, model in enumerate(self.models) if model.fold < 0]

    def best(self) -> int:
        """Return the position of the model to use."""
        return min(self.candidates, key=self.loss_of)

    def loss_of(self, i: int) -> float:
        """Return the loss by which a model is chosen: that of validation, or the mean of folds."""
        if not self.folds:
            return self.validation_loss[i]
        held = [
            loss
            for model, loss in zip(self.models, self.held_loss, strict=True)
            if model.penalty == self.models[i].penalty and model.fold >= 0
        ]
        return sum(held) / len(held)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint needs."""
        return {name: list(getattr(self, name)) for name in _STATE}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore from a checkpoint."""
        for name in _STATE:
            setattr(self, name, state[name])


_STATE = ("validation_loss", "held_loss", "separable")
