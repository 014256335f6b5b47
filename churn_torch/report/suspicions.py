"""Suspicions about a table in sentences: what tells churn that will not for new customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from churn_torch.errors import override

# Columns of a kind that are named one by one, at most.
_NAMED = 6
# Kinds of suspicions that leaving out their columns settles.
_OF_COLUMNS = ("alone", "missing", "ahead", "one_sided", "later", "name")
_UNSAID = "leakage=ignore leaves this unsaid"


@dataclass(frozen=True)
class Suspicion:
    """What looks wrong about a table, as the user reads it.

    Attributes:
        kind: Of columns: ``alone`` (it tells churn), ``missing`` (its missing cells do), ``ahead``
            (it tells far more than all the others), ``one_sided`` (some of its cells tell one
            class), ``later`` (a date after the time of the row), ``name`` (it speaks of the end).
            Of rows: ``same_id``, ``copies``, ``near_copies`` (test rows with a twin in training),
            ``order`` (churners stand together), ``files`` (they come from other files), ``time``
            (a random split hides what a split by time shows).
        columns: The columns that it is about; empty where it is about the rows.
        sentence: What was found, with the override that mends it.
    """

    kind: str
    columns: tuple[str, ...]
    sentence: str


@dataclass(frozen=True)
class Outcome:
    """How the target is called in sentences.

    Attributes:
        target: Its name.
        positive: Its label for churn.
        negative: Its only other label, None where there are several.
    """

    target: str
    positive: str
    negative: str | None

    def is_(self, churn: int) -> str:
        """Say that the target has the label of a class: 1 for churn, 0 for none."""
        if churn:
            return f"{self.target} is {self.positive}"
        if self.negative is None:
            return f"{self.target} is not {self.positive}"
        return f"{self.target} is {self.negative}"


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
    """A column that alone tells churn (`churn_torch.evaluation.leakage.column_leakage`)."""

    @property
    def column(self) -> str: ...  # noqa: D102

    @property
    def auroc(self) -> float: ...  # noqa: D102

    @property
    def missing(self) -> int | None: ...  # noqa: D102

    @property
    def rest(self) -> float | None: ...  # noqa: D102


def lone_tellers_said(found: Sequence[Teller], outcome: Outcome) -> list[Suspicion]:
    """Say which columns alone tell churn."""
    said = []
    for one in found:
        kind, how = "alone", f"AUROC {one.auroc:.2f}"
        what = "alone tells churn"
        if one.missing is not None:
            kind = "missing"
            how += f": missing where {outcome.is_(one.missing)}"
        elif one.rest is not None:
            kind, what = "ahead", "tells far more of churn than all other columns together"
            how += f", the others {one.rest:.2f}"
        sentence = f"{one.column} {what} ({how}); is it known before? {_left_out(one.column)}"
        said.append(Suspicion(kind, (one.column,), sentence))
    return said


class Cells(Protocol):
    """Cells of one class, as `churn_torch.evaluation.leakage.column_leakage` finds them."""

    @property
    def column(self) -> str: ...  # noqa: D102

    @property
    def cells(self) -> str: ...  # noqa: D102

    @property
    def told(self) -> int: ...  # noqa: D102

    @property
    def n_rows(self) -> int: ...  # noqa: D102

    @property
    def covered(self) -> float: ...  # noqa: D102


def one_sided_said(found: Sequence[Cells], outcome: Outcome) -> list[Suspicion]:
    """Say which columns have cells that only rows of one class have."""
    return [
        Suspicion(
            "one_sided",
            (one.column,),
            f"{one.column} is {one.cells} almost only where {outcome.is_(one.told)} "
            f"({one.covered:.0%} of such rows, {one.n_rows:,} looked at); is it known before? "
            f"{_left_out(one.column)}",
        )
        for one in found
    ]


def later_date_said(
    column: str, time: str, churners: float, others: float, outcome: Outcome
) -> Suspicion:
    """Say that a date lies after the time of its row, for one class more than for the other.

    Args:
        column: The date.
        time: The column with the time of the row.
        churners: The share of churners whose date is later.
        others: The share of the others.
        outcome: How the target is called.
    """
    sentence = (
        f"{column} lies after {time} in {churners:.0%} of the rows where {outcome.is_(1)} and in "
        f"{others:.0%} of the others; is it known by then? {_left_out(column)}"
    )
    return Suspicion("later", (column,), sentence)


def names_said(scores: Mapping[str, float]) -> list[Suspicion]:
    """Say which names speak of what is known once a customer has left.

    Args:
        scores: The AUROC of each column.
    """
    return [
        Suspicion(
            "name",
            (name,),
            f"{name} may be known only once a customer has left, by its name, and goes along with "
            f"churn (AUROC {score:.2f}); if so: {_left_out(name)}",
        )
        for name, score in scores.items()
    ]


def order_said(auroc: float, columns: Sequence[str]) -> Suspicion:
    """Say that churners stand together in the table.

    Args:
        auroc: Of the position of a row.
        columns: Columns that follow the order.
    """
    start = f"The rows stand in an order that tells churn (AUROC {auroc:.2f} of the row's position)"
    if columns:
        them = "it" if len(columns) == 1 else "they"
        sentence = (
            f"{start}, and {', '.join(columns)} follow{'s' if len(columns) == 1 else ''} it: "
            f"{them} will not tell churn of new customers; {_left_out(*columns)}"
        )
    else:
        sentence = (
            f"{start}: no number column follows it, so nothing is learned from it, but a split by "
            f"position would be wrong; {_UNSAID}."
        )
    return Suspicion("order", tuple(columns), sentence)


def files_said(auroc: float, rates: Mapping[str, float]) -> Suspicion:
    """Say that the file of a row tells churn.

    Args:
        auroc: Of the churn rate of the file.
        rates: The churn rate in some rows of each file.
    """
    low, high = min(rates, key=rates.__getitem__), max(rates, key=rates.__getitem__)
    sentence = (
        f"The file of a row tells churn (AUROC {auroc:.2f}: {rates[high]:.0%} in {high}, "
        f"{rates[low]:.0%} in {low}), and so does whatever else differs between the files; were "
        f"they made alike? If so, {_UNSAID}."
    )
    return Suspicion("files", (), sentence)


def time_gap_said(column: str, at_random: float, by_time: float) -> Suspicion:
    """Say what a split by time would measure in place of a random one.

    Args:
        column: The date.
        at_random: AUROC of a simple model that has learned from rows of all times.
        by_time: AUROC of one that has learned from earlier rows only.
    """
    split = f"data.split.by=time {override('data.split.column', column)}"
    sentence = (
        f"On the latest rows by {column} a simple model reaches AUROC {at_random:.2f} where it has "
        f"learned from rows of the same time, and {by_time:.2f} where only from earlier ones: a "
        f"random split promises too much; {split} tests on later rows."
    )
    return Suspicion("time", (column,), sentence)


def twins_said(n_test: int, n_twins: int, *, of_id: str | None) -> Suspicion:
    """Say how many test rows have a twin in training, as `twins_sentence` does."""
    sentence = twins_sentence(n_test, n_twins, of_id=of_id)
    if of_id is None:
        return Suspicion("copies", (), sentence)
    return Suspicion("same_id", (of_id,), sentence)


def near_copies_said(n_test: int, n_near: int, n_columns: int) -> Suspicion:
    """Say how many test rows are nearly copies of a training row.

    Args:
        n_test: Test rows that were looked at.
        n_near: About how many of them are.
        n_columns: Cells that may differ.
    """
    cells = "one cell" if n_columns == 1 else "one or two cells"
    sentence = (
        f"About {n_near:,} of {n_test:,} test rows repeat a training row but for {cells} or for "
        "rounding, with its label: what is learned of these is tested on them again; name the "
        "column that such rows share (data.split.by=group data.split.column=COLUMN), or take "
        "data.split.column=auto, which joins rows that differ in one cell."
    )
    return Suspicion("near_copies", (), sentence)


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


def _left_out(*columns: str) -> str:
    return override("data.ignore", list(columns))
