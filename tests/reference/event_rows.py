"""Customer rows from events, slowly: a loop over customers and windows over plain lists."""

from __future__ import annotations

import itertools
import math
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from churn_torch.events.specification import EventSpecification

DAY, MOMENT = timedelta(days=1), timedelta(microseconds=1)
UNITS = {"h": timedelta(hours=1), "d": DAY, "w": 7 * DAY}
Event = dict[str, Any]


def span(text: str) -> timedelta:
    return int(text[:-1]) * UNITS[text[-1]]


def rows_at(
    specification: EventSpecification,
    logs: dict[str, pd.DataFrame],
    customers: pd.DataFrame | None,
    cutoff: datetime,
    *,
    labelled: bool = True,
    until: datetime | None = None,
) -> pd.DataFrame:
    """Return the rows of a cut-off, by customer; ids are what the frames hold.

    With ``until`` customers are followed up to then.
    """
    every = {name: _events(specification, name, frame) for name, frame in logs.items()}
    known = {
        name: [e for e in events if e["at"] < cutoff and e["known"] < cutoff]
        for name, events in every.items()
    }
    ids = sorted({e["id"] for events in known.values() for e in events})
    starts: dict[Any, datetime | None] = dict.fromkeys(ids)
    source = specification.customers
    if source is not None and customers is not None:
        starts = {}
        for row in customers.dropna(subset=[source.id]).to_dict("records"):
            start = row[source.start] if source.start else None
            starts[row[source.id]] = None if start is None or pd.isna(start) else start
    rows = []
    for one, start in starts.items():
        own = {name: [e for e in events if e["id"] == one] for name, events in known.items()}
        firsts = [e["at"] for events in own.values() for e in events]
        if start is None:
            if not firsts:
                continue
            start = min(firsts)
        if not start < cutoff or not _in_population(specification, own, start, cutoff):
            continue
        row: dict[str, Any] = {"id": one, "cutoff": cutoff}
        if source is not None and source.start is not None:
            row["tenure_days"] = (cutoff - start) / DAY
        for name in specification.events:
            row |= _features(specification, name, own[name], known[name], cutoff)
        if until is not None:
            day = _leaving_day(specification, every, one, cutoff, until)
            row |= {"churned": day is not None, "days_observed": day or (until - cutoff) // DAY}
        elif labelled:
            row["churned"] = _churned(specification, every, one, cutoff)
            if specification.label.spend:
                row["spend"] = _spent(specification, every, one, cutoff)
        rows.append(row)
    return pd.DataFrame(rows)


def _events(specification: EventSpecification, name: str, frame: pd.DataFrame) -> list[Event]:
    log = specification.events[name]
    found = []
    for row in frame.to_dict("records"):
        if pd.isna(row[log.id]) or pd.isna(row[log.time]):
            continue
        if log.known is None:
            known = row[log.time]
        elif pd.isna(row[log.known]):
            continue  # never known
        else:
            known = row[log.known]
        cells = {key: None if pd.isna(value) else value for key, value in row.items()}
        found.append({"id": row[log.id], "at": row[log.time], "known": known, "cells": cells})
    if log.known is not None:  # the label sees what happened, whenever it was known
        for row in frame.to_dict("records"):
            if not pd.isna(row[log.id]) and not pd.isna(row[log.time]) and pd.isna(row[log.known]):
                cells = {key: None if pd.isna(value) else value for key, value in row.items()}
                found.append(
                    {"id": row[log.id], "at": row[log.time], "known": datetime.max, "cells": cells}
                )
    return found


def _in_population(
    specification: EventSpecification,
    own: dict[str, list[Event]],
    start: datetime,
    cutoff: datetime,
) -> bool:
    population = specification.population
    active = [
        any(e["at"] >= cutoff - span(within) for e in own[name])
        for name, within in population.active.items()
    ]
    if active and not any(active):
        return False
    if population.tenure is not None and start > cutoff - span(population.tenure):
        return False
    return not any(own[name] for name in population.without)


def _churned(
    specification: EventSpecification, every: dict[str, list[Event]], one: Any, cutoff: datetime
) -> bool:
    label = specification.label
    start = cutoff + span(label.gap)
    end = start + span(label.within)
    seen = any(
        e["id"] == one and start <= e["at"] < end for name in label.logs for e in every[name]
    )
    return seen if label.event is not None else not seen


def _leaving_day(
    specification: EventSpecification,
    every: dict[str, list[Event]],
    one: Any,
    cutoff: datetime,
    until: datetime,
) -> int | None:
    """Return the day by whose end a customer has left: the first moment at which that is known."""
    label, begin = specification.label, cutoff + span(specification.label.gap)
    own = [e["at"] for name in label.logs for e in every[name] if e["id"] == one]
    own = sorted(at for at in own if begin <= at)
    if label.event is not None:
        moments = [at + MOMENT for at in own]
    else:
        within = span(label.within)
        candidates = [begin + within, *(at + within + MOMENT for at in own)]
        moments = [t for t in candidates if not any(t - within <= at < t for at in own)]
    known = [moment for moment in moments if moment <= until]
    return math.ceil((min(known) - cutoff) / DAY) if known else None


def _spent(
    specification: EventSpecification, every: dict[str, list[Event]], one: Any, cutoff: datetime
) -> float:
    label = specification.label
    start = cutoff + span(label.gap)
    amounts = [
        e["cells"].get(column)
        for name, column in label.spend.items()
        for e in every[name]
        if e["id"] == one and start <= e["at"] < start + span(label.within)
    ]
    return max(math.fsum(amount for amount in amounts if amount is not None), 0.0)


def _features(
    specification: EventSpecification,
    name: str,
    own: list[Event],
    everybody: list[Event],
    cutoff: datetime,
) -> dict[str, Any]:
    features = specification.features.get(name)
    if features is None:
        return {}
    row: dict[str, Any] = {}
    first = min((e["at"] for e in own), default=None)
    last = max((e["at"] for e in own), default=None)

    def within(window: str) -> list[Event]:
        return own if window == "all" else [e for e in own if e["at"] >= cutoff - span(window)]

    for window in features.windows:
        inside = within(window)
        if features.count:
            row[f"{name}_count_{window}"] = len(inside)
        if features.active_days:
            row[f"{name}_active_days_{window}"] = len({e["at"].date() for e in inside})
        for column in features.distinct:
            row[f"{name}_distinct_{column}_{window}"] = len(set(_cells(inside, column)))
        for column in features.numbers:
            values = [float(value) for value in _cells(inside, column)]
            results = {
                "sum": math.fsum(values),
                "mean": math.fsum(values) / len(values) if values else None,
                "min": min(values, default=None),
                "max": max(values, default=None),
            }
            for word, result in results.items():
                if column in getattr(features, word):
                    row[f"{name}_{word}_{column}_{window}"] = result
    if features.recency:
        row[f"{name}_days_since_last"] = None if last is None else (cutoff - last) / DAY
    if features.frequency:
        rate = 0.0 if first is None else len(own) * 30 / max((cutoff - first) / DAY, 1.0)
        row[f"{name}_per_30_days"] = rate
    if features.first:
        row[f"{name}_days_since_first"] = None if first is None else (cutoff - first) / DAY
        begin = min((e["at"] for e in everybody), default=None)
        long = max((span(w) for w in features.windows if w != "all"), default=30 * DAY)
        early = first is not None and begin is not None and first < begin + long
        row[f"{name}_first_is_censored"] = early
    for short, long_window in features.trend:
        counts = len(within(short)), len(within(long_window))
        ratio = span(long_window) / span(short)
        trend = counts[0] * ratio / counts[1] if counts[1] else None
        row[f"{name}_trend_{short}_{long_window}"] = trend
    for column, chosen in features.by.items():
        assert not isinstance(chosen, int)
        for value in chosen:
            share = _cells(own, column).count(value) / len(own) if own else None
            row[f"{name}_share_{column}_{value}"] = share
    for column in features.last:
        valued = [(e["at"], str(e["cells"][column])) for e in own if e["cells"][column] is not None]
        row[f"{name}_last_{column}"] = max(valued)[1] if valued else None
    if features.calendar:
        weekend = [e["at"].weekday() >= 5 for e in own]
        night = [e["at"].hour < 6 or e["at"].hour >= 22 for e in own]
        row[f"{name}_share_weekend"] = sum(weekend) / len(own) if own else None
        row[f"{name}_share_night"] = sum(night) / len(own) if own else None
    if features.gaps:
        times = sorted({e["at"] for e in own})
        gaps = [(b - a) / DAY for a, b in itertools.pairwise(times)]
        mean = math.fsum(gaps) / len(gaps) if gaps else None
        row[f"{name}_gap_mean"] = mean
        spread = None
        if len(gaps) > 1 and mean is not None:
            spread = math.sqrt(math.fsum((g - mean) ** 2 for g in gaps) / (len(gaps) - 1))
        row[f"{name}_gap_spread"] = spread
        row[f"{name}_gap_ratio"] = (
            None if not mean or last is None else (cutoff - last) / DAY / mean
        )
    if features.sequence is not None:
        row |= _lists(name, features.sequence, own, cutoff)
    return row


def _lists(log: str, lists: Any, own: list[Event], cutoff: datetime) -> dict[str, list[Any]]:
    def place(event: Event) -> tuple[Any, ...]:
        # Of events at one time those with smaller entries come later; nothing comes first.
        entries = [event["cells"].get(column) for column in lists.columns]
        return (cutoff - event["at"], *((entry is None, entry) for entry in entries))

    latest = sorted(own, key=place)[: lists.last][::-1]
    found = {
        f"{log}_{column}": [event["cells"].get(column) for event in latest]
        for column in lists.columns
    }
    if lists.time:
        found[f"{log}_days_before"] = [(cutoff - event["at"]) / DAY for event in latest]
    return found


def _cells(events: list[Event], column: str) -> list[Any]:
    return [e["cells"][column] for e in events if e["cells"][column] is not None]
