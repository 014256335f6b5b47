"""NumberFormat: numbers in any style are written and read back equal, or not read at all."""

from __future__ import annotations

import math
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_torch.tables.inference.column_profile import profile_column
from churn_torch.tables.inference.guesses import guess
from churn_torch.tables.schema import Kind
from churn_torch.tables.values.number_formats import NumberFormat, read_number, read_numbers

EURO = NumberFormat(",", ". '", "€")
DOLLAR = NumberFormat(".", ", '", "$")
PERCENT = NumberFormat(".", ", '", "%")
MONTHS = NumberFormat(".", "", "month")


@pytest.mark.parametrize(
    ("form", "text", "number"),
    [
        (DOLLAR, "$1,000.00", 1000),
        (DOLLAR, "1000", 1000),
        (DOLLAR, "-$5", -5),
        (DOLLAR, "$-5.2", -5.2),
        (DOLLAR, "$ 5-", -5),
        (DOLLAR, "($40.50)", -40.5),
        (DOLLAR, "$(40.50)", -40.5),
        (DOLLAR, "\u2212$5", -5),
        (DOLLAR, "+$5", 5),
        (DOLLAR, "$.50", 0.5),
        (DOLLAR, "12 USD", 12),
        (DOLLAR, "US$12.5", 12.5),
        (DOLLAR, "$1.5e3", 1500),
        (DOLLAR, "10,00,000", 1_000_000),  # as in India
        (DOLLAR, "1\u2009234.5", 1234.5),
        (DOLLAR, "\uff041,234", 1234),
        (EURO, "1.200,10 €", 1200.1),
        (EURO, "1\u202f200,50\u00a0€", 1200.5),
        (EURO, "EUR 1'200,50", 1200.5),
        (EURO, "19,50", 19.5),
        (EURO, "-,50 €", -0.5),
        (EURO, "19,- €", 19),
        (NumberFormat(".", "'", "chf"), "Fr. 1’200.–", 1200),
        (PERCENT, "12.5 %", 12.5),
        (PERCENT, "+12.5pct", 12.5),
        (PERCENT, "١٢٫٥٪", 12.5),  # noqa: RUF001
        (MONTHS, "12 months", 12),
        (MONTHS, "1 Month", 1),
        (MONTHS, "12-month", 12),
        (MONTHS, "5 miesięcy", 5),
        (None, "\u22125", -5),
        (None, "(4.5)", -4.5),
        (None, "7-", -7),
        (None, "１２３", 123),  # noqa: RUF001
        (None, "۱۲۳", 123),
        (None, "1e3", 1000),
    ],
)
def test_styles(form: NumberFormat | None, text: str, number: float) -> None:
    assert read_number(text, form) == number
    assert read_numbers(pd.Series([text], dtype="str"), form)[0].tolist() == [number]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (None, "1,000"),
        (None, "$5"),
        (None, "5%"),
        (None, "1 000"),
        (DOLLAR, "€5"),
        (DOLLAR, "5 GB"),
        (DOLLAR, "19,50"),
        (DOLLAR, "1,2345"),
        (DOLLAR, "0,125"),
        (DOLLAR, "(-5)"),
        (DOLLAR, "-5-"),
        (DOLLAR, "5+"),
        (DOLLAR, "5 - 4"),
        (DOLLAR, "$"),
        (EURO, "19.50"),
        (EURO, "1,200,50"),
        (MONTHS, "1 day"),
        (MONTHS, "5 months 3"),
        (PERCENT, "<5 %"),
        (PERCENT, "1st"),
    ],
)
def test_what_is_written_otherwise_is_not_read(form: NumberFormat | None, text: str) -> None:
    with pytest.raises(ValueError, match="no number"):
        read_number(text, form)
    assert read_numbers(pd.Series([text], dtype="str"), form)[1].tolist() == [True]


@given(text=st.text(st.sampled_from("0123456789.,' -+()$€%eE\u2212\u00a0٣"), max_size=9))
@settings(deadline=None, max_examples=60)
def test_a_cell_alone_is_read_as_in_its_column(text: str) -> None:
    for form in (DOLLAR, EURO, PERCENT, None):
        numbers, _ = read_numbers(pd.Series([text], dtype="str"), form)
        try:
            alone = read_number(text, form)
        except ValueError:
            alone = math.nan
        assert alone == numbers[0] or (math.isnan(alone) and math.isnan(numbers[0]))


def test_a_column_is_read_as_its_cells_are() -> None:
    text = pd.Series(["$1,5", "$1,500", None, "x", "$2"], index=[3, 4, 5, 6, 7], dtype="str")
    numbers, unreadable = read_numbers(text, DOLLAR)
    assert numbers.index.tolist() == [3, 4, 5, 6, 7]
    assert numbers[[4, 7]].tolist() == [1500, 2]
    assert unreadable.tolist() == [True, False, False, True, False]


UNITS = ["", "$", "€", "£", "zł", "%", "USD", "CHF", "kr", "R$", "Kč", "₹", "GB", "months", "kWh"]
BLANKS = ["", " ", "\u00a0", "\u202f"]
MINUSES = ["-{}", "\u2212{}", "({})", "{}-"]


@st.composite
def styles(draw: st.DrawFn) -> tuple[str, str, str, bool, str, str]:
    """A decimal sign, a sign of thousands, a unit and where it stands, a blank and a minus."""
    decimal = draw(st.sampled_from(".,"))
    thousands = draw(st.sampled_from(["", " ", "\u2009", "'", "’", "," if decimal == "." else "."]))
    unit = draw(st.sampled_from(UNITS))
    before = unit not in ("", "%", "GB", "months", "kWh") and draw(st.booleans())
    return (decimal, thousands, unit, before, draw(st.sampled_from(BLANKS)),
            draw(st.sampled_from(MINUSES)))  # fmt: skip


def written(number: Decimal, style: tuple[str, str, str, bool, str, str]) -> str:
    decimal, thousands, unit, before, blank, minus = style
    text = f"{abs(number):,f}".translate(str.maketrans({",": thousands, ".": decimal}))
    if unit:
        text = f"{unit}{blank}{text}" if before else f"{text}{blank}{unit}"
    return minus.format(text) if number < 0 else text


@settings(deadline=None, max_examples=50)
@given(
    numbers=st.lists(
        st.decimals(min_value=-(10**9), max_value=10**9, places=2), min_size=12, max_size=16,
        unique=True,
    ),
    style=styles(),
)  # fmt: skip
def test_a_column_in_any_style_is_read_back_equal(
    numbers: list[Decimal], style: tuple[str, str, str, bool, str, str]
) -> None:
    text = pd.Series([written(number, style) for number in numbers], dtype="str", name="x")
    column = guess(profile_column(text))
    assert column.kind in (Kind.NUMERIC, Kind.IGNORED), column
    assert not column.missing_words
    read, unreadable = read_numbers(text, column.number_format)
    assert not unreadable.any()
    assert read.tolist() == [float(number) for number in numbers]
    alone = [read_number(cell, column.number_format) for cell in text]
    assert alone == read.tolist()
    assert not any(map(math.isnan, alone))
