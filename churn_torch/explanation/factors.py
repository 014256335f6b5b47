"""The factors of a model: all that its rows say of what drives churn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from churn_torch.explanation.accumulated_effects import EffectCurve, PairEffect
from churn_torch.explanation.associations import Association
from churn_torch.explanation.importance import Importance

if TYPE_CHECKING:
    from churn_torch.explanation.coefficients import Coefficients


@dataclass(frozen=True)
class Factors:
    """What drives churn.

    Attributes:
        importance: Of each column, or group of strongly correlated columns, the largest rise of the
            log-loss first.
        effects: Of each column whose cells differ, the largest spread first.
        pairs: The strongest pairs of the columns of the largest effects, the strongest first.
        associations: Of each column with churn, whatever the model, the strongest first.
        coefficients: Of a logistic regression or a scorecard; None for other nets.
    """

    importance: tuple[Importance, ...]
    effects: tuple[EffectCurve, ...]
    pairs: tuple[PairEffect, ...]
    associations: tuple[Association, ...]
    coefficients: Coefficients | None = None
