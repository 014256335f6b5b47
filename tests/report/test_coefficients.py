"""Coefficients as a table of odds ratios and in words."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from churn_torch.explanation.coefficients import Coefficient, Coefficients
from churn_torch.report.coefficients import (
    SHOWN,
    coefficient_sentences,
    coefficients_table,
    interval,
)
from tests.report.made_tables import rendered


def made(column: str, estimate: float, error: float, sd: float | None = None) -> Coefficient:
    low, high = estimate - 1.96 * error, estimate + 1.96 * error
    odds = [math.exp(end) for end in (estimate, low, high)]
    per_sd = None if sd is None else math.exp(estimate * sd)
    return Coefficient(
        column, "per unit", "", estimate, error, low, high, 0.03, *odds, per_sd, estimate / 2
    )


FOUND = Coefficients(
    (made("tenure", -0.05, 0.01, 24.0), made("noise", 0.1, 0.2), made("price", 0.7, 0.1)),
    "Maximum likelihood.",
    (),
    12.0,
    {},
)


def test_the_table_has_a_line_a_coefficient() -> None:
    lines = rendered(coefficients_table(FOUND))[1:]  # without the title
    assert lines[0] == ["column", "compared", "odds ratio", "per sd", "p-value", "in the model"]
    assert lines[1][:2] == ["tenure", "per unit"]
    assert lines[1][2].startswith("0.9512 [0.9328")
    assert lines[1][3:] == ["0.30", "0.0300", "0.98"]
    assert "price" in str(lines)
    many = replace(FOUND, rows=FOUND.rows * SHOWN)
    assert len(rendered(coefficients_table(many))) > SHOWN
    assert "60 more lines" in str(coefficients_table(many).caption)


def test_only_what_is_beyond_chance_is_said_in_words() -> None:
    said = coefficient_sentences(FOUND)
    assert [sentence.split(",")[0] for sentence in said] == ["tenure", "price"]
    assert said[1] == "price, per unit, multiplies the odds of churn by 2.01 [1.66 to 2.45]."


@pytest.mark.parametrize(
    ("estimate", "error", "written"),
    [
        (0.7, 0.1, "2.01 [1.66 to 2.45]"),
        (0.02, 0.01, "1.0202 [1.0004 to 1.0404]"),
        (0.0003, 0.0001, "1.00030 [1.00010 to 1.00050]"),
        (9.0, 0.1, "8.1e+03 [6.66e+03 to 9.86e+03]"),
    ],
)
def test_ratios_near_one_have_more_digits(estimate: float, error: float, written: str) -> None:
    assert interval(made("x", estimate, error)) == written
