"""Guesses: every rule on small columns, as CSV text and typed."""

from __future__ import annotations

import datetime
import decimal
import random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_torch.tables.inference import guesses
from churn_torch.tables.inference.column_profile import profile_column
from churn_torch.tables.schema import Column, Kind, Storage

N = 60
NUMBER, TEXT, DATETIME = Storage.NUMBER, Storage.TEXT, Storage.DATETIME


def guess(values: object, name: str = "x") -> Column:
    return guesses.guess(profile_column(pd.DataFrame({name: values})[name]))


def repeat(values: list, rows: int = N) -> list:
    return [values[i % len(values)] for i in range(rows)]


def shuffled(numbers: list[int]) -> list[int]:
    return random.Random(0).sample(numbers, len(numbers))


@pytest.mark.parametrize(
    ("values", "kind", "storage"),
    [
        # numbers
        (repeat([3, 7, 11]), Kind.NUMERIC, NUMBER),
        (repeat([1, 2]), Kind.NUMERIC, NUMBER),
        (repeat(["29.85", " ", "1889.5"]), Kind.NUMERIC, NUMBER),
        (repeat(["1", "NA", "3e2", "-inf"]), Kind.NUMERIC, NUMBER),
        (repeat([1.5, np.nan]), Kind.NUMERIC, NUMBER),
        (repeat([decimal.Decimal("1.10"), decimal.Decimal("2"), None]), Kind.NUMERIC, NUMBER),
        (repeat([1, 2.5, None]), Kind.NUMERIC, NUMBER),
        (pd.array(repeat([1, 5, None]), dtype="Int64"), Kind.NUMERIC, NUMBER),
        (pd.array(repeat([1, 5, None]), dtype="int64[pyarrow]"), Kind.NUMERIC, NUMBER),
        (repeat([1.0, None]), Kind.NUMERIC, NUMBER),
        (repeat([0, 1, 2]), Kind.NUMERIC, NUMBER),
        # yes and no
        (repeat([0, 1]), Kind.BOOLEAN, NUMBER),
        (repeat(["0", "1"]), Kind.BOOLEAN, NUMBER),
        (repeat(["0.0", "", "1.0"]), Kind.BOOLEAN, NUMBER),
        (repeat([0.0, 1.0, np.nan]), Kind.BOOLEAN, NUMBER),
        (repeat([True, False]), Kind.BOOLEAN, NUMBER),
        (repeat([True, False, None]), Kind.BOOLEAN, NUMBER),
        (pd.array(repeat([True, None]), dtype="boolean"), Kind.BOOLEAN, NUMBER),
        (repeat(["Yes", "No"]), Kind.BOOLEAN, TEXT),
        (repeat(["yes", "No", "YES", "no"]), Kind.BOOLEAN, TEXT),
        (repeat(["True", "False", ""]), Kind.BOOLEAN, TEXT),
        (repeat(["t", "f"]), Kind.BOOLEAN, TEXT),
        (repeat(["Y", "N"]), Kind.BOOLEAN, TEXT),
        # categories
        (repeat(["Yes", "No", "No internet service"]), Kind.CATEGORICAL, TEXT),
        (repeat(["yes", "f"]), Kind.CATEGORICAL, TEXT),
        (repeat(["Male", "Female"]), Kind.CATEGORICAL, TEXT),
        (repeat(["00123", "04021", "10115"]), Kind.CATEGORICAL, TEXT),
        (repeat(["area_code_415", "area_code_408"]), Kind.CATEGORICAL, TEXT),
        (repeat(["only", None]), Kind.CATEGORICAL, TEXT),
        (repeat(["a", 1, 2.0]), Kind.CATEGORICAL, TEXT),
        (pd.Categorical(repeat(["a", "b"])), Kind.CATEGORICAL, TEXT),
        (pd.Categorical(repeat([408, 415, 510])), Kind.CATEGORICAL, NUMBER),
        (pd.cut(list(range(N)), 4), Kind.CATEGORICAL, TEXT),
        (pd.to_timedelta(repeat([1, 2.5]), unit="D"), Kind.NUMERIC, NUMBER),
        # dates
        (repeat(["2024-01-31", "2023-05-01"]), Kind.DATETIME, TEXT),
        (repeat(["2024-01-31", "2023-05-01", None]), Kind.DATETIME, TEXT),
        (pd.date_range("2024-01-01", periods=N), Kind.DATETIME, DATETIME),
        (pd.date_range("2024-01-01", periods=N, tz="Asia/Tokyo"), Kind.DATETIME, DATETIME),
        (repeat([datetime.date(2024, 1, 31), datetime.date(2023, 1, 1)]), Kind.DATETIME, DATETIME),
        # nothing to learn from
        ([None] * N, Kind.IGNORED, TEXT),
        ([np.nan] * N, Kind.IGNORED, NUMBER),
        ([" "] * N, Kind.IGNORED, TEXT),
        ([7] * N, Kind.IGNORED, NUMBER),
        (["same"] * N, Kind.IGNORED, TEXT),
        ([True] * N, Kind.IGNORED, NUMBER),
        (["2024-01-31"] * N, Kind.IGNORED, TEXT),
        ([[1, 2]] * N, Kind.IGNORED, TEXT),
        (repeat([{"a": 1}, None]), Kind.IGNORED, TEXT),
        ([b"x"] * N, Kind.IGNORED, TEXT),
        ([datetime.time(10)] * N, Kind.IGNORED, TEXT),
        # identifiers
        ([f"7590-{i:05}" for i in range(N)], Kind.IGNORED, TEXT),
        (list(range(1, N + 1)), Kind.IGNORED, NUMBER),
        ([str(i) for i in shuffled(list(range(N)))], Kind.IGNORED, NUMBER),
        ([15_600_000 + 13 * i for i in range(N)], Kind.IGNORED, NUMBER),
    ],
    ids=lambda value: str(value)[:40],
)
def test_kinds(values: object, kind: Kind, storage: Storage) -> None:
    column = guess(values)
    assert (column.kind, column.storage) == (kind, storage)
    assert column.note


@pytest.mark.parametrize(
    ("values", "note"),
    [
        ([None] * N, "left out: empty"),
        ([7] * N, "left out: constant"),
        ([[1]] * N, "left out: nested values"),
        ([b"x"] * N, "left out: values of the type bytes"),
        (pd.to_timedelta(repeat([1, 2.5]), unit="D"), "number of days"),
        ([f"key {i}" for i in range(N)], "left out: looks like an identifier"),
        (list(range(N)), "left out: looks like a row number"),
        (repeat([f"Name {i}" for i in range(55)], 240), "too many different texts (55 in 240)"),
        ([*map(str, range(N - 1)), "?"], "number; '?' (1 cell) counts as missing"),
        ([*map(str, range(N - 4)), *"abcd"], "would be a number but for 'x' and 3 other texts"),
        ([f"{i},5" for i in range(N)], "number; decimal comma"),
        (repeat(["03/04/2024", "05/06/2024"]), "we guess day first"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_notes_say_why(values: list, note: str) -> None:
    assert note in guess(values).note


def test_dates_that_fit_one_way_do_not_say_day_first() -> None:
    column = guess(repeat(["31/01/2024", "05/06/2024"]))
    assert column.datetime_format == "%d/%m/%Y"
    assert "day first" not in column.note
    assert guess(repeat(["2024-01-31", "2024-06-05"])).datetime_format == "ISO8601"
    assert guess(pd.date_range("2024", periods=N)).datetime_format is None


class TestIdentifiers:
    """Leaving out a real column costs more than keeping an id: each rule has its limits."""

    IDS = tuple(3 * i + 1 for i in range(N))

    @pytest.mark.parametrize(
        "name",
        [
            "id",
            "ID",
            "customerID",
            "CustomerId",
            "customer_id",
            "account no",
            "Policy-Nr",
            "phone number",
            "userid",
            "UUID",
            "row_key",
        ],
    )
    def test_by_name(self, name: str) -> None:
        assert guess(list(self.IDS), name).kind is Kind.IGNORED
        assert "named like one" in guess([str(i) for i in self.IDS], name).note

    @pytest.mark.parametrize("name", ["paid", "valid", "id_count", "x", "日本", "", "casino"])
    def test_other_names_are_no_ids(self, name: str) -> None:
        assert guess(list(self.IDS), name).kind is Kind.NUMERIC

    def test_an_id_may_repeat(self) -> None:
        orders = [3 * (i // 3) + 1 for i in range(300)]
        assert "named like one, 100 different" in guess(orders, "customer_id").note
        assert guess(orders, "house number").kind is Kind.NUMERIC
        assert guess(orders, "x").kind is Kind.NUMERIC
        assert guess(orders[:90], "customer_id").kind is Kind.IGNORED
        assert guess(orders[:90], "plan_id").kind is Kind.CATEGORICAL
        assert guess([7 * (i % 60) for i in range(600)], "store_id").kind is Kind.NUMERIC

    def test_repeats_missing_fractions_or_few_rows_clear_it(self) -> None:
        assert guess([*self.IDS[:-1], 1], "number").kind is Kind.NUMERIC
        assert guess([*self.IDS[:-1], None], "id").kind is Kind.IGNORED  # a blank or two
        assert guess([*self.IDS[:50], *[None] * 10], "id").kind is Kind.NUMERIC
        assert guess([i + 0.5 for i in self.IDS], "id").kind is Kind.NUMERIC
        assert guess(list(range(19)), "count").kind is Kind.NUMERIC
        assert guess([f"k{i}" for i in range(19)], "key").kind is Kind.CATEGORICAL
        assert guess(list(range(9)), "id").kind is Kind.NUMERIC
        assert guess([f"k{i}" for i in range(9)], "id").kind is Kind.CATEGORICAL

    def test_a_name_that_says_id_needs_few_rows(self) -> None:
        assert guess([7 * i for i in range(14)], "Account #").kind is Kind.IGNORED
        assert guess([7 * i for i in range(14)], "№ клиента").kind is Kind.IGNORED
        assert guess([f"C{i}" for i in range(14)], "customer_id").kind is Kind.IGNORED

    @pytest.mark.parametrize("name", ["customer_id", "AccountId", "id"])
    @pytest.mark.parametrize("write", [str, "C-{:03}".format, int])
    def test_customers_with_many_rows_are_no_category(self, name, write) -> None:
        column = guess([write(i % 60 + 101) for i in range(600)], name)
        assert column.kind is Kind.IGNORED
        assert "60 different in 600 rows: data.split.by=group" in column.note
        assert "churn-torch features" in column.note

    @pytest.mark.parametrize("name", ["store_id", "plan", "branch"])
    def test_shops_and_plans_with_many_rows_are_learned_from(self, name) -> None:
        assert guess([f"C-{i % 60}" for i in range(600)], name).kind is Kind.CATEGORICAL

    def test_only_identifiers_that_repeat_suggest_a_split_by_them(self) -> None:
        ids = guess([f"K{i // 3:05}" for i in range(300)], "customer_id")
        assert "named like one, 100 different texts" in ids.note
        assert "data.split.by=group data.split.column=customer_id" in ids.note
        names = guess([f"Name {i % 290}" for i in range(300)], "surname")
        assert names.kind is Kind.IGNORED
        assert "data.split" not in names.note

    def test_one_word_between_numbers_or_dates_is_named_with_its_key(self) -> None:
        numbers = guess([*map(str, range(80)), *["pending"] * 20], "open orders")
        key = '"data.missing.open orders=[pending]"'
        assert numbers.note.endswith(
            f"would be a number but for 'pending': {key} if it means missing"
        )
        days = [f"{1 + i % 28:02}/{1 + i % 12:02}/2021" for i in range(80)]
        assert (
            "data.missing.last=[never] if it means" in guess([*days, *["never"] * 20], "last").note
        )
        assert "data.missing" not in guess([*map(str, range(80)), *["<5"] * 20], "age").note

    def test_codes_of_digits_and_letters_have_no_units(self) -> None:
        codes = guess([f"{i * 37 % 4096:03x}" for i in range(300)], "hex")
        assert codes.kind is Kind.IGNORED
        assert "units" not in codes.note

    def test_long_numbers_of_one_length(self) -> None:
        long = [100_003 + 7 * i for i in range(N)]
        assert "long number" in guess(long).note
        assert guess([*long[:-1], 1_000_003]).kind is Kind.NUMERIC
        assert guess([10_003 + 7 * i for i in range(N)]).kind is Kind.NUMERIC
        assert "long number" in guess([2**60 + 3 * i for i in range(N)]).note
        assert "long number" in guess([str(2**60 + 3 * i) for i in range(N)]).note

    def test_seconds_since_1970_are_no_identifier(self) -> None:
        seconds = [1_700_000_000 + 977 * i for i in range(N)]
        assert guess(seconds, "signup_time").kind is Kind.DATETIME
        assert guess(seconds, "createdAt").kind is Kind.DATETIME
        assert guess(seconds, "seconds").kind is Kind.NUMERIC
        assert guess(seconds, "account").kind is Kind.IGNORED

    def test_surnames_and_codes(self) -> None:
        surnames = [f"Name{i % 100}" for i in range(300)]
        assert guess(surnames).kind is Kind.IGNORED
        assert guess(repeat([f"Name{i}" for i in range(100)], 600)).kind is Kind.CATEGORICAL
        assert guess(repeat([f"Name{i}" for i in range(50)], 60)).kind is Kind.CATEGORICAL


CELLS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            CELLS,
            st.dates().map(str),
            st.dates(),
            st.datetimes(),
            st.sampled_from(["", "NA", " ", "01", "yes", "no", "1/2/2024", "nan", "inf", "1e999"]),
        ),
        min_size=2,
        max_size=30,
    )
)
def test_any_column_gets_a_kind(values: list) -> None:
    column = guess(pd.Series(values, dtype=object))
    assert column.kind in set(Kind) - {Kind.ID, Kind.TARGET}
    assert 0 <= column.missing_share <= 1
    assert 0 <= column.n_distinct <= len(values)


@settings(deadline=None)
@given(
    st.lists(st.integers(-99, 99) | st.none(), min_size=4, max_size=40)
    | st.lists(st.floats(-99, 99).map(lambda x: round(x, 3)) | st.none(), min_size=4, max_size=40)
)
def test_csv_text_and_typed_numbers_agree(values: list) -> None:
    typed = guess(pd.Series(values, dtype="float64"))
    text = guess(pd.Series(["" if value is None else str(value) for value in values], dtype="str"))
    for field in ("kind", "missing_share", "n_distinct"):
        assert getattr(typed, field) == getattr(text, field)


def test_many_numbers_that_are_all_days_are_dates_whatever_the_name() -> None:
    days = [20_210_300 + i for i in range(1, 15)]
    column = guess(days, "compact")
    assert column.kind is Kind.DATETIME
    assert column.note.endswith("read as 20240131; data.kinds.compact=numeric if these are numbers")
    assert guess([*days, 20_211_332], "compact").kind is Kind.NUMERIC
    assert guess(days[:9], "compact").kind is Kind.NUMERIC
    assert guess(days, "customer_id").kind is Kind.IGNORED
