"""What looks wrong about a table is said before the metrics; a sound table gets no such line."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_torch import samples
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.tables.options import DataOptions, SplitOptions
from churn_torch.workflows.suspicions import suspicions

TELCO = pd.read_parquet(samples.path("telco"))
RANDOM = np.random.default_rng(0)


def said(source: pd.DataFrame, split: SplitOptions | None = None, **named: object) -> list[str]:
    split = split or SplitOptions()
    data = DataOptions(**{"target": "churn", "split": split, **named})
    table = read_labelled(data, seed=0, source=source)
    for _ in table.chunks():
        pass
    return [one.sentence for one in suspicions(table, split)]


@pytest.mark.parametrize("streaming", [True, False])
def test_the_sample_is_above_suspicion(streaming: bool) -> None:
    assert said(TELCO, streaming=streaming) == []


@pytest.mark.parametrize("streaming", [True, False])
def test_a_column_that_is_filled_after_the_churn(streaming: bool) -> None:
    reason = np.where(TELCO["churn"] == "Yes", RANDOM.choice(["price", "move"], len(TELCO)), None)
    (line,) = said(TELCO.assign(cancel_reason=reason), streaming=streaming)
    assert line == (
        "cancel_reason alone tells churn (AUROC 1.00: missing where churn is No); is it known "
        "before? data.ignore=[cancel_reason]"
    )
    assert said(TELCO.assign(cancel_reason=reason), ignore=["cancel_reason"]) == []


def test_only_training_rows_are_looked_at() -> None:
    day = np.arange(len(TELCO))
    late = day >= 0.7 * len(TELCO)  # validation and test rows
    code = np.where(late, RANDOM.random(len(TELCO)), TELCO["churn"] == "Yes")
    split = SplitOptions(by="time", column="day")
    assert said(TELCO.assign(day=day, code=code), split)[0].startswith("code alone tells churn")
    code = np.where(late, TELCO["churn"] == "Yes", RANDOM.random(len(TELCO)))
    assert said(TELCO.assign(day=day, code=code), split) == []


def customers(n: int, times: int) -> pd.DataFrame:
    """Customers that stand in several rows each, with labels that are drawn at random."""
    one = pd.DataFrame(RANDOM.normal(size=(n, 8))).add_prefix("x")
    one = one.assign(id=[f"C{i:04d}" for i in range(n)], churn=RANDOM.integers(0, 2, n))
    return pd.concat([one] * times, ignore_index=True)


def test_twins_are_said_until_they_stay_together() -> None:
    source = customers(100, 6)
    (line,) = said(source, ignore=["id"])
    assert line.startswith("90 of 90 test rows have a twin in training, alike in every feature")
    (line,) = said(source, id="id")
    assert line.startswith("90 of 90 test rows have an id (id) that rows in training have too")
    assert said(source, SplitOptions(by="group", column="id"), id="id") == []
    assert said(source, SplitOptions(by="group", column="auto"), id="id") == []
    # A later row of a customer is what a split by time is for.
    assert said(source.assign(day=range(600)), SplitOptions(by="time", column="day"), id="id") == []


def test_rows_of_one_id_that_are_no_copies() -> None:
    source = customers(100, 6)
    source["x0"] = RANDOM.normal(size=600)
    assert said(source, ignore=["id"]) == []
    assert said(source, id="id")[0].startswith("90 of 90 test rows have an id (id)")


def test_a_few_rows_alike_are_no_suspicion() -> None:
    source = pd.concat([customers(300, 1), customers(2, 2)], ignore_index=True)
    assert said(source, ignore=["id"]) == []


def test_a_target_with_several_negative_labels() -> None:
    status = np.where(TELCO["churn"] == "Yes", "Churned", RANDOM.choice(["Stayed", "Joined"], 7043))
    source = TELCO.drop(columns="churn").assign(
        status=status, reason=np.where(TELCO["churn"] == "Yes", "price", None)
    )
    for negative, where in (("rest", "is not Churned"), (["Stayed"], "is Stayed")):
        (line,) = said(source, target="status", positive="Churned", negative=negative)
        assert f"AUROC 1.00: missing where status {where})" in line
