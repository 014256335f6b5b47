"""Carried columns: the same in memory and streamed, from every format, and never features."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.labelled import streamed
from churn_torch.tables.labelled.carried import PREDICTED, choose_carried, noted
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.tables.options import ColumnRoles, DataOptions
from churn_torch.tables.schema import Kind
from churn_torch.tables.split_options import SplitOptions

BY_GROUP = SplitOptions(by="group", column="household")
BY_TIME = SplitOptions(by="time", column="joined")
FLOATS = "Größe/Call  Failure"


@pytest.fixture
def table(customers: pd.DataFrame) -> pd.DataFrame:
    """Return `customers` with a weight and an ignored column, a seventh without a label."""
    table = customers.assign(w=np.arange(400) % 5 + 0.5, zip=[f"{i:05d}" for i in range(400)])
    return table.assign(churned=table["churned"].where(table.index % 7 != 3))


def options(**more: object) -> DataOptions:
    given = {"id": "customer id", "weight": "w", "ignore": ["zip", "household"], **more}
    return DataOptions(target="churned", **given)


def carried(source: object, data: DataOptions) -> pd.DataFrame:
    table = read_labelled(data, seed=0, source=source)
    return pd.concat([rows.carried for rows in table.chunks()], ignore_index=True)


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_named_columns_travel_with_the_labelled_rows(
    table, tmp_path, monkeypatch, streaming, ending
):
    monkeypatch.setattr(streamed, "READ_ROWS", 64)
    path = tmp_path / f"t.{ending}"
    (table.to_parquet if ending == "parquet" else table.to_csv)(path, index=False)
    data = options(
        split=BY_GROUP, value="12 * add", carry=["zip", FLOATS, "plan", "w"], streaming=streaming,
        ignore=["zip"], kinds={"household": "numeric"},
    )  # fmt: skip
    frame = carried(path, data)
    expected = table[table["churned"].notna()].reset_index(drop=True)
    names = ["customer id", "household", "w", "zip", FLOATS, "plan", "value"]
    assert list(frame) == names
    expected = expected.assign(value=12 * expected["add"])[names]
    if ending == "csv":  # the group stays as the file has it
        expected = expected.astype({"household": "str"})
    pd.testing.assert_frame_equal(frame, expected, check_dtype=False)
    assert frame[["w", FLOATS, "value"]].dtypes.tolist() == [np.float64] * 3


@pytest.mark.parametrize("streaming", [False, True])
def test_carry_takes_no_column_out_of_the_features(table, streaming):
    plain = read_labelled(options(streaming=streaming), seed=0, source=table)
    data = options(streaming=streaming, carry=["plan", "zip"], value="add")
    schema = read_labelled(data, seed=0, source=table).schema
    assert [c.name for c in schema.features] == [c.name for c in plain.schema.features]
    assert schema["plan"].note == f"{plain.schema['plan'].note}; carried"
    assert schema["zip"].kind is Kind.IGNORED
    assert "value" not in {column.name for column in schema.columns}


@pytest.mark.parametrize("streaming", [False, True])
def test_a_test_source_needs_only_what_is_carried_by_name(table, tmp_path, streaming):
    given = table.drop(columns=["customer id", "household", "w"])
    given.to_parquet(tmp_path / "test.parquet")
    data = options(
        split=BY_GROUP, test_source=str(tmp_path / "test.parquet"), streaming=streaming,
        value="add + 1", carry=["zip"],
    )  # fmt: skip
    rows = [rows.of("test") for rows in read_labelled(data, seed=0, source=table).chunks()]
    frame = pd.concat([one.carried for one in rows], ignore_index=True)
    expected = table[table["churned"].notna()]
    assert list(frame) == ["row", "zip", "value"]
    assert frame["row"].tolist() == expected.index.tolist()
    assert frame["zip"].tolist() == expected["zip"].tolist()
    assert frame["value"].tolist() == (expected["add"] + 1).tolist()
    given.drop(columns="zip").to_parquet(tmp_path / "test.parquet")
    with pytest.raises(InputError, match=r"data.carry: expected columns of data.test_source"):
        read_labelled(data, seed=0, source=table)


@pytest.mark.parametrize("streaming", [False, True])
def test_a_missing_value_is_named_by_its_row_in_the_source(table, monkeypatch, streaming):
    monkeypatch.setattr(streamed, "READ_ROWS", 64)
    data = options(streaming=streaming, value="w2")
    table = table.assign(w2=np.where(table.index.isin([3, 299]), np.nan, 1 + table.index % 2))
    assert table.loc[3, "churned"] is None or pd.isna(table.loc[3, "churned"])  # may be missing
    with pytest.raises(InputError, match=r"a missing value in row 300 \(1 such rows\)"):
        carried(table, data)


@pytest.mark.parametrize(
    ("more", "rename", "message"),
    [
        ({"id": "label"}, {"customer id": "label"}, r"^data.id: .* got 'label': the predictions"),
        ({"id": None, "carry": ["row"]}, {"plan": "row"}, r"^data.carry: .*'row': the row number"),
        ({"value": "1", "carry": ["value"]}, {"plan": "value"}, r"'value': data.value has that"),
        ({"weight": "churn_probability"}, {"w": "churn_probability"}, "^data.weight: "),
        ({"split": SplitOptions(by="time", column="label")}, {"joined": "label"},
         "^data.split.column: "),
        ({"carry": ["plam"]}, {}, r"^data.carry: .*table, got 'plam' \(did you mean 'plan'\?\)"),
    ],
)  # fmt: skip
def test_names_that_clash_or_are_not_there_are_refused(table, more, rename, message):
    with pytest.raises(InputError, match=message):
        read_labelled(options(**more), seed=0, source=table.rename(columns=rename))


def test_a_cross_validation_adds_two_names_of_its_own(table):
    frame, data = table.rename(columns={"plan": "fold"}), options(carry=["fold"])
    assert "fold" in carried(frame, data)
    with pytest.raises(InputError, match="'fold': the predictions add"):
        read_labelled(data, seed=0, source=frame, with_test=False)


def test_a_name_in_several_roles_travels_once(table):
    data = options(id="household", carry=["household", "w", "plan", "plan"], ignore=["zip"],
                   split=BY_GROUP)  # fmt: skip
    assert list(carried(table, data)) == ["household", "w", "plan"]
    assert list(carried(table, options(id=None, split=BY_TIME))) == ["row", "joined", "w"]


def test_cells_that_no_file_holds_travel_as_text(table):
    odd = table.assign(mixed=[1, "a"] * 200, listed=[[1]] * 400, empty=None).astype(
        {"empty": object}
    )
    frame = carried(odd, options(carry=["mixed", "listed", "empty"]))
    assert frame["mixed"].tolist()[:2] == ["1", "a"]
    assert frame["listed"].iloc[0] == [1]
    assert frame["empty"].isna().all()
    frame.to_parquet(io.BytesIO())


def test_what_is_carried_is_told_apart_by_its_key():
    frame = pd.DataFrame({"a": [1.0, 2], "b": ["x", "y"], "y": ["yes", "no"]})
    schema = infer(frame, ColumnRoles(target="y"))

    def key(**more: object) -> str:
        return choose_carried(schema, DataOptions(target="y", **more)).key

    keys = [key(), key(carry=["a"]), key(carry=["b"]), key(carry=["b", "a"]), key(value="a"),
            key(value="a + 1")]  # fmt: skip
    assert len(set(keys)) == len(keys)
    assert key(carry=["a"]) == keys[1]
    assert choose_carried(schema, DataOptions(target="y", value="a", carry=["b"])).needed == {
        "a",
        "b",
    }
    assert noted(schema, DataOptions(target="y")) == schema
    assert PREDICTED == ("label", "churn_probability")
