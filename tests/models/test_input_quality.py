"""Quality of cells, column by column, against what a person would say of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from churn_torch.models.input_quality import (
    FINE,
    MISSING,
    OUTSIDE,
    QUALITY_MEANING,
    UNSEEN,
    InputQuality,
)
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.models.preprocessing.statistics import PreprocessOptions, fit_statistics
from churn_torch.tables.encode import encode, parse
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.options import ColumnRoles
from churn_torch.tables.schema import Column, Kind, Schema, Storage

TABLE = pd.DataFrame(
    {
        "usage": [0.1, 2.5, 40.0, None] * 25,
        "seen": 1.7e9 + np.arange(100) + 0.5,
        "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(range(100), "D"),
        "member": ["yes", "no"] * 50,
        "plan": ["basic"] * 60 + ["plus"] * 39 + ["rare"],
        "churned": ["yes", "no"] * 50,
    }
)


def learned(table: pd.DataFrame) -> Schema:
    schema = infer(table, ColumnRoles(target="churned"))
    options = PreprocessOptions(min_count=5)
    return fit_statistics([parse(table, schema)], schema, options)[0]


SCHEMA = learned(TABLE)


def quality_of(schema: Schema, **cells: Any) -> list[int]:
    """The quality of cells in columns that are otherwise as the first training row has them."""
    rows = {name: [value] for name, value in TABLE.iloc[0].items()}
    n = max((len(values) for values in cells.values()), default=1)
    frame = pd.DataFrame({name: values * n for name, values in rows.items()} | cells)
    columns = Columns.from_arrays(encode(parse(frame, schema), schema))
    (name,) = cells
    names = [c.name for c in schema.inputs]
    quality = InputQuality(schema)(*columns)
    assert quality.dtype == torch.int64
    assert quality.shape == (n, len(names))
    others = [i for i, other in enumerate(names) if other != name]
    assert (quality[:, others] == FINE).all()
    return quality[:, names.index(name)].tolist()


def test_the_flags_are_those_of_the_contract():
    assert (FINE, MISSING, UNSEEN, OUTSIDE) == (0, 1, 2, 3)
    assert list(QUALITY_MEANING) == [0, 1, 2, 3]


def test_every_kind_and_group_is_here():
    assert {c.name: str(c.kind) for c in SCHEMA.features} == {
        "usage": "numeric", "seen": "numeric", "since": "datetime", "member": "boolean",
        "plan": "categorical",
    }  # fmt: skip
    assert [c.name for c in SCHEMA.float64] == ["seen", "since"]


def test_training_rows_are_fine_but_for_what_they_lack():
    quality = InputQuality(SCHEMA)(*Columns.from_arrays(encode(parse(TABLE, SCHEMA), SCHEMA)))
    usage, plan = quality[:, 0], quality[:, -1]
    assert usage.tolist() == [FINE, FINE, FINE, MISSING] * 25
    assert plan.tolist() == [FINE] * 99 + [UNSEEN]  # too rare for the vocabulary
    assert (quality[:, 1:-1] == FINE).all()


@pytest.mark.parametrize(
    ("name", "cells", "expected"),
    [
        # 0.1 is no float32, and yet the end of the range is inside.
        ("usage", [0.1, 40.0, 7.0], [FINE, FINE, FINE]),
        ("usage", [0.0999, 40.001, -1e30, 3e38], [OUTSIDE] * 4),
        ("usage", [None, math.nan], [MISSING] * 2),
        ("seen", [1.7e9 + 0.5, 1.7e9 + 99.5], [FINE, FINE]),
        # float32 would not tell these from the ends.
        ("seen", [1.7e9 + 0.25, 1.7e9 + 99.75], [OUTSIDE, OUTSIDE]),
        ("seen", [None], [MISSING]),
        ("since", ["2020-01-01", "2020-04-09", "2019-12-31", "2020-04-10", None],
         [FINE, FINE, OUTSIDE, OUTSIDE, MISSING]),
        ("member", ["yes", "no", None, "perhaps"], [FINE, FINE, MISSING, UNSEEN]),
        ("plan", ["basic", "plus", "rare", "new", "Basic", "", " ", "NA", None],
         [FINE, FINE, UNSEEN, UNSEEN, UNSEEN, MISSING, MISSING, MISSING, MISSING]),
    ],
)  # fmt: skip
def test_cells(name: str, cells: list[Any], expected: list[int]):
    values = pd.to_datetime(cells) if name == "since" else cells
    assert quality_of(SCHEMA, **{name: values}) == expected


def number(**facts: Any) -> Schema:
    column = Column("x", Kind.NUMERIC, Storage.NUMBER, **facts)
    return Schema((column, Column("y", Kind.TARGET, Storage.TEXT)), "y", "1", "0")


@pytest.mark.parametrize("float64", [False, True])
def test_infinities_are_missing_as_they_are_to_the_model(float64: bool):
    x = torch.tensor([[math.inf], [-math.inf], [math.nan], [5.0]])
    given = (torch.empty(0), x.double()) if float64 else (x, torch.empty(0))
    quality = InputQuality(number(minimum=0.0, maximum=9.0, needs_float64=float64))(
        *given, torch.empty(0)
    )
    assert quality.flatten().tolist() == [MISSING, MISSING, MISSING, FINE]


def test_any_number_is_outside_a_column_that_had_none():
    quality = InputQuality(number())(
        torch.tensor([[0.0], [math.nan]]), torch.empty(0), torch.empty(0)
    )
    assert quality.flatten().tolist() == [OUTSIDE, MISSING]


FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(low=FINITE, high=FINITE, x=st.floats(width=32))
def test_a_number_is_fine_within_its_range_and_nowhere_else(low: float, high: float, x: float):
    low, high = min(low, high), max(low, high)
    schema = number(minimum=low, maximum=high)
    got = InputQuality(schema)(torch.tensor([[x]]), torch.empty(0), torch.empty(0)).item()
    if not math.isfinite(x):
        assert got == MISSING
    else:
        assert got == (FINE if low <= x <= high else OUTSIDE)
