from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.labelled.time_choices import window_and_test
from churn_torch.tables.options import ColumnRoles
from churn_torch.tables.split_options import SplitOptions


def test_the_choices_are_in_the_units_of_the_column() -> None:
    frame = pd.DataFrame({
        "day": [1, 2, 3], "date": ["2025-01-01", "2025-02-01", "2025-03-01"],
        "x": [1.0, 2.5, 3.0], "y": ["yes", "no", "no"],
    })  # fmt: skip
    schemas = {name: infer(frame, ColumnRoles(target="y", time=name)) for name in ("day", "date")}

    def of(name: str, **keys) -> dict:
        split = SplitOptions(by="time", column=name, **keys)
        return dict(window_and_test(split, schemas[name][name]))

    assert of("day") == {"window": 0.0, "test_from": None}
    assert of("day", horizon=2.5, test_from=3) == {"window": 2.5, "test_from": 3.0}
    assert of("date", horizon="5w")["window"] == 35.0
    assert of("date", horizon="36h")["window"] == 1.5
    day = (datetime(2025, 2, 1, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days
    assert of("date", test_from="2025-02-01")["test_from"] == day
    assert of("date", test_from="2025-02-01T12:00+12:00")["test_from"] == day
    for name, keys, message in (
        ("day", {"horizon": "3d"}, r"horizon: expected a plain number, as 'day' holds numbers"),
        (
            "day",
            {"test_from": "soon"},
            r"test_from: expected a number, as those of 'day', got 'soon'",
        ),
        ("date", {"test_from": "1.2.25"}, r"test_from: expected a date such as 2025-06-01"),
    ):
        with pytest.raises(InputError, match=message):
            of(name, **keys)
