"""One customer explained: the probability, what moves it, and what would have to change."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """What one input does to the odds of churn of a customer.

    Attributes:
        column: The input.
        cell: The customer's cell as people write it.
        odds_factor: By how much it multiplies the odds, against the mean training row.
    """

    column: str
    cell: str
    odds_factor: float


@dataclass(frozen=True)
class Change:
    """Cells with which the probability of a customer would fall below the threshold.

    Attributes:
        cells: The new cells by column, as people write them; all others stay as they are.
        probability: The probability of churn with them.
    """

    cells: dict[str, str]
    probability: float


@dataclass(frozen=True)
class CustomerExplanation:
    """Why a customer has the probability that the model gives.

    Attributes:
        id: The customer; None where nothing names it.
        probability: The probability of churn.
        average: The churn rate of the training rows.
        threshold: The probability at and above which the decision is to contact.
        contacted: The decision.
        raises: The inputs that raise the odds most, the strongest first.
        lowers: The inputs that lower the odds most, the strongest first.
        untrusted: What cannot be trusted about the inputs, one text for each such input.
        changes: What would have to change, the fewest columns first.
        note: Why there is no change; ``""`` where there is one.
        caveats: Sentences on how the reasons are to be read.
    """

    id: str | None
    probability: float
    average: float
    threshold: float
    contacted: bool
    raises: tuple[Reason, ...]
    lowers: tuple[Reason, ...]
    untrusted: tuple[str, ...]
    changes: tuple[Change, ...]
    note: str
    caveats: tuple[str, ...]
