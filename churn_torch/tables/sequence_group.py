"""A group of columns of lists in a schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from churn_torch.tables.schema import Column, Schema


@dataclass(frozen=True)
class SequenceGroup:
    """Columns of lists that belong together: entry i of each list is about the customer's event i.

    Attributes:
        name: What the events are, e.g. ``orders``.
        last: Most events of a customer that a model reads, the latest ones.
        events: The columns of an event. The lists of a row are those of its events, oldest first.
        days_before: The column with the days from the event to the day of the row, if any.
    """

    name: str
    last: int
    events: Schema
    days_before: str | None = None

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of an event, in the order of the ONNX file's inputs."""
        return self.events.inputs

    @property
    def length_name(self) -> str:
        """The input of the ONNX file that holds the number of events of each row."""
        return f"{self.name}_length"

    @property
    def width(self) -> int:
        """How many numbers a row of the group is as an array: its length, then all cells."""
        return 1 + len(self.columns) * self.last
