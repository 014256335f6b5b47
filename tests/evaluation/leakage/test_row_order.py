"""The order of rows and their files: said where they tell churn, and only then."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_torch.evaluation.leakage.row_order import RowOrder, file_tells, order_tells
from churn_torch.tables.schema import Column, Kind, Schema, Storage

RANDOM = np.random.default_rng(0)
N = 2_000
POSITION = np.sort(RANDOM.choice(10 * N, N, replace=False))
SCHEMA = Schema((Column("x", Kind.NUMERIC, Storage.NUMBER),), "churn", "1", "0")


def order(chance: np.ndarray, x: np.ndarray | None = None) -> RowOrder | None:
    label = (RANDOM.random(N) < chance).astype(np.float32)
    parsed = pd.DataFrame({"x": RANDOM.normal(size=N) if x is None else x})
    return order_tells(POSITION, parsed, label, SCHEMA)


def test_rows_sorted_by_churn() -> None:
    sorted_ = order(np.arange(N) > 0.8 * N)
    assert sorted_ is not None
    assert sorted_.auroc > 0.98
    assert sorted_.columns == ()
    blocks = order(np.arange(N) // 200 % 3 == 1)  # churners stand together, in several places
    assert blocks is not None
    assert blocks.auroc > 0.9


def test_columns_that_follow_the_order_are_named() -> None:
    for number in (POSITION * 3.0, -POSITION + RANDOM.normal(size=N)):
        found = order(np.where(np.arange(N) > 0.7 * N, 0.9, 0.05), number)
        assert found is not None
        assert found.columns == ("x",)


@pytest.mark.parametrize(
    "chance", [np.full(N, 0.2), np.linspace(0.1, 0.3, N), np.where(np.arange(N) % 2 == 0, 0.0, 0.5)]
)
def test_no_order_or_a_slow_drift_says_nothing(chance: np.ndarray) -> None:
    assert order(chance) is None


def test_so_few_rows_say_nothing() -> None:
    label = np.array([0, 1] * 10, np.float32)
    assert order_tells(np.arange(20), pd.DataFrame({"x": np.zeros(20)}), label, SCHEMA) is None


def test_files_of_churners() -> None:
    file = RANDOM.integers(0, 3, N)
    assert file_tells(file, (RANDOM.random(N) < 0.2).astype(np.float32)) is None
    assert file_tells(np.zeros(N, np.int64), np.ones(N, np.float32)) is None
    area = file_tells(file, (RANDOM.random(N) < np.where(file == 1, 0.95, 0.02)).astype(np.float32))
    assert area is not None
    assert area > 0.9
    # A difference beyond chance that is no large one.
    assert (
        file_tells(file, (RANDOM.random(N) < np.where(file == 1, 0.3, 0.15)).astype(np.float32))
        is None
    )
