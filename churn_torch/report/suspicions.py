"""Suspicions about a table in sentences: columns that tell churn alone, and twins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from churn_torch.errors import override

# Columns of a kind that are named one by one, at most.
_NAMED = 6
# Kinds of suspicions that leaving out their columns settles.
_OF_COLUMNS = ("alone", "missing")


@dataclass(frozen=True)
class Suspicion:
    """What looks wrong about a table, as the user reads it.

    Attributes:
        kind: ``alone``, ``missing``, ``same_id`` or ``copies``.
        columns: The columns that it is about; empty where it is about the rows.
        sentence: What was found, with the override that mends it.
    """

    kind: str
    columns: tuple[str, ...]
    sentence: str


def suspicion_lines(found: Sequence[Suspicion]) -> list[str]:
    """Return the lines that the terminal shows: the first of each kind, and the rest counted."""
    lines = []
    for kind in dict.fromkeys(one.kind for one in found):
        same = [one for one in found if one.kind == kind]
        lines += [one.sentence for one in same[:_NAMED]]
        rest = len(same) - _NAMED
        if rest > 0:
            lines.append(f"So {'does' if rest == 1 else 'do'} {rest} more columns.")
    columns = [name for one in found if one.kind in _OF_COLUMNS for name in one.columns]
    if len(columns) > 1:
        all_of_them = override("data.ignore", list(dict.fromkeys(columns)))
        lines.append(f"To leave out all of them: {all_of_them}")
    return lines


class Teller(Protocol):
    """A column that alone tells churn, as `churn_torch.evaluation.leakage` finds it."""

    @property
    def column(self) -> str: ...  # noqa: D102

    @property
    def auroc(self) -> float: ...  # noqa: D102

    @property
    def missing(self) -> int | None: ...  # noqa: D102


def lone_tellers_said(
    found: Sequence[Teller], *, target: str, positive: str, negative: str | None
) -> list[Suspicion]:
    """Say which columns alone tell churn.

    Args:
        found: The columns.
        target: The name of the target.
        positive: Its label for churn.
        negative: Its only other label, None where there are several.
    """
    said = []
    for one in found:
        how = f"AUROC {one.auroc:.2f}"
        if one.missing is not None:
            if one.missing:
                what = f"is {positive}"
            else:
                what = f"is not {positive}" if negative is None else f"is {negative}"
            how += f": missing where {target} {what}"
        sentence = (
            f"{one.column} alone tells churn ({how}); is it known before? "
            f"{override('data.ignore', [one.column])}"
        )
        kind = "alone" if one.missing is None else "missing"
        said.append(Suspicion(kind, (one.column,), sentence))
    return said


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
