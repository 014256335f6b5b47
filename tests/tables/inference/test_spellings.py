from __future__ import annotations

import pandas as pd

from churn_torch.tables.inference.column_profile import profile_column
from churn_torch.tables.inference.guesses import guess
from churn_torch.tables.inference.named_kinds import named_kind
from churn_torch.tables.schema import Kind

PLANS = ["Gold"] * 9 + ["gold "] * 3 + ["GOLD"] + ["Basic"] * 20 + ["Silver"] * 9
ALIKE = (
    "; 3 categories differ from another one only in case or blanks (such as 'Gold' and 'gold '), "
    "and stay apart: write them alike in the source if they mean the same"
)


def note_of(texts: list[str]) -> str:
    return guess(profile_column(pd.Series(texts, name="plan", dtype="str"))).note


def test_categories_that_differ_only_in_case_or_blanks_are_named() -> None:
    assert note_of(PLANS) == f"category{ALIKE}"
    asked = named_kind(profile_column(pd.Series(PLANS, name="x", dtype="str")), Kind.CATEGORICAL)
    assert asked.note == f"category: asked for{ALIKE}"


def test_nothing_is_said_of_categories_that_differ() -> None:
    assert note_of(["Gold", "Basic", "Silver"] * 9) == "category"


def test_a_word_of_few_customers_is_not_quoted() -> None:
    note = note_of([*["Basic"] * 20, *["Silver"] * 9, "Smith", "SMITH"])
    assert "2 categories differ" in note
    assert "mith" not in note.lower()
