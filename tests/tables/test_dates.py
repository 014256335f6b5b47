"""Dates: which format a column of text has, and the days since 1970 it becomes."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_torch.tables.dates import (
    COMPACT,
    ISO,
    date_formats,
    day_number,
    day_numbers,
    read_date,
    read_dates,
)

ZONES = st.none() | st.integers(-720, 840).map(
    lambda minutes: datetime.timezone(datetime.timedelta(minutes=minutes))
)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2024-01-31", "2023-12-01"], ["ISO8601"]),
        (["2024-01-31T10:00:00Z", "2024-01-31 10:00:00.123456+02:00", "2024-02-01"], ["ISO8601"]),
        (["2024-1-5"], ["%Y-%m-%d"]),
        (["31/01/2024", "1/2/2024"], ["%d/%m/%Y"]),
        (["01/31/2024", "1/2/2024"], ["%m/%d/%Y"]),
        (["03/04/2024"], ["%d/%m/%Y", "%m/%d/%Y"]),
        (["31.01.2024 14:30"], ["%d.%m.%Y %H:%M"]),
        (["2024/01/31 14:30:59"], ["%Y/%m/%d %H:%M:%S"]),
        (["1/31/2024 2:30 PM"], ["%m/%d/%Y %I:%M %p"]),
        (["31-Jan-2024"], ["%d-%b-%Y"]),
        (["31-01-2024"], ["%d-%m-%Y"]),
        (["2024-01-31", "31/01/2024"], []),
        (["2024-01-31", "soon"], []),
        (["2024-13-01"], []),
        (["1.2.3"], []),
        (["192.168.1.1"], []),
        (["382-4657"], []),
        (["month-to-month"], []),
    ],
    ids=str,
)
def test_date_formats(texts: list[str], expected: list[str]) -> None:
    assert date_formats(pd.Series(texts)) == expected


def test_date_formats_looks_beyond_the_first_hundred() -> None:
    days = pd.Series(pd.date_range("2000-01-01", periods=150).strftime("%d/%m/%Y"))
    assert date_formats(days) == ["%d/%m/%Y"]
    assert date_formats(pd.concat([days, pd.Series(["never"])], ignore_index=True)) == []


@settings(deadline=None)
@given(
    st.datetimes(datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31)),
    st.sampled_from(["ISO8601", "%d/%m/%Y %H:%M:%S"]),
)
def test_days_count_from_1970_in_utc(moment: datetime.datetime, form: str) -> None:
    moment = moment.replace(microsecond=0)
    text = (
        moment.isoformat() if form == ISO else moment.strftime(f"%d/%m/{moment.year:04} %H:%M:%S")
    )
    dates, bad = read_dates(pd.Series([text, None]), form)
    days = day_numbers(dates)
    assert not bad.any()
    expected = (moment - datetime.datetime(1970, 1, 1)) / datetime.timedelta(days=1)
    assert days[0] == pytest.approx(expected, abs=1e-9)
    assert np.isnan(days[1])


def test_offsets_move_dates_to_utc() -> None:
    dates, _ = read_dates(pd.Series(["1970-01-02T02:00:00+02:00"]), ISO)
    assert day_numbers(dates).tolist() == [1.0]


@settings(deadline=None)
@given(
    st.datetimes(datetime.datetime(1, 1, 2), datetime.datetime(9999, 12, 30), timezones=ZONES),
    st.sampled_from([ISO, "%d.%m.%Y", "%m/%d/%Y %H:%M", COMPACT]),
)
def test_one_date_is_read_as_a_column_is(moment: datetime.datetime, form: str) -> None:
    with_year = form.replace("%Y", f"{moment.year:04}")  # strftime writes the year 31 as 31
    text = moment.isoformat() if form == ISO else moment.strftime(with_year)
    column, bad = read_dates(pd.Series([text]), form)
    assert not bad.any()
    assert day_number(read_date(text, form)) == day_numbers(column)[0]


@pytest.mark.parametrize("form", [None, ISO, "%d.%m.%Y"])
def test_text_that_is_no_date_is_refused(form: str | None) -> None:
    for text in ("", "soon", "32.01.2024"):
        with pytest.raises(ValueError):  # noqa: PT011
            read_date(text, form)
