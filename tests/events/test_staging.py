"""Sources of every kind give the same rows, and what is left out of them is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.events import staging
from churn_torch.events.feature_tables import FeatureTables, write_feature_tables
from churn_torch.events.specification import EventSpecification

AT = "2025-03-31"  # a day after the clocks of Europe changed


@pytest.fixture
def log() -> pd.DataFrame:
    days = [*range(0, 40, 3), *range(1, 40, 7), *range(50, 89)]
    times = pd.Timestamp("2025-01-01 22:30") + pd.to_timedelta(days, unit="D")
    return pd.DataFrame(
        {
            "customer": [11 + day % 4 for day in days],
            "at": times.astype("datetime64[us]"),
            "amount": [day + 1234.5 for day in days],
            "kind": [("web", "shop")[day % 2] for day in days],
        }
    )


def rows(source: object, folder: Path, **options: Any) -> tuple[pd.DataFrame, FeatureTables]:
    content = {
        "events": {"orders": {"source": str(source), "id": "customer", "time": "at"}},
        "features": {
            "orders": {"windows": ["30d"], "sum": ["amount"], "last": ["kind"], "gaps": True}
        },
        "label": {"none_of": "orders", "within": "20d"},
    }
    content["events"]["orders"] |= options.pop("log", {})
    specification = EventSpecification.from_mapping(content | options)
    tables = write_feature_tables(specification, folder / "rows", at=AT, threads=1)
    found = pd.read_parquet(tables.files[0])
    tables.files[0].unlink()
    found["customer"] = found["customer"].astype("str")
    return found.sort_values("customer", ignore_index=True), tables


def saved(log: pd.DataFrame, kind: str, folder: Path) -> str:
    """Write the log as people do: times as text, with zones, floats for ids, in parts."""
    path = folder / "orders"
    if kind == "query":
        log.to_parquet(folder / "orders.parquet")
        return f"SELECT * FROM '{folder}/orders.parquet' WHERE amount > 0"
    if kind == "zones":
        log["at"] = log["at"].dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin")
    elif kind == "mixed zones":
        later = (log["at"] + pd.Timedelta("2h")).dt.strftime("%Y-%m-%dT%H:%M:%S+02:00")
        log["at"] = later.where(log.index % 2 == 0, log["at"].dt.strftime("%Y-%m-%d %H:%M:%S"))
    if kind == "csv":
        log["at"] = log["at"].dt.strftime("%d.%m.%Y %H:%M")
        log["customer"] = log["customer"].astype("str") + ".0"
        log["amount"] = log["amount"].map("{:.2f}".format).str.replace(".", ",")
        log.to_csv(path.with_suffix(".csv"), sep=";", encoding="latin-1", index=False)
        return str(path.with_suffix(".csv"))
    path.mkdir()
    log[:20].to_parquet(path / "1.parquet", index=False)
    log[20:].to_parquet(path / "2.parquet", index=False)
    return f"{path}/*.parquet"


@pytest.mark.parametrize("kind", ["csv", "query", "zones", "mixed zones"])
def test_a_log_gives_the_same_rows_however_it_is_written(kind, log, tmp_path):
    log.to_parquet(tmp_path / "plain.parquet")
    expected, _ = rows(tmp_path / "plain.parquet", tmp_path)
    found, _ = rows(saved(log.copy(), kind, tmp_path), tmp_path)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


def test_a_filter_leaves_rows_out_of_every_kind_of_source(log, tmp_path):
    condition = "amount > 1240 AND kind = 'web'"
    kept = log[(log["amount"] > 1240) & (log["kind"] == "web")]
    kept.to_parquet(tmp_path / "kept.parquet")
    expected, _ = rows(tmp_path / "kept.parquet", tmp_path)
    log.to_parquet(tmp_path / "all.parquet")
    log.to_csv(tmp_path / "all.csv", index=False)
    for source in ("all.parquet", "all.csv"):
        found, _ = rows(tmp_path / source, tmp_path, log={"filter": condition})
        pd.testing.assert_frame_equal(found, expected, check_dtype=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"time": "when"}, r"^events\.orders\.source: expected a column 'when', got none"),
        ({"time": "kind"}, r"^events\.orders, column 'kind': expected datetime values, got"),
        ({"filter": "amuont > 1"}, r"^events\.orders\.filter: .* \(did you mean 'amount'\?\)"),
        ({"filter": "(SELECT true)"}, r"^events\.orders\.filter: .*: a subquery"),
        ({"filter": "true) FROM x --"}, r"^events\.orders\.filter: "),
        ({"source": "away.parquet"}, r"^events\.orders\.source: .* 'away\.parquet', which is not"),
    ],
)
def test_a_source_that_cannot_be_used_is_named(options, message, log, tmp_path):
    log.to_parquet(tmp_path / "orders.parquet")
    with pytest.raises(InputError, match=message):
        rows(tmp_path / "orders.parquet", tmp_path, log=options)
    assert not (tmp_path / "rows").exists()


def test_rows_that_cannot_count_are_counted(log, tmp_path):
    log["loaded"] = log["at"]
    log.loc[:2, "customer"] = None
    log.loc[3, "at"] = None
    log.loc[4:5, "loaded"] = None
    log.to_parquet(tmp_path / "orders.parquet")
    people = pd.DataFrame({"customer": [11, 12, None], "since": pd.to_datetime(["2024-12-01"] * 3)})
    people.to_parquet(tmp_path / "people.parquet")
    people.loc[1, "since"] = None
    people["country"] = "PL"
    people.to_csv(tmp_path / "people.csv", index=False)
    table = {"source": str(tmp_path / "people.csv"), "id": "customer", "start": "since"}
    found, tables = rows(
        tmp_path / "orders.parquet",
        tmp_path,
        log={"known": "loaded"},
        customers=table | {"columns": ["country"]},
    )
    assert list(found["customer"]) == ["11", "12"]
    said = " ".join(tables.notes)
    for sentence in (
        "events.orders: 3 of 59 events have no customer and are left out.",
        "events.orders: 1 of 59 events have no readable time and are left out.",
        "events.orders.known: 2 of 59 events do not say when they were known",
        "customers: 1 of 3 rows have no id and are left out.",
        "customers.start: 1 customers have none",
        "customers.columns: country are taken as the table has them today",
        "events are of 2 customers who are not in the table of customers",
    ):
        assert sentence in said


def test_a_customer_in_two_rows_is_refused(log, tmp_path):
    log.to_parquet(tmp_path / "orders.parquet")
    table = {"source": str(tmp_path / "orders.parquet"), "id": "customer"}
    with pytest.raises(InputError, match=r"^customers\.id: expected one row .* for '?11'?;"):
        rows(tmp_path / "orders.parquet", tmp_path, customers=table)


def test_a_column_of_customers_counts_once_it_was_known(log, tmp_path):
    log.to_parquet(tmp_path / "orders.parquet")
    people = pd.DataFrame(
        {
            "customer": [11, 12, 13],
            "since": pd.to_datetime(["2024-12-01", "2025-03-30", AT]),
            "written": pd.to_datetime(["2025-01-01", AT, AT]),
            "plan": ["a", "b", "c"],
            "closed": pd.to_datetime([AT, "2025-03-01", "2025-03-01"]),
        }
    )
    people.to_parquet(tmp_path / "people.parquet")
    table = {"source": str(tmp_path / "people.parquet"), "id": "customer", "start": "since"}
    found, _ = rows(
        tmp_path / "orders.parquet",
        tmp_path,
        customers=table | {"known": "written", "columns": ["plan", "closed"]},
        features={"orders": {"first": True}},
    )
    assert list(found["customer"]) == ["11", "12"]  # 13 comes at the cut-off
    assert list(found["tenure_days"]) == [120, 1]
    # The log begins on January 1, so it may not show the first order of who came before.
    assert list(found["orders_first_is_censored"]) == [True, False]
    assert found["plan"].tolist()[0] == "a"
    assert found["plan"].isna().tolist() == [False, True]
    assert found["closed"].isna().all()  # behind the cut-off, or not known before it


def test_a_source_that_changes_while_it_is_read_is_refused(log, tmp_path, monkeypatch):
    path = tmp_path / "orders.parquet"
    log.to_parquet(path)
    copy = staging._copy

    def slow_copy(*arguments: Any) -> None:
        copy(*arguments)
        log.head(40).to_parquet(path)

    monkeypatch.setattr(staging, "_copy", slow_copy)
    with pytest.raises(InputError, match="which was changed meanwhile"):
        rows(path, tmp_path)
    assert not (tmp_path / "rows").exists()


def test_an_empty_log_among_others_is_said(log, tmp_path):
    log.to_parquet(tmp_path / "orders.parquet")
    log[:0].to_parquet(tmp_path / "calls.parquet")
    logs = {
        name: {"source": str(tmp_path / f"{name}.parquet"), "id": "customer", "time": "at"}
        for name in ("orders", "calls")
    }
    found, tables = rows(
        "", tmp_path, events=logs, features={"calls": {"windows": ["30d"], "sum": ["amount"]}}
    )
    assert (found["calls_count_30d"] == 0).all()
    assert "events.calls: there are no events." in tables.notes


def test_infinite_amounts_are_named(log, tmp_path):
    log.loc[[30, 33], "amount"] = float("-inf")
    log.to_parquet(tmp_path / "orders.parquet")
    message = r"^events\.orders, column 'amount': expected finite numbers, got -inf in row 31; "
    with pytest.raises(InputError, match=message):
        rows(tmp_path / "orders.parquet", tmp_path)
