"""A specification proposed from tables: which one has customers, which have events, and columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from churn_torch.errors import InputError, keyed
from churn_torch.events.key_values import TAKEN_NAMES
from churn_torch.events.specification import EventSpecification
from churn_torch.tables import cells
from churn_torch.tables.encode import parse
from churn_torch.tables.inference.column_profile import profile_column
from churn_torch.tables.inference.file_decimal import file_decimal
from churn_torch.tables.inference.guesses import guess
from churn_torch.tables.inference.identifiers import is_id_name, names_person, tokens_of
from churn_torch.tables.readers import sources
from churn_torch.tables.schema import Column, Kind, Schema

# Rows that are read, at most, for the times of events; and rows that columns are judged by.
_READ_ROWS, _SAMPLE_ROWS = 500_000, 50_000
_FEW_VALUES = 30
# Events of a customer from which a rhythm can be told.
_OFTEN = 3
_SPANS = (7, 14, 30, 60, 90, 180, 365)
_WINDOWS = ("7d", "30d", "90d", "365d")
# Words in names of columns that say when a database got a row.
_ARRIVAL = {"loaded", "load", "ingested", "inserted", "created", "updated", "modified", "synced"}
_ARRIVAL |= {"etl", "known", "recorded"}
# Words in names of columns that say since when somebody is a customer.
_START = {"signup", "registered", "registration", "joined", "start", "opened", "created", "since"}
# Beginnings of words in names of logs of churn.
_LEAVING = ("cancel", "churn", "terminat", "unsubscri", "deactivat", "closure")


@dataclass(frozen=True)
class Proposal:
    """A proposed specification.

    Attributes:
        specification: It can be used as it is, but should be checked.
        reasons: Why it is as it is, as sentences.
    """

    specification: EventSpecification
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class _Looked:
    """A table that was looked at."""

    source: str
    frame: pd.DataFrame
    columns: dict[str, Column]

    def kinds(self, kind: Kind) -> list[str]:
        return [name for name, column in self.columns.items() if column.kind is kind]


def propose(tables: Sequence[str]) -> Proposal:
    """Propose a specification by the types and names of the columns of tables.

    Args:
        tables: Logs of events, and at most one table of customers, which names each once.

    Raises:
        InputError: A table cannot be read, no column names customers, or there is no log.
    """
    looked = [_look(source) for source in tables]
    ids = _ids(looked)
    customers, logs, repeat = _sorted_out(list(zip(looked, ids, strict=True)))
    if not repeat:
        raise InputError(
            "sources",
            expected="a log of events: a table with a date in which customers come up repeatedly",
            got=f"{looked[0].source!r}, which names each {ids[0]} once"
            if len(looked) == 1
            else "none",
            fix="name the table with the dates of orders, calls or logins too",
        )
    reasons = [
        f"{table.source} has no dates, so it is no log, and is left out."
        for table in looked
        if not table.kinds(Kind.DATETIME) and (customers is None or table is not customers[0])
    ]
    content: dict[str, object] = {}
    if customers is not None:
        content["customers"] = _customers(*customers, reasons)
    events: dict[str, dict[str, object]] = {}
    features: dict[str, dict[str, object]] = {}
    for table, key in logs:
        name = _log_name(table.source, events)
        events[name], features[name] = _log(name, table, key, reasons)
    leaving = next((name for name in events if _is_of_churn(name)), None)
    logs_of = dict(zip(events, logs, strict=True))
    others = {name: one for name, one in logs_of.items() if name != leaving} or logs_of
    main = max(others, key=lambda name: len(others[name][0].frame))
    days = _horizon(*others[main], str(events[main]["time"]))
    span = f"{days}d"
    population: dict[str, object] = {"active": {main: f"{max(days, 90)}d"}}
    label: dict[str, object] = {"none_of": [main], "within": span}
    if leaving is not None and main != leaving:
        span = "30d"
        label, population = {"event": leaving, "within": span}, {"without": [leaving]}
        del features[leaving]
        reasons.append(
            f"label: churn is an event in {leaving} in the 30 days after a cut-off; who has one "
            "before it is in no rows."
        )
    else:
        reasons.append(
            f"label: churn is no event in {main} for {span}, as nine of ten events come sooner "
            "than that after the one before."
        )
    content |= {
        "events": events,
        "features": features,
        "population": population,
        "label": label,
        "cutoffs": {"every": span, "count": 5},
    }
    return Proposal(EventSpecification.from_mapping(content), tuple(reasons))


def _sorted_out(
    tables: Sequence[tuple[_Looked, str]],
) -> tuple[tuple[_Looked, str] | None, list[tuple[_Looked, str]], bool]:
    """Return the table of customers, the logs, and whether a log has customers repeatedly.

    The table of customers names each once, and has the most of all that do; a log of churn may
    name each once, too.
    """
    once = [not cells.canonical_text(one.frame[key]).duplicated().any() for one, key in tables]
    of_customers = [
        place
        for place, (table, _) in enumerate(tables)
        if once[place] and len(tables) > 1 and not _is_of_churn(_log_name(table.source, ()))
    ]
    chosen = max(of_customers, key=lambda place: len(tables[place][0].frame), default=None)
    logs = [
        place
        for place, (table, _) in enumerate(tables)
        if place != chosen and table.kinds(Kind.DATETIME)
    ]
    return (
        None if chosen is None else tables[chosen],
        [tables[place] for place in logs],
        not all(once[place] for place in logs),
    )


def _is_of_churn(log: str) -> bool:
    """Tell whether the events of a log are departures, by its name."""
    return any(word.startswith(_LEAVING) for word in log.split("_"))


def _look(source: str) -> _Looked:
    with keyed("sources"):
        frame, _ = sources.read_sample(source, rows=_READ_ROWS)
    judged = frame.head(_SAMPLE_ROWS)
    decimal = file_decimal(judged)
    columns = {
        name: guess(profile_column(judged[name], decimal=decimal)) for name in map(str, frame)
    }
    return _Looked(source, frame, columns)


def _ids(looked: Sequence[_Looked]) -> list[str]:
    """Return the column of each table that names the customer.

    It is called after a person, or an id that most tables have, or both.
    """
    counts = Counter(name for table in looked for name in table.columns if is_id_name(name))
    found = []
    for table in looked:
        named = [name for name in table.columns if is_id_name(name) or _names_each(table, name)]
        # An order's own id is different in every row, the customer's is not.
        named.sort(
            key=lambda name: (
                not names_person(name),
                -counts[name],
                _share_of_different(table.frame, name),
            )
        )
        if not named:
            raise InputError(
                "sources",
                expected="a column in each table that names the customer, such as customer_id or "
                "user",
                got=f"none in {table.source!r}",
                fix="rename it, or write the specification by hand (help=events)",
            )
        found.append(named[0])
    return found


def _names_each(table: _Looked, name: str) -> bool:
    """Tell whether a column is called ``user`` and the like, and has many values."""
    series: pd.Series = table.frame[name]
    many = series.nunique() > _FEW_VALUES or series.is_unique
    return len(tokens_of(name)) == 1 and names_person(name) and many


def _share_of_different(frame: pd.DataFrame, name: str) -> float:
    series: pd.Series = frame[name]
    return float(series.nunique() / max(series.notna().sum(), 1))


def _customers(table: _Looked, key: str, reasons: list[str]) -> dict[str, object]:
    dates = table.kinds(Kind.DATETIME)
    starts = [name for name in dates if _START & set(tokens_of(name))] or dates
    content: dict[str, object] = {"source": table.source, "id": key}
    said = ""
    if starts:
        content["start"] = starts[0]
        said = f", customers from {starts[0]} on"
    reasons.append(
        f"customers: {table.source} names each {key} once{said}; of its other columns add to "
        "customers.columns those that never change."
    )
    return content


def _log(
    name: str, table: _Looked, key: str, reasons: list[str]
) -> tuple[dict[str, object], dict[str, object]]:
    dates = sorted(table.kinds(Kind.DATETIME), key=lambda d: bool(_ARRIVAL & set(tokens_of(d))))
    log: dict[str, object] = {"source": table.source, "id": key, "time": dates[0]}
    arrivals = [date for date in dates[1:] if _ARRIVAL & set(tokens_of(date))]
    if arrivals:
        log["known"] = arrivals[0]
    numbers = [n for n in table.kinds(Kind.NUMERIC) if n != key and not is_id_name(n)]
    texts = [*table.kinds(Kind.CATEGORICAL), *table.kinds(Kind.BOOLEAN)]
    texts = [n for n in texts if n != key and not is_id_name(n)]
    few = [n for n in texts if table.columns[n].n_distinct <= _FEW_VALUES]
    many = [n for n in texts if n not in few]
    times = _times(table, dates[0])
    history = (times.max() - times.min()).days if len(times) else 0
    is_whole = len(table.frame) < _READ_ROWS  # else the log may go on for years
    windows = [w for w in _WINDOWS if int(w[:-1]) * 2 <= history or not is_whole] or ["30d"]
    features: dict[str, object] = {"windows": [*windows, "all"], "frequency": True}
    often = len(table.frame) >= _OFTEN * table.frame[key].nunique()
    features["gaps"] = often
    features |= {"sum": numbers[:3], "mean": numbers[:3], "distinct": many[:2], "last": few[:2]}
    features["by"] = dict.fromkeys(few[:2], 5)
    if often and {"30d", "90d"} <= set(windows):
        features["trend"] = ["30d/90d"]
    known = f", known at {arrivals[0]}" if arrivals else ""
    reasons.append(f"events.{name}: {table.source} has {key} and {dates[0]}{known}.")
    return log, {key: value for key, value in features.items() if value}


def _times(table: _Looked, column: str) -> pd.Series:
    schema = Schema((table.columns[column],), "", "", "")
    days = parse(table.frame[[column]], schema)[column]
    return pd.to_datetime(days.dropna() * 86_400_000_000, unit="us")


def _horizon(table: _Looked, key: str, time: str) -> int:
    """Return days in which nine of ten events have a successor, rounded up to a usual span."""
    schema = Schema((table.columns[time],), "", "", "")
    days = parse(table.frame[[time]], schema)[time]
    ids = cells.canonical_text(table.frame[key])
    ordered = pd.DataFrame({"id": ids.to_numpy(), "day": days.to_numpy()}).sort_values("day")
    gaps = ordered.groupby("id", sort=False)["day"].diff()
    gaps = gaps[gaps > 0]
    typical = float(np.quantile(gaps, 0.9)) if len(gaps) else 30.0
    return next((span for span in _SPANS if span >= typical), _SPANS[-1])


def _log_name(source: str, taken: Container[str]) -> str:
    stem = "" if re.match(r"\s*(select|with)\b", source, re.IGNORECASE) else Path(source).stem
    name = re.sub(r"\W+", "_", stem.partition(".")[0]).strip("_").lower()[:30]
    if not re.match(r"[a-z]", name) or not name.isascii() or name in TAKEN_NAMES:
        name = "events"
    number, plain = 2, name
    while name in taken:
        name, number = f"{plain}_{number}", number + 1
    return name
