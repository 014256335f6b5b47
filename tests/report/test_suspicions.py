"""Suspicions in sentences."""

from __future__ import annotations

from churn_torch.evaluation.leakage import LoneTeller
from churn_torch.report.suspicions import (
    Outcome,
    lone_tellers_said,
    suspicion_lines,
    twins_sentence,
)


def said(*found: LoneTeller, negative: str | None = "No") -> list[str]:
    return suspicion_lines(lone_tellers_said(found, Outcome("churn", "Yes", negative)))


def test_a_column_is_named_with_what_leaves_it_out() -> None:
    assert said() == []
    assert said(LoneTeller("end_date", 0.9999, 0)) == [
        "end_date alone tells churn (AUROC 1.00: missing where churn is No); is it known before? "
        "data.ignore=[end_date]"
    ]
    assert "missing where churn is Yes)" in said(LoneTeller("x", 0.99, 1))[0]
    assert "missing where churn is not Yes)" in said(LoneTeller("x", 0.99, 0), negative=None)[0]
    (plain,) = said(LoneTeller("Churn Score", 0.984))
    assert plain.startswith("Churn Score alone tells churn (AUROC 0.98); is it known before?")
    assert plain.endswith(" 'data.ignore=[Churn Score]'")


def test_several_columns_are_left_out_at_once() -> None:
    lines = said(*(LoneTeller(f"c{i}", 1.0) for i in range(8)))
    assert len(lines) == 8
    assert lines[6] == "So do 2 more columns."
    assert lines[7] == ("To leave out all of them: data.ignore=[c0,c1,c2,c3,c4,c5,c6,c7]")


def test_twins_are_counted_with_the_split_that_keeps_them_together() -> None:
    copies = twins_sentence(1_056, 1_000, of_id=None)
    assert copies.startswith("1,000 of 1,056 test rows have a twin in training")
    assert "data.split.by=group data.split.column=auto keeps" in copies
    ids = twins_sentence(360, 12, of_id="customer id")
    assert ids.startswith("12 of 360 test rows have an id (customer id) that rows in training have")
    assert "data.split.by=group 'data.split.column=customer id' keeps" in ids
