"""The customers of an experiment: what happened to each, and whether chance had them contacted.

Uplift can only be measured where chance decided who was contacted. A customer who was contacted
with probability e counts 1 / e, one who was not 1 / (1 - e): inverse probability weights (Horvitz &
Thompson 1952), which make both groups stand for all customers. Rates divide by the sum of the
weights (Hajek 1971), so a constant probability has no effect on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from churn_torch.errors import InputError
from churn_torch.evaluation.gains import Floats

# Standard errors by which the number of contacted customers may differ from the probability's.
_MOST_ERRORS = 5.0


@dataclass(frozen=True)
class Experiment:
    """Customers of whom some were contacted by chance. All arrays are ``[N]``.

    Attributes:
        good: 1.0 for the outcome that the contact is to bring about, such as staying; else 0.0.
        treated: True for customers who were contacted.
        weight: Inverse probability weights.
    """

    good: Floats
    treated: npt.NDArray[np.bool_]
    weight: Floats

    def __len__(self) -> int:
        return len(self.good)

    def take(self, rows: npt.NDArray[Any]) -> Experiment:
        """Return some of the rows."""
        return Experiment(self.good[rows], self.treated[rows], self.weight[rows])


def experiment(
    outcome: npt.ArrayLike,
    treatment: npt.ArrayLike,
    probability: npt.ArrayLike | None = None,
    *,
    outcome_is_good: bool = False,
) -> Experiment:
    """Check what is known of an experiment, and weight its rows.

    Args:
        outcome: ``[N]`` of 0 and 1, such as churn.
        treatment: ``[N]``, 1 for customers who were contacted, else 0.
        probability: Of being contacted: ``[N]``, one number for all, or None for the share of the
            contacted.
        outcome_is_good: Whether the contact is to bring the outcome about (a visit), rather than
            to prevent it (churn).

    Raises:
        InputError: The treatment has other values than 0 and 1, or only one of them; a probability
            is not between 0 and 1; or more or fewer were contacted than the probability allows.
        ValueError: The outcome is not of 0 and 1, or the lengths differ.
    """
    y, t = np.asarray(outcome, np.float64), np.asarray(treatment, np.float64)
    if y.shape != t.shape or y.ndim != 1:
        raise ValueError(f"expected two arrays [N], got {y.shape} and {t.shape}")
    if not np.isin(y, (0, 1)).all():
        raise ValueError("expected outcomes of 0 and 1")
    check_treatment(t)
    e = np.asarray(t.mean() if probability is None else probability, np.float64)
    if e.shape not in ((), t.shape):
        raise ValueError(f"expected one probability or {t.shape}, got {e.shape}")
    check_probability(t, e)
    treated = t == 1
    weight = 1.0 / np.where(treated, e, 1.0 - e)
    return Experiment(y if outcome_is_good else 1.0 - y, treated, weight)


def check_treatment(treatment: Floats) -> None:
    """Refuse a treatment that tells no two groups apart.

    Raises:
        InputError: It has other values than 0 and 1, or only one of them.
    """
    found = np.unique(treatment)
    if not np.array_equal(found, (0.0, 1.0)):
        shown = ", ".join(f"{value:g}" for value in found[:5]) or "no rows"
        raise InputError(
            "data.treatment",
            expected="1 for customers who were contacted and 0 for others, and some of each",
            got=f"only {shown}" if len(found) < 2 else shown,
            fix="the effect of a contact is measured against customers who were not contacted",
        )


def check_probability(treatment: Floats, probability: Floats) -> None:
    """Refuse probabilities of treatment that cannot be, or that the treatment contradicts.

    Args:
        treatment: ``[N]`` of 0 and 1.
        probability: ``[N]``, or one number.

    Raises:
        InputError: A probability is not above 0 and below 1, or the number of contacted customers
            is more than five standard errors from the sum of the probabilities (a sample-ratio
            mismatch).
    """
    wrong = ~((probability > 0) & (probability < 1))
    if wrong.any():
        raise InputError(
            "data.treatment_probability",
            expected="probabilities above 0 and below 1",
            got=f"{probability[wrong].flat[0]:g}",
            fix="leave out customers who were always or never contacted",
        )
    each = np.broadcast_to(probability, treatment.shape)
    error = np.sqrt((each * (1 - each)).sum())
    if abs((treatment - each).sum()) > _MOST_ERRORS * error:
        raise InputError(
            "data.treatment_probability",
            expected=f"the probability of being contacted: {treatment.mean():.1%} were",
            got=f"{each.mean():.1%} on average",
            fix="give the probability with which chance chose each customer, not another score",
        )
