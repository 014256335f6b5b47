"""Columns of Python values: one type that holds all, and text where there is none."""

from __future__ import annotations

import datetime
import math
from typing import Any

import pyarrow as pa
import pytest

from churn_torch.tables.readers.cells_to_arrow import column_of

DAY = datetime.date(2024, 1, 31)
MOMENT = datetime.datetime(2024, 1, 31, 12)


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        ([1, 2.0, None], pa.int64(), [1, 2, None]),
        ([1, 2.5, math.nan], pa.float64(), [1.0, 2.5, None]),
        ([2.0**60, 1], pa.float64(), [2.0**60, 1.0]),
        ([True, None], pa.bool_(), [True, None]),
        ([True, 1], pa.string(), ["True", "1"]),
        (["a", 415.0, ""], pa.string(), ["a", "415", None]),
        ([None, ""], pa.string(), [None, None]),
        ([], pa.string(), []),
        ([DAY, MOMENT], pa.timestamp("us"), [datetime.datetime(2024, 1, 31), MOMENT]),
        ([DAY, "soon"], pa.string(), ["2024-01-31", "soon"]),
        ([MOMENT, "soon"], pa.string(), ["2024-01-31T12:00:00", "soon"]),
        ([datetime.time(9, 30)], pa.string(), ["09:30:00"]),
        ([2**70, 1], pa.string(), [str(2**70), "1"]),
    ],
)
def test_columns(cells: list[Any], kind: pa.DataType, values: list[Any]) -> None:
    column = column_of(cells)
    assert column.type == kind
    assert column.to_pylist() == values


def test_nested_cells_stay_nested() -> None:
    assert column_of([{"a": 1}, None]).to_pylist() == [{"a": 1}, None]
    assert column_of([[1], [2, 3]]).to_pylist() == [[1], [2, 3]]
