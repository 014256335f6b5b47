"""Cells: the same meaning whichever way a column arrives."""

from __future__ import annotations

import datetime
import decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from churn_torch.tables.values import cells, plain_numbers
from churn_torch.tables.values.cells import Storage, canonical_text, plain


@pytest.mark.parametrize(
    ("series", "storage", "expected"),
    [
        (pd.Series([1, 2]), Storage.NUMBER, [1.0, 2.0]),
        (pd.Series([1, None], dtype="Int64"), Storage.NUMBER, [1.0, None]),
        (pd.Series([1.5, np.nan], dtype="float32"), Storage.NUMBER, [1.5, None]),
        (pd.Series([1.5, None], dtype="double[pyarrow]"), Storage.NUMBER, [1.5, None]),
        (pd.Series([True, False]), Storage.NUMBER, [1.0, 0.0]),
        (pd.Series([True, None], dtype="boolean"), Storage.NUMBER, [1.0, None]),
        (pd.Series([True, None], dtype="bool[pyarrow]"), Storage.NUMBER, [1.0, None]),
        (pd.Series([True, None, False], dtype=object), Storage.NUMBER, [1.0, None, 0.0]),
        (pd.Series([1, 2.5, None], dtype=object), Storage.NUMBER, [1.0, 2.5, None]),
        (pd.Series([10**400, -(10**400), 1]), Storage.NUMBER, [np.inf, -np.inf, 1.0]),
        (pd.Series([decimal.Decimal("1.25"), None]), Storage.NUMBER, [1.25, None]),
        (pd.Series([3, None, 5], dtype="category"), Storage.NUMBER, [3.0, None, 5.0]),
        (pd.Series(["a", None, "b"], dtype="category"), Storage.TEXT, ["a", None, "b"]),
        (pd.Series(["a", None]), Storage.TEXT, ["a", None]),
        (pd.Series(["a", None], dtype=object), Storage.TEXT, ["a", None]),
        (pd.Series(["a", None], dtype="string"), Storage.TEXT, ["a", None]),
        (pd.Series(["a", None], dtype="string[pyarrow]"), Storage.TEXT, ["a", None]),
        (pd.Series([None, None], dtype=object), Storage.TEXT, [None, None]),
        (pd.Series(pd.to_timedelta([None, None])), Storage.NUMBER, [None, None]),
        (pd.Series(pd.to_timedelta([36, None], unit="h")), Storage.NUMBER, [1.5, None]),
        (
            pd.Series([datetime.timedelta(hours=6), None], dtype=object),
            Storage.NUMBER,
            [0.25, None],
        ),
        (pd.Series(pd.to_timedelta([1], unit="D")).astype("category"), Storage.NUMBER, [1.0]),
        (pd.Series([decimal.Decimal("1.25"), 2, 0.5]), Storage.NUMBER, [1.25, 2.0, 0.5]),
        (pd.Series([1, pd.NA], dtype=object), Storage.NUMBER, [1.0, None]),
        (pd.Series([True, pd.NA], dtype=object), Storage.NUMBER, [1.0, None]),
        (pd.Series([np.int64(1), np.float32(0.5)], dtype=object), Storage.NUMBER, [1.0, 0.5]),
        (pd.Series([np.str_("a"), pd.NA], dtype=object), Storage.TEXT, ["a", None]),
        (pd.cut(pd.Series([1, 9, None]), [0, 4, 10]), Storage.TEXT, ["(0, 4]", "(4, 10]", None]),
        (pd.Series([pd.Interval(0, 1), None], dtype=object), Storage.TEXT, ["(0, 1]", None]),
        (
            pd.Series(["a", 1, 2.0, True, None], dtype=object),
            Storage.TEXT,
            ["a", "1", "2", "True", None],
        ),
    ],
)
def test_plain_numbers_and_text(series: pd.Series, storage: Storage, expected: list) -> None:
    kind, values = plain(series)
    assert kind is storage
    assert values.dtype == ("float64" if storage is Storage.NUMBER else "str")
    assert [None if pd.isna(value) else value for value in values] == expected


@pytest.mark.parametrize(
    "series",
    [
        pd.Series(pd.to_datetime(["2024-01-31", None])),
        pd.Series(pd.to_datetime(["2024-01-31", None])).astype("datetime64[s]"),
        pd.Series(pd.to_datetime(["2024-01-31", None])).dt.tz_localize("UTC"),
        pd.Series(pd.to_datetime(["2024-01-31 02:00", None])).dt.tz_localize("Europe/Kyiv"),
        pd.Series([datetime.date(2024, 1, 31), None], dtype=object),
        pd.Series([datetime.datetime(2024, 1, 31), pd.NaT], dtype=object),
        pd.Series(["2024-01-31", None], dtype="period[D]"),
        pd.Series(["2024-01-31", None], dtype="period[D]").astype(object),
        pd.Series([np.datetime64("2024-01-31"), None], dtype=object),
        pd.Series(["2024-01-31", None], dtype="timestamp[ms][pyarrow]"),
        pd.Series(pd.to_datetime(["2024-01-31", None])).astype("category"),
    ],
    ids=str,
)
def test_plain_dates_become_utc(series: pd.Series) -> None:
    storage, values = plain(series)
    assert storage is Storage.DATETIME
    assert str(values.dt.tz) == "UTC"
    assert values[0] == pd.Timestamp("2024-01-31", tz="UTC")
    assert values.isna().tolist() == [False, True]


@pytest.mark.parametrize(
    "series",
    [
        pd.Series([[1], None]),
        pd.Series([{"a": 1}, None]),
        pd.Series([b"x", None], dtype=object),
        pd.Series([datetime.time(10), None]),
        pd.Series([1 + 2j, 0j]),
        pd.Series(["text", [1]], dtype=object),
    ],
    ids=str,
)
def test_plain_leaves_other_cells_alone(series: pd.Series) -> None:
    storage, values = plain(series)
    assert storage is None
    assert len(values) == len(series)


def test_a_date_beside_a_timestamp_is_one() -> None:
    storage, values = plain(pd.Series([datetime.date(2024, 1, 31), pd.Timestamp("2024-02-01")]))
    assert storage is Storage.DATETIME
    assert values.dt.day.tolist() == [31, 1]


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ([1], "nested values (list)"),
        ({"a": 1}, "nested values (dict)"),
        (datetime.time(10), "values of the type time"),
        (b"x", "values of the type bytes"),
    ],
)
def test_other_cells_are_called_what_they_are(cell: object, words: str) -> None:
    assert cells.other_cells(pd.Series([None, "text", cell], dtype=object)) == words


@pytest.mark.parametrize(
    ("series", "texts"),
    [
        (pd.Series(pd.to_timedelta([36, 24], unit="h")), ["1.5", "1"]),
        (pd.Series(pd.to_timedelta([24], unit="h")).astype("category"), ["1"]),
        (pd.Series([decimal.Decimal("1.50"), decimal.Decimal("2.00")]), ["1.5", "2"]),
        (
            pd.Series(pd.Categorical.from_codes([0], pd.IntervalIndex.from_breaks([0, 4]))),
            ["(0, 4]"],
        ),
    ],
    ids=str,
)
def test_cells_of_rich_types_are_spelled_as_their_plain_likes(series, texts) -> None:
    assert canonical_text(series).tolist() == texts


def test_missing_text_is_missing_and_its_likes_are_not() -> None:
    tokens = pd.Series([*sorted(cells.MISSING_TEXT), " ", "\t \n"])
    assert plain(tokens)[1].isna().all()
    assert (canonical_text(tokens) == "").all()
    kept = ["none", "No", "-", "?", " NA", "NAN", "0", "N/a"]
    assert canonical_text(pd.Series(kept)).tolist() == kept


def test_plain_keeps_the_index_and_the_input() -> None:
    series = pd.Series(["a", "NA"], index=[7, 3], name="x")
    _, values = plain(series)
    assert values.index.tolist() == [7, 3]
    assert series.tolist() == ["a", "NA"]


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        (pd.Series([415, 408]), ["415", "408"]),
        (pd.Series([415.0, np.nan, 0.5, -0.0]), ["415", "", "0.5", "0"]),
        (pd.Series([0.1], dtype="float32"), ["0.1"]),
        (pd.Series([9007199254740993, None], dtype="Int64"), ["9007199254740993", ""]),
        (pd.Series([1e300, 1e20]), ["1e+300", "1e+20"]),
        (pd.Series([True, False]), ["True", "False"]),
        (pd.Series([True, None], dtype=object), ["True", ""]),
        (pd.Series(["  kept exactly ", "ü/日本", None]), ["  kept exactly ", "ü/日本", ""]),
        (pd.Series([415, 408, None], dtype="category"), ["415", "408", ""]),
        (pd.Series(pd.to_datetime(["2024-01-31", None])), ["2024-01-31T00:00:00", ""]),
        (pd.Series([[1], None]), ["[1]", ""]),
        (pd.Series([], dtype=object), []),
    ],
    ids=str,
)
def test_canonical_text(series: pd.Series, expected: list[str]) -> None:
    text = canonical_text(series)
    assert text.dtype == "str"
    assert text.tolist() == expected


def test_numbers_as_text_spells_numbers_alike_and_keeps_the_rest() -> None:
    text = pd.Series(["1.0", "1", " 1", "0.50", "01", "007.0", "abc", "", "1e2", "inf", "1" * 20])
    expected = ["1", "1", "1", "0.5", "01", "007.0", "abc", "", "100", "inf", "1" * 20]
    assert cells.numbers_as_text(text).tolist() == expected
    too_long_for_float64 = str(2**53 + 1)
    assert cells.number_as_text(too_long_for_float64) == too_long_for_float64
    assert cells.number_as_text(f"{2**53 - 1}.0") == str(2**53 - 1)


@settings(deadline=None)
@given(st.lists(st.integers(-(2**53) + 1, 2**53 - 1), max_size=20))
def test_whole_numbers_have_one_spelling(numbers: list[int]) -> None:
    as_int = canonical_text(pd.Series(numbers, dtype="int64"))
    as_float = canonical_text(pd.Series(numbers, dtype="float64"))
    as_text = cells.numbers_as_text(pd.Series([f"{number}.0" for number in numbers], dtype="str"))
    expected = [str(number) for number in numbers]
    assert as_int.tolist() == as_float.tolist() == as_text.tolist() == expected


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False) | st.text(max_size=6), max_size=12))
@example(["", "0\x85"])
def test_read_numbers_agrees_with_one_cell_at_a_time(mixed: list[float | str]) -> None:
    # One unreadable cell sends the whole column another way: the numbers must not move.
    texts = pd.Series(list(map(str, mixed)), dtype="str")
    numbers, bad = plain_numbers.read_numbers(texts)
    for cell, number, is_bad in zip(mixed, numbers, bad, strict=True):
        if isinstance(cell, float):
            assert not is_bad
            assert number == cell
    alone = [plain_numbers.read_numbers(texts[i : i + 1])[0].iloc[0] for i in range(len(texts))]
    np.testing.assert_array_equal(numbers, np.array(alone, dtype=float))


def test_read_numbers_marks_what_is_no_number() -> None:
    text = pd.Series(["1", " 2.5 ", "+3", "-inf", ".5", "x", "1_0", "0x1", "1,5", None, " nan "])
    numbers, bad = plain_numbers.read_numbers(text)
    assert numbers[:5].tolist() == [1.0, 2.5, 3.0, -np.inf, 0.5]
    assert bad.tolist() == [False] * 5 + [True] * 4 + [False, True]


def test_leading_zero_is_a_code() -> None:
    text = pd.Series(["00123", "0.5", "0", "-07", " 01", "10", None, "x01"])
    is_code = plain_numbers.leading_zero(text).tolist()
    assert is_code == [True, False, False, True, True, False, False, False]
