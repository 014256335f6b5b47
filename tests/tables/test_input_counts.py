"""Cells of new rows beside those of training: what is said, and what is refused."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.encode import parse, parse_columns
from churn_torch.tables.input_counts import (
    FRACTIONS,
    MISSING,
    OUTSIDE,
    UNSEEN,
    InputCounts,
    Unusual,
)
from churn_torch.tables.schema import Column, Kind, Schema, Storage
from churn_torch.tables.values.number_formats import NumberFormat

SCHEMA = Schema(
    (
        Column(
            "tenure", Kind.NUMERIC, Storage.NUMBER, minimum=0.1, maximum=72.0, missing_share=0.1
        ),
        Column("day", Kind.DATETIME, Storage.DATETIME, minimum=0.0, maximum=20_000.0),
        Column("plan", Kind.CATEGORICAL, Storage.TEXT, vocabulary=("basic", "plus")),
        Column("city", Kind.CATEGORICAL, Storage.TEXT, vocabulary=("x",), has_rare=True,
               rare_share=0.5),
        Column("paid", Kind.BOOLEAN, Storage.TEXT, vocabulary=("No", "Yes")),
        Column("empty", Kind.NUMERIC, Storage.NUMBER, missing_share=1.0),
    ),
    "churn", "yes", "no",
)  # fmt: skip


def like_training(n: int) -> pd.DataFrame:
    """Rows of which a tenth lacks a tenure, and half have a rare city."""
    row = np.arange(n)
    return pd.DataFrame(
        {
            "tenure": np.where(row % 10 == 0, np.nan, np.where(row % 2, 0.1, 72.0)),
            "day": pd.Timestamp("2020-01-01"),
            "plan": np.where(row % 2, "basic", "plus"),
            "city": np.where(row % 2, "x", [f"c{i}" for i in row]),
            "paid": np.where(row % 3, "Yes", "No"),
            "empty": np.nan,
        }
    )


def counted(*frames: pd.DataFrame) -> InputCounts:
    counts, as_series = InputCounts(SCHEMA), InputCounts(SCHEMA)
    for frame in frames:
        counts.add(parse_columns(frame, SCHEMA))
        parsed = parse(frame, SCHEMA)
        as_series.add({name: parsed[name] for name in parsed})
    assert as_series.unusual() == counts.unusual()
    return counts


@pytest.mark.parametrize("n", [1, 7, 500, 5_000])
def test_rows_like_those_of_training_are_not_worth_a_word(n: int) -> None:
    counts = counted(like_training(n), like_training(n))
    assert counts.n_rows == 2 * n
    assert counts.unusual() == []
    counts.check_seen()


@pytest.mark.parametrize(
    ("column", "cells", "expected"),
    [
        ("tenure", np.nan, Unusual("tenure", MISSING, 600, 1000, 0.1)),
        ("tenure", 72.5, Unusual("tenure", OUTSIDE, 500, 1000, 0.0)),
        ("tenure", -1.0, Unusual("tenure", OUTSIDE, 500, 1000, 0.0)),
        ("day", pd.Timestamp("2200-01-01"), Unusual("day", OUTSIDE, 500, 1000, 0.0)),
        ("plan", "Basic", Unusual("plan", UNSEEN, 500, 1000, 0.0, ("Basic",))),
        ("plan", None, Unusual("plan", MISSING, 500, 1000, 0.0)),
        ("plan", " n/a ", None),
        ("paid", "maybe", Unusual("paid", UNSEEN, 500, 1000, 0.0, ("maybe",))),
        ("empty", 1.0, Unusual("empty", OUTSIDE, 500, 1000, 0.0)),
    ],
)
def test_what_is_more_frequent_than_in_training_is_named(
    column: str, cells: object, expected: Unusual | None
) -> None:
    rows = like_training(500)
    changed = rows.assign(**{column: rows[column].astype(object)})
    changed[column] = cells
    found = counted(rows, changed).unusual()
    if expected is None:
        assert found[0].column == column
    elif column == "tenure" and expected.kind == MISSING:
        assert found == [Unusual("tenure", MISSING, 550, 1000, 0.1)]
    else:
        assert found == [expected]


def test_two_of_ten_rows_are_worth_a_word_and_one_is_not() -> None:
    rows = like_training(10)
    assert counted(rows.assign(plan=["new", *rows["plan"][1:]])).unusual() == []
    two = counted(rows.assign(plan=["new", "newer", *rows["plan"][2:]])).unusual()
    assert two == [Unusual("plan", UNSEEN, 2, 10, 0.0, ("new", "newer"))]


def test_a_category_of_the_file_that_is_in_no_row_does_not_count() -> None:
    rows = like_training(50)
    rows["plan"] = pd.Categorical(rows["plan"], ["basic", "plus", "new", "newer"])
    rows.loc[:9, "plan"] = None
    assert counted(rows).unusual() == [Unusual("plan", MISSING, 10, 50, 0.0)]


def test_a_column_of_unknown_categories_is_refused() -> None:
    rows = like_training(301)
    with pytest.raises(
        InputError,
        match=r"^column 'plan': .* \(of 'plan' such as 'basic', 'plus'\), got only others in all "
        r"301 filled cells, such as 'PLUS', 'BASIC'; .* allow_unseen=true",
    ):
        counted(rows.assign(plan=rows["plan"].str.upper())).check_seen()
    both = rows.assign(plan="new", paid=pd.Series(["ja"] * 300 + [None], dtype="str"))
    with pytest.raises(InputError, match=r"^columns 'plan', 'paid': "):
        counted(both).check_seen()
    counted(rows, both).check_seen()  # not all of them


def test_a_single_row_or_a_column_of_rare_categories_is_not_refused() -> None:
    counted(like_training(1).assign(plan="new")).check_seen()
    counted(like_training(9).assign(city=[f"c{i}" for i in range(9)])).check_seen()
    counted(like_training(30).assign(plan=None)).check_seen()
    with pytest.raises(InputError, match=r"^column 'city'"):
        counted(like_training(30).assign(city="c")).check_seen()


def test_fractions_in_a_column_of_percent_signs_are_said() -> None:
    """A workbook stores 0.12 for a cell that it shows as 12 %."""
    percent = Column(
        "discount",
        Kind.NUMERIC,
        Storage.NUMBER,
        number_format=NumberFormat(unit="%"),
        minimum=0.0,
        maximum=40.0,
    )
    schema = Schema((percent,), "churn", "yes", "no")

    def found(numbers: list[float | str]) -> list[Unusual]:
        counts = InputCounts(schema)
        counts.add(parse_columns(pd.DataFrame({"discount": numbers}), schema))
        return counts.unusual()

    fractions = [0.05 * i for i in range(12)]
    assert found(fractions) == [Unusual("discount", FRACTIONS, 12, 12, math.nan)]
    assert found([*fractions, 7.0]) == []
    assert found([f"{i} %" for i in range(12)]) == []
    assert found([0.0, 1.0] * 6) == []
    assert found(fractions[:3]) == []
    plain = Schema((replace(percent, number_format=None),), "churn", "yes", "no")
    with pytest.raises(InputError, match="training had no percent signs: write 12 % as it had it"):
        parse(pd.DataFrame({"discount": ["5 %"]}), plain)
