"""Words for yes and no: pairs of many languages, and what a word says alone."""

# ruff: noqa: RUF001 - letters of other alphabets look like Latin ones

from __future__ import annotations

import unicodedata

import pytest

from churn_torch.tables.values.truth_words import PAIRS, TRUTH, folded, truth_of, truths_of


@pytest.mark.parametrize("pair", PAIRS, ids="/".join)
def test_every_pair_in_any_spelling(pair: tuple[str, str]) -> None:
    yes, no = pair
    assert truths_of([yes, no]) == [1.0, 0.0]
    assert truths_of([f" {no.upper()}", unicodedata.normalize("NFD", yes)]) == [0.0, 1.0]
    assert truths_of([no.title(), f"{yes}\u00a0"]) == [0.0, 1.0]


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        *(("Yes", 1.0), ("NO ", 0.0), ("T", 1.0), ("n", 0.0), ("1", 1.0), ("Да", 1.0), ("否", 0.0)),
        *(("HAYIR", 0.0), ("ＮＯ", 0.0), ("Nao", 0.0), ("não", 0.0), ("SÍ", 1.0), ("FALSZ", 0.0)),
        # A letter of another language, and a word that is yes here and no there, say nothing alone.
        *(("j", None), ("s", None), ("tak", None), ("н", None), ("maybe", None), ("", None)),
    ],
)
def test_a_word_alone(text: str, truth: float | None) -> None:
    assert truth_of(text) == truth


def test_two_labels_are_a_pair_first() -> None:
    assert truths_of(["N", "J"]) == [0.0, 1.0]
    assert truths_of(["tak", "ya"]) == [0.0, 1.0]
    assert truths_of(["tak", "nie"]) == [1.0, 0.0]
    assert truths_of(["Yes", "nein", "?"]) == [1.0, 0.0, None]
    assert truths_of(["M", "F"]) == [None, 0.0]


def test_words_are_compared_as_folded() -> None:
    assert all(folded(word) == word for word in TRUTH)
    assert folded("  Fałsz\u00a0") == "falsz"
    assert folded("हाँ") == "हाँ"  # the marks of other scripts are letters
