"""Options of columns of lists: which belong together, and how many events are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from churn_torch.errors import InputError, suggest

MOST_EVENTS = 1_000  # of a customer in one group of sequences


@dataclass(frozen=True, kw_only=True)
class SequenceOptions:
    """Columns of lists, one entry for each event of a customer, oldest first.

    Attributes:
        columns: The columns. The lists of a row have the same length.
        days_before: Which of the columns holds the days from the event to the day of the row, such
            as the cut-off.
        last: Most events of a customer that the model reads, the latest ones.

    Raises:
        InputError: No column is named, ``days_before`` is none of them, or ``last`` is no number
            above 0.
    """

    columns: Sequence[str]
    days_before: str | None = None
    last: int = 50

    def __post_init__(self) -> None:
        """Refuse a group without columns or events."""
        if isinstance(self.columns, str) or not self.columns:
            raise InputError(
                "data.sequences",
                expected="a list of columns for each group",
                got=f"columns={self.columns!r}",
                fix="write data.sequences.GROUP.columns=[COLUMN,...]",
            )
        if self.days_before is not None and self.days_before not in self.columns:
            raise InputError(
                "data.sequences",
                expected=f"days_before to be one of {', '.join(map(repr, self.columns))}",
                got=f"{self.days_before!r}{suggest(self.days_before, self.columns)}",
                fix="add it to columns",
            )
        if not 1 <= self.last <= MOST_EVENTS:
            raise InputError(
                "data.sequences",
                expected=f"last from 1 to {MOST_EVENTS:,} events",
                got=str(self.last),
            )
