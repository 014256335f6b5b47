"""Which form a column of dates has."""

from __future__ import annotations

import pandas as pd
import pytest

from churn_torch.tables.values.dates.choice import but_for, date_formats, looks_dated


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2024-01-31", "2023-12-01"], ["ISO8601"]),
        (["2024-01-31T10:00:00Z", "2024-01-31 10:00:00.123456+02:00", "2024-02-01"], ["ISO8601"]),
        (["2021-03-13T10:00:00+01:00[Europe/Berlin]"], ["ISO8601"]),
        (["2024-1-5"], ["%Y-%m-%d"]),
        (["31/01/2024", "1/2/2024"], ["%d/%m/%Y"]),
        (["01/31/2024", "1/2/2024"], ["%m/%d/%Y"]),
        (["03/04/2024"], ["%d/%m/%Y", "%m/%d/%Y"]),
        (["31.01.2024 14:30", "1. 2. 2024"], ["%d.%m.%Y"]),
        (["2024/01/31 14:30:59", "2024/02/01"], ["%Y/%m/%d"]),
        (["1/31/2024 2:30 PM", "1/31/2024 2:30:10 a.m."], ["%m/%d/%Y"]),
        (["31-Jan-2024"], ["%d-%b-%Y"]),
        (["31-01-2024"], ["%d-%m-%Y"]),
        (["08/15/17 07:05 AM", "01/02/17 11:00 PM"], ["%m/%d/%y"]),
        (["13/01/98", "14/12/21"], ["%d/%m/%y"]),
        (["13-Mar-21"], ["%d-%b-%y"]),
        (["March 13, 2021", "May 1st, 2021"], ["%b %d, %Y"]),
        (["2021.03.13"], ["%Y.%m.%d"]),
        (["03.13.2021"], ["%m.%d.%Y"]),
        (["2021年03月13日", "2021年3月1日 10:30"], ["%Y年%m月%d日"]),
        (["2021년 3월 13일"], ["%Y年%m月%d日"]),
        (["2021-01", "2020-12"], ["%Y-%m"]),
        (["01/2021", "12/2020"], ["%m/%Y"]),
        (["Mar 2021", "Dec 2020"], ["%b %Y"]),
        (["Dec-11", "Jan-09"], ["%b-%y"]),
        (["2021-Q1", "Q4 2020", "3Q19"], ["quarter"]),
        (["2020-W20-7", "2020-W53", "KW 20/2020"], ["ISO week"]),
        # The year of these varies less than the day.
        ([f"{y}-01-{d:02}" for y in (20, 21) for d in range(1, 29)], ["%y-%m-%d", "%d-%m-%y"]),
        ([f"{d:02}-01-{y}" for y in (20, 21) for d in range(1, 29)], ["%d-%m-%y", "%y-%m-%d"]),
        (["13. März 2021", "1. Mai 2021"], ["%d-%b-%Y"]),
        (["13 de marzo de 2021", "1º de mayo de 2021"], ["%d-%b-%Y"]),
        (["1er août 2021"], ["%d-%b-%Y"]),
        (["13MAR2021:10:00:00"], ["%d-%b-%Y"]),
        (["10/Oct/2000:13:55:36 -0700"], ["%d-%b-%Y"]),
        (["Sat, 13 Mar 2021 10:00:00 GMT"], ["%d-%b-%Y"]),
        (["Sat Mar 13 2021 10:00:00 GMT+0100"], ["%b %d, %Y"]),
        (["Jun  1 2005  1:33PM"], ["%b %d, %Y"]),
        (["2024-01-31", "0000-00-00", "0000-00-00 00:00:00"], ["ISO8601"]),
    ],
    ids=str,
)
def test_date_formats(texts: list[str], expected: list[str]) -> None:
    assert date_formats(pd.Series(texts)) == expected


@pytest.mark.parametrize(
    "texts",
    [
        ["2024-01-31", "31/01/2024"],
        ["2024-01-31", "soon"],
        ["2024-13-01"],
        ["2021-02-29"],
        ["31/02/2024"],
        ["1.2.3"],
        ["192.168.1.1"],
        ["382-4657"],
        ["7590-11", "1234-05"],
        ["month-to-month"],
        ["May", "March"],
        ["now", "today"],
        ["2020", "2021"],
        ["20240131"],
        ["10:30", "11:45"],
        ["13:05 PM"],
        ["13-03-2021 25:00"],
        ["13 Foo 2021"],
        ["Approved 13 March 2021"],
        ["2020-W54"],
        ["2021-Q5"],
        ["0000-00-00"],
    ],
    ids=str,
)
def test_what_is_no_date(texts: list[str]) -> None:
    assert date_formats(pd.Series(texts)) == []


def test_digits_alone_are_dates_where_they_are_asked_for() -> None:
    levels = pd.Series(["20240131", "20240201103000"])
    assert date_formats(levels, asked=True) == ["%Y%m%d"]
    assert date_formats(pd.Series(["202401", "202312"]), asked=True) == ["%Y%m"]


def test_date_formats_looks_beyond_the_first_hundred() -> None:
    days = pd.Series(pd.date_range("2000-01-01", periods=150).strftime("%d/%m/%Y"))
    assert date_formats(days) == ["%d/%m/%Y"]
    assert date_formats(pd.concat([days, pd.Series(["never"])], ignore_index=True)) == []


def test_a_few_texts_may_be_no_dates() -> None:
    days = pd.Series(["soon", "01/13/2000", "02/28/2001", "never", "05/06/2000"])
    assert but_for(days, few=2) == (["%m/%d/%Y"], ["soon", "never"])
    assert but_for(days, few=1) == ([], [])
    assert but_for(pd.Series(["soon", "never"]), few=2) == ([], [])


def test_looks_dated() -> None:
    assert looks_dated("13-Mar-21")
    assert not looks_dated("March")
    assert not looks_dated("2021")
