"""The columns that rows are sliced by."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.schema import Column, Kind, Schema
from churn_torch.tables.values.cells import Storage
from churn_torch.workflows.rows.sliced_rows import SlicedRows, check_sliced, sliced

SCHEMA = Schema(
    (
        Column("member", Kind.BOOLEAN, Storage.NUMBER),
        Column("months", Kind.NUMERIC, Storage.NUMBER),
        Column("plan", Kind.CATEGORICAL, Storage.TEXT),
    ),
    *("churned", "yes", "no"),
)


def test_yes_and_no_are_words_and_numbers_stay():
    frame = pd.DataFrame({"member": [1, 0, np.nan], "months": [1, 5, 60], "plan": ["a", None, "b"]})
    found = sliced(frame, SCHEMA, ["member", "months", "plan"])
    assert found["member"].tolist()[:2] == ["yes", "no"]
    assert found["member"].isna().tolist() == [False, False, True]
    assert found["months"].tolist() == [1, 5, 60]
    assert found["plan"].tolist()[::2] == ["a", "b"]


def test_chunks_are_joined_though_each_has_categories_of_its_own():
    rows = SlicedRows(["plan"])
    for plan in ("a", "b"):
        frame = pd.DataFrame({"plan": [plan]})
        one = np.ones(1, np.float32)
        rows.add(one, one, sliced(frame, SCHEMA, ["plan"]))
    assert rows.values("plan").tolist() == ["a", "b"]
    assert rows.label.tolist() == [1, 1]


def test_a_column_that_no_row_has():
    with pytest.raises(InputError, match=r"^fairness.by: .*did you mean 'plan'"):
        check_sliced("fairness.by", ["plam"], ["plan", "months"])
