"""The names of months."""

from __future__ import annotations

import pytest

from churn_torch.tables.values.dates.month_names import MONTHS, WEEKDAYS, key, month_of


@pytest.mark.parametrize(
    ("names", "month"),
    [
        (("January", "Jän.", "janv", "enero", "stycznia", "января", "ΙΑΝΟΥΑΡΊΟΥ", "Ocak"), 1),
        (("März", "MARZ", "Mrz", "maart", "mars", "marzo", "março", "Mar."), 3),
        (("May", "Mai", "maj", "mei", "mayo", "maggio", "maio", "máj", "Květen"), 5),
        (("Aug", "août", "agosto", "sierpnia", "srpna", "elokuuta", "Ağustos"), 8),
        (("dez", "déc", "dic", "des", "prosinec", "grudzień", "декабря", "ARALIK"), 12),
    ],
)
def test_month_of(names: tuple[str, ...], month: int) -> None:
    assert [month_of(name) for name in names] == [month] * len(names)


def test_other_words_are_no_months() -> None:
    assert [month_of(name) for name in ("", "monday", "foo", "13")] == [0, 0, 0, 0]
    assert not MONTHS.keys() & {"lundi", "monday"}
    assert {key("Mi."), key("środa"), "sat"} <= WEEKDAYS
