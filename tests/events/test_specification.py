"""Specifications: every key is checked, and what is written back means the same."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf

from churn_torch.cli.error_messages import CONF
from churn_torch.errors import InputError
from churn_torch.events.specification import EventSpecification
from churn_torch.workflows.configuration.specification_files import (
    read_specification,
    specification_yaml,
)

WHOLE = {
    "customers": {"source": "customers.csv", "id": "customer", "start": "since", "columns": ["x"]},
    "events": {
        "orders": {"source": "orders/*.parquet", "id": "customer", "time": "at", "known": "loaded"},
        "calls": {"source": "SELECT * FROM 'calls.csv'", "id": "customer", "time": "at"},
    },
    "features": {
        "orders": {
            "windows": ["7d", "4w", "all"],
            "count": False,
            "sum": "amount",
            "trend": ["7d/4w"],
            "by": {"channel": 3, "shop": ["a", "b"]},
            "first": True,
        },
        "calls": {},
    },
    "population": {"active": {"orders": "90d"}, "tenure": "30d", "without": ["calls"]},
    "label": {"none_of": "orders", "within": "30d", "gap": "7d"},
    "cutoffs": {"from": date(2025, 1, 31), "every": "1mo", "count": 3, "zone": "Europe/Berlin"},
}


def changed(key: str, value: Any) -> dict[str, Any]:
    content: dict[str, Any] = copy.deepcopy(WHOLE)
    *above, last = key.split(".")
    part = content
    for name in above:
        part = part[name]
    part[last] = value
    return content


def test_a_specification_is_read_as_it_was_written(tmp_path) -> None:
    specification = EventSpecification.from_mapping(WHOLE)
    assert specification.features["orders"].sum == ("amount",)
    assert specification.features["orders"].trend == (("7d", "4w"),)
    assert specification.features["calls"].windows == ("30d", "90d", "all")
    assert specification.cutoffs.first == "2025-01-31"
    plain = specification.to_mapping()
    assert plain["cutoffs"]["from"] == "2025-01-31"
    assert EventSpecification.from_mapping(plain) == specification
    file = tmp_path / "kept.yaml"
    file.write_text(specification_yaml(specification))
    assert read_specification(file) == specification


def test_the_template_has_every_key_and_the_defaults() -> None:
    path = CONF / "events" / "template.yaml"
    content = yaml.safe_load(path.read_text())
    assert OmegaConf.to_container(OmegaConf.load(path)) == content
    for part in (content["customers"], *content["events"].values()):
        part["source"] = "a.csv"
    specification = EventSpecification.from_mapping(content)
    bare = EventSpecification.from_mapping(
        {**content, "features": {"orders": {}}, "cutoffs": {}, "population": {}}
    )
    assert specification.cutoffs == bare.cutoffs
    for key, part in (
        ("customers", specification.customers),
        ("population", specification.population),
        ("label", specification.label),
    ):
        assert set(content[key]) == set(vars(part))
    assert set(content["events"]["orders"]) == set(vars(specification.events["orders"]))
    assert set(content["features"]["orders"]) == set(vars(bare.features["orders"]))
    for key in ("count", "active_days", "recency", "frequency", "first", "gaps", "calendar"):
        assert content["features"]["orders"][key] == getattr(bare.features["orders"], key)
    renamed = {"first": "from", "last": "to"}
    assert {renamed.get(key, key) for key in vars(specification.cutoffs)} == set(content["cutoffs"])


def test_without_a_source_there_is_no_table_of_customers() -> None:
    assert EventSpecification.from_mapping(changed("customers.source", None)).customers is None
    with pytest.raises(InputError, match=r"^customers\.source: expected a value"):
        EventSpecification.from_mapping(changed("customers.source", "???"))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("lable", {}, r"^lable: expected one of the keys .* got 'lable' \(did you mean 'label'"),
        ("events.orders.tiem", "at", r"^events\.orders\.tiem: .* \(did you mean 'time'\?\)"),
        ("events.orders.id", None, r"^events\.orders\.id: expected a value, got none"),
        ("events.orders.id", ["a"], r"^events\.orders\.id: expected text"),
        ("events", {}, r"^events: expected one log or more"),
        ("events.my log", WHOLE["events"], r"^events: expected different names of letters"),
        ("events.Orders", WHOLE["events"], r"^events: expected different names of letters"),
        ("events.population", WHOLE["events"], r"^events: expected different names of letters"),
        ("features.ordres", {}, r"^features: .* got 'ordres' \(did you mean 'orders'\?\)"),
        ("features.orders.windows", ["7 days"], r"^features\.orders\.windows: expected a span"),
        ("features.orders.windows", ["0d"], r"^features\.orders\.windows: expected a span"),
        ("features.orders.count", "yes", r"^features\.orders\.count: expected true or false"),
        ("features.orders.trend", ["90d/30d"], r"^features\.orders\.trend: expected two windows"),
        ("features.orders.trend", ["30d"], r"^features\.orders\.trend: expected two windows"),
        ("features.orders.by", ["channel"], r"^features\.orders\.by: expected keys below it"),
        ("features.orders.by", {"x": 0}, r"^features\.orders\.by\.x: expected a whole number"),
        ("features.orders.sum", [["a"]], r"^features\.orders\.sum: expected a list such as"),
        ("population.active", {"visits": "9d"}, r"^population\.active: expected one of the logs"),
        ("population.tenure", "all", r"^population\.tenure: expected a span"),
        ("label.event", "calls", r"^label: expected either none_of .* got both"),
        ("label.none_of", None, r"^label: expected either none_of .* got neither"),
        ("label.within", None, r"^label\.within: expected a value"),
        ("cutoffs.at", ["2025-01-01"], r"^cutoffs: expected either at .* got at and from"),
        ("cutoffs.every", "month", r"^cutoffs\.every: expected a step such as 30d"),
        ("cutoffs.to", "31.01.2025", r"^cutoffs\.to: expected a date such as 2025-01-31"),
        ("cutoffs.zone", "Berlin", r"^cutoffs\.zone: expected the name of a time zone"),
        ("cutoffs.test", "first", r"^cutoffs\.test: expected last, a number of cut-offs, or"),
        ("cutoffs.count", 0, r"^cutoffs\.count: expected a whole number from 1"),
    ],
)
def test_a_wrong_key_or_value_is_named(key: str, value: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        EventSpecification.from_mapping(changed(key, value))
