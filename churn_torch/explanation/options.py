"""The choices of an explanation, which a training stores for later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class ExplanationOptions:
    """The keys below ``explain`` of a training.

    Attributes:
        actionable: Columns that can be changed for a customer, such as the contract.
        robust: Standard errors of coefficients that hold where the model is wrong (sandwich).
    """

    actionable: Sequence[str] = ()
    robust: bool = False
