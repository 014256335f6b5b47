"""Decision thresholds: a number, or a rule that chooses one."""

from __future__ import annotations

import numpy as np

from churn_torch.errors import InputError, suggest
from churn_torch.evaluation.gains import Ints, top_rows

THRESHOLD_RULES = ("f1", "top_share")
# A rule that needs more than probabilities and labels: `churn_torch.decisions.profit` follows it.
PROFIT = "profit"


def check_rule(rule: str | float, top_share: float) -> None:
    """Check a rule or a threshold.

    Raises:
        InputError: The rule is unknown, the number is outside 0..1, or the rule uses a
            ``top_share`` that is not above 0 and up to 1.
    """
    if rule not in THRESHOLD_RULES:
        checked_threshold(rule)
    if rule == "top_share" and not 0 < top_share <= 1:
        raise InputError(
            "top_share", expected="a share above 0 and up to 1, such as 0.1", got=str(top_share)
        )


def checked_threshold(threshold: str | float) -> float:
    """Return a threshold that is a number between 0 and 1.

    Raises:
        InputError: It is anything else.
    """
    is_number = isinstance(threshold, int | float) and not isinstance(threshold, bool)
    if is_number and 0 <= float(threshold) <= 1:
        return float(threshold)
    rules = (*THRESHOLD_RULES, PROFIT)
    hint = suggest(threshold, rules) if isinstance(threshold, str) else ""
    raise InputError(
        "threshold",
        expected="f1, top_share, profit or a number between 0 and 1",
        got=f"{threshold!r}{hint}",
    )


def last_called(rule: str | float, rows: Ints, churners: Ints, *, top_share: float) -> int:
    """Return the position of the last group of ties that a rule calls churners.

    Args:
        rule: ``"f1"`` for the largest F1 (of equals, the fewest rows), ``"top_share"`` for the
            ``ceil(top_share * n)`` most probable rows and those tied with the last of them.
        rows: Rows up to the end of each group, most probable group first, shape ``[G]``.
        churners: Churners among them, shape ``[G]``.
        top_share: Share of the rows that ``"top_share"`` takes.
    """
    if rule == "f1":
        return int(np.argmax(2 * churners / (rows + churners[-1])))  # of equals the first
    return int(np.searchsorted(rows, top_rows(top_share, int(rows[-1]))))


def between(lowest: float, left_out: float) -> float:
    """Return a threshold half-way between the lowest score that it takes and the next lower one.

    A calibrator with steps gives many rows one probability; a threshold on a step would take all or
    none of them by a rounding error.

    Args:
        lowest: The lowest score taken.
        left_out: The highest score of the others.
    """
    middle = float(np.float32((lowest + left_out) / 2))
    return middle if left_out < middle <= lowest else lowest  # neighbours have no middle
