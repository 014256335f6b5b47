"""Lifetimes from random logs: those of a slow reference, which agree with a classifier's label."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings

from churn_torch.errors import InputError
from churn_torch.events.lifetime_sql import FollowUp, check_whole_days
from churn_torch.events.specification import EventSpecification
from tests.events.test_feature_tables import (
    CUTOFF,
    FEW,
    LATER,
    LOGS,
    as_frame,
    assert_alike,
    made,
    specification,
)
from tests.reference.event_rows import rows_at

DAY = timedelta(days=1)
END = CUTOFF + 25.5 * DAY
LABELS = (
    {"none_of": ["orders"], "within": "9d"},
    {"none_of": ["orders", "calls"], "within": "6d", "gap": "3d"},
    {"event": "calls", "within": "1w"},
    {"event": "orders", "within": "7d", "gap": "3d"},
)


# Somebody who orders every day and calls once, and somebody who ordered once: each label has both.
DAILY = [(20, CUTOFF + day * DAY, 0 * DAY, 1.0, "web") for day in range(-5, 30)]
ONCE = [(21, CUTOFF - 3 * DAY, 0 * DAY, 1.0, "web")]
CALL = [(20, CUTOFF + 15 * DAY, 0 * DAY, None, None)]


def logs_of(orders: list[Any], calls: list[Any]) -> dict[str, pd.DataFrame]:
    return {"orders": as_frame([*orders, *DAILY, *ONCE]), "calls": as_frame([*calls, *CALL])}


def followed(folder: Path, label: dict[str, Any]) -> EventSpecification:
    cutoffs = {"at": [CUTOFF, LATER], "until": END.isoformat()}
    features = {"orders": {"windows": ["7d"]}}
    return specification(folder, label=label, cutoffs=cutoffs, features=features)


@pytest.mark.parametrize("label", LABELS)
@settings(FEW, max_examples=5)
@given(orders=LOGS, calls=LOGS)
def test_lifetimes_are_those_of_the_reference_and_agree_with_the_label(
    orders, calls, label, tmp_path
):
    logs, spec = logs_of(orders, calls), followed(tmp_path, label)
    tables, lived = made(tmp_path, logs, spec, follow_up=FollowUp(2, 10))
    for cutoff, rows in zip(tables.cutoffs, lived, strict=True):
        until = cutoff + (20 if cutoff == CUTOFF else 14) * DAY
        assert_alike(rows, rows_at(spec, logs, None, cutoff, until=until))
    window = {"9d": 9, "6d": 9, "1w": 7, "7d": 10}[label["within"]]
    _, labelled = made(tmp_path, logs, spec)
    for rows, later in zip(labelled, lived, strict=True):
        both = rows.merge(later, on="customer", suffixes=("", "_later"), validate="1:1")
        assert len(both) == len(rows) == len(later)
        left = both["churned_later"] & (both["days_observed"] <= window)
        pd.testing.assert_series_equal(left, both["churned"], check_names=False)


def test_customers_are_followed_for_whole_periods():
    cutoff = datetime(2025, 1, 1)
    assert FollowUp(30, 600).days(cutoff, cutoff + 89.9 * DAY) == 60
    assert FollowUp(30, 2).days(cutoff, cutoff + 400 * DAY) == 60
    assert FollowUp(1, 600).days(cutoff, cutoff + 3.2 * DAY) == 3


def test_a_label_window_of_hours_has_no_lifetimes(tmp_path):
    check_whole_days(followed(tmp_path, {"none_of": ["orders"], "within": "48h"}))
    spec = followed(tmp_path, {"none_of": ["orders"], "within": "36h"})
    with pytest.raises(InputError, match=r"events.label.within: expected whole days .* got '36h'"):
        check_whole_days(spec)
