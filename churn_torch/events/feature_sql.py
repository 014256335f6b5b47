"""Features of one log as SQL: one row for each customer with events before the cut-off.

Everything is computed from the rows of one inner query, which keeps the events that had happened
before the cut-off and were known before it. No other place lets an event in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from churn_torch.events.spans import ALL, days, length
from churn_torch.events.specification_parts import FeatureSet
from churn_torch.events.staging import ID, KNOWN, TIME
from churn_torch.tables.sql_text import quoted, quoted_name

_DAY_MICROS = "86400000000.0"
# Hidden columns: what the population is chosen by.
FIRST, LAST = "_first", "_last"


@dataclass(frozen=True)
class LogFeatures:
    """The features of a log.

    Attributes:
        sql: A query of ID, FIRST, LAST and the features, of customers with events.
        columns: The features' names, each with SQL for a customer without events.
    """

    sql: str
    columns: dict[str, str] = field(default_factory=dict)


def timestamp(moment: datetime) -> str:
    """Write a moment as SQL does."""
    return f"TIMESTAMP {quoted(moment.isoformat(sep=' '))}"


def known_before(relation: str, cutoff: datetime, has_known: bool) -> str:
    """Return SQL for the events that may be used at a cut-off: before it, and known before it."""
    at = timestamp(cutoff)
    known = f" AND {KNOWN} < {at}" if has_known else ""
    return f"SELECT * FROM {relation} WHERE {ID} IS NOT NULL AND {TIME} < {at}{known}"


def log_features(
    log: str, features: FeatureSet | None, relation: str, cutoff: datetime, has_known: bool
) -> LogFeatures:
    """Return the features of a log at a cut-off.

    Args:
        log: Its name.
        features: What is computed; None for nothing but FIRST and LAST.
        relation: SQL for its rows.
        cutoff: The cut-off, in UTC.
        has_known: Whether the rows say when they were known.
    """
    events = known_before(relation, cutoff, has_known)
    ends = f"min({TIME}) AS {FIRST}, max({TIME}) AS {LAST}"
    if features is None:
        return LogFeatures(f"SELECT {ID}, {ends} FROM ({events}) GROUP BY {ID}")
    found = list(_features(log, features, cutoff))
    columns = {one.name: one.without_events for one in found}
    aggregates = [f"{one.sql} AS {quoted_name(one.name)}" for one in found if not one.of_gaps]
    sql = (
        f"WITH events AS ({events}), totals AS (\n  SELECT {ID}, {ends}"
        + "".join(f",\n    {one}" for one in aggregates)
        + f"\n  FROM events GROUP BY {ID})"
    )
    if not features.gaps:
        return LogFeatures(f"{sql}\nSELECT * FROM totals", columns)
    gaps = ", ".join(f"{one.sql} AS {quoted_name(one.name)}" for one in found if one.of_gaps)
    sql += (
        f", steps AS (\n  SELECT {ID}, epoch_us({TIME}) - lag(epoch_us({TIME})) OVER "
        f"(PARTITION BY {ID} ORDER BY {TIME}) AS step FROM events), gaps AS (\n"
        f"  SELECT {ID}, {gaps}\n  FROM (SELECT *, step / {_DAY_MICROS} AS days FROM steps "
        f"WHERE step > 0)\n  JOIN totals USING ({ID}) GROUP BY {ID})"
    )
    return LogFeatures(f"{sql}\nSELECT * FROM totals LEFT JOIN gaps USING ({ID})", columns)


@dataclass(frozen=True)
class _Feature:
    """A feature: SQL over the events of a customer, and its value for somebody without any."""

    name: str
    sql: str
    without_events: str = "NULL"
    of_gaps: bool = False


def _features(log: str, features: FeatureSet, cutoff: datetime) -> Iterator[_Feature]:
    for window in features.windows:
        yield from _of_window(log, features, window, cutoff)
    at = f"epoch_us({timestamp(cutoff)})"
    since_last = f"({at} - epoch_us(max({TIME}))) / {_DAY_MICROS}"
    since_first = f"({at} - epoch_us(min({TIME}))) / {_DAY_MICROS}"
    if features.recency:
        yield _Feature(f"{log}_days_since_last", since_last)
    if features.first:
        yield _Feature(f"{log}_days_since_first", since_first)
    if features.frequency:
        rate = f"count(*) * 30.0 / greatest({since_first}, 1.0)"
        yield _Feature(f"{log}_per_30_days", rate, "0.0")
    for short, long in features.trend:
        name = f"{log}_trend_{short}_{long}"
        ratio = days(long) / days(short)
        counts = (f"count(*) {_within(window, cutoff)}" for window in (short, long))
        top, bottom = counts
        yield _Feature(name, f"{ratio!r} * {top} / nullif({bottom}, 0)")
    for column, chosen in features.by.items():
        assert not isinstance(chosen, int), "the values are chosen before"
        for value, suffix in zip(chosen, suffixes(chosen), strict=True):
            test = f"{quoted_name(f'v_{column}')} = {quoted(value)}"
            share = f"count(*) FILTER ({test}) / count(*)"
            yield _Feature(f"{log}_share_{column}_{suffix}", share)
    for column in features.last:
        value = quoted_name(f"v_{column}")
        latest = f"max({{'t': {TIME}, 'v': {value}}}) FILTER ({value} IS NOT NULL)"
        yield _Feature(f"{log}_last_{column}", f"({latest}).v")
    if features.calendar:
        weekend = f"count(*) FILTER (isodow({TIME}) >= 6) / count(*)"
        night = f"count(*) FILTER (hour({TIME}) < 6 OR hour({TIME}) >= 22) / count(*)"
        yield _Feature(f"{log}_share_weekend", weekend)
        yield _Feature(f"{log}_share_night", night)
    if features.gaps:
        yield _Feature(f"{log}_gap_mean", "avg(days)", of_gaps=True)
        yield _Feature(f"{log}_gap_spread", "stddev_samp(days)", of_gaps=True)
        ratio_sql = f"({at} - epoch_us(any_value({LAST}))) / {_DAY_MICROS} / avg(days)"
        yield _Feature(f"{log}_gap_ratio", ratio_sql, of_gaps=True)


def _of_window(log: str, features: FeatureSet, window: str, cutoff: datetime) -> Iterator[_Feature]:
    within = _within(window, cutoff)
    if features.count:
        yield _Feature(f"{log}_count_{window}", f"count(*) {within}", "0")
    if features.active_days:
        day = f"count(DISTINCT CAST({TIME} AS DATE)) {within}"
        yield _Feature(f"{log}_active_days_{window}", day, "0")
    for word, function, columns in (
        ("sum", "sum", features.sum),
        ("mean", "avg", features.mean),
        ("min", "min", features.min),
        ("max", "max", features.max),
    ):
        for column in columns:
            value = f"{function}({quoted_name(f'n_{column}')}) {within}"
            if word == "sum":
                value = f"coalesce({value}, 0.0)"
            without = "0.0" if word == "sum" else "NULL"
            yield _Feature(f"{log}_{word}_{column}_{window}", value, without)
    for column in features.distinct:
        value = f"count(DISTINCT {quoted_name(f'v_{column}')}) {within}"
        yield _Feature(f"{log}_distinct_{column}_{window}", value, "0")


def _within(window: str, cutoff: datetime) -> str:
    """Return SQL that keeps the events of a window; all of them lie before the cut-off."""
    return "" if window == ALL else f"FILTER ({TIME} >= {timestamp(cutoff - length(window))})"


def suffixes(values: Sequence[str]) -> list[str]:
    """Return what stands for each value in the name of its feature: letters, digits and ``_``."""
    taken: list[str] = []
    for value in values:
        plain = re.sub(r"\W+", "_", value).strip("_") or "value"
        name, number = plain, 2
        while name in taken:
            name, number = f"{plain}_{number}", number + 1
        taken.append(name)
    return taken
