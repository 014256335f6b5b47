"""read_affix: sign and unit of a number, from the text around its digits."""

from __future__ import annotations

import math

import pytest

from churn_torch.tables.values.number_units import conversion, read_affix, same_unit


@pytest.mark.parametrize(
    ("before", "after", "unit", "negative"),
    [
        ("", "", "", False),
        ("$", "", "$", False),
        ("US$ ", "", "$", False),
        ("-", " EUR", "€", True),
        ("€ -", "", "€", True),
        ("(£", ")", "£", True),
        ("", " zł", "zł", False),
        ("", " PLN", "zł", False),
        ("", " Kč", "kč", False),
        ("R$ ", "", "r$", False),
        ("₿", "", "₿", False),  # any sign of money
        ("", "%", "%", False),
        ("", " miesięcy", "month", False),
        ("", " Mon.", "month", False),
        ("", "-month", "month", False),
        ("", " GB", "gb", False),
        ("€", "/month", "€ /month", False),
        ("", " € pro Monat", "€ pro monat", False),
        ("", ".- CHF", "chf", False),
        ("$", "K", "$ k", False),
        ("-$", " M", "$ mio", True),
        ("", "K€", "€ k", False),
        ("", " Mio. €", "€ mio", False),
        ("", " tys. zł", "zł k", False),
        ("€", "bn", "€ mrd", False),
        ("", "-", "", True),
    ],
)
def test_what_is_known(before: str, after: str, unit: str, negative: bool) -> None:
    affix = read_affix(before, after)
    assert affix is not None
    assert (affix.unit, affix.known, affix.negative) == (unit, True, negative)


def test_other_words_are_units_where_they_stand_apart() -> None:
    affix = read_affix("", " widgets")
    assert affix is not None
    assert (affix.unit, affix.known) == ("widgets", False)
    assert read_affix("", "widgets") is None
    assert same_unit("widget", "widgets")
    assert not same_unit("widget", "gadget")
    assert not same_unit("st", "stars")


def test_a_stop_before_the_digits_begins_a_fraction() -> None:
    assert [read_affix(text, "").fraction for text in ("$.", ".", "-,", "Rs.")] == [  # type: ignore[union-attr]
        ".",
        ".",
        ",",
        "",
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Level ", ""),
        ("", "G"),
        ("", "st"),
        ("", " PM"),
        ("", "+"),
        ("<", ""),
        ("(", ""),
        ("", ")"),
        ("(-", ")"),
        ("-", "-"),
        ("$", " EUR"),
        ("area_code_", ""),
        ("v", ""),
    ],
)
def test_what_is_no_number(before: str, after: str) -> None:
    assert read_affix(before, after) is None


@pytest.mark.parametrize(
    ("unit", "to", "factor"),
    [
        ("mb", "gb", 1e-3),
        ("gib", "mib", 1024),
        ("$ mio", "$", 1e6),
        ("$", "$ k", 1e-3),
        ("k", "", 1e3),
        ("year", "month", 12),
        ("widgets", "widgets", 1),
        ("$ k", "€", math.nan),
        ("k", "$", math.nan),
        ("month", "day", math.nan),  # months differ
        ("mbps", "mb", math.nan),
    ],
)
def test_units_of_one_family_are_converted(unit: str, to: str, factor: float) -> None:
    assert conversion(unit, to) == pytest.approx(factor, nan_ok=True)
