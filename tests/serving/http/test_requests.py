from __future__ import annotations

import math

import numpy as np
import orjson
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_torch.serving.http.requests import RequestError, RowReader, reader
from churn_torch.serving.session import make_feed
from churn_torch.tables.cells import LARGEST
from churn_torch.tables.encode import parse
from churn_torch.tables.schema import Column, Kind, Schema, Storage

NUMBER = Column("number", Kind.NUMERIC, Storage.NUMBER)
FLAG = Column("flag", Kind.BOOLEAN, Storage.NUMBER)
DATE = Column("date", Kind.DATETIME, Storage.DATETIME)
GERMAN = Column("german", Kind.DATETIME, Storage.TEXT, datetime_format="%d.%m.%Y")
COMPACT = Column("compact", Kind.DATETIME, Storage.TEXT, datetime_format="%Y%m%d")
WORD = Column("word", Kind.CATEGORICAL, Storage.TEXT, vocabulary=("a", "b"))
CODE = Column("code", Kind.CATEGORICAL, Storage.NUMBER, vocabulary=("1", "415"))
MEMBER = Column("member", Kind.BOOLEAN, Storage.TEXT, vocabulary=("No", "yes"))
SCHEMA = Schema((NUMBER, FLAG, DATE, WORD, CODE, MEMBER), "y", "yes", "no")
ROW = {"number": 1, "flag": True, "date": "2024-01-31", "word": "a", "code": 415, "member": True}


def same(one: object, other: object) -> bool:
    return one == other or (one != one and other != other)


@pytest.mark.parametrize(
    ("column", "value", "read"),
    [
        (NUMBER, None, math.nan), (NUMBER, 3, 3.0), (NUMBER, -0.5, -0.5),
        (NUMBER, LARGEST, LARGEST),
        (FLAG, True, 1.0), (FLAG, False, 0.0), (FLAG, 1, 1.0), (FLAG, None, math.nan),
        (DATE, "1970-01-02", 1.0), (DATE, "1970-01-01T12:00:00Z", 0.5), (DATE, 2.25, 2.25),
        (DATE, "1970-01-01T12:00:00+12:00", 0.0), (DATE, None, math.nan),
        (GERMAN, "02.01.1970", 1.0), (GERMAN, "1970-01-02", 1.0),
        (COMPACT, 19700102, 1.0), (COMPACT, "19700102", 1.0), (COMPACT, "1970-01-02", 1.0),
        (WORD, "a", "a"), (WORD, "never seen", "never seen"), (WORD, " a", " a"), (WORD, "  ", ""),
        (WORD, "NA", ""), (WORD, None, ""), (WORD, 12, "12"), (WORD, 1.5, "1.5"),
        (CODE, 415, "415"), (CODE, 415.0, "415"), (CODE, "415.0", "415"), (CODE, "0415", "0415"),
        (MEMBER, True, "yes"), (MEMBER, 0, "No"), (MEMBER, "yes", "yes"),
        (MEMBER, "maybe", "maybe"),
    ],
)  # fmt: skip
def test_what_a_value_means(column, value, read):
    assert same(reader(column)(value), read)


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        (NUMBER, "12", "a number up to 3.4e38 in column 'number', got the text '12'"),
        (NUMBER, True, "got true"), (NUMBER, 1e39, "got the number 1e\\+39"),
        (NUMBER, [], "a list"),
        (FLAG, "yes", "true, false or a number in column 'flag', got the text 'yes'"),
        (DATE, "31.01.2024", "a date like 2024-01-31 or days since 1970-01-01 in column 'date'"),
        (DATE, "", "got the text ''"), (DATE, False, "got false"), (DATE, {}, "got an object"),
        (WORD, True, "expected text in column 'word', got true"), (WORD, ["a"], "got a list"),
        (MEMBER, {"a": 1}, "text, true or false in column 'member', got an object"),
        (WORD, [[[1]] * 9], "got a list"), (NUMBER, "x" * 10**6, "got the text 'x{80}\\.\\.\\.'"),
    ],
)  # fmt: skip
def test_what_is_refused_is_named(column, value, expected):
    with pytest.raises(RequestError, match=expected) as caught:
        RowReader(SCHEMA).read(ROW | {column.name: value}, 3)
    assert (caught.value.status, caught.value.row, caught.value.column) == (422, 3, column.name)
    assert str(caught.value).startswith("rows[3]: expected ")
    assert len(str(caught.value)) < 300


def test_absent_and_unknown_columns_are_named():
    read = RowReader(SCHEMA).read
    wrong = {name: value for name, value in ROW.items() if name != "number"} | {"numbr": 1}
    with pytest.raises(
        RequestError, match=r"none of 'number' \(did you mean 'numbr'\?\)"
    ) as caught:
        read(wrong)
    assert caught.value.column == "number"
    with pytest.raises(RequestError, match=r"got 'wrd' \(did you mean 'word'\?\)") as caught:
        read(ROW | {"wrd": 1})
    assert caught.value.column == "wrd"
    with pytest.raises(RequestError, match="and 1 more"):
        read({})
    with pytest.raises(RequestError, match=r"expected an object .* got the number 3"):
        read(3)


def test_a_million_unknown_names_are_answered_shortly():
    many = {f"{i}" * 30: 0 for i in range(100_000)}
    with pytest.raises(RequestError) as caught:
        RowReader(SCHEMA).read(ROW | many)
    assert len(str(caught.value)) < 2_000


VALUES = st.fixed_dictionaries(
    {
        "number": st.none() | st.floats(-1e38, 1e38) | st.integers(-(2**53), 2**53),
        "flag": st.none() | st.booleans(),
        "date": st.none() | st.datetimes().map(lambda d: d.isoformat()),
        "word": st.none() | st.text(st.characters(exclude_categories=["Cs", "Cc"])),
        "code": st.none() | st.integers(0, 999) | st.sampled_from(["415", "1.0", "01", "x", "1e2"]),
        "member": st.none() | st.sampled_from(["yes", "No", "YES", "?"]),
    }
)


@given(row=VALUES)
def test_a_row_is_read_as_a_table_is(row):
    """The arrays of a request are those that scoring a table of the same cells makes."""
    row = orjson.loads(orjson.dumps(row))
    reader = RowReader(SCHEMA)
    ours = reader.feed([reader.read(row)])
    cells = dict(row)
    cells["date"] = pd.Timestamp(row["date"], tz="UTC") if row["date"] else pd.NaT
    frame = pd.DataFrame({name: pd.Series([cell], dtype=object) for name, cell in cells.items()})
    frame["date"] = pd.to_datetime(frame["date"], utc=True)
    theirs = make_feed(parse(frame, SCHEMA), SCHEMA)
    assert set(ours) == set(theirs)
    for name, values in theirs.items():
        assert ours[name].dtype == values.dtype
        assert ours[name].shape == (1, 1)
        np.testing.assert_array_equal(ours[name], values, err_msg=name)
