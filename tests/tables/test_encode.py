"""Encoding: one typed table from whatever arrives, and arrays from that."""

from __future__ import annotations

import datetime
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_torch.errors import InputError
from churn_torch.tables.encode import (
    encode,
    parse,
    parse_target,
    parse_time,
)
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.options import ColumnRoles
from churn_torch.tables.schema import Column, Kind, Schema, Storage

NUMERIC = Column("x", Kind.NUMERIC, Storage.NUMBER)
FLAG = Column("x", Kind.BOOLEAN, Storage.NUMBER)
ANSWER = Column("x", Kind.BOOLEAN, Storage.TEXT, vocabulary=("No", "Yes"))
GENDER = Column("x", Kind.BOOLEAN, Storage.TEXT, vocabulary=("Female", "Male"))
WORD = Column("x", Kind.CATEGORICAL, Storage.TEXT)
CODE = Column("x", Kind.CATEGORICAL, Storage.NUMBER)
DATE = Column("x", Kind.DATETIME, Storage.DATETIME)
ISO_DATE = Column("x", Kind.DATETIME, Storage.TEXT, datetime_format="ISO8601")
DAY_FIRST = Column("x", Kind.DATETIME, Storage.TEXT, datetime_format="%d/%m/%Y")
COMPACT = Column("x", Kind.DATETIME, Storage.TEXT, datetime_format="%Y%m%d")


def schema_of(*columns: Column) -> Schema:
    return Schema(columns, "churn", "yes", "no")


def parse_one(column: Column, values: object, **kwargs: object) -> pd.Series:
    series = values if isinstance(values, pd.Series) else pd.Series(values, dtype=object)
    return parse(pd.DataFrame({"x": series}), schema_of(column), **kwargs)["x"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        (NUMERIC, ["1", " 2.5", " ", "NA", None], [1.0, 2.5, None, None, None]),
        (NUMERIC, [1, 2.5, None], [1.0, 2.5, None]),
        (NUMERIC, pd.Series([1, None], dtype="Int64"), [1.0, None]),
        (NUMERIC, pd.Series([1.5, None], dtype="category"), [1.5, None]),
        (NUMERIC, [True, False], [1.0, 0.0]),
        (NUMERIC, [None, None], [None, None]),
        (NUMERIC, pd.Series(pd.to_datetime([None, None])), [None, None]),
        (FLAG, [1, 0, None], [1.0, 0.0, None]),
        (FLAG, [True, None, False], [1.0, None, 0.0]),
        (FLAG, ["1", "0.0", "", "true", "FALSE", "Yes", " n "], [1, 0, None, 1, 0, 1, 0]),
        (DATE, pd.Series(pd.to_datetime(["1970-01-02 12:00", None])), [1.5, None]),
        (DATE, ["1970-01-02", "1970-01-01T12:00:00Z", ""], [1.0, 0.5, None]),
        (DATE, [datetime.date(1970, 1, 3), None], [2.0, None]),
        (DATE, pd.Series([np.nan, np.nan]), [None, None]),
        (ISO_DATE, pd.Series(pd.to_datetime(["1969-12-31"])), [-1.0]),
        (ISO_DATE, ["1970-01-02T01:00+01:00"], [1.0]),
        (DAY_FIRST, ["02/01/1970", None], [1.0, None]),
        (DAY_FIRST, pd.Series(pd.to_datetime(["1970-01-02"])), [1.0]),
        (COMPACT, [19700102, None], [1.0, None]),
        (COMPACT, pd.Series([19700102.0, np.nan]), [1.0, None]),
        (COMPACT, ["19700102", ""], [1.0, None]),
    ],
    ids=str,
)
def test_parse_numbers_and_dates(column: Column, values: object, expected: list) -> None:
    parsed = parse_one(column, values)
    assert parsed.dtype == "float64"
    assert [None if np.isnan(value) else value for value in parsed] == expected


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        (
            WORD,
            ["a", " a ", None, "NA", "\t", "None", "none"],
            ["a", " a ", "", "", "", "", "none"],
        ),
        (WORD, pd.Series(["a", None], dtype="category"), ["a", ""]),
        (WORD, [415, 415.0, 0.5, None], ["415", "415", "0.5", ""]),
        (WORD, pd.Series([415.0, np.nan]), ["415", ""]),
        (WORD, ["415.0", "00415"], ["415.0", "00415"]),
        (WORD, [True, False], ["True", "False"]),
        (CODE, ["415.0", "415", " 415", "00415", "x", ""], ["415", "415", "415", "00415", "x", ""]),
        (CODE, pd.Series([415.0, np.nan]), ["415", ""]),
        (CODE, pd.Series([415, None], dtype="Int64"), ["415", ""]),
        (
            ANSWER,
            ["Yes", "No", "yes", " YES ", "maybe", ""],
            ["Yes", "No", "Yes", "Yes", "maybe", ""],
        ),
        (ANSWER, ["True", "FALSE", "1", "0.0", "t"], ["Yes", "No", "Yes", "No", "Yes"]),
        (ANSWER, [True, False, None], ["Yes", "No", ""]),
        (ANSWER, [1, 0, 2, None], ["Yes", "No", "2", ""]),
        (GENDER, [1, 0, None], ["1", "0", ""]),
        (replace(ANSWER, vocabulary=("Yes", "unknown")), [1, 0, None], ["Yes", "0", ""]),
        (WORD, [None, None], ["", ""]),
    ],
    ids=str,
)
def test_parse_text(column: Column, values: object, expected: list[str]) -> None:
    parsed = parse_one(column, values)
    assert parsed.dtype == "str"
    assert parsed.tolist() == expected


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        (NUMERIC, ["1", "two", "2", "three"], "^column 'x': expected numbers, got 2 other cells, "
         "the first is 'two' in row 2; correct"),
        (NUMERIC, ["1,5"], "1 other cell, the first is '1,5' in row 1"),
        (NUMERIC, [[1], None], r"1 other cell, the first is '\[1\]' in row 1"),
        (NUMERIC, pd.Series(pd.to_datetime(["2024-01-31"])), "the first is '2024-01-31"),
        (NUMERIC, [1.0, np.inf, -np.inf], "^column 'x': expected finite numbers up to 3.4e38, "
         "got 2 infinite, the first in row 2;"),
        (NUMERIC, ["1", "inf"], r"got 1 infinite.*=\[inf,-inf\]"),
        (NUMERIC, [1e39, np.inf], "got 2 beyond"),
        (NUMERIC, [1e39], "got 1 beyond"),
        (FLAG, ["1", "maybe"], "'x': expected yes/no values, .*'maybe' in row 2"),
        (FLAG, [np.inf], "got 1 infinite"),
        (DATE, ["1970-01-02", "soon"], "'x': expected dates, .*'soon' in row 2"),
        (DATE, [17, None], "expected dates, got 1 other cell, the first is '17' in row 1"),
        (ISO_DATE, [2024, -1], "like 2024-01-31, got 2 other cells, the first is '2024' in row 1"),
        (DAY_FIRST, ["31/01/2024", "01/31/2024"], "dates like 31/01/2024, .*'01/31/2024' in row 2"),
        (COMPACT, [17], "dates like 20240131, .*'17'"),
        (WORD, [[1], "a"], "column 'x': expected text"),
    ],
    ids=str,
)  # fmt: skip
def test_parse_names_the_first_bad_cell(column: Column, values: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_one(column, values)


def test_parse_counts_rows_from_the_start_of_the_table() -> None:
    with pytest.raises(InputError, match="in row 65,538"):
        parse_one(NUMERIC, ["1", "two"], first_row=65_536)
    with pytest.raises(InputError, match="first in row 65,538"):
        parse_one(NUMERIC, ["1", "inf"], first_row=65_536)


def test_parse_keeps_schema_order_and_drops_the_rest() -> None:
    schema = schema_of(
        replace(NUMERIC, name="b"),
        Column("key", Kind.ID, Storage.TEXT),
        replace(WORD, name="a"),
        Column("gone", Kind.IGNORED, Storage.TEXT),
        Column("churn", Kind.TARGET, Storage.TEXT),
    )
    frame = pd.DataFrame({"extra": [1, 2], "a": ["u", "v"], "b": ["1", "2"]}, index=[5, 5])
    parsed = parse(frame, schema)
    assert list(parsed.columns) == ["b", "a"]
    assert parsed.index.tolist() == [0, 1]
    assert parsed["b"].tolist() == [1.0, 2.0]


def test_parse_names_what_is_missing_or_repeated() -> None:
    schema = schema_of(replace(NUMERIC, name="age"), replace(WORD, name="plan"))
    with pytest.raises(
        InputError, match=r"none called 'age' \(did you mean 'Age'\?\), 'plan'; add or rename"
    ):
        parse(pd.DataFrame({"Age": [1]}), schema)
    with pytest.raises(InputError, match="learned from, got none called 'plan'; add or rename"):
        parse(pd.DataFrame({"age": [1]}), schema)
    with pytest.raises(InputError, match="'age' more than once"):
        parse(pd.DataFrame([[1, 2, "a"]], columns=["age", "age", "plan"]), schema)


def test_number_names_are_found_as_text() -> None:
    schema = schema_of(replace(NUMERIC, name="0"))
    assert parse(pd.DataFrame({0: [1.5]}), schema)["0"].tolist() == [1.5]


@pytest.mark.parametrize("texts", [["b", "NA", None, "a", "b"], [None], ["a"], []])
@pytest.mark.parametrize("column", [WORD, ANSWER, CODE])
def test_categories_are_the_texts_they_stand_for(column: Column, texts: list[str | None]):
    words = pd.Series(texts, dtype="str")
    coded = words.astype("category").cat.add_categories(["never seen"])
    pd.testing.assert_series_equal(parse_one(column, coded), parse_one(column, words))


def test_float32_numbers_stay_float32_and_are_the_same_numbers():
    values = pd.Series([0.1, np.nan, -3.4e38], dtype="float32")
    parsed = parse_one(NUMERIC, values)
    pd.testing.assert_series_equal(parsed, values, check_names=False)
    doubled = parse_one(NUMERIC, values.astype("float64"))
    narrow, float64 = (
        encode(pd.DataFrame({"x": x}), schema_of(NUMERIC)).float32 for x in (parsed, doubled)
    )
    np.testing.assert_array_equal(narrow, float64)
    with pytest.raises(InputError, match=r"got 1 infinite, the first in row 2;"):
        parse_one(NUMERIC, pd.Series([np.nan, -np.inf], dtype="float32"))


@pytest.mark.parametrize("dtype", [object, "str", "float64", "int64", "bool", "category"])
@pytest.mark.parametrize("column", [NUMERIC, FLAG, ANSWER, WORD, CODE, DATE, ISO_DATE, COMPACT])
def test_no_rows_are_fine(column: Column, dtype: str) -> None:
    column = replace(column, vocabulary=())
    schema = schema_of(column)
    frame = pd.DataFrame({"x": pd.Series([], dtype=dtype), "churn": pd.Series([], dtype=dtype)})
    parsed = parse(frame, schema)
    assert parsed.shape == (0, 1)
    assert parsed["x"].dtype == ("str" if Schema.is_text(column) else "float64")
    assert {array.shape[0] for array in encode(parsed, schema)[:3]} == {0}
    assert parse_target(frame, schema).shape == (0,)


def test_parse_leaves_the_frame_alone() -> None:
    frame = pd.DataFrame({"x": ["1", " ", "NA"], "y": ["a", "NA", ""]})
    before = frame.copy(deep=True)
    parse(frame, schema_of(NUMERIC, replace(WORD, name="y")))
    pd.testing.assert_frame_equal(frame, before)


def test_encode() -> None:
    schema = schema_of(
        replace(WORD, name="word", vocabulary=("b", "a")),
        replace(NUMERIC, name="number"),
        replace(NUMERIC, name="stamp", needs_float64=True),
        replace(DATE, name="date"),
        replace(ANSWER, name="answer"),
        replace(FLAG, name="flag"),
    )
    frame = pd.DataFrame(
        {
            "word": ["a", "b", "z", None],
            "number": [0.1, -2.0, 0.0, None],
            "stamp": [1_700_000_001.0, 1.0, 2.0, None],
            "date": ["1970-01-02", "1970-01-01", "1970-01-01T06:00", None],
            "answer": ["Yes", "no", "No", ""],
            "flag": [True, False, True, None],
        }
    )
    arrays = encode(parse(frame, schema), schema)
    assert [array.dtype for array in arrays[:3]] == [np.float32, np.float64, np.int64]
    number, flag = arrays.float32.T
    np.testing.assert_array_equal(number, np.array([0.1, -2, 0, np.nan], dtype=np.float32))
    np.testing.assert_array_equal(flag, [1, 0, 1, np.nan])
    stamp, date = arrays.float64.T
    np.testing.assert_array_equal(stamp, [1_700_000_001.0, 1, 2, np.nan])
    np.testing.assert_array_equal(date, [1, 0, 0.25, np.nan])
    assert arrays.codes.T.tolist() == [[3, 2, 1, 0], [3, 2, 2, 0]]


def test_encode_needs_vocabularies() -> None:
    with pytest.raises(ValueError, match="'x' has no vocabulary: fit the statistics first"):
        encode(pd.DataFrame({"x": ["a"]}), schema_of(WORD))


@settings(deadline=None)
@given(
    st.lists(st.text(max_size=3), unique=True, max_size=8),
    st.lists(st.text(max_size=3) | st.none(), max_size=20),
)
def test_codes_are_missing_unseen_or_the_place_in_the_vocabulary(
    vocabulary: list[str], values: list[str | None]
) -> None:
    column = replace(WORD, vocabulary=tuple(vocabulary))
    parsed = parse_one(column, values)
    codes = encode(parsed.to_frame(), schema_of(column)).codes[:, 0]
    for text, code in zip(parsed, codes, strict=True):
        if text == "":
            assert code == 0
        elif text in vocabulary:
            assert code == 2 + vocabulary.index(text)
        else:
            assert code == 1


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(-999, 999) | st.none(),
            st.floats(-1e6, 1e6) | st.none(),
            st.booleans() | st.none(),
            st.sampled_from(["a", "b c", "ü", None]),
            st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1)) | st.none(),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_csv_text_and_typed_rows_parse_alike(rows: list[tuple]) -> None:
    schema = schema_of(
        *(
            replace(column, name=name)
            for name, column in zip("abcde", (NUMERIC, NUMERIC, FLAG, WORD, DATE), strict=True)
        )
    )
    typed = pd.DataFrame(rows, columns=list("abcde"))
    text = pd.DataFrame(
        [["" if cell is None else str(cell) for cell in row] for row in rows],
        columns=list("abcde"),
        dtype="str",
    )
    pd.testing.assert_frame_equal(parse(typed, schema), parse(text, schema))


def test_what_infer_says_parse_can_read() -> None:
    rows = 40
    frame = pd.DataFrame(
        {
            "number": [f"{i / 4}" if i % 5 else " " for i in range(rows)],
            "flag": [str(i % 2) for i in range(rows)],
            "answer": ["Yes" if i % 3 else "No" for i in range(rows)],
            "date": [f"{1 + i % 28:02}/01/2024 10:00" for i in range(rows)],
            "word": [f"w{i % 4}" for i in range(rows)],
            "churn": ["churned" if i % 7 else "stayed" for i in range(rows)],
        }
    )
    schema = infer(frame, ColumnRoles(target="churn"))
    parsed = parse(frame, schema)
    assert list(parsed.columns) == ["number", "flag", "answer", "date", "word"]
    assert parsed["number"].isna().sum() == 8
    assert parsed["date"].iloc[0] == pytest.approx(19723 + 10 / 24)
    assert parse_target(frame, schema).sum() == sum(i % 7 != 0 for i in range(rows))


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        (Column("t", Kind.IGNORED, Storage.NUMBER), ["3", 1.5, None], [3, 1.5, None]),
        (Column("t", Kind.IGNORED, Storage.DATETIME), ["1970-01-02", None], [1, None]),
        (Column("t", Kind.IGNORED, Storage.TEXT, datetime_format="%d/%m/%Y"),
         ["02/01/1970", ""], [1, None]),
        (Column("t", Kind.DATETIME, Storage.TEXT, datetime_format="ISO8601"), ["1970-01-03"], [2]),
    ],
)  # fmt: skip
def test_parse_time(column: Column, values: list, expected: list) -> None:
    times = parse_time(pd.DataFrame({"t": values}), column)
    assert times.dtype == np.float64
    assert [None if np.isnan(time) else time for time in times] == expected


def test_parse_time_refuses_what_has_no_order() -> None:
    column = Column("t", Kind.CATEGORICAL, Storage.TEXT)
    with pytest.raises(InputError, match="column 't': expected numbers"):
        parse_time(pd.DataFrame({"t": ["a"]}), column)
    with pytest.raises(
        InputError, match=r"time column 't', got none of that name .did you mean 'T'"
    ):
        parse_time(pd.DataFrame({"T": ["a"]}), column)
