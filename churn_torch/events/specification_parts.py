"""The parts of a specification: sources, features, population, label and cut-offs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class CustomerSource:
    """The table of customers, one row each.

    Attributes:
        source: Anything that the readers take: a path, a glob, a folder or one SELECT.
        id: The column that names a customer.
        start: When somebody became a customer.
        known: When the columns below were last written; they are missing before.
        columns: Columns that become features as they stand.
        filter: A condition in SQL; other rows are left out.
    """

    source: str
    id: str
    start: str | None = None
    known: str | None = None
    columns: tuple[str, ...] = ()
    filter: str | None = None


@dataclass(frozen=True, kw_only=True)
class EventSource:
    """A log of events.

    Attributes:
        source: As for `CustomerSource`.
        id: The column that names the customer.
        time: When it happened.
        known: When the log got it; None where that was at once.
        filter: As for `CustomerSource`.
    """

    source: str
    id: str
    time: str
    known: str | None = None
    filter: str | None = None


@dataclass(frozen=True, kw_only=True)
class EventLists:
    """The latest events of a customer as lists, for a net that reads them.

    Attributes:
        last: Most events of a customer, the latest ones.
        columns: Columns of numbers or text: a list for each, with one entry for each event, the
            oldest first.
        time: Whether there is also a list of the days from each event to the cut-off.
    """

    last: int
    columns: tuple[str, ...] = ()
    time: bool = True


@dataclass(frozen=True, kw_only=True)
class FeatureSet:
    """What is computed of one log.

    Attributes:
        windows: Spans before the cut-off, such as ``30d``; ``all`` has no beginning.
        count: Number of events by window.
        active_days: Number of different days with events by window.
        sum: Columns that are added up by window.
        mean: Columns with their mean by window.
        min: Columns with their smallest number by window.
        max: Columns with their largest number by window.
        distinct: Columns whose different values are counted by window.
        recency: Days since the last event.
        first: Days since the first event, and whether there may be an earlier one.
        frequency: Events in 30 days since the first event.
        gaps: Mean and spread of the days between events, and the time since the last event as a
            multiple of their mean.
        trend: Pairs of windows, whose rates of events are divided.
        by: Columns whose most frequent values get a share of the events each: how many values, or
            the values.
        last: Columns with their last value.
        calendar: Shares of the events on weekends and at night.
        sequence: Lists of the latest events; None for no lists.
    """

    windows: tuple[str, ...] = ("30d", "90d", "all")
    count: bool = True
    active_days: bool = False
    sum: tuple[str, ...] = ()
    mean: tuple[str, ...] = ()
    min: tuple[str, ...] = ()
    max: tuple[str, ...] = ()
    distinct: tuple[str, ...] = ()
    recency: bool = True
    first: bool = False
    frequency: bool = False
    gaps: bool = False
    trend: tuple[tuple[str, str], ...] = ()
    by: Mapping[str, int | tuple[str, ...]] = field(default_factory=dict)
    last: tuple[str, ...] = ()
    calendar: bool = False
    sequence: EventLists | None = None

    @property
    def numbers(self) -> tuple[str, ...]:
        """The columns that must hold numbers."""
        return tuple(dict.fromkeys((*self.sum, *self.mean, *self.min, *self.max)))

    @property
    def values(self) -> tuple[str, ...]:
        """The columns that are read as text."""
        return tuple(dict.fromkeys((*self.distinct, *self.by, *self.last)))


@dataclass(frozen=True, kw_only=True)
class Population:
    """Who is in the rows of a cut-off.

    Attributes:
        active: Logs, and the span before the cut-off in which an event must lie.
        tenure: How long somebody must have been a customer.
        without: Logs of which no event may lie before the cut-off, such as cancellations.
    """

    active: Mapping[str, str] = field(default_factory=dict)
    tenure: str | None = None
    without: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Label:
    """Who has churned.

    Attributes:
        none_of: Logs; whoever has no event of any in the label window has churned.
        event: A log; whoever has an event in the label window has churned. One of the two is set.
        within: The length of the label window, the horizon.
        gap: The time between the cut-off and the label window.
        spend: By log, the column of amounts that are added up over the label window: what a
            customer spent, which teaches a model what they are worth.
    """

    none_of: tuple[str, ...] = ()
    event: str | None = None
    within: str
    gap: str = "0d"
    spend: Mapping[str, str] = field(default_factory=dict)

    @property
    def logs(self) -> tuple[str, ...]:
        """The logs that decide."""
        return self.none_of if self.event is None else (self.event,)


@dataclass(frozen=True, kw_only=True)
class CutoffDates:
    """At which dates there are rows.

    Attributes:
        at: The dates themselves; the next four are then unset.
        first: The first one; None for the first date with a full window before it.
        last: None for the last one whose label window the data cover.
        every: The step between them.
        count: At most so many, the last ones.
        until: Until when the data are complete; None for the last event.
        zone: The time zone of the dates.
        test: The cut-offs whose rows are kept for the test: ``last``, a number of them, or dates.
    """

    at: tuple[str, ...] = ()
    first: str | None = None
    last: str | None = None
    every: str = "30d"
    count: int | None = None
    until: str | None = None
    zone: str | None = None
    test: int | tuple[str, ...] = 1
