"""Columns of dates: by their cells, by their name, and what the note says."""

from __future__ import annotations

import pandas as pd
import pytest

from churn_torch.tables.inference.column_profile import ColumnProfile, profile_column
from churn_torch.tables.inference.dated import as_dates, dates_by_name, hint, named_forms, text_hint
from churn_torch.tables.schema import Kind, Storage

DAYS = pd.date_range("2021-01-01", periods=60)


def profile(values: object, name: str = "x") -> ColumnProfile:
    return profile_column(pd.Series(values, name=name))


@pytest.mark.parametrize(
    ("name", "numbers", "form"),
    [
        ("signup_date", [20210101 + i for i in range(28)], "%Y%m%d"),
        ("signup_date", [44_200 + i for i in range(28)], "Excel days"),
        ("Geburtsdatum", [20210101 + i for i in range(28)], "%Y%m%d"),
        ("Alkupäivä päivämäärä", [20210101 + i for i in range(28)], "%Y%m%d"),
        ("fecha_alta", [20210101 + i for i in range(28)], "%Y%m%d"),
        ("createdAt", [1_614_600_000 + 977 * i for i in range(28)], "seconds since 1970"),
        ("event_ts", [1_614_600_000_000 + 977 * i for i in range(28)], "milliseconds since 1970"),
        ("billing month", [202101 + i for i in range(12)], "%Y%m"),
        ("signup_time", [44_200 + i for i in range(28)], None),
        ("update", [20210101 + i for i in range(28)], None),
        ("data_used", [44_200 + i for i in range(28)], None),
        ("amount", [20210101 + i for i in range(28)], None),
        ("signup_date", [2015 + i for i in range(9)], None),
        ("days_since_date", [3.5 + i for i in range(9)], None),
    ],
)
def test_numbers_are_dates_where_the_name_says_so(
    name: str, numbers: list[float], form: str | None
) -> None:
    column = dates_by_name(profile(numbers, name))
    assert (None if column is None else column.datetime_format) == form
    assert column is None or column.kind is Kind.DATETIME


def test_names_that_say_nothing() -> None:
    assert named_forms("mandate") == named_forms("candidate") == named_forms("timeout") == ()


def test_numbers_that_look_like_dates_get_a_hint() -> None:
    numbers = [20210101 + i for i in range(28)]
    assert hint(profile(numbers)) == "; looks like dates: data.kinds.x=datetime reads them"
    assert '"data.kinds.my col=datetime"' in hint(profile(numbers, "my col"))
    for others in (list(range(28)), [44_200 + i for i in range(28)], [2015, 2016]):
        assert hint(profile(others)) == ""
    for amounts in ([*range(3, 60, 3), 10**12], [1_100_000_000.5 + i for i in range(28)]):
        assert hint(profile(amounts)) == ""  # one large number, and cents


def test_short_years_are_explained_and_births_are_long_ago() -> None:
    short = DAYS.strftime("%d/%m/%y")
    column = as_dates(profile(short)).column
    assert column is not None
    assert column.datetime_format == "%d/%m/%y"
    assert "years 00 to 68 are 2000 to 2068, others 1969 to 1999" in column.note
    births = [f"13/0{m}/{y:02}" for m in range(1, 10) for y in range(40, 90)]
    column = as_dates(profile(births, "date_of_birth")).column
    assert column is not None
    assert column.datetime_format == "%d/%m/%25y"
    assert "years 00 to 25 are 2000 to 2025, others 1926 to 1999" in column.note


def test_an_open_order_is_said() -> None:
    column = as_dates(profile(["03/04/2024", "05/06/2024"])).column
    assert column is not None
    assert "we guess day first" in column.note
    column = as_dates(profile(["03/04/21", "05/06/22"])).column
    assert column is not None
    assert "day, month and year could be in another order" in column.note


def test_a_few_other_texts_are_missing() -> None:
    texts = [*DAYS.strftime("%Y-%m-%d"), "99-99-9999", "", "n/a"]
    column = as_dates(profile(texts)).column
    assert column is not None
    assert column.missing_words == ("99-99-9999",)
    assert "'99-99-9999' (1 cell) counts as missing" in column.note
    found = as_dates(profile([*texts, *["soon 1"] * 10]))
    assert (found.column, found.unreadable) == (None, "99-99-9999")


def test_nearly_dates_get_a_hint() -> None:
    days = list(DAYS.strftime("%Y-%m-%d"))
    assert text_hint(pd.Series([*days[:18], "soon"])) == "; would be dates but for 'soon'"
    mixed = [*days[:10], *DAYS[10:20].strftime("%d/%m/%Y")]
    assert text_hint(pd.Series(mixed)).startswith("; would be dates but for '")
    assert text_hint(pd.Series(["a1", "b2"])) == ""


def test_last_days_are_named() -> None:
    texts = [*DAYS.strftime("%Y-%m-%d"), *["9999-12-31"] * 20]
    column = as_dates(profile(texts)).column
    assert column is not None
    assert "set data.missing.x=[9999-12-31]" in column.note
    assert column.storage is Storage.TEXT


def test_zeros_between_dates_are_counted_as_missing() -> None:
    frame = pd.Series([*(f"{d:02}/01/2021" for d in range(1, 29)), "0", "0", "00.0"], name="last")
    column = as_dates(profile_column(frame.astype("str"))).column
    assert column is not None
    assert column.note.endswith("'0' and '00.0' (3 cells) count as missing")
    assert column.missing_share == 3 / 31


@pytest.mark.parametrize(
    ("texts", "zones"),
    [
        (["2024-01-31 10:00+01:00", "2024-02-01T10:00:00Z", "2024-02-02"], "Z, +01:00"),
        (["2024-01-31 10:00", "2024-02-01 10:00:00.5 +02:00"], "none, +02:00"),
        (["31.01.2024 10:00 CET", "01.02.2024 10:00 EST"], "EST, CET"),
        (["Wed Jan 31 14:30:00 CET 2024", "Wed Jul 31 14:30:00 CEST 2024"], "CET, CEST"),
        (["31.01.2024 10:00 CET", "01.02.2024 10:00 MEZ"], ""),
        (["2024-01-31 10:00", "2024-02-01 10:00Z", "2024-02-02 01:02:03.4 UTC"], ""),
        (["2024-01-31", "2024-02-11"], ""),
    ],
)
def test_times_in_several_zones_are_named(texts, zones) -> None:
    column = as_dates(profile(texts)).column
    assert column is not None
    note = f"; times in several zones ({zones}) are read as UTC"
    assert (note in column.note) == bool(zones)
    assert ("zone" in column.note) == bool(zones)
