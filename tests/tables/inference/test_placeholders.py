"""Placeholders: which texts between numbers or dates may count as missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_torch.tables.inference.column_profile import profile_column
from churn_torch.tables.inference.placeholders import (
    counted,
    missing_here,
    without_placeholders,
)


@pytest.mark.parametrize(
    ("texts", "counts", "asked", "words"),
    [
        (["?", "unknown"], [90, 5], False, ()),  # usual words
        (["soon"], [5], False, ("soon",)),
        (["soon"], [6], False, None),
        (["a", "b", "c", "d", "e"], [1] * 5, False, ("a", "b", "c", "d", "e")),
        (["a", "b", "c", "d", "e"], [2] * 5, False, None),
        (["&&", " @ "], [30, 10], False, ("&&", "@")),
        (["&&"], [51], False, None),
        (["3+"], [1], False, ("3+",)),
        (["3+"], [2], False, None),
        (["3+"], [5], True, ("3+",)),
        ([], [], False, ()),
    ],
)
def test_what_may_be_missing(
    texts: list, counts: list, asked: bool, words: tuple[str, ...] | None
) -> None:
    series = pd.Series(texts, dtype="str")
    assert missing_here(series, np.array(counts, dtype=int), 100, asked=asked) == words


def test_texts_are_named_with_their_cells() -> None:
    texts = pd.Series(["a", "b", "c", "d"])
    assert counted(texts[:1], np.array([1])) == "'a' (1 cell) counts as missing"
    some = counted(texts, np.array([1, 3000, 2, 1]))
    assert some == "'b', 'c', 'a' and 1 other text (3,004 cells) count as missing"


def test_dates_are_looked_for_in_what_remains() -> None:
    days = [f"2024-01-{day:02d}" for day in range(1, 31)]
    profile = without_placeholders(profile_column(pd.Series([*days, "0000-00-00", "-", "never"])))
    assert profile.levels.tolist() == days
    assert (profile.missing, profile.missing_words) == (3, ("never",))
    words = profile_column(pd.Series(["a", "b", "c"] * 9))
    assert without_placeholders(words) is words
