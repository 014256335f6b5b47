"""Named kinds: what the user says about a column, and what it cannot be."""

from __future__ import annotations

import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.inference.column_profile import profile_column
from churn_torch.tables.inference.named_kinds import named_kind
from churn_torch.tables.schema import Column, Kind, Storage

N = 60
NUMBER, TEXT, DATETIME = Storage.NUMBER, Storage.TEXT, Storage.DATETIME


def named(values: object, kind: str) -> Column:
    return named_kind(profile_column(pd.DataFrame({"x": values})["x"]), Kind(kind))


def repeat(values: list, rows: int = N) -> list:
    return [values[i % len(values)] for i in range(rows)]


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (repeat(["00123", "04021"]), "numeric", (Kind.NUMERIC, NUMBER, None)),
        (list(range(N)), "numeric", (Kind.NUMERIC, NUMBER, None)),
        ([7] * N, "numeric", (Kind.NUMERIC, NUMBER, None)),
        (repeat([True, False]), "numeric", (Kind.NUMERIC, NUMBER, None)),
        ([f"k{i}" for i in range(N)], "categorical", (Kind.CATEGORICAL, TEXT, None)),
        (repeat(["2024-01-31", "2024-02-01"]), "categorical", (Kind.CATEGORICAL, TEXT, None)),
        (repeat(["Male", "Female"]), "boolean", (Kind.BOOLEAN, TEXT, None)),
        (repeat([1, 2]), "boolean", (Kind.BOOLEAN, NUMBER, None)),
        (repeat(["1", "0", "?"]), "boolean", (Kind.BOOLEAN, NUMBER, None)),
        (repeat(["$5", "$7.5"]), "numeric", (Kind.NUMERIC, NUMBER, None)),
        (repeat(["$5", "$7.5"]), "categorical", (Kind.CATEGORICAL, TEXT, None)),
        (repeat([20240131, 20240201]), "datetime", (Kind.DATETIME, TEXT, "%Y%m%d")),
        (repeat(["20240131", "", "20240201"]), "datetime", (Kind.DATETIME, TEXT, "%Y%m%d")),
        (["2024-01-31"] * N, "datetime", (Kind.DATETIME, TEXT, "ISO8601")),
        (pd.date_range("2024", periods=N), "datetime", (Kind.DATETIME, DATETIME, None)),
        (repeat([3, 7, 8]), "ignored", (Kind.IGNORED, NUMBER, None)),
        (repeat([3, 7, 8]), "id", (Kind.ID, NUMBER, None)),
        ([None] * N, "numeric", (Kind.IGNORED, TEXT, None)),
    ],
    ids=lambda value: str(value)[:40],
)
def test_named_kinds(values: object, kind: str, expected: tuple) -> None:
    column = named(values, kind)
    assert (column.kind, column.storage, column.datetime_format) == expected


@pytest.mark.parametrize(
    ("values", "kind", "message"),
    [
        (
            repeat(["1", "two"]),
            "numeric",
            "expected numeric values, got 'two' and the like in 30 of 60 cells; .*x=categorical",
        ),
        (pd.date_range("2024", periods=N), "numeric", "got dates; .*x=datetime"),
        (pd.date_range("2024", periods=N), "boolean", "expected yes/no values, got dates"),
        (repeat([1, 2, 3]), "boolean", "got 3 different values"),
        (repeat(["2024-01-31", "soon"]), "datetime", "got 'soon'"),
        (repeat(["2024-01-31", "31/01/2024"]), "datetime", "got '31/01/2024'"),
        (repeat([17, 18]), "datetime", "got '17'"),
        (repeat([20240131, 20241301]), "datetime", "got '20240131'"),
        ([[1]] * N, "categorical", "nested values.*x=ignored"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_kinds_that_cannot_be(values: object, kind: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        named(values, kind)
