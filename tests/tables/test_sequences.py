"""Columns of lists: what is read of them, how they become arrays, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.models.preprocessing.event_lists import fit_events
from churn_torch.models.preprocessing.statistics import PreprocessOptions, fit_statistics
from churn_torch.serving.http.request_error import RequestError
from churn_torch.serving.http.requests import RowReader
from churn_torch.serving.session import make_feed
from churn_torch.tables.encode import encode, parse
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.options import ColumnRoles
from churn_torch.tables.schema import Kind, Schema
from churn_torch.tables.sequence_options import SequenceOptions

LAST = 3
ORDERS = SequenceOptions(columns=["paid", "way", "ago"], days_before="ago", last=LAST)
ROLES = ColumnRoles(target="churned", sequences={"orders": ORDERS})
TABLE = pd.DataFrame(
    {
        "tenure": [1.0, 2.5, 3.0, 4.0, 5.0],
        "paid": [[1.0, None, 3.0, 4.5], np.array([2.0]), None, [], [5, 6, 7]],
        "way": [["web", "shop", "", "web"], ["shop"], [], None, ["web", None, "web"]],
        "ago": [[40, 30, 20, 10], [5], [], [], [3.5, 2, 1]],
        "churned": ["yes", "no", "yes", "no", "yes"],
    }
)


def completed(table: pd.DataFrame = TABLE, roles: ColumnRoles = ROLES) -> Schema:
    options = PreprocessOptions(min_count=1)
    schema = infer(table, roles)
    parsed = parse(table, schema)
    schema, statistics = fit_statistics([parsed], schema, options)
    return fit_events(lambda: [parsed], schema, statistics, options)[0]


SCHEMA = completed()


def test_the_schema_knows_the_lists_and_their_events():
    assert SCHEMA.read == ("tenure", "paid", "ago", "way")
    assert [column.name for column in SCHEMA.explained] == ["tenure", "paid", "ago", "way"]
    assert {SCHEMA[name].kind for name in ("paid", "way", "ago")} == {Kind.SEQUENCE}
    (group,) = SCHEMA.sequences
    assert (group.name, group.last, group.days_before) == ("orders", LAST, "ago")
    assert group.events["way"].vocabulary == ("shop", "web")
    # The four events before the last three are not learned from.
    assert (group.events["paid"].minimum, group.events["paid"].maximum) == (2.0, 7.0)
    assert Schema.from_json(SCHEMA.to_json()) == SCHEMA
    assert (
        '"sequences"'
        not in infer(TABLE[["tenure", "churned"]], ColumnRoles(target="churned")).to_json()
    )


def test_the_last_events_are_read_by_the_rules_of_cells():
    parsed = parse(
        TABLE.assign(way=[["web", "null", "nan", "1.0"], [7], [], None, list("abc")]), SCHEMA
    )
    assert [cell.tolist() for cell in parsed["way"]] == [["", "", "1.0"], ["7"], [], [], [*"abc"]]
    assert parsed["paid"][0][1:].tolist() == [3.0, 4.5]
    assert np.isnan(parsed["paid"][0][0])


@pytest.mark.parametrize(
    ("days", "message"),
    [
        ([[9, 8, -2, 1], [5]], r"'ago'.* days of 0 or more, .* got \[-2, 1\] in row 1; leave"),
        ([[9, 8, 8, 1], [-1]], r"days of 0 or more, .* got \[-1\] in row 2"),
        ([[9, 1, 2, None], [5]], r"the oldest event first, .* got \[1, 2\] in row 1; sort"),
    ],
)
def test_days_that_tell_another_order_are_refused(days, message):
    """A later event is not known yet; of lists in another order the latest events would be lost."""
    with pytest.raises(InputError, match=message):
        parse(TABLE.assign(ago=[*days, *TABLE["ago"][2:]]), SCHEMA)


def test_arrays_are_those_of_a_loop():
    got = encode(parse(TABLE, SCHEMA), SCHEMA).sequences
    assert got is not None
    codes = {"shop": 2, "web": 3}
    expected = np.zeros((len(TABLE), 1 + 3 * LAST))
    for row in range(len(TABLE)):
        lists = {name: list(TABLE[name][row] or ()) if not isinstance(TABLE[name][row], np.ndarray)
                 else TABLE[name][row].tolist() for name in ("paid", "ago", "way")}  # fmt: skip
        expected[row, 0] = min(LAST, len(lists["paid"]))
        for c, name in enumerate(("paid", "ago", "way")):
            for place, value in enumerate(lists[name][-LAST:]):
                number = codes.get(value, 0) if name == "way" else value
                expected[row, 1 + c * LAST + place] = np.nan if number is None else number
    np.testing.assert_array_equal(got, expected)
    empty = encode(parse(TABLE.iloc[:0], SCHEMA), SCHEMA).sequences
    assert empty is not None
    assert empty.shape == (0, 1 + 3 * LAST)


def test_rows_of_json_make_the_same_inputs_as_a_table():
    reader = RowReader(SCHEMA)
    rows = [
        {"tenure": 1, "paid": [1.0, None, 3.0], "way": ["web", "x", None], "ago": [4, 3, 1]},
        {"tenure": None, "paid": None, "way": [], "ago": None},
    ]  # fmt: skip
    got = reader.feed([reader.read(row) for row in rows])
    expected = make_feed(parse(pd.DataFrame(rows), SCHEMA), SCHEMA)
    assert list(got) == list(expected)
    for name, values in expected.items():
        assert got[name].dtype == values.dtype
        np.testing.assert_array_equal(got[name], values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"paid": [1]}, r"^rows\[2\]: expected lists of the same length in the columns of orders, "
                        r"got 1 entries of 'paid' and 2 of 'ago'; send null"),
        ({"paid": 3.0}, r"a list, each entry a number .* in column 'paid', got the number 3.0;"),
        ({"paid": [1, "x"]}, r"got the text 'x' as entry 2;"),
        ({"way": [{}, "web"]}, r"a list, each entry text or null, .* got an object as entry 1"),
    ],
)  # fmt: skip
def test_a_row_of_json_is_refused_in_a_sentence(change, message):
    row = {"tenure": 1, "paid": [1, 2], "way": ["web", "web"], "ago": [2, 1], **change}
    with pytest.raises(RequestError, match=message):
        RowReader(SCHEMA).read(row, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"paid": [1, 2, 3, 4, 5]}, r"^column 'paid': expected a list .* got '1' in row 1;"),
        ({"ago": [[1], [2], [], [], [3]]}, r"^data.sequences.orders: .* 4 entries of 'paid' and 1 "
                                          r"of 'ago' in row 1;"),
        ({"paid": [[1, 2, 3, 4], [None], [], [], [1, {}, 3]]},
         r"^column 'paid': expected numbers, got 1 other cell, .* in row 5;"),
    ],
)  # fmt: skip
def test_cells_that_cannot_be_read_are_named_with_their_row(change, message):
    with pytest.raises(InputError, match=message):
        parse(TABLE.assign(**change), SCHEMA)


def roles(**options) -> ColumnRoles:
    return ColumnRoles(target="churned", **options)


DAY = pd.Timestamp("2024-01-31")


@pytest.mark.parametrize(
    ("made", "table", "message"),
    [
        (lambda: ROLES, TABLE.assign(ago=[[DAY] * 4, [DAY], [], [], [DAY] * 3]),
         r"^column 'ago': expected lists of numbers or text, got lists of dates; give the days"),
        (lambda: ROLES, TABLE.assign(way=[[]] * 5), r"^column 'way': expected at least one event"),
        (lambda: ROLES, TABLE.assign(paid=[[None] * 4, [None], [], [], [None] * 3]),
         r"^column 'paid': expected values .* got nothing but missing entries"),
        (lambda: ROLES, TABLE.rename(columns={"way": "ways"}),
         r"^data.sequences.orders: expected a column of the table, got 'way' \(did you mean"),
        (lambda: ROLES, TABLE.assign(orders_length=1), r"expected no column orders_length: the"),
        (lambda: roles(sequences={"a": ORDERS, "b": ORDERS}), TABLE, r"'paid': expected one use"),
        (lambda: roles(sequences={"a": ORDERS}, ignore=["way"]), TABLE,
         r"in data.sequences.a and also in data.ignore"),
        (lambda: roles(sequences={"a": ORDERS}, kinds={"way": "datetime"}), TABLE,
         r"^data.kinds.way: expected numeric or categorical for the entries of lists"),
        (lambda: roles(kinds={"way": "sequence"}), TABLE, r"^data.kinds.way: expected one of num"),
        (lambda: SequenceOptions(columns=[]), TABLE, r"expected a list of columns for each group"),
        (lambda: SequenceOptions(columns=["a"], days_before="b"), TABLE, r"days_before to be one"),
        (lambda: SequenceOptions(columns=["a"], last=0), TABLE, r"last from 1 to 1,000 events"),
    ],
)  # fmt: skip
def test_what_is_no_sequence_is_refused(made, table, message):
    with pytest.raises(InputError, match=message):
        infer(table, made())
