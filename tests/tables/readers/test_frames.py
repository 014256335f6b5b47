from __future__ import annotations

import datetime as dt
import decimal
import warnings
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from churn_torch.errors import InputError
from churn_torch.tables.readers.frames import as_frame, has_names, named_rows
from churn_torch.tables.schema import Column, Kind, Schema, Storage
from churn_torch.tables.values.cells import canonical_text

TABLE = pd.DataFrame(
    {
        "months": [1, 12, 24],
        "paid": [9.5, None, 0.25],
        "plan": ["basic", None, "plus"],
        "member": [True, False, True],
        "since": pd.to_datetime(["2020-01-31", None, "2021-02-28"]),
        "gap": pd.to_timedelta([36, 24, None], unit="h"),
    }
)
NAMES = list(TABLE.columns)


class LikeCudf:
    """A frame of a library whose own way to pandas is all it has."""

    columns = NAMES

    def to_pandas(self) -> pd.DataFrame:
        return TABLE


class LikeDask:
    """A frame that is not in memory."""

    columns = NAMES

    def compute(self) -> pd.DataFrame:
        raise AssertionError


ARROW = pa.Table.from_pandas(TABLE, preserve_index=False)
WAYS: dict[str, Any] = {
    "pandas": TABLE,
    "an odd index": TABLE.set_axis(pd.MultiIndex.from_tuples([("a", 1), ("a", 1), ("b", 2)])),
    "nullable dtypes": TABLE.convert_dtypes(),
    "Arrow dtypes": ARROW.to_pandas(types_mapper=pd.ArrowDtype),
    "objects": TABLE.astype(object).where(TABLE.notna(), None),
    "categories": TABLE.astype({"plan": "category", "months": "category"}),
    "polars": pl.from_pandas(TABLE),
    "polars categories": pl.from_pandas(TABLE).with_columns(pl.col("plan").cast(pl.Categorical)),
    "a lazy frame": pl.from_pandas(TABLE).lazy(),
    "an Arrow table": ARROW,
    "a record batch": ARROW.to_batches()[0],
    "a dictionary column": ARROW.set_column(2, "plan", ARROW["plan"].dictionary_encode()),
    "a dict of columns": TABLE.to_dict("list"),
    "a dict of Series": dict(TABLE.items()),
    "a dict of columns of other libraries": {
        "months": pl.Series([1, 12, 24]),
        "paid": pa.chunked_array([[9.5, None], [0.25]]),
        **{name: TABLE[name].to_numpy() for name in NAMES[2:]},
    },
    "a list of dicts": TABLE.to_dict("records"),
    "another library": LikeCudf(),
}


def texts(frame: pd.DataFrame) -> dict[str, list[str]]:
    """What the cells say, whatever their type."""
    return {name: canonical_text(frame[name]).tolist() for name in frame.columns}


@pytest.mark.parametrize("way", WAYS)
def test_every_kind_of_table_is_the_same_table(way: str) -> None:
    assert has_names(WAYS[way])
    frame = as_frame(WAYS[way])
    # A column of truth values with a missing cell has Python's own True.
    assert texts(frame) == texts(TABLE)


def test_a_reader_of_batches_is_read_to_its_end() -> None:
    assert texts(as_frame(ARROW.to_reader(max_chunksize=1))) == texts(TABLE)


def test_a_frame_of_pandas_keeps_its_columns_and_index() -> None:
    frame = TABLE.set_axis([5, 5, 7])
    pd.testing.assert_frame_equal(as_frame(frame), frame)
    of_arrow = ARROW.to_pandas(types_mapper=pd.ArrowDtype).set_axis([5, 5, 7])
    assert as_frame(of_arrow).index.tolist() == [5, 5, 7]


def test_types_of_arrow_and_polars() -> None:
    table = pa.table(
        {
            "decimal": pa.array([decimal.Decimal("1.50")]),
            "date": pa.array([dt.date(2024, 1, 31)]),
            "zone": pa.array([dt.datetime(2024, 1, 31)], pa.timestamp("us", "Asia/Tokyo")),
            "large": pa.array(["x"], pa.large_string()),
            "view": pa.array(["x"], pa.string_view()),
            "none": pa.nulls(1),
            "uuid": pa.array([b"0" * 16], pa.uuid()),
            "count": pa.array([2], pa.int8()),
            "code": pa.array([415]).dictionary_encode(),
        }
    )
    for given_table in (table, table.to_pandas(types_mapper=pd.ArrowDtype)):
        kinds = as_frame(given_table).dtypes
        assert kinds["decimal"] == np.float64
        assert kinds["date"].kind == "M"
        assert str(kinds["zone"].tz) == "Asia/Tokyo"
        assert kinds["large"] == kinds["view"] == kinds["none"] == "str"
        assert kinds["code"] == "category"
    enum = pl.DataFrame({"e": pl.Series(["a", "b"], dtype=pl.Enum(["a", "b"]))})
    assert as_frame(enum)["e"].tolist() == ["a", "b"]
    whole = as_frame(pa.table({"n": [2**53 + 1, None]}))["n"]
    assert whole.tolist()[0] == 2**53 + 1


def test_one_row_is_named_by_its_columns() -> None:
    for row in (TABLE.iloc[0], TABLE.iloc[0].to_dict()):
        frame = as_frame(row, names=NAMES)
        assert texts(frame) == texts(TABLE.head(1))
        assert frame["months"].dtype == np.int64


def test_an_array_is_taken_by_position() -> None:
    frame = as_frame(TABLE.to_numpy(), names=NAMES)
    assert texts(frame) == texts(TABLE)
    numbers = as_frame([[1, 2.5]], names=["a", "b"])
    assert numbers.to_dict("list") == {"a": [1.0], "b": [2.5]}
    masked = as_frame(np.ma.array([[1.0, 2.0]], mask=[[False, True]]), names=["a", "b"])
    assert masked["b"].isna().all()
    structured = np.array([(1, "x")], dtype=[("a", int), ("b", "U3")])
    assert as_frame(structured).to_dict("list") == {"a": [1], "b": ["x"]}


@pytest.mark.parametrize(
    ("table", "names", "message"),
    [
        (None, None, "^source: expected a table .*, got nothing; make a pandas DataFrame of it"),
        (3, None, "got an int;"),
        ({1, 2}, ["a"], "got a set;"),
        (pd.DataFrame, None, "got a type;"),
        (
            "rows.csv",
            ["a"],
            r"got a str; read it first, e\.g\. pandas\.read_csv\(path, dtype=str\)",
        ),
        (LikeDask(), None, r"got a tests LikeDask; call \.compute\(\) first"),
        (pl.Series([1]), None, "got a polars Series; call .to_frame"),
        (pa.chunked_array([[1]]), ["a"], "got a pyarrow ChunkedArray;"),
        (pd.Series([1, 2]), None, "got a Series that is a column; use series.to_frame"),
        (pd.Series([1, 2]), ["a"], "or one row named by its columns, got a Series"),
        (TABLE.iloc[0], None, "got a Series that is a column"),
        (np.eye(2), None, r"got a numpy ndarray; name its columns: pandas.DataFrame\(array"),
        ([[1, 2]], None, "got a list; name its columns"),
        (np.eye(2), ["a"], "expected rows of 1 columns .* of shape 2 x 2; give those of 'a'"),
        ([[1], [1, 2]], ["a"], "got a list of shape 0"),
        ([], None, "got a list;"),
        (scipy.sparse.eye(2), ["a", "b"], r"got a scipy dia_matrix; call .toarray\(\) first"),
        ({}, None, "got a dict with nothing in it"),
        ({"a": [1], "b": [1, 2]}, None, "lists of one length, got a dict with 'a' 1, 'b' 2;"),
        ({"a": 1, "b": [1]}, ["a", "b"], "got a dict with 'a' no list, 'b' 1"),
        ({"a": 1}, None, "'a' no list; use .value. for a table of one row"),
        (
            {"a": pd.Series([1], index=[0]), "b": pd.Series([1], index=[1])},
            None,
            "expected columns with one index",
        ),
        (
            pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])),
            None,
            "expected one name for each column, got column names of 2 levels; join them",
        ),
        (TABLE[["paid", "paid"]], None, "a different name for each, got 'paid' more than once"),
        (pa.Table.from_arrays([pa.array([1])] * 2, names=["a", "a"]), None, "got 'a' more than"),
        (
            pl.DataFrame({"n": pl.Series([1], dtype=pl.Int128)}),
            None,
            "got a polars DataFrame with a column that Arrow cannot take .*; cast that column",
        ),
    ],
    ids=lambda value: str(type(value)) if not isinstance(value, str) else value[:40],
)
def test_what_is_no_table_is_said_in_a_sentence(table: Any, names: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        as_frame(table, names=names)


def test_rows_to_predict_are_named_like_the_training_table() -> None:
    columns = (
        Column("a", Kind.NUMERIC, Storage.NUMBER),
        Column("y", Kind.TARGET, Storage.NUMBER),
        Column("b", Kind.IGNORED, Storage.TEXT),
    )
    schema = Schema(columns, "y", "1", "0")
    with pytest.warns(UserWarning, match="taken by position"):
        assert list(named_rows(np.array([[1, "x"]], dtype=object), schema).columns) == ["a", "b"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(named_rows({"b": ["x"], "a": [1]}, schema).columns) == ["b", "a"]
    with pytest.raises(InputError, match=r"^rows: expected rows of 2 columns"):
        named_rows(np.ones((1, 3)), schema)


COLUMNS = st.sampled_from(
    [
        st.integers(-(2**60), 2**60),
        st.floats(allow_nan=False, allow_infinity=False, width=32),
        st.booleans(),
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5),
        st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)),
        st.timedeltas(dt.timedelta(0), dt.timedelta(days=999)),
    ]
)


@given(st.data())
def test_any_column_says_the_same_by_pandas_polars_and_arrow(data: st.DataObject) -> None:
    cells = data.draw(COLUMNS)
    values = data.draw(st.lists(st.one_of(st.none(), cells), min_size=1, max_size=6))
    if not any(value is not None for value in values):
        values.append(data.draw(cells))
    expected = canonical_text(pd.Series(values, dtype=object)).tolist()
    array = pa.array(values)
    for table in (
        {"x": values},
        [{"x": value} for value in values],
        pl.DataFrame({"x": values}),
        pa.table({"x": array}),
        pa.table({"x": array}).to_pandas(types_mapper=pd.ArrowDtype),
    ):
        got = canonical_text(as_frame(table)["x"]).tolist()
        if isinstance(values[0] or next(filter(None, values), None), dt.date):
            got, expected = ([text[:10] for text in each] for each in (got, expected))
        assert got == expected
