"""Inference: roles, guesses and named kinds make one schema."""

from __future__ import annotations

import random

import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.options import ColumnRoles
from churn_torch.tables.schema import Column, Kind, Schema, Storage

N = 60
NUMBER, TEXT, DATETIME = Storage.NUMBER, Storage.TEXT, Storage.DATETIME


def schema_of(columns: dict[str, object], **kwargs: object) -> Schema:
    """Infer a table of these columns, beside one that always stays and the target."""
    rows = len(next(iter(columns.values())))  # type: ignore[arg-type, call-overload]
    frame = pd.DataFrame(
        {**columns, "anchor": [0.5 + i for i in range(rows)], "churn": [i % 2 for i in range(rows)]}
    )
    return infer(frame, ColumnRoles(**{"target": "churn", **kwargs}))  # type: ignore[arg-type]


def test_a_date_that_is_left_out_still_splits_and_is_compared():
    dates = [f"2024-{1 + i % 12:02}-{1 + i % 28:02}" for i in range(N)]
    for roles in ({"time": "x"}, {}):
        column = schema_of({"x": dates}, ignore=["x"], **roles)["x"]
        assert (column.kind, column.datetime_format) == (Kind.IGNORED, "ISO8601")


def guess(values: object, name: str = "x", **kwargs: object) -> Column:
    return schema_of({name: values}, **kwargs)[name]


def repeat(values: list, rows: int = N) -> list:
    return [values[i % len(values)] for i in range(rows)]


def shuffled(numbers: list[int]) -> list[int]:
    return random.Random(0).sample(numbers, len(numbers))


def test_sizes_are_counted() -> None:
    column = guess(repeat(["1", "2.0", "2", "NA"]))
    assert column.missing_share == 0.25
    assert column.n_distinct == 2
    column = guess(repeat(["a", "b", None]))
    assert column.missing_share == pytest.approx(1 / 3)
    assert column.n_distinct == 2


def test_small_whole_numbers_are_categories_only_when_asked_for() -> None:
    tariff = repeat([1, 2, 3])
    assert guess(tariff).kind is Kind.NUMERIC
    named = guess(tariff, kinds={"x": "categorical"})
    assert (named.kind, named.storage) == (Kind.CATEGORICAL, Storage.NUMBER)
    assert Schema.is_text(named)
    assert "asked for" in named.note


def test_roles_the_user_names() -> None:
    columns = {
        "key": [f"k{i}" for i in range(N)],
        "when": repeat(["31/01/2024", "01/02/2024"]),
        "house": repeat(["a", "b", "c"]),
        "secret": repeat([1, 5]),
    }
    schema = schema_of(columns, id="key", time="when", group="house", ignore=["secret"])
    assert schema.id == "key"
    assert [schema[name].kind for name in columns] == [Kind.ID, *[Kind.IGNORED] * 3]
    assert schema["when"].datetime_format == "%d/%m/%Y"
    assert "orders the split" in schema["when"].note
    assert "keeps groups together" in schema["house"].note
    assert schema["secret"].note == "left out: asked for"
    assert [column.name for column in schema.features] == ["anchor"]


def test_split_columns_stay_features_when_given_a_kind() -> None:
    columns = {"when": repeat(["2024-01-31", "2024-02-01"]), "house": repeat(["a", "b"])}
    kinds = {"when": "datetime", "house": "categorical"}
    schema = schema_of(columns, time="when", group="house", kinds=kinds)
    assert [schema[name].kind for name in columns] == [Kind.DATETIME, Kind.CATEGORICAL]


def test_the_id_may_also_be_the_group() -> None:
    schema = schema_of({"key": repeat(["a", "b", "c"])}, id="key", group="key")
    assert schema.id == "key"


def test_numbers_order_a_split_but_text_does_not() -> None:
    column = guess(repeat([3, 7]), time="x")
    assert (column.kind, column.storage) == (Kind.IGNORED, Storage.NUMBER)
    with pytest.raises(InputError, match="'x': expected datetime values, got 'a'"):
        guess(repeat(["a", "b"]), time="x")


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"target": "chrun"}, "data.target: .*'chrun'.*mean 'churn'.*'x', 'anchor', 'churn'"),
        ({"id": "y"}, "data.id: expected a column of the table, got 'y'"),
        ({"positive": "gone"}, r"'0' \d+, '1' \d+\), got 'gone'"),
        ({"ignore": ["x", "anchor"]}, r"got none \('x' left out: asked for; 'anchor' left out"),
    ],
    ids=str,
)
def test_roles_that_do_not_fit_the_table(named: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        guess(repeat([3, 7, 8]), **named)


def test_a_role_may_be_named_twice() -> None:
    column = guess(repeat([3, 7]), ignore=["x"], kinds={"x": "ignored"})
    assert column.kind is Kind.IGNORED
    schema = schema_of({"x": repeat([3, 7])}, id="x", kinds={"x": "id"})
    assert schema.id == "x"


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"churn": []}), "at least one row, got none"),
        (pd.DataFrame({"churn": ["yes", "no"]}), "the target is the only column"),
        (pd.DataFrame([[1, 2, 0], [2, 3, 1]], columns=["a", "a", "churn"]), "'a' more than"),
        (pd.DataFrame({"x": [1.5, 2.5], "churn": [1, 1]}), "one value"),
    ],
)
def test_tables_that_cannot_be(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(InputError, match=message):
        infer(frame, ColumnRoles(target="churn"))


def test_target_and_labels() -> None:
    frame = pd.DataFrame({"x": [1.5, 2.5, 3.5, 4.5], "churn": ["Yes", "No", "", "No"]})
    schema = infer(frame, ColumnRoles(target="churn"))
    assert (schema.target, schema.positive, schema.negative) == ("churn", "Yes", "No")
    assert schema["churn"].kind is Kind.TARGET
    assert schema["churn"].note == "target: 'Yes' is churn; rows without it (1) are dropped"
    flipped = infer(frame, ColumnRoles(target="churn", positive=False))
    assert (flipped.positive, flipped.negative) == ("No", "Yes")


def test_target_may_be_absent_when_not_required() -> None:
    frame = pd.DataFrame({"x": [1.5, 2.5]})
    schema = infer(frame, ColumnRoles(target="churn"), target_required=False)
    assert (schema.positive, schema.negative) == ("", "")
    assert [column.name for column in schema.features] == ["x"]
    assert (
        infer(frame, ColumnRoles(target="y", positive="b"), target_required=False).positive == "b"
    )


@pytest.mark.parametrize(
    "name",
    ["cat", "add", "with space", "two  spaces", "a/b", "größe", "日本", "[red]", "", "a.b", "1"],
)
def test_names_are_kept_exactly(name: str) -> None:
    schema = schema_of({name: repeat([3, 7])})
    assert schema.columns[0].name == name
    assert schema[name].kind is Kind.NUMERIC


def test_number_names_become_text() -> None:
    frame = pd.DataFrame([[1.5, 0], [2.5, 1]], columns=[0, 1])
    schema = infer(frame, ColumnRoles(target="1"))
    assert [column.name for column in schema.columns] == ["0", "1"]


def test_the_frame_is_left_alone() -> None:
    frame = pd.DataFrame({"x": repeat(["1", " ", "NA"]), "churn": repeat(["yes", "no"])})
    before = frame.copy(deep=True)
    infer(frame, ColumnRoles(target="churn"))
    pd.testing.assert_frame_equal(frame, before)
