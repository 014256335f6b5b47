"""Checks of a split: every part can be learned from or judged."""

from __future__ import annotations

from collections.abc import Sequence

from churn_torch.errors import InputError


def check_present(what: str, n_missing: int, n_rows: int) -> None:
    """Raise InputError when the time or the group of a row is missing."""
    if n_missing:
        raise InputError(
            "data.split.column",
            expected=f"a {what} in every row",
            got=f"{n_missing:,} of {n_rows:,} missing",
            fix="drop those rows or split at random (data.split.by=random)",
        )


def check_shares(validation: float, test: float) -> None:
    """Raise InputError when the shares leave a part empty."""
    if not (0 < validation < 1 and 0 <= test < 1 and validation + test < 1):
        raise InputError(
            "data.split",
            expected="shares with validation above 0, test at least 0 and both together below 1",
            got=f"validation={validation} and test={test}",
        )


def check_classes(counts: Sequence[int], n_positive: Sequence[int]) -> None:
    """Raise InputError when a part, given by its numbers of rows and positives, lacks a class."""
    for name, count, positives in zip(
        ("training", "validation", "test"), counts, n_positive, strict=False
    ):
        if positives in (0, count):
            lacking = "positive" if positives == 0 else "negative"
            raise InputError(
                "data.split",
                expected=f"both classes in the {name} part",
                got=f"no {lacking} row among its {count:,} (the table has {sum(n_positive):,} "
                f"positive rows in {sum(counts):,})",
                fix="add rows or choose a larger share for that part",
            )
