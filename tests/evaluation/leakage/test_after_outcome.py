"""Columns that are known only afterwards: by their dates, and by their names."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churn_torch.evaluation.leakage.after_outcome import later_dates, named_for_the_end
from churn_torch.tables.schema import Column, Kind, Schema, Storage

RANDOM = np.random.default_rng(0)
N = 1_000
LABEL = (RANDOM.random(N) < 0.3).astype(np.float32)
TIME = 19_000.0 + RANDOM.integers(0, 300, N)
COLUMNS = (
    Column("contact", Kind.DATETIME, Storage.DATETIME),
    Column("x", Kind.NUMERIC, Storage.NUMBER),
)
SCHEMA = Schema(COLUMNS, "churn", "1", "0")


def later(shift: np.ndarray) -> list:
    parsed = pd.DataFrame({"contact": TIME + shift, "x": TIME + 100 * LABEL})
    return later_dates(parsed, LABEL, SCHEMA, TIME)


def test_a_date_after_the_time_of_churners() -> None:
    after = (LABEL == 1) & (RANDOM.random(N) < 0.6)
    (found,) = later(np.where(after, 5.0, -5.0))
    assert (found.column, found.others) == ("contact", 0.0)
    assert found.churners == after.sum() / LABEL.sum()
    assert later(np.where(LABEL == 0, 5.0, -5.0))[0].others == 1.0


def test_dates_of_both_classes_missing_ones_and_the_same_day_are_none() -> None:
    assert later(RANDOM.choice([-5.0, 5.0], N)) == []
    assert later(np.where(LABEL == 1, np.nan, -5.0)) == []
    assert later(np.where(LABEL == 1, 0.9, 0.0)) == []  # later that day
    parsed = pd.DataFrame({"contact": TIME, "x": TIME})
    assert later_dates(parsed, np.ones(N, np.float32), SCHEMA, TIME - 1) == []


def test_names_count_where_the_column_tells_churn() -> None:
    scores = {"cancel_reason": 0.7, "exit_code": 0.55, "tenure": 0.9, "churn_score": 0.8}
    assert named_for_the_end(scores, LABEL, {"churn_score"}) == {"cancel_reason": 0.7}
    # Of few rows a column reaches so much by chance.
    assert named_for_the_end(scores, LABEL[:30], ()) == {}
    assert named_for_the_end(scores, np.zeros(5, np.float32), ()) == {}
