"""Rows to the microsecond: who is in them, what counts, and an event that must change nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from churn_torch.events.feature_tables import write_feature_tables
from churn_torch.events.specification import EventSpecification

CUTOFF = datetime(2025, 3, 30)
DAY, TICK = timedelta(days=1), timedelta(microseconds=1)


def saved(folder: Path, name: str, rows: list[tuple[Any, ...]], *columns: str) -> dict[str, str]:
    frame = pd.DataFrame(rows, columns=["customer", "at", *columns])
    frame["at"] = frame["at"].astype("datetime64[us]")
    frame.to_parquet(folder / f"{name}.parquet", index=False)
    return {"source": str(folder / f"{name}.parquet"), "id": "customer"}


def rows_at(
    folder: Path,
    orders: list[tuple[Any, ...]],
    people: list[tuple[Any, ...]] | None = None,
    **more: Any,
) -> pd.DataFrame:
    """Return the rows to be scored at the cut-off, by customer."""
    content: dict[str, Any] = {
        "events": {"orders": {**saved(folder, "orders", orders), "time": "at"}},
        "features": {"orders": {"windows": ["30d"]}},
        "label": {"none_of": "orders", "within": "10d"},
    }
    if people is not None:
        content["customers"] = {**saved(folder, "people", people), "start": "at"}
    specification = EventSpecification.from_mapping(content | more)
    tables = write_feature_tables(specification, folder / "rows", at=CUTOFF, threads=1)
    return pd.read_parquet(tables.files[0]).set_index("customer").sort_index()


def test_somebody_is_a_customer_from_before_the_cutoff(tmp_path):
    people = [(1, CUTOFF - TICK), (2, CUTOFF), (3, CUTOFF + TICK), (4, None), (5, None)]
    orders = [(4, CUTOFF - TICK), (5, CUTOFF), (9, CUTOFF - DAY)]
    assert rows_at(tmp_path, orders, people).index.tolist() == [1, 4]


def test_an_event_at_the_begin_of_the_span_is_active(tmp_path):
    orders = [(1, CUTOFF - 30 * DAY), (2, CUTOFF - 30 * DAY - TICK), (3, CUTOFF - TICK)]
    found = rows_at(tmp_path, orders, population={"active": {"orders": "30d"}})
    assert found.index.tolist() == [1, 3]


def test_tenure_is_reached_at_its_last_moment(tmp_path):
    orders = [(1, CUTOFF - 10 * DAY), (2, CUTOFF - 10 * DAY + TICK), (2, CUTOFF - DAY)]
    assert rows_at(tmp_path, orders, population={"tenure": "10d"}).index.tolist() == [1]


def test_who_has_left_before_the_cutoff_is_no_customer(tmp_path):
    orders = [(one, CUTOFF - DAY) for one in (1, 2, 3)]
    left = saved(tmp_path, "left", [(2, CUTOFF - TICK), (3, CUTOFF)])
    ask = {"source": str(tmp_path / "orders.parquet"), "id": "customer", "time": "at"}
    events = {"orders": ask, "left": {**left, "time": "at"}}
    found = rows_at(tmp_path, orders, events=events, population={"without": ["left"]})
    assert found.index.tolist() == [1, 3]


def test_a_customer_of_before_the_log_may_have_an_earlier_first_event(tmp_path):
    begin = CUTOFF - 60 * DAY
    orders = [(1, begin), (2, begin + DAY), (3, begin + DAY)]
    people = [(1, begin), (2, begin - TICK), (3, begin + DAY), (4, begin - DAY)]
    found = rows_at(tmp_path, orders, people, features={"orders": {"first": True}})
    assert found["orders_first_is_censored"].tolist() == [False, True, False, True]


def test_a_first_event_soon_after_the_begin_of_the_log_is_censored(tmp_path):
    begin = CUTOFF - 60 * DAY
    orders = [(1, begin), (2, begin + 30 * DAY - TICK), (3, begin + 30 * DAY)]
    found = rows_at(tmp_path, orders, features={"orders": {"windows": ["30d"], "first": True}})
    assert found["orders_first_is_censored"].tolist() == [True, True, False]


def test_nights_and_weekends_begin_and_end_to_the_microsecond(tmp_path):
    monday = CUTOFF - 6 * DAY
    night = [timedelta(hours=6) - TICK, timedelta(hours=22)]
    day = [timedelta(hours=6), timedelta(hours=22) - TICK]
    weekend = [monday - TICK, monday - 2 * DAY]
    orders = [(1, monday + time) for time in night + day]
    orders += [(2, time) for time in (*weekend, monday, monday - 2 * DAY - TICK)]
    found = rows_at(tmp_path, orders, features={"orders": {"calendar": True}})
    assert found["orders_share_night"][1] == 0.5
    assert found["orders_share_weekend"].tolist() == [0.0, 0.5]


def test_the_most_frequent_values_before_the_cutoff_get_shares(tmp_path):
    counts = {"web": 3, "app": 2, "shop": 2, "fax": 1}
    orders = [(1, CUTOFF - DAY, value) for value, count in counts.items() for _ in range(count)]
    orders += [(1, CUTOFF, "later")] * 9
    log = {**saved(tmp_path, "ways", orders, "way"), "time": "at"}
    features = {"orders": {"by": {"way": 2}}}
    found = rows_at(tmp_path, [(1, CUTOFF)], events={"orders": log}, features=features)
    assert [name for name in found if "share" in name] == [
        "orders_share_way_web",
        "orders_share_way_app",
    ]


@pytest.mark.usefixtures("without_export")
def test_a_canary_just_after_the_cutoff_leaves_the_auroc_as_it_was(tmp_path, train_run):
    """Calls of exactly those who will churn: read a day too early, they would tell all of it."""
    rng = np.random.default_rng(5)
    rates = rng.gamma(1.0, 1.0, 200)
    who = rng.choice(200, 2_500, p=rates / rates.sum())
    at = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 365 * 86_400, 2_500), "s")
    orders = {**saved(tmp_path, "orders", list(zip(who, at, strict=True))), "time": "at"}
    calls = {"source": str(tmp_path / "calls.parquet"), "id": "customer", "time": "at"}
    dates = pd.date_range("2024-06-01", periods=5, freq="30D")
    content = {
        "events": {"orders": orders, "calls": calls},
        "features": {"orders": {"windows": ["30d", "90d"]}, "calls": {"windows": ["10d"]}},
        "population": {"active": {"orders": "90d"}},
        "label": {"none_of": ["orders"], "within": "30d"},
        "cutoffs": {"at": [f"{date:%Y-%m-%d}" for date in dates]},
    }
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(content))
    buys = pd.Series(at).groupby(who).apply(list)
    leaves = [
        (one, date)
        for date in dates
        for one, times in buys.items()
        if not any(date <= time < date + 30 * DAY for time in times)
    ]

    def auroc(name: str, canary: list[tuple[Any, ...]]) -> float:
        saved(tmp_path, "calls", [(one, dates[0] - DAY) for one in range(0, 200, 2)] + canary)
        keys = ("data=events", f"specification={tmp_path / 'spec.yaml'}", "leakage=ignore")
        return train_run(tmp_path / name, *keys).metrics["test"]["auroc"]

    without = auroc("without", [])
    assert 0.6 < without < 0.95
    # To later dates it is the past, so it is planted at the last one, whose rows are the test.
    assert auroc("after", [(one, date) for one, date in leaves if date == dates[-1]]) == without
    assert auroc("before", [(one, date - TICK) for one, date in leaves]) > 0.99
