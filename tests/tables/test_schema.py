"""Schema: the groups of features, JSON there and back, and what the user is shown."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_torch.errors import InputError
from churn_torch.tables.column_names import check_names, with_text_names
from churn_torch.tables.schema import Column, Kind, Schema, Storage

COLUMNS = (
    Column("key", Kind.ID, Storage.TEXT),
    Column("age", Kind.NUMERIC, Storage.NUMBER, minimum=0.0, maximum=99.5, has_missing=True),
    Column("stamp", Kind.NUMERIC, Storage.NUMBER, needs_float64=True),
    Column("since", Kind.DATETIME, Storage.TEXT, datetime_format="%d/%m/%Y"),
    Column("area", Kind.CATEGORICAL, Storage.NUMBER, vocabulary=("408", "415")),
    Column("plan", Kind.BOOLEAN, Storage.TEXT, vocabulary=("yes",), has_rare=True),
    Column("paid", Kind.BOOLEAN, Storage.NUMBER, missing_share=0.25, n_distinct=2),
    Column("left out", Kind.IGNORED, Storage.TEXT, note="left out: [empty]"),
    Column("churn", Kind.TARGET, Storage.TEXT),
)
SCHEMA = Schema(COLUMNS, "churn", "yes", "no")


def names(columns: tuple[Column, ...]) -> list[str]:
    return [column.name for column in columns]


def test_features_fall_into_three_groups_in_table_order() -> None:
    assert names(SCHEMA.features) == ["age", "stamp", "since", "area", "plan", "paid"]
    assert names(SCHEMA.float32) == ["age", "paid"]
    assert names(SCHEMA.float64) == ["stamp", "since"]
    assert names(SCHEMA.text) == ["area", "plan"]


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("storage", list(Storage))
@pytest.mark.parametrize("float64", [False, True])
def test_every_feature_is_in_exactly_one_group(kind: Kind, storage: Storage, float64: bool) -> None:
    column = Column("x", kind, storage, needs_float64=float64)
    schema = Schema((column,), "y", "1", "0")
    groups = [schema.float32, schema.float64, schema.text]
    is_feature = kind in (Kind.NUMERIC, Kind.CATEGORICAL, Kind.BOOLEAN, Kind.DATETIME)
    assert sum(group == (column,) for group in groups) == is_feature


def test_lookup_and_id() -> None:
    assert SCHEMA["age"] is COLUMNS[1]
    assert SCHEMA.id == "key"
    assert Schema(COLUMNS[1:], "churn", "yes", "no").id is None
    with pytest.raises(KeyError, match="did you mean 'stamp'"):
        SCHEMA["stmap"]


def test_with_columns_replaces_by_name_and_keeps_order() -> None:
    float64_age = replace(SCHEMA["age"], needs_float64=True)
    updated = SCHEMA.with_columns({"age": float64_age})
    assert names(updated.columns) == names(SCHEMA.columns)
    assert updated["age"].needs_float64
    assert not SCHEMA["age"].needs_float64
    assert names(updated.float64) == ["age", "stamp", "since"]
    with pytest.raises(KeyError, match="no column 'agee'"):
        SCHEMA.with_columns({"agee": float64_age})


def test_json_there_and_back() -> None:
    assert Schema.from_json(SCHEMA.to_json()) == SCHEMA
    assert json.loads(SCHEMA.to_json())["version"] == 3


@settings(deadline=None)
@given(
    st.lists(
        st.builds(
            Column,
            name=st.text(),
            kind=st.sampled_from(Kind),
            storage=st.sampled_from(Storage),
            datetime_format=st.none() | st.text(),
            missing_share=st.floats(0, 1),
            n_distinct=st.integers(0),
            note=st.text(),
            vocabulary=st.none() | st.lists(st.text()).map(tuple),
            has_missing=st.booleans(),
            minimum=st.none() | st.floats(allow_nan=False, allow_infinity=False),
            maximum=st.none() | st.floats(allow_nan=False, allow_infinity=False),
        )
    ),
    st.text(),
)
def test_json_keeps_everything(columns: list[Column], target: str) -> None:
    schema = Schema(tuple(columns), target, "1", "0")
    assert Schema.from_json(schema.to_json()) == schema


def test_layouts_are_kept_as_they_are_and_other_columns_keep_them() -> None:
    layout = {"pieces": {"age": 3}, "pairs": [["age", "plan"]], "share": 0.5}
    schema = SCHEMA.with_layout("a", {"old": 1}).with_layout("b", {}).with_layout("a", layout)
    assert SCHEMA.layouts == {}
    assert schema.layouts == {"a": layout, "b": {}}
    assert Schema.from_json(schema.to_json()) == schema
    assert schema.with_columns({"age": replace(SCHEMA["age"], note="x")}).layouts == schema.layouts
    assert hash(schema) == hash(SCHEMA)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON with a version"),
        ("PAR1", "not JSON with a version"),
        ("[]", "not JSON with a version"),
        ("null", "not JSON with a version"),
        ('{"columns": []}', "not JSON with a version"),
        ('{"version": 1, "columns": []}', "expected version 3, got 1; use the churn_torch version"),
        ('{"version": 3}', "damaged"),
        ('{"version": 3, "columns": [], "target": "y"}', "damaged"),
        (
            '{"version": 3, "columns": [1], "target": "y", "positive": "1", "negative": "0"}',
            "damaged",
        ),
    ],
)
def test_foreign_json_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Schema.from_json(text)


@pytest.mark.parametrize(
    ("old", "new"), [('"numeric"', '"number"'), ('"needs_float64"', '"width"')]
)
def test_damaged_columns_are_refused(old: str, new: str) -> None:
    text = SCHEMA.to_json().replace(old, new)
    with pytest.raises(InputError, match="damaged"):
        Schema.from_json(text)


def test_names_must_differ() -> None:
    check_names(["a", "A", "a "])
    with pytest.raises(InputError, match="'a' more than once; rename or drop"):
        check_names(["a", "b", "a"])
    with pytest.raises(InputError, match="'a', '' more than once"):
        check_names(["a", "", "a", ""])
    with pytest.raises(InputError, match=r"^columns: expected at most 20,000, got 20,001; read"):
        check_names(list(map(str, range(20_001))))


def test_names_become_text() -> None:
    frame = with_text_names(pd.DataFrame([[1, 2]], columns=[0, "x"]))
    assert list(frame.columns) == ["0", "x"]
    with pytest.raises(InputError, match="'0'"):
        with_text_names(pd.DataFrame([[1, 2]], columns=[0, "0"]))
