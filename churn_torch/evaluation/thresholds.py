"""The rules by which a threshold is chosen, and what a threshold may be."""

from __future__ import annotations

import numpy as np

from churn_torch.errors import InputError, suggest
from churn_torch.evaluation.gains import Ints, top_rows

THRESHOLD_RULES = ("f1", "top_share")


def check_rule(rule: str | float, top_share: float) -> None:
    """Refuse a rule or a threshold that cannot be used.

    Raises:
        InputError: for another rule, a number outside 0..1, or, where it is used, a ``top_share``
            not above 0 and up to 1.
    """
    if rule not in THRESHOLD_RULES:
        checked_threshold(rule)
    if rule == "top_share" and not 0 < top_share <= 1:
        raise InputError(
            f"threshold=top_share takes a share above 0 and up to 1 (such as 0.1), "
            f"but got {top_share}."
        )


def checked_threshold(threshold: str | float) -> float:
    """Return a threshold given as a number, or raise an InputError that names the choices."""
    is_number = isinstance(threshold, int | float) and not isinstance(threshold, bool)
    if is_number and 0 <= float(threshold) <= 1:
        return float(threshold)
    hint = suggest(threshold, THRESHOLD_RULES) if isinstance(threshold, str) else ""
    raise InputError(
        f"Expected threshold=f1, threshold=top_share or a number between 0 and 1, "
        f"but got {threshold!r}{hint}."
    )


def last_called(rule: str | float, rows: Ints, churners: Ints, *, top_share: float) -> int:
    """Return the last group of ties that a rule calls churners.

    Args:
        rule: ``"f1"`` for the largest F1 (of equals, the fewest rows), ``"top_share"`` for the
            ``ceil(top_share * n)`` most probable rows and those tied with the last of them.
        rows: rows taken at the end of each group, most probable group first, shape ``[G]``.
        churners: churners found at the end of each group, shape ``[G]``.
        top_share: share of the rows that ``"top_share"`` takes.
    """
    if rule == "f1":
        return int(np.argmax(2 * churners / (rows + churners[-1])))  # of equals the first
    return int(np.searchsorted(rows, top_rows(top_share, int(rows[-1]))))
