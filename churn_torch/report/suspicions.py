"""Suspicions about a table in sentences: columns that tell churn alone, and twins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from churn_torch.errors import override

# Columns that are named one by one, at most.
_NAMED = 6


class Teller(Protocol):
    """A column that alone tells churn, as `churn_torch.evaluation.leakage` finds it."""

    @property
    def column(self) -> str: ...  # noqa: D102

    @property
    def auroc(self) -> float: ...  # noqa: D102

    @property
    def missing(self) -> int | None: ...  # noqa: D102


def leakage_sentences(
    found: Sequence[Teller], *, target: str, positive: str, negative: str | None
) -> list[str]:
    """Say which columns alone tell churn, one sentence a column.

    Args:
        found: The columns.
        target: The name of the target.
        positive: Its label for churn.
        negative: Its only other label, None where there are several.
    """
    sentences = []
    for one in found[:_NAMED]:
        how = f"AUROC {one.auroc:.2f}"
        if one.missing is not None:
            if one.missing:
                what = f"is {positive}"
            else:
                what = f"is not {positive}" if negative is None else f"is {negative}"
            how += f": missing where {target} {what}"
        sentences.append(
            f"{one.column} alone tells churn ({how}); is it known before? "
            f"{override('data.ignore', [one.column])}"
        )
    if len(found) > _NAMED:
        rest = len(found) - _NAMED
        sentences.append(f"So {'does' if rest == 1 else 'do'} {rest} more columns.")
    if len(found) > 1:
        all_of_them = override("data.ignore", [one.column for one in found])
        sentences.append(f"To leave out all of them: {all_of_them}")
    return sentences


def twins_sentence(n_test: int, n_twins: int, *, of_id: str | None, what: str = "test rows") -> str:
    """Say how many test rows have a twin in training, and how to keep twins together.

    Args:
        n_test: Test rows that were looked at.
        n_twins: Those with a twin.
        of_id: The id column, where twins are rows of one id; None for rows alike in every feature.
        what: How the test rows are called.
    """
    if of_id is None:
        twin = "a twin in training, alike in every feature"
        split = "data.split.by=group data.split.column=auto"
    else:
        twin = f"an id ({of_id}) that rows in training have too"
        split = f"data.split.by=group {override('data.split.column', of_id)}"
    return (
        f"{n_twins:,} of {n_test:,} {what} have {twin}: what is learned of these is tested on "
        f"them again; {split} keeps such rows in one part."
    )
