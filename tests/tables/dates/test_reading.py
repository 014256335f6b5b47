"""Dates from text: any style reads back as the moment that was written, one as a column."""

# ruff: noqa: RUF001 - the letters of other languages are meant

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_torch.tables.dates.cleaning import is_nothing
from churn_torch.tables.dates.days import day_numbers
from churn_torch.tables.dates.forms import COMPACT, COMPACT_MONTH, FORMS, ISO, written
from churn_torch.tables.dates.reading import read_dates, read_day
from churn_torch.tables.dates.serials import NUMBER_FORMS

ZONES = st.none() | st.integers(-719, 840).map(
    lambda minutes: dt.timezone(dt.timedelta(minutes=minutes))
)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def both(text: str, form: str) -> float | None:
    """Read a text alone and as a column: None where it is refused, NaN where it is missing."""
    dates, bad = read_dates(pd.Series([text, None], dtype="str"), form)
    assert dates.isna()[1]
    assert not bad[1]
    column = None if bad[0] else float(day_numbers(dates)[0])
    try:
        alone = read_day(text, form)
    except ValueError:
        assert column is None or (np.isnan(column) and is_nothing(text))
    else:
        assert alone == column
    return column


def days(moment: dt.datetime) -> float:
    moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return float((moment - EPOCH) // dt.timedelta(microseconds=1)) / 86_400e6


TIMES = {
    "": lambda t: t.replace(hour=0, minute=0, second=0, microsecond=0),
    " %H:%M": lambda t: t.replace(second=0, microsecond=0),
    "T%H:%M:%S": lambda t: t.replace(microsecond=0),
    " %H:%M:%S.%f": lambda t: t,
    " %I:%M %p": lambda t: t.replace(second=0, microsecond=0),
    ", %I:%M:%S%p": lambda t: t.replace(microsecond=0),
}
STYLES = {
    "ISO8601": "%Y-%m-%d",
    "%d/%m/%Y": "%d/%m/%Y",
    "%m/%d/%Y": "%m/%d/%Y",
    "%d.%m.%Y": "%d.%m.%Y",
    "%Y/%m/%d": "%Y/%m/%d",
    "%Y.%m.%d": "%Y.%m.%d",
    "%d-%b-%Y": "%a, %d %B %Y",
    "%b %d, %Y": "%b %d, %Y",
    "%Y-%b-%d": "%Y-%b-%d",
    "%Y年%m月%d日": "%Y年%m月%d日",
}


@given(
    st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30)),
    st.sampled_from(sorted(STYLES)),
    st.sampled_from(sorted(TIMES)),
    ZONES,
)
def test_any_style_is_read_back(
    moment: dt.datetime, form: str, time: str, zone: dt.timezone | None
) -> None:
    moment = TIMES[time](moment)
    style = (STYLES[form] + time).replace("%Y", f"{moment.year:04}")
    text = moment.strftime(style)
    if zone is not None and time:
        moment = moment.replace(tzinfo=zone)
        text += moment.isoformat()[-6:] if moment.minute % 2 else moment.strftime(" %z")
    assert both(text, form) == days(moment)


@given(st.dates(dt.date(1969, 1, 1), dt.date(2068, 12, 31)))
def test_short_years_and_numbers_are_read_back(date: dt.date) -> None:
    expected = (date - dt.date(1970, 1, 1)).days
    for form in (*FORMS, COMPACT, *NUMBER_FORMS):
        if "%d" in form or form in (ISO, *NUMBER_FORMS):
            assert both(written(form, date.year, date.month, date.day), form) == expected
        elif form != "ISO week":
            month = 3 * ((date.month - 1) // 3) + 1 if form == "quarter" else date.month
            first = (date.replace(month=month, day=1) - dt.date(1970, 1, 1)).days
            assert both(written(form, date.year, date.month, date.day), form) == first
        else:
            assert both(written(form, date.year, date.month, date.day), form) == expected


@given(
    st.text("0123456789/-.: TZQWapmAPMJanKUTC+年月日'", max_size=20)
    | st.datetimes().map(str)
    | st.text(max_size=6),
    st.sampled_from((*FORMS, COMPACT, COMPACT_MONTH, *sorted(NUMBER_FORMS))),
)
def test_one_text_means_the_same_alone_and_in_a_column(text: str, form: str) -> None:
    both(text, form)


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("01/02/70", "%d/%m/%y", 31),
        ("01/01/68", "%d/%m/%y", 35794),
        ("01/01/69", "%d/%m/%y", -365),
        ("01/01/45", "%d/%m/%25y", -9131),
        ("01/01/25", "%d/%m/%25y", 20089),
        ("2 January 1970", "%d-%b-%Y", 1),
        ("2. Jänner 1970", "%d-%b-%Y", 1),
        ("2 JANV. 1970", "%d-%b-%Y", 1),
        ("2 stycznia 1970", "%d-%b-%Y", 1),
        ("2 января 1970 г.", "%d-%b-%Y", 1),
        ("02.01.1970 r.", "%d.%m.%Y", 1),
        ("2 stycznia 1970 r.", "%d-%b-%Y", 1),
        ("02.01.1970 г.", "%d.%m.%Y", 1),
        ("2. ledna 1970", "%d-%b-%Y", 1),
        ("2. tammikuuta 1970", "%d-%b-%Y", 1),
        ("2 OCAK 1970", "%d-%b-%Y", 1),
        ("Fri 2 Jan 1970", "%d-%b-%Y", 1),
        ("vendredi 2 janvier 1970", "%d-%b-%Y", 1),
        ("Foo 2 Jan 1970", "%d-%b-%Y", None),
        ("2 ma\u0308rz 1970", "%d-%b-%Y", 60),
        ("2\u00a0Jan\u00a01970", "%d-%b-%Y", 1),
        ("１９７０-01-02", ISO, 1),
        ("1970-01-02 3:00\u202fPM", ISO, 1.625),
        ("\u00a01970-01-02\u3000", ISO, 1),
        ("1970-01-02T12", ISO, None),
        ("1970-01-02T12:00:00Z", ISO, 1.5),
        ("1970-01-02t12:00:00z", ISO, 1.5),
        ("1970-01-02 12:00 UTC", ISO, 1.5),
        ("1970-01-02 07:00 EST", ISO, 1.5),
        ("1970-01-02T12:00:00,5", ISO, (86_400 + 43_200.5) / 86_400),
        ("1970-01-01T00:00:00.1234567", ISO, 0.123456 / 86_400),
        ("1970-01-02T02:00+02", ISO, 1),
        ("1970-01-02T02:00+25:00", ISO, None),
        ("1970-01-02T24:00:00", ISO, None),
        ("1970-01-02T23:59:60", ISO, None),
        ("1970-02-30", ISO, None),
        ("1970-1-2", ISO, None),
        ("19700102", ISO, None),
        ("1970-W01-5", ISO, None),
        ("1970-01", ISO, None),
        ("1970", ISO, None),
        ("now", ISO, None),
        ("today", "%d/%m/%Y", None),
        ("epoch", ISO, None),
        ("infinity", ISO, None),
        ("10000-01-01", ISO, None),
        # Any column reads ISO dates, which can mean one thing only.
        ("1970-01-02", "%d/%m/%Y", 1),
        ("1970-01-02", COMPACT, 1),
        ("1970-01-02", "seconds since 1970", 1),
        ("19700102", COMPACT, 1),
        ("19700102.0", COMPACT, 1),
        ("197001", COMPACT_MONTH, 0),
        ("1970-Q2", "quarter", 90),
        ("Q2 1970", "quarter", 90),
        ("2T1970", "quarter", 90),
        ("1Q70", "quarter", 0),
        ("1970-W01", "ISO week", -3),
        ("1970-W01-4", "ISO week", 0),
        ("1970W014", "ISO week", 0),
        ("1970-W53-4", "ISO week", 364),
        ("1971-W53-4", "ISO week", None),
        ("129600", "seconds since 1970", 1.5),
        ("129600000.0", "milliseconds since 1970", 1.5),
        ("1e400", "seconds since 1970", None),
        ("nan", "seconds since 1970", None),
        ("25570.5", "Excel days", 1.5),
        ("60", "Excel days", None),
        # An earlier version stored the time of day too.
        ("02/01/1970 12:00:00", "%d/%m/%Y %H:%M:%S", 1.5),
        ("02/01/1970 1:30 PM", "%d/%m/%Y %I:%M %p", 1.5625),
    ],
)
def test_what_a_text_means(text: str, form: str, expected: float | None) -> None:
    assert both(text, form) == expected


@pytest.mark.parametrize("text", ["0000-00-00", "00/00/00 00:00", "00.00.0000", "00000000", "0"])
@pytest.mark.parametrize("form", [ISO, "%d/%m/%Y", "%d-%b-%y", COMPACT])
def test_dates_of_zeros_are_missing_in_a_column(text: str, form: str) -> None:
    assert np.isnan(both(text, form))  # type: ignore[arg-type]


def test_one_bad_cell_does_not_change_the_others() -> None:
    text = pd.Series(["1970-01-02", "soon", "1970-01-03T00:00:00Z", None, "1970-01-02"])
    dates, bad = read_dates(text, ISO)
    assert bad.tolist() == [False, True, False, False, False]
    assert day_numbers(dates).fillna(-1).tolist() == [1, -1, 2, -1, 1]


def test_dates_that_only_seconds_reach_are_days_too() -> None:
    dates = pd.Series(np.array([86_400, 2**60, "NaT"], dtype="datetime64[s]")).dt.tz_localize("UTC")
    assert day_numbers(dates).fillna(-1).tolist() == [1, 2**60 / 86_400, -1]
