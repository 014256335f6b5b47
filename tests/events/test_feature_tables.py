"""Rows from random logs: equal to a slow reference, and blind to all that comes later."""

from __future__ import annotations

import re
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from churn_torch.errors import InputError
from churn_torch.events import staging
from churn_torch.events.feature_tables import FeatureTables, write_feature_tables
from churn_torch.events.specification import EventSpecification
from churn_torch.tables.readers.bounded_database import Database
from tests.reference.event_rows import rows_at

DAY = timedelta(days=1)
CUTOFF = datetime(2025, 3, 30)  # the clocks of Europe change on this day
LATER = CUTOFF + 10 * DAY
# Times around the edges of windows and label windows, and in between.
EDGES = [CUTOFF + offset * DAY for offset in (-40, -30, -7, -7.5, -3, -1, 0, 3, 9, 13, 23, 30)]
EDGES += [edge + timedelta(microseconds=step) for edge in EDGES for step in (-1, 1)]
TIMES = st.sampled_from(EDGES)
DELAYS = st.sampled_from([timedelta(0), DAY, 4 * DAY, None])
EVENTS = st.tuples(
    st.sampled_from([1, 2, 3, 4, 5, 6, 7, None]),
    TIMES,
    DELAYS,
    st.sampled_from([None, 0.1, 0.2, 12.25, -3.0]),
    st.sampled_from([None, "web", "shop", "Web "]),
)
LOGS = st.lists(EVENTS, min_size=20, max_size=60)
OPTIONS = {
    "windows": ["7d", "30d", "all"],
    "active_days": True,
    **{word: ["amount"] for word in ("sum", "mean", "min", "max")},
    "distinct": ["channel"],
    "frequency": True,
    "first": True,
    "gaps": True,
    "trend": ["7d/30d"],
    "by": {"channel": ["web", "shop"]},
    "last": ["channel"],
    "calendar": True,
    "sequence": {"last": 3, "columns": ["amount", "channel"]},
}
# Without shrinking, which would take minutes: the first failing log is small enough to read.
FEW = settings(
    max_examples=7,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def as_frame(events: list[tuple[Any, ...]]) -> pd.DataFrame:
    frame = pd.DataFrame(events, columns=["customer", "at", "delay", "amount", "channel"])
    frame["customer"] = frame["customer"].astype("Int64")
    frame["at"] = frame["at"].astype("datetime64[us]")
    frame["loaded"] = frame["at"] + pd.to_timedelta(frame.pop("delay")).astype("timedelta64[us]")
    frame["amount"] = frame["amount"].astype("float64")
    frame["channel"] = frame["channel"].astype("str").str.strip()
    return frame


def specification(folder: Path, **more: Any) -> EventSpecification:
    content: dict[str, Any] = {
        "events": {
            "orders": {
                "source": str(folder / "orders.parquet"),
                "id": "customer",
                "time": "at",
                "known": "loaded",
            },
            "calls": {"source": str(folder / "calls.parquet"), "id": "customer", "time": "at"},
        },
        "features": {"orders": OPTIONS, "calls": {"windows": ["30d"]}},
        "label": {
            "none_of": ["orders"],
            "within": "20d",
            "gap": "3d",
            "spend": {"orders": "amount"},
        },
        "cutoffs": {"at": [CUTOFF, LATER], "until": "2026-01-01"},
    }
    return EventSpecification.from_mapping(content | more)


def made(
    folder: Path, logs: dict[str, pd.DataFrame], spec: EventSpecification, **options: Any
) -> tuple[FeatureTables, list[pd.DataFrame]]:
    for name, frame in logs.items():
        frame.to_parquet(folder / f"{name}.parquet", index=False)
    with tempfile.TemporaryDirectory(dir=folder) as out:
        tables = write_feature_tables(spec, Path(out) / "rows", threads=1, **options)
        return tables, [pd.read_parquet(file) for file in tables.files]


def made_or_refused(
    folder: Path, logs: dict[str, pd.DataFrame], spec: EventSpecification, **options: Any
) -> list[tuple[datetime, pd.DataFrame]]:
    """Return the rows by cut-off; none where nobody is in them, or all have one label."""
    try:
        tables, rows = made(folder, logs, spec, **options)
    except InputError as error:
        if error.where not in ("population", "label", "cutoffs"):
            raise
        return []
    return list(zip(tables.cutoffs, rows, strict=True))


def assert_alike(rows: pd.DataFrame, expected: pd.DataFrame, id_column: str = "customer") -> None:
    rows = rows.rename(columns={id_column: "id"}).sort_values("id", ignore_index=True)
    if expected.empty:
        assert rows.empty
        return
    expected = expected.sort_values("id", ignore_index=True)
    assert set(rows.columns) == set(expected.columns)
    for name in expected.columns:
        theirs, ours = expected[name], rows[name]
        if isinstance(theirs.iloc[0], list):
            for one, other in zip(ours, theirs, strict=True):
                assert [None if pd.isna(entry) else entry for entry in one] == other, name
        elif ours.dtype.kind == "f":
            theirs = theirs.astype("float64")
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-9, err_msg=name)
        else:
            here = [None if pd.isna(value) else value for value in ours]
            there = [None if pd.isna(value) else value for value in theirs]
            assert here == there, name


@FEW
@given(orders=LOGS, calls=LOGS)
def test_the_rows_are_those_of_the_reference(orders, calls, tmp_path):
    logs = {"orders": as_frame(orders), "calls": as_frame(calls)}
    spec = specification(tmp_path)
    for cutoff, found in made_or_refused(tmp_path, logs, spec):
        assert_alike(found, rows_at(spec, logs, None, cutoff))


# Local midnights around changes of the clock, at month ends and on 29 February; each in UTC.
MIDNIGHTS = {
    ("2024-02-29", None): datetime(2024, 2, 29),
    ("2024-02-29", "Pacific/Kiritimati"): datetime(2024, 2, 28, 10),
    ("2025-03-30", "Europe/Berlin"): datetime(2025, 3, 29, 23),
    ("2025-03-31", "Europe/Berlin"): datetime(2025, 3, 30, 22),
    ("2025-10-27", "Europe/Berlin"): datetime(2025, 10, 26, 23),
    ("2025-03-09", "America/New_York"): datetime(2025, 3, 9, 5),
    ("2024-09-08", "America/Santiago"): datetime(2024, 9, 8, 4),  # its first hour is left out
    ("2025-11-02", "America/Havana"): datetime(2025, 11, 2, 4),  # its first hour comes twice
}
# How the times of a log are written: with a zone, as text with several, with neither.
FORMS = ("plain", "Europe/Berlin", "America/St_Johns", "text of zones", "text in UTC")


def written(frame: pd.DataFrame, form: str) -> pd.DataFrame:
    times = [name for name in ("at", "loaded") if name in frame]
    if form == "plain":
        return frame
    if not form.startswith("text"):
        return frame.assign(
            **{name: frame[name].dt.tz_localize("UTC").dt.tz_convert(form) for name in times}
        )
    hours = [0, 2, -5, 5.5] if form == "text of zones" else [0]
    zones = [timezone(timedelta(hours=hours[place % len(hours)])) for place in range(len(frame))]
    return frame.assign(
        **{
            name: [
                None if pd.isna(time) else time.tz_localize("UTC").tz_convert(zone).isoformat()
                for time, zone in zip(frame[name], zones, strict=True)
            ]
            for name in times
        }
    )


@settings(FEW, max_examples=10)
@given(
    orders=LOGS,
    calls=LOGS,
    midnight=st.sampled_from(list(MIDNIGHTS)),
    forms=st.tuples(st.sampled_from(FORMS), st.sampled_from(FORMS)),
)
def test_zones_and_changes_of_the_clock_move_no_event(orders, calls, midnight, forms, tmp_path):
    (date, zone), cutoff = midnight, MIDNIGHTS[midnight]
    logs = {"orders": as_frame(orders), "calls": as_frame(calls).drop(columns="loaded")}
    for frame in logs.values():
        for name in frame.columns.intersection(["at", "loaded"]):
            frame[name] += cutoff - CUTOFF
    files = {
        name: written(frame, form) for (name, frame), form in zip(logs.items(), forms, strict=True)
    }
    cutoffs = {"at": [date], "until": "2026-01-01", **({"zone": zone} if zone else {})}
    spec = specification(tmp_path, cutoffs=cutoffs)
    for found, rows in made_or_refused(tmp_path, files, spec):
        assert found == cutoff
        assert_alike(rows, rows_at(spec, logs, None, cutoff))


@FEW
@given(orders=LOGS, calls=LOGS, start=st.lists(st.one_of(st.none(), TIMES), min_size=7, max_size=7))
def test_the_population_is_that_of_the_reference(orders, calls, start, tmp_path):
    """With a table of customers, of whom some have no events and some no start."""
    logs = {"orders": as_frame(orders), "calls": as_frame(calls)}
    customers = pd.DataFrame({"customer": [1, 2, 3, 4, 5, 8, 9], "since": start})
    customers["since"] = customers["since"].astype("datetime64[us]")
    table = {"source": str(tmp_path / "people.parquet"), "id": "customer", "start": "since"}
    spec = specification(
        tmp_path,
        customers=table,
        features={"orders": {"windows": ["30d"]}},
        population={"active": {"orders": "30d", "calls": "7d"}, "tenure": "1d", "without": []},
        label={"event": "calls", "within": "10d"},
    )
    for cutoff, found in made_or_refused(tmp_path, logs | {"people": customers}, spec):
        assert_alike(found, rows_at(spec, logs, customers, cutoff))


@FEW
@given(orders=LOGS, calls=LOGS, others=LOGS)
def test_what_comes_later_changes_no_feature(orders, calls, others, tmp_path):
    """Events at or after the cut-off, or known then, are dropped and others put in their place."""

    def before(frame: pd.DataFrame, known: str) -> pd.DataFrame:
        return frame[(frame["at"] < CUTOFF) & (frame[known] < CUTOFF)]

    def changed(events: list, known: str) -> pd.DataFrame:
        frame, other = as_frame(events), as_frame(others)
        late = other[~((other["at"] < CUTOFF) & (other[known] < CUTOFF))]
        return pd.concat([late, before(frame, known)], ignore_index=True)

    spec = specification(
        tmp_path,
        features={"orders": OPTIONS | {"by": {"channel": 2}}, "calls": {}},
        population={"active": {"orders": "30d", "calls": "30d"}},
    )
    first, second = (
        made_or_refused(tmp_path, logs, spec, at=CUTOFF)
        for logs in (
            {"orders": as_frame(orders), "calls": as_frame(calls)},
            {"orders": changed(orders, "loaded"), "calls": changed(calls, "at")},
        )
    )
    assert len(first) == len(second)
    for (_, one), (_, other) in zip(first, second, strict=True):
        pd.testing.assert_frame_equal(one, other)


@pytest.fixture(scope="module")
def log() -> pd.DataFrame:
    """A log of 60 customers over 300 days: whoever orders often goes on ordering."""
    rng = np.random.default_rng(4)
    rates = rng.gamma(1.0, 1.0, 60)
    who = rng.choice(60, 900, p=rates / rates.sum())
    seconds = rng.integers(0, 300 * 86_400, 900)
    return pd.DataFrame(
        {
            "customer": who,
            "at": pd.Timestamp("2025-01-01") + pd.to_timedelta(seconds, unit="s"),
            "amount": rng.gamma(2.0, 10.0, 900).round(2),
        }
    )


def of_one_log(folder: Path, **more: Any) -> EventSpecification:
    content: dict[str, Any] = {
        "events": {
            "orders": {"source": str(folder / "orders.parquet"), "id": "customer", "time": "at"}
        },
        "features": {"orders": {"windows": ["30d", "90d"], "sum": ["amount"]}},
        "label": {"none_of": ["orders"], "within": "30d"},
        "cutoffs": {"every": "30d", "count": 3},
    }
    return EventSpecification.from_mapping(content | more)


def test_prefix_sums_found_by_asof_joins_give_the_same(log, tmp_path):
    """A second formulation: what lay before the cut-off less what lay before the window."""
    tables, rows = made(tmp_path, {"orders": log}, of_one_log(tmp_path))
    edges = [(c, w) for c in tables.cutoffs for w in (0, 30, 90)]
    points = pd.DataFrame(
        [(i, c, c - w * DAY, w) for i in range(60) for c, w in edges],
        columns=["customer", "cutoff", "edge", "window"],
    ).astype({"cutoff": "datetime64[us]", "edge": "datetime64[us]"})
    connection = duckdb.connect()
    connection.register("log", log)
    connection.register("points", points)
    sums = connection.sql(
        "SELECT p.*, coalesce(s.n, 0) AS n, coalesce(s.total, 0.0) AS total FROM points p ASOF "
        'LEFT JOIN (SELECT customer, "at", count(*) OVER w AS n, sum(amount) OVER w AS total '
        'FROM log WINDOW w AS (PARTITION BY customer ORDER BY "at")) s '
        'ON p.customer = s.customer AND s."at" < p.edge'
    ).df()
    at = sums.set_index(["customer", "cutoff", "window"]).sort_index()
    for row in pd.concat(rows).to_dict("records"):
        here = at.loc[(row["customer"], row["cutoff"])]
        for window in (30, 90):
            difference = here.loc[0] - here.loc[window]
            assert row[f"orders_count_{window}d"] == difference["n"]
            total = row[f"orders_sum_amount_{window}d"]
            assert total == pytest.approx(difference["total"], abs=1e-6)


def test_a_canary_after_the_cutoff_changes_nothing_but_labels(log, tmp_path):
    spec = of_one_log(tmp_path)
    tables, before = made(tmp_path, {"orders": log}, spec)
    canary = pd.DataFrame({"customer": range(60), "at": tables.cutoffs[-1], "amount": 1e6})
    canary["at"] = canary["at"].astype(log["at"].dtype)
    with_canary = pd.concat([log, canary, canary], ignore_index=True)
    fixed = of_one_log(tmp_path, cutoffs={"at": list(tables.cutoffs)})
    _, after = made(tmp_path, {"orders": with_canary}, fixed)
    for one, other in zip(before, after, strict=True):
        pd.testing.assert_frame_equal(one.drop(columns="churned"), other.drop(columns="churned"))
    assert not after[-1]["churned"].any()


def test_parts_and_threads_make_no_difference(log, tmp_path, monkeypatch):
    of_text = ("distinct", "by", "last", "sequence")
    options = {name: value for name, value in OPTIONS.items() if name not in of_text}
    spec = of_one_log(tmp_path, features={"orders": options})
    whole, rows = made(tmp_path, {"orders": log}, spec)
    monkeypatch.setattr("churn_torch.events.staging.PART_ROWS", 300)
    steps: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        steps.append((done, total))

    log.to_parquet(tmp_path / "orders.parquet")
    parted = write_feature_tables(
        spec,
        tmp_path / "parted",
        threads=2,
        progress=lambda done, total: steps.append((done, total)),
    )
    assert steps == [(step, 12) for step in range(1, 13)]
    assert (parted.rows, parted.churners) == (whole.rows, whole.churners)
    for one, file in zip(rows, parted.files, strict=True):
        pd.testing.assert_frame_equal(one, pd.read_parquet(file))


def test_time_and_disk_of_all_are_said_after_the_first_step(log, tmp_path, monkeypatch):
    said: list[str] = []
    made(tmp_path, {"orders": log}, of_one_log(tmp_path), announce=said.append)
    assert not said  # it is done in a moment
    monkeypatch.setattr("churn_torch.events.cutoff_files._LONG_SECONDS", 0.0)
    made(tmp_path, {"orders": log}, of_one_log(tmp_path), announce=said.append)
    [sentence] = said
    assert re.fullmatch(
        r"The rows will take about \d+ s and [\d.]+ MB of disk, by the first of 3 steps\.", sentence
    )


def test_a_full_disk_is_not_taken_for_a_fault_of_the_source(log, tmp_path, monkeypatch):
    def copy(database: Database, *arguments: object) -> None:
        database.rows("SELECT * FROM source_rows")
        raise duckdb.IOException(
            'IO Error: Async write failed: {"message":"No space left on device"}'
        )

    log.to_parquet(tmp_path / "orders.parquet")
    monkeypatch.setattr(staging, "_copy", copy)
    with pytest.raises(OSError, match="No space left on device") as raised:
        write_feature_tables(of_one_log(tmp_path), tmp_path / "rows", memory="1GB")
    assert raised.value.filename == str(tmp_path / "rows")
    assert not (tmp_path / "rows").exists()
