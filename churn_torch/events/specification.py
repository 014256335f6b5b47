"""The specification of customer rows made from events: sources, features, population, label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from churn_torch.errors import InputError
from churn_torch.events import key_values as values
from churn_torch.events import mapping_keys as keys
from churn_torch.events.spans import read_moment, read_span, read_step, read_window, read_zone
from churn_torch.events.specification_parts import (
    CustomerSource,
    CutoffDates,
    EventLists,
    EventSource,
    FeatureSet,
    Label,
    Population,
)

# Columns of the rows that are made.
TARGET = "churned"
TIME = "cutoff"
SPEND = "spend"
DURATION = "days_observed"
# What the table of customers is called beside the logs.
CUSTOMERS = "customers"


@dataclass(frozen=True, kw_only=True)
class EventSpecification:
    """How customer rows are made from events.

    Attributes:
        customers: The table of customers; None where customers are who has events.
        events: The logs by name; the names of features start with it.
        features: What is computed of which log.
        population: Who is in the rows.
        label: Who has churned.
        cutoffs: At which dates there are rows.
    """

    customers: CustomerSource | None = None
    events: Mapping[str, EventSource]
    features: Mapping[str, FeatureSet] = field(default_factory=dict)
    population: Population = field(default_factory=Population)
    label: Label
    cutoffs: CutoffDates = field(default_factory=CutoffDates)

    @classmethod
    def from_mapping(cls, content: Mapping[str, Any]) -> EventSpecification:
        """Read a specification from plain values, as YAML or JSON hold them.

        Raises:
            InputError: A key is unknown or missing, or a value is none that its key takes.
        """
        top = keys.Keys(content, "", ("customers", *_NEEDED, *_SET))
        for name in _NEEDED:
            top.required(name)
        written = top.mapping("events")
        logs = {
            name: _event_source(written[name], f"events.{name}")
            for name in values.log_names(written)
        }
        if not logs:
            raise InputError("events", expected="one log or more", got="none", fix="name one")
        return cls(
            events=logs,
            label=_label(top.mapping("label"), logs),
            customers=_customers(top.mapping("customers")),
            features={
                values.known_log(name, logs, "features"): _features(each, f"features.{name}")
                for name, each in top.mapping("features").items()
            },
            population=_population(top.mapping("population"), logs),
            cutoffs=_cutoffs(top.mapping("cutoffs")),
        )

    def to_mapping(self) -> dict[str, Any]:
        """Return the specification as plain values, as `from_mapping` reads them."""
        content: dict[str, Any] = keys.plain(self)
        return content


_EVENTS_IN_LISTS = 50
_NEEDED = ("events", "label")
_SET = ("features", "population", "cutoffs")


def _customers(content: Mapping[str, Any]) -> CustomerSource | None:
    own = keys.Keys(content, "customers", keys.names(CustomerSource))
    if not content or ("source" in content and content["source"] is None):
        return None
    return CustomerSource(
        source=own.required_text("source"),
        id=own.required_text("id"),
        start=own.text("start"),
        known=own.text("known"),
        columns=own.texts("columns"),
        filter=own.text("filter"),
    )


def _event_source(content: Any, where: str) -> EventSource:
    own = keys.Keys(content, where, keys.names(EventSource))
    return EventSource(
        source=own.required_text("source"),
        id=own.required_text("id"),
        time=own.required_text("time"),
        known=own.text("known"),
        filter=own.text("filter"),
    )


def _features(content: Any, where: str) -> FeatureSet:
    own = keys.Keys(content or {}, where, keys.names(FeatureSet))
    plain = FeatureSet()
    windows = own.texts("windows") or plain.windows
    by = own.mapping("by")
    flags = ("count", "active_days", "recency", "first", "frequency", "gaps", "calendar")
    lists = ("sum", "mean", "min", "max", "distinct", "last")
    plainly: dict[str, Any] = {name: own.flag(name, getattr(plain, name)) for name in flags}
    plainly |= {name: own.texts(name) for name in lists}
    return FeatureSet(
        windows=tuple(dict.fromkeys(read_window(w, f"{where}.windows") for w in windows)),
        trend=tuple(values.trend(text, f"{where}.trend") for text in own.texts("trend")),
        sequence=_event_lists(own, f"{where}.sequence"),
        by={name: values.top_values(value, f"{where}.by.{name}") for name, value in by.items()},
        **plainly,
    )


def _event_lists(features: keys.Keys, where: str) -> EventLists | None:
    if not (content := features.mapping("sequence")):
        return None
    own = keys.Keys(content, where, keys.names(EventLists))
    last = own.number("last") or _EVENTS_IN_LISTS
    lists = EventLists(last=last, columns=own.texts("columns"), time=own.flag("time", True))
    if lists.columns or lists.time:
        return lists
    raise InputError(where, expected="columns, or time", got="neither", fix="name columns")


def _population(content: Mapping[str, Any], logs: Mapping[str, Any]) -> Population:
    own = keys.Keys(content, "population", keys.names(Population))
    tenure = own.get("tenure")
    return Population(
        active={
            values.known_log(name, logs, "population.active"): read_span(
                span, f"population.active.{name}"
            )
            for name, span in own.mapping("active").items()
        },
        tenure=None if tenure is None else read_span(tenure, "population.tenure"),
        without=tuple(
            values.known_log(name, logs, "population.without") for name in own.texts("without")
        ),
    )


def _label(content: Mapping[str, Any], logs: Mapping[str, Any]) -> Label:
    own = keys.Keys(content, "label", keys.names(Label))
    none_of, event = own.texts("none_of"), own.text("event")
    spends = keys.Keys(own.mapping("spend"), "label.spend", logs)
    if bool(none_of) == (event is not None):
        raise InputError(
            "label",
            expected="either none_of (logs without which somebody has churned) or event (the log "
            "of churn)",
            got="both" if none_of else "neither",
            fix="name one of them",
        )
    return Label(
        none_of=tuple(values.known_log(name, logs, "label.none_of") for name in none_of),
        event=None if event is None else values.known_log(event, logs, "label.event"),
        within=read_span(own.required("within"), "label.within"),
        gap=read_span(own.get("gap", "0d"), "label.gap", zero=True),
        spend={name: spends.required_text(name) for name in own.mapping("spend")},
    )


def _cutoffs(content: Mapping[str, Any]) -> CutoffDates:
    own = keys.Keys(content, "cutoffs", keys.names(CutoffDates))
    at = tuple(read_moment(text, "cutoffs.at") for text in own.values("at"))
    range_keys = [k for k in ("from", "to", "every", "count") if own.get(k) is not None]
    if at and range_keys:
        raise InputError(
            "cutoffs",
            expected="either at (the dates) or from, to, every and count",
            got=f"at and {range_keys[0]}",
            fix="remove one of them",
        )
    moments = {
        name: None if own.get(key) is None else read_moment(own.get(key), f"cutoffs.{key}")
        for key, name in (("from", "first"), ("to", "last"), ("until", "until"))
    }
    zone = own.get("zone")
    return CutoffDates(
        at=tuple(sorted(set(at))),
        every=read_step(own.get("every", "30d"), "cutoffs.every"),
        count=own.number("count"),
        zone=None if zone is None else read_zone(zone, "cutoffs.zone"),
        test=values.cutoffs_for_test(own.get("test", "last"), "cutoffs.test"),
        **moments,
    )
