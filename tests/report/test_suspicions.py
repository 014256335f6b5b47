"""Suspicions in sentences."""

from __future__ import annotations

from churn_torch.evaluation.leakage.column_leakage import LoneTeller, OneSided
from churn_torch.report.suspicions import (
    Outcome,
    files_said,
    later_date_said,
    lone_tellers_said,
    names_said,
    near_copies_said,
    one_sided_said,
    order_said,
    suspicion_lines,
    time_gap_said,
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


CHURN = Outcome("churn", "Yes", "No")


def test_every_sentence_ends_with_what_mends_it() -> None:
    cells = OneSided("note", "filled", 1, 612, 0.4)
    ahead = LoneTeller("level", 0.93, rest=0.7)
    for found, sentence in (
        (
            lone_tellers_said([ahead], CHURN)[0],
            "level tells far more of churn than all other columns together (AUROC 0.93, the others "
            "0.70); is it known before? data.ignore=[level]",
        ),
        (
            one_sided_said([cells], CHURN)[0],
            "note is filled almost only where churn is Yes (40% of such rows, 612 looked at); is "
            "it known before? data.ignore=[note]",
        ),
        (
            later_date_said("contact", "day", 0.5, 0.02, CHURN),
            "contact lies after day in 50% of the rows where churn is Yes and in 2% of the others; "
            "is it known by then? data.ignore=[contact]",
        ),
        (
            names_said({"exit code": 0.71})[0],
            "exit code may be known only once a customer has left, by its name, and goes along "
            "with churn (AUROC 0.71); if so: 'data.ignore=[exit code]'",
        ),
        (
            order_said(0.99, ["row", "n"]),
            "The rows stand in an order that tells churn (AUROC 0.99 of the row's position), and "
            "row, n follow it: they will not tell churn of new customers; data.ignore=[row,n]",
        ),
        (
            order_said(0.99, []),
            "The rows stand in an order that tells churn (AUROC 0.99 of the row's position): no "
            "number column follows it, so nothing is learned from it, but a split by position "
            "would be wrong; leakage=ignore leaves this unsaid.",
        ),
        (
            files_said(0.9, {"a.csv": 0.02, "b.csv": 0.9}),
            "The file of a row tells churn (AUROC 0.90: 90% in b.csv, 2% in a.csv), and so does "
            "whatever else differs between the files; were they made alike? If so, leakage=ignore "
            "leaves this unsaid.",
        ),
        (
            time_gap_said("day", 0.8, 0.7),
            "On the latest rows by day a simple model reaches AUROC 0.80 where it has learned from "
            "rows of the same time, and 0.70 where only from earlier ones: a random split promises "
            "too much; data.split.by=time data.split.column=day tests on later rows.",
        ),
        (
            near_copies_said(1_056, 90, 1),
            "About 90 of 1,056 test rows repeat a training row but for one cell or for rounding, "
            "with its label: what is learned of these is tested on them again; name the column "
            "that such rows share (data.split.by=group data.split.column=COLUMN), or take "
            "data.split.column=auto, which joins rows that differ in one cell.",
        ),
    ):
        assert found.sentence == sentence
