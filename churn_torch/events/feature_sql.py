"""Features of one log as SQL: one row for each customer with events before the cut-off.

Everything is computed from one query, ``LOG events``, which keeps the events that happened before
the cut-off and were known before it. No other place lets an event in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from churn_torch.events.spans import ALL, days, length
from churn_torch.events.specification_parts import EventLists, FeatureSet
from churn_torch.tables.sql_text import quoted, quoted_name

# Columns of a staged log: the customer, the time of the event, when it was known.
ID, TIME, KNOWN = "_id", "_time", "_known"
# Hidden columns of a customer in a log, by which the population is chosen.
FIRST, LAST, EVENTS = "_first", "_last", "_events"
DAY_MICROS = "86400000000.0"
CENSORED_WITHOUT_WINDOW = "30d"


@dataclass(frozen=True)
class LogFeatures:
    """The features of a log.

    Attributes:
        queries: Queries by name as WITH takes them, each of which may read those before it. The
            last one gives ID, FIRST, LAST and the features of customers with events.
        columns: The names of the features, each with SQL for a customer without events.
    """

    queries: dict[str, str]
    columns: dict[str, str] = field(default_factory=dict)


def timestamp(moment: datetime) -> str:
    """Write a moment as SQL does."""
    return f"TIMESTAMP {quoted(moment.isoformat(sep=' '))}"


def number_column(column: str) -> str:
    """Return the name under which a column of numbers is staged."""
    return f"n_{column}"


def value_column(column: str) -> str:
    """Return the name under which a column of values is staged."""
    return f"v_{column}"


def entry_column(column: str) -> str:
    """Return the name under which the entries of a list are staged."""
    return f"e_{column}"


def list_columns(log: str, lists: EventLists) -> tuple[list[str], str | None]:
    """Return the names of the columns of lists of a log, and which of them holds days, if any."""
    days = f"{log}_days_before" if lists.time else None
    names = [f"{log}_{column}" for column in lists.columns]
    return [*names, *([] if days is None else [days])], days


def known_before(relation: str, cutoff: datetime, has_known: bool) -> str:
    """Return SQL for the events that may be used at a cut-off: before it, and known before it."""
    at = timestamp(cutoff)
    known = f" AND {KNOWN} < {at}" if has_known else ""
    return f"SELECT * FROM {relation} WHERE {TIME} < {at}{known}"


def events_of(log: str) -> str:
    """Return the name of the query with the events of a log that may be used."""
    return quoted_name(f"{log} events")


def features_of(log: str) -> str:
    """Return the name of the query with the features of a log."""
    return quoted_name(f"{log} features")


def log_features(
    log: str,
    features: FeatureSet | None,
    cutoff: datetime,
    *,
    has_known: bool,
    begin: datetime | None,
    has_start: bool,
) -> LogFeatures:
    """Return the features of a log at a cut-off.

    Args:
        log: Its name, which is also that of the relation with its rows.
        features: What is computed; None for nothing but FIRST and LAST.
        cutoff: The cut-off, in UTC.
        has_known: Whether the rows say when they were known.
        begin: The first event of anybody that may be used.
        has_start: Whether it is known since when somebody is a customer.
    """
    events, totals = events_of(log), quoted_name(f"{log} totals")
    queries = {events: known_before(quoted_name(log), cutoff, has_known)}
    found = [] if features is None else list(_of_events(log, features, cutoff))
    aggregates = [f"min({TIME}) AS {FIRST}", f"max({TIME}) AS {LAST}", f"count(*) AS {EVENTS}"]
    aggregates += [f"{one.sql} AS {quoted_name(one.name)}" for one in found]
    queries[totals] = _select([ID, *aggregates], f"{events} GROUP BY {ID}")
    columns = {one.name: one.without_events for one in found}
    selected, joins = ["*"], [totals]
    for group in [] if features is None else _groups(log, features, cutoff, events):
        name = quoted_name(f"{log} {group.name}")
        chosen = [f"{one.sql} AS {quoted_name(one.name)}" for one in group.features]
        queries[name] = _select([ID, *chosen], f"(\n{group.sql}\n)\nGROUP BY {ID}")
        joins.append(f"LEFT JOIN {name} USING ({ID})")
        columns |= {one.name: one.without_events for one in group.features}
    if features is not None:
        for one in _of_totals(log, features, cutoff, begin, has_start):
            selected.append(f"{one.sql} AS {quoted_name(one.name)}")
            columns[one.name] = one.without_events
    queries[features_of(log)] = _select(selected, "\n".join(joins))
    return LogFeatures(queries, columns)


@dataclass(frozen=True)
class _Feature:
    """A feature: SQL over the events of a customer, and its value for somebody without any."""

    name: str
    sql: str
    without_events: str = "NULL"


def _select(columns: Sequence[str], source: str) -> str:
    return "SELECT\n  " + ",\n  ".join(columns) + f"\nFROM {source}"


def _of_events(log: str, features: FeatureSet, cutoff: datetime) -> Iterator[_Feature]:
    """Yield what is an aggregate over the events."""
    for window in features.windows:
        within = _within(window, cutoff)
        if features.count:
            yield _Feature(f"{log}_count_{window}", f"count(*){within}", "0")
        for column in features.sum:
            added = f"coalesce(fsum({quoted_name(number_column(column))}){within}, 0.0)"
            yield _Feature(f"{log}_sum_{column}_{window}", added, "0.0")
        for word, function, columns in (
            ("mean", "favg", features.mean),
            ("min", "min", features.min),
            ("max", "max", features.max),
        ):
            for column in columns:
                value = f"{function}({quoted_name(number_column(column))}){within}"
                yield _Feature(f"{log}_{word}_{column}_{window}", value)
    for short, long in features.trend:
        top, bottom = (f"count(*){_within(window, cutoff)}" for window in (short, long))
        rate = f"{days(long) / days(short)!r} * {top} / nullif({bottom}, 0)"
        yield _Feature(f"{log}_trend_{short}_{long}", rate)
    for column, chosen in features.by.items():
        assert not isinstance(chosen, int), "the values are chosen before"
        for value, suffix in zip(chosen, suffixes(chosen), strict=True):
            is_value = f"{quoted_name(value_column(column))} = {quoted(value)}"
            share = f"count(*) FILTER ({is_value}) / count(*)"
            yield _Feature(f"{log}_share_{column}_{suffix}", share)
    for column in features.last:
        value = quoted_name(value_column(column))
        # Of several values at one time the last one in the alphabet: the order of rows is none.
        latest = f"max({{'at': {TIME}, 'value': {value}}}) FILTER ({value} IS NOT NULL)"
        yield _Feature(f"{log}_last_{column}", f"({latest}).value")
    if features.calendar:
        weekend = f"count(*) FILTER (isodow({TIME}) >= 6) / count(*)"
        night = f"count(*) FILTER (hour({TIME}) < 6 OR hour({TIME}) >= 22) / count(*)"
        yield _Feature(f"{log}_share_weekend", weekend)
        yield _Feature(f"{log}_share_night", night)


@dataclass(frozen=True)
class _Group:
    """Features that are not aggregates of the events themselves, but of a query over them."""

    name: str
    sql: str
    features: Sequence[_Feature]


def _groups(log: str, features: FeatureSet, cutoff: datetime, events: str) -> Iterator[_Group]:
    for column in features.distinct:
        value = quoted_name(value_column(column))
        counts = _counts(f"{log}_distinct_{column}", features, cutoff)
        sql = _latest(events, value, f" WHERE {value} IS NOT NULL")
        yield _Group(f"values of {column}", sql, counts)
    if features.active_days:
        counts = _counts(f"{log}_active_days", features, cutoff)
        yield _Group("days", _latest(events, f"CAST({TIME} AS DATE)"), counts)
    if features.sequence is not None:
        yield _lists(log, features.sequence, cutoff, events)
    if features.gaps:
        step = f"epoch_us({TIME}) - lag(epoch_us({TIME})) OVER (PARTITION BY {ID} ORDER BY {TIME})"
        # Events at one time, such as the lines of an order, are one purchase. Sums of whole
        # microseconds are exact, whatever the order of the rows.
        sql = (
            f"SELECT {ID}, CAST(step AS HUGEINT) AS step\n"
            f"FROM (SELECT {ID}, {step} AS step FROM {events})\nWHERE step > 0"
        )
        mean = f"avg(step) / {DAY_MICROS}"
        squares = "count(*) * sum(step * step) - sum(step) * sum(step)"
        spread = (
            f"CASE WHEN count(*) > 1 THEN sqrt(({squares}) / (count(*) * (count(*) - 1))) / "
            f"{DAY_MICROS} END"
        )
        found = [_Feature(f"{log}_gap_mean", mean), _Feature(f"{log}_gap_spread", spread)]
        yield _Group("gaps", sql, found)


def _lists(log: str, lists: EventLists, cutoff: datetime, events: str) -> _Group:
    """Return the latest events as lists; of events at one time the entries decide the order."""
    names, days = list_columns(log, lists)
    entries = [quoted_name(entry_column(column)) for column in lists.columns]
    order = ", ".join([f"{TIME} DESC", *entries])
    sql = (
        f"SELECT *, row_number() OVER (PARTITION BY {ID} ORDER BY {order}) AS place\n"
        f"FROM {events} QUALIFY place <= {lists.last}"
    )
    if days is not None:
        at = f"epoch_us({timestamp(cutoff)})"
        entries.append(f"({at} - epoch_us({TIME})) / {DAY_MICROS}")
    found = [
        _Feature(name, f"list({entry} ORDER BY place DESC)", "[]")
        for name, entry in zip(names, entries, strict=True)
    ]
    return _Group("latest", sql, found)


def _latest(events: str, value: str, condition: str = "") -> str:
    """Return SQL for the latest event of each customer with each value."""
    return (
        f"SELECT {ID}, {value} AS value, max({TIME}) AS {TIME}\nFROM {events}{condition}\n"
        f"GROUP BY {ID}, {value}"
    )


def _counts(name: str, features: FeatureSet, cutoff: datetime) -> list[_Feature]:
    """Return how many values occur in each window: those whose latest event lies in it."""
    return [
        _Feature(f"{name}_{window}", f"count(*){_within(window, cutoff)}", "0")
        for window in features.windows
    ]


def _of_totals(
    log: str, features: FeatureSet, cutoff: datetime, begin: datetime | None, has_start: bool
) -> Iterator[_Feature]:
    """Yield what follows from the first event, the last one and the groups."""
    at = f"epoch_us({timestamp(cutoff)})"
    since_last = f"({at} - epoch_us({LAST})) / {DAY_MICROS}"
    since_first = f"({at} - epoch_us({FIRST})) / {DAY_MICROS}"
    if features.recency:
        yield _Feature(f"{log}_days_since_last", since_last)
    if features.frequency:
        # A day at least: a customer of an hour has no rate.
        rate = f"{EVENTS} * 30.0 / greatest({since_first}, 1.0)"
        yield _Feature(f"{log}_per_30_days", rate, "0.0")
    if features.gaps:
        yield _Feature(f"{log}_gap_ratio", f"{since_last} / {quoted_name(f'{log}_gap_mean')}")
    if features.first:
        yield _Feature(f"{log}_days_since_first", since_first)
        if begin is not None and not has_start:
            finite = [length(window) for window in features.windows if window != ALL]
            early = begin + max(finite, default=length(CENSORED_WITHOUT_WINDOW))
            yield _Feature(f"{log}_first_is_censored", f"{FIRST} < {timestamp(early)}", "false")


def _within(window: str, cutoff: datetime) -> str:
    """Return SQL that keeps the events of a window; all of them lie before the cut-off."""
    return "" if window == ALL else f" FILTER ({TIME} >= {timestamp(cutoff - length(window))})"


def suffixes(values: Sequence[str]) -> list[str]:
    """Return what stands for each value in the name of its feature: letters, digits and ``_``."""
    taken: dict[str, str] = {}
    for value in values:
        plain = re.sub(r"\W+", "_", value).strip("_") or "value"
        name, number = plain, 2
        while name.casefold() in taken:  # to DuckDB, case makes no difference in a name
            name, number = f"{plain}_{number}", number + 1
        taken[name.casefold()] = name
    return list(taken.values())
