from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import orjson
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_torch.serving.http.request_error import RequestError
from churn_torch.serving.http.requests import RowReader, reader, takes_booleans
from churn_torch.serving.session import make_feed
from churn_torch.tables.encode import parse
from churn_torch.tables.schema import Column, Kind, Schema, Storage
from churn_torch.tables.values.cells import LARGEST, MISSING_TEXT
from churn_torch.tables.values.number_formats import NumberFormat

NUMBER = Column("number", Kind.NUMERIC, Storage.NUMBER)
FLAG = Column("flag", Kind.BOOLEAN, Storage.NUMBER)
DATE = Column("date", Kind.DATETIME, Storage.DATETIME)
GERMAN = Column("german", Kind.DATETIME, Storage.TEXT, datetime_format="%d.%m.%Y")
COMPACT = Column("compact", Kind.DATETIME, Storage.TEXT, datetime_format="%Y%m%d")
WORD = Column("word", Kind.CATEGORICAL, Storage.TEXT, vocabulary=("a", "b"))
CODE = Column("code", Kind.CATEGORICAL, Storage.NUMBER, vocabulary=("1", "415"))
MEMBER = Column("member", Kind.BOOLEAN, Storage.TEXT, vocabulary=("No", "yes"))
WIDE = Column("wide", Kind.NUMERIC, Storage.NUMBER, needs_float64=True)
ISO_DATE = Column("iso", Kind.DATETIME, Storage.TEXT, datetime_format="ISO8601")
TRUTHS = Column("truths", Kind.CATEGORICAL, Storage.TEXT, vocabulary=("True", "False", "?"))
GENDER = Column("gender", Kind.BOOLEAN, Storage.TEXT, vocabulary=("Female", "Male"))
COLUMNS = (NUMBER, WIDE, FLAG, DATE, ISO_DATE, GERMAN, COMPACT)
COLUMNS += (WORD, TRUTHS, CODE, MEMBER, GENDER)
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


LETTERS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
MOMENTS = st.datetimes(timezones=st.none() | st.just(UTC))
# What JSON can hold in one cell, often something that means something to a column.
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70) | st.integers(-3, 3) | st.sampled_from([19700102, 415]),
    st.floats(allow_nan=False, allow_infinity=False),
    LETTERS | LETTERS.map(lambda text: f" {text} "),
    st.sampled_from(sorted(MISSING_TEXT)),
    st.sampled_from(["a", "yes", "No", "YES", "true", "1", "1.0", " 415", "00415", "+4.0", "-.5"]),
    st.sampled_from(["1e2", "1e400", "1_0", "0x1", "\u0664\u0661\u0665", "0\x85", "\u3000"]),
    MOMENTS.map(datetime.isoformat),
    MOMENTS.map(lambda moment: f"{moment:%d.%m.}{moment.year:04}"),
    MOMENTS.map(lambda moment: f"{moment.year:04}{moment:%m%d}"),
)


def by_table(column: Column, cell: object) -> object:
    """Read the cell as the only one of a table; ValueError if it cannot be read."""
    schema = Schema((column,), "y", "yes", "no")
    frame = pd.DataFrame({column.name: pd.Series([cell], dtype=object)})
    return make_feed(parse(frame, schema), schema)[column.name].item()


def by_row(column: Column, cell: object) -> object:
    rows = RowReader(Schema((column,), "y", "yes", "no"))
    return rows.feed([rows.read({column.name: cell})])[column.name].item()


def outcome(read: Callable[[Column, object], object], column: Column, cell: object) -> object:
    try:
        return read(column, cell)
    except ValueError:
        return ValueError


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
@settings(deadline=None, max_examples=50)
@given(cell=SCALARS)
def test_a_cell_means_the_same_in_a_row_and_in_a_table(column: Column, cell: object) -> None:
    cell = orjson.loads(orjson.dumps(cell)) if not isinstance(cell, int) else cell
    row, table = outcome(by_row, column, cell), outcome(by_table, column, cell)
    if row is ValueError and table is not ValueError:
        # JSON has numbers and truth values, so a row must not send the one as the other.
        text_for_number = isinstance(cell, str) and not Schema.is_text(column)
        truth_for_other = isinstance(cell, bool) and not takes_booleans(column)
        assert text_for_number or truth_for_other
    elif table is ValueError and row is not ValueError:
        # A row may send any date as ISO text or as days.
        assert column.kind is Kind.DATETIME
        assert isinstance(cell, int | float) or same(row, by_row(DATE, cell))
    else:
        assert same(row, table)


def test_a_row_has_the_inputs_of_a_table_with_that_row() -> None:
    rows = RowReader(SCHEMA)
    ours = rows.feed([rows.read(ROW)])
    frame = pd.DataFrame({name: pd.Series([cell], dtype=object) for name, cell in ROW.items()})
    theirs = make_feed(parse(frame, SCHEMA), SCHEMA)
    assert set(ours) == set(theirs)
    for name, values in theirs.items():
        assert ours[name].dtype == values.dtype
        assert ours[name].shape == (1, 1)
        np.testing.assert_array_equal(ours[name], values, err_msg=name)


MONEY = Column("money", Kind.NUMERIC, Storage.NUMBER, number_format=NumberFormat(",", ".", "€"))
AGE = Column("age", Kind.NUMERIC, Storage.NUMBER, missing_words=("999", "soon"))
END = Column("end", Kind.DATETIME, Storage.TEXT, datetime_format="%d.%m.%Y",
             missing_words=("9999-12-31",))  # fmt: skip
PAGE = Column("page", Kind.CATEGORICAL, Storage.TEXT, vocabulary=("a", "#"), missing_words=("#",))


@pytest.mark.parametrize(
    ("column", "value", "read"),
    [
        (MONEY, "1.234,5 €", 1234.5), (MONEY, "-3", -3.0), (MONEY, 7, 7.0), (MONEY, "-", math.nan),
        (AGE, 999, math.nan), (AGE, "soon", math.nan), (AGE, "999.0", math.nan), (AGE, 998, 998.0),
        (AGE, "998", 998.0),
        (END, "31.12.9999", math.nan), (END, "9999-12-31", math.nan), (END, "0000-00-00", math.nan),
        (END, "02.01.1970", 1.0), (END, None, math.nan),
        (PAGE, "#", ""), (PAGE, "a", "a"),
    ],
)  # fmt: skip
def test_written_numbers_and_words_for_missing(column, value, read):
    assert same(reader(column)(value), read)


@pytest.mark.parametrize(
    ("column", "value"),
    [(MONEY, "19.50"), (MONEY, ""), (MONEY, True), (AGE, "later"), (NUMBER, "5")],
)
def test_what_is_written_otherwise_is_refused(column, value):
    with pytest.raises(RequestError, match=f"in column '{column.name}'"):
        RowReader(Schema((column,), "y", "yes", "no")).read({column.name: value})
