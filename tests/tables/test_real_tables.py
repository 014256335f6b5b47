"""The real tables: inference is right on the raw files people have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_torch.tables.encode import encode, parse, parse_target
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.labelled.splits import by_group, stratified
from churn_torch.tables.labelled.time_splits import by_time
from churn_torch.tables.options import ColumnRoles
from churn_torch.tables.readers.sources import read
from churn_torch.tables.schema import Column, Kind, Schema, Storage

DATA = Path(__file__).parents[2].parent / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real tables in {DATA}")

FILES = {
    "telco": "ibm_telco/Telco-Customer-Churn.csv",
    "wa_churn": "wa_churn_modeldata/wa_churn.csv",
    "mlc": "mlc_churn/mlc_churn.csv",
    "iranian": "iranian_churn/Customer_Churn.csv",
    "bank": "bank_churn_modelling/Churn_Modelling.csv",
}
TARGETS = {
    "telco": ("Churn", "Yes", 7043, 1869),
    "wa_churn": ("churn", "Yes", 7043, 1869),
    "mlc": ("churn", "yes", 5000, 707),
    "iranian": ("Churn", "1", 3150, 495),
    "bank": ("Exited", "1", 10000, 2037),
}
# Whatever is not named here is a number.
KINDS: dict[str, dict[Kind, list[str]]] = {
    "telco": {
        Kind.IGNORED: ["customerID"],
        Kind.BOOLEAN: ["SeniorCitizen", "Partner", "Dependents", "PhoneService",
                       "PaperlessBilling"],
        Kind.CATEGORICAL: ["gender", "MultipleLines", "InternetService", "OnlineSecurity",
                           "OnlineBackup", "DeviceProtection", "TechSupport", "StreamingTV",
                           "StreamingMovies", "Contract", "PaymentMethod"],
    },
    "wa_churn": {
        Kind.BOOLEAN: ["female", "senior_citizen", "partner", "dependents", "phone_service",
                       "paperless_billing"],
        Kind.CATEGORICAL: ["multiple_lines", "internet_service", "online_security",
                           "online_backup", "device_protection", "tech_support", "streaming_tv",
                           "streaming_movies", "contract", "payment_method"],
    },
    "mlc": {
        Kind.BOOLEAN: ["international_plan", "voice_mail_plan"],
        Kind.CATEGORICAL: ["state", "area_code"],
    },
    "iranian": {Kind.BOOLEAN: ["Complains"]},
    "bank": {
        Kind.IGNORED: ["RowNumber", "CustomerId", "Surname"],
        Kind.BOOLEAN: ["HasCrCard", "IsActiveMember"],
        Kind.CATEGORICAL: ["Geography", "Gender"],
    },
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_kinds(name: str) -> None:
    frame = read(DATA / FILES[name])
    target, positive, n_rows, n_positive = TARGETS[name]
    schema = infer(frame, ColumnRoles(target=target))
    by_kind: dict[Kind, list[str]] = {}
    for column in schema.columns:
        by_kind.setdefault(column.kind, []).append(column.name)
    numbers = by_kind.pop(Kind.NUMERIC)
    assert by_kind == {Kind.TARGET: [target], **KINDS[name]}
    assert len(numbers) == frame.shape[1] - sum(map(len, by_kind.values()))
    assert all(column.note for column in schema.columns)
    assert len(frame) == n_rows
    assert schema.positive == positive
    assert parse_target(frame, schema).sum() == n_positive


@pytest.mark.parametrize("name", FILES)
def test_what_pandas_reads_gives_the_same(name: str) -> None:
    raw, typed = read(DATA / FILES[name]), pd.read_csv(DATA / FILES[name])
    target = TARGETS[name][0]
    schema, other = infer(raw, ColumnRoles(target=target)), infer(typed, ColumnRoles(target=target))
    for ours, theirs in zip(schema.columns, other.columns, strict=True):
        assert (ours.name, ours.kind, ours.n_distinct) == (
            theirs.name,
            theirs.kind,
            theirs.n_distinct,
        )
        assert ours.missing_share == theirs.missing_share
    pd.testing.assert_frame_equal(parse(raw, schema), parse(typed, schema))
    pd.testing.assert_frame_equal(parse(raw, schema), parse(typed, other))


def test_telco_charges_are_numbers_with_eleven_missing() -> None:
    schema = infer(read(DATA / FILES["telco"]), ColumnRoles(target="Churn"))
    charges = schema["TotalCharges"]
    assert charges.missing_share == 11 / 7043
    assert charges.n_distinct == 6530
    assert parse(read(DATA / FILES["telco"]), schema)["TotalCharges"].isna().sum() == 11
    assert schema["customerID"].note.startswith("left out: looks like an identifier")


def test_both_telcos_are_the_same_rows() -> None:
    raw, tidy = read(DATA / FILES["telco"]), read(DATA / FILES["wa_churn"])
    ours = parse(raw, infer(raw, ColumnRoles(target="Churn")))
    theirs = parse(tidy, infer(tidy, ColumnRoles(target="churn")))
    np.testing.assert_array_equal(ours["TotalCharges"], theirs["total_charges"])
    assert ours["Contract"].tolist() == theirs["contract"].tolist()


def test_bank_says_why_columns_are_left_out() -> None:
    schema = infer(read(DATA / FILES["bank"]), ColumnRoles(target="Exited"))
    assert "row number" in schema["RowNumber"].note
    assert "named like one" in schema["CustomerId"].note
    assert "2,932 in 10,000" in schema["Surname"].note


def test_iranian_names_keep_their_double_spaces() -> None:
    schema = infer(read(DATA / FILES["iranian"]), ColumnRoles(target="Churn"))
    for name in ("Call  Failure", "Subscription  Length", "Charge  Amount"):
        assert schema[name].kind is Kind.NUMERIC


def test_an_event_log_with_dates_and_codes() -> None:
    frame = read(DATA / "cdnow_events" / "cdnow_master.csv.gz")
    schema = infer(frame, ColumnRoles(target="churn"), target_required=False)
    assert schema["customer_id"].kind is Kind.IGNORED
    assert schema["customer_id"].storage is Storage.TEXT
    assert (schema["date"].kind, schema["date"].datetime_format) == (Kind.DATETIME, "ISO8601")
    assert schema["dollar_value"].kind is Kind.NUMERIC
    parsed = parse(frame, schema)
    assert parsed["date"].min() == (pd.Timestamp("1997-01-01") - pd.Timestamp(0)).days
    assert parsed["date"].nunique() == 546

    # Big orders stand in for a label: the splits are about the two columns beside it.
    label = (parsed["dollar_value"] > 50).to_numpy(dtype=float)
    date = parsed["date"].to_numpy()
    split = by_time(date, label)
    assert date[split.train].max() < date[split.validation].min()
    assert date[split.validation].max() < date[split.test].min()
    assert len(split.train) / len(frame) == pytest.approx(0.7, abs=0.01)
    groups = frame["customer_id"].to_numpy()
    split = by_group(groups, label, seed=0)
    customers = [set(groups[part]) for part in split]
    assert sum(map(len, customers)) == 23_570
    assert len(set.union(*customers)) == 23_570


@pytest.mark.parametrize("name", FILES)
def test_schema_and_arrays_go_all_the_way(name: str) -> None:
    frame = read(DATA / FILES[name])
    schema = infer(frame, ColumnRoles(target=TARGETS[name][0]))
    assert Schema.from_json(schema.to_json()) == schema
    parsed = parse(frame, schema)
    words = {
        column.name: Column(
            column.name, column.kind, column.storage,
            vocabulary=tuple(sorted(parsed[column.name].unique())),
        )
        for column in schema.text
    }  # fmt: skip
    arrays = encode(parsed, schema.with_columns(words))
    assert arrays.float32.shape == (len(frame), len(schema.float32))
    assert arrays.float64.shape == (len(frame), 0)
    assert arrays.codes.shape == (len(frame), len(schema.text))
    assert arrays.codes.min(initial=2) >= 2  # nothing missing, nothing unseen
    label = parse_target(frame, schema)
    split = stratified(label, seed=0)
    for part in split:
        assert label[part].mean() == pytest.approx(label.mean(), abs=0.002)
