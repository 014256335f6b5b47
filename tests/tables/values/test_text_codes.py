"""text_codes: the codes of words, of words for missing, and of words that lost their zeros."""

from __future__ import annotations

import pandas as pd
import pytest

from churn_torch.tables.schema import Column, Kind, Storage
from churn_torch.tables.values.text_codes import MISSING_CODE, UNSEEN_CODE, codes_of, text_codes


def column(*words: str, missing: tuple[str, ...] = ()) -> Column:
    return Column("x", Kind.CATEGORICAL, Storage.TEXT, vocabulary=words, missing_words=missing)


def test_words_and_words_for_missing() -> None:
    codes = codes_of(pd.Series(["b", "", "a", "c", "NA", "#"]), column("a", "b", missing=("#",)))
    assert codes.tolist() == [3, MISSING_CODE, 2, UNSEEN_CODE, MISSING_CODE, MISSING_CODE]


@pytest.mark.parametrize(
    ("words", "known"),
    [
        (("001", "010"), {"1": 2, "10": 3}),
        (("000", "1"), {"0": 2, "1.0": 3}),
        (("1", "01"), {"1.0": 2}),
        (("01", "001"), {}),
        (("1", "2"), {"1.0": 2, "2.0": 3}),
        (("A01", "02x"), {}),
    ],
)
def test_numbers_that_lost_their_zeros(words: tuple[str, ...], known: dict[str, int]) -> None:
    codes = text_codes(column(*words))
    added = {word: code for word, code in codes.items() if code and word not in words}
    assert added == known


def test_a_vocabulary_must_be_there() -> None:
    with pytest.raises(ValueError, match="'x' has no vocabulary"):
        text_codes(Column("x", Kind.CATEGORICAL, Storage.TEXT))
