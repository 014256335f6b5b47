"""Counts of texts: exact up to a number of different ones, bounded beyond it."""

from __future__ import annotations

from collections import Counter

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_torch.tables import text_counts
from churn_torch.tables.text_counts import TextCounts

TEXTS = st.lists(st.sampled_from(["", "a", "b", "B", "é", "日本", " a", "z"]), max_size=40)


def count(blocks: list[list[str]]) -> TextCounts:
    counts = TextCounts()
    for block in blocks:
        counts.add(pd.Series(block, dtype="str"))
    return counts


@given(st.lists(TEXTS, min_size=1, max_size=5), st.integers(1, 8), st.integers(1, 4))
def test_as_a_counter_counts(blocks: list[list[str]], n: int, at_least: int) -> None:
    counts, expected = count(blocks), Counter(text for block in blocks for text in block)
    assert counts.n_missing == expected.pop("", 0)
    assert counts.n_present == expected.total()
    ordered = sorted(expected.items(), key=lambda item: (-item[1], item[0]))
    top = [item for item in ordered if item[1] >= at_least][:n]
    assert list(counts.most_frequent(n, at_least).items()) == top


def test_beyond_the_bound_the_rarest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_counts, "COUNTED_TEXTS", 10)
    blocks = [["often"] * 5 + ["seldom"] * 2 + [f"{i} {j}" for j in range(9)] for i in range(20)]
    counts = count(blocks)
    assert counts.n_present == 20 * 16
    assert counts.most_frequent(2, 3) == {"often": 100, "seldom": 40}
    assert len(counts.most_frequent(999, 1)) <= 2 * 10 + 9
