"""Which word of a vocabulary a text means, alone and as a column."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_torch.tables.schema import Column, Kind, Storage
from churn_torch.tables.values.known_words import float_text, read_words, with_points, word_reader
from churn_torch.tables.values.text_codes import UNSEEN_CODE, text_codes


def column(*words: str, kind: str = "categorical", storage: str = "text") -> Column:
    return Column("x", Kind(kind), Storage(storage), vocabulary=words)


YES_NO = column("No", "Yes", kind="boolean")
TRUTHS = column("True", "False", kind="boolean")
SEXES = column("Female", "Male", kind="boolean")
PLANS = column("1", "2.0", "1.1", "Café", "true", "b", "b ", "9007199254740993")
CODES = column("007", "0012", "5")
NUMBERS = column("1", "415", "0.1", "2.5", storage="number")


@pytest.mark.parametrize(
    ("learned", "text", "word"),
    [
        (YES_NO, "Yes", "Yes"), (YES_NO, " YES ", "Yes"), (YES_NO, "true", "Yes"),
        (YES_NO, "1", "Yes"), (YES_NO, "1.0", "Yes"), (YES_NO, "-0.0", "No"), (YES_NO, "f", "No"),
        (YES_NO, "2", "2"), (YES_NO, "maybe", "maybe"), (YES_NO, "", ""), (YES_NO, "NA", ""),
        (TRUTHS, "1", "True"), (TRUTHS, "no", "False"), (TRUTHS, "TRUE", "True"),
        (SEXES, "1", "1"), (SEXES, "male", "male"),
        (column("Yes", "unknown", kind="boolean"), "0", "0"),
        (PLANS, "1.0", "1"), (PLANS, "2", "2.0"), (PLANS, "1.10", "1.10"), (PLANS, "0.5", "0.5"),
        (column("2.5", "0"), "2.50", "2.50"), (column("2.5", "0"), "-0.0", "0"),
        (PLANS, "Cafe\u0301", "Café"), (PLANS, "CAFÉ", "CAFÉ"), (PLANS, "True", "true"),
        (PLANS, "b ", "b "), (PLANS, "b\u00a0", "b\u00a0"), (PLANS, "B", "B"),
        (PLANS, "9007199254740993", "9007199254740993"),
        (PLANS, "9007199254740992", "9007199254740992"),
        (PLANS, "9007199254740993.0", "9007199254740993.0"),
        (CODES, "7", "007"), (CODES, "7.0", "007"), (CODES, "12", "0012"), (CODES, "05", "05"),
        (NUMBERS, "415.0", "415"), (NUMBERS, " 415", "415"), (NUMBERS, "0415", "0415"),
        (NUMBERS, "0.10000000149011612", "0.1"), (NUMBERS, "2.50", "2.5"), (NUMBERS, "7.0", "7"),
        (column("0.10000000149011612"), "0.1", "0.10000000149011612"),
    ],
)  # fmt: skip
def test_what_a_text_means(learned: Column, text: str, word: str) -> None:
    assert word_reader(learned)(text) == word
    assert read_words(pd.Series([text if word else ""], dtype="str"), learned)[0] == word


@given(
    st.text(max_size=4)
    | st.floats().map(str)
    | st.integers(-(2**60), 2**60).map(str)
    | st.sampled_from(["yes", "1.", "+1", "1e0", "00", "007.0", "true ", "TRUE", "1e400", "٣"]),
    st.sampled_from([YES_NO, TRUTHS, PLANS, CODES, NUMBERS]),
)
def test_one_text_means_the_same_alone_and_in_a_column(text: str, learned: Column) -> None:
    alone = word_reader(learned)(text)
    if alone:
        assert read_words(pd.Series([text, "b"], dtype="str"), learned)[0] == alone


@pytest.mark.parametrize("learned", [YES_NO, TRUTHS, PLANS, CODES, NUMBERS])
def test_what_the_encoder_knows_means_the_same(learned: Column) -> None:
    codes = text_codes(learned)
    for text, code in codes.items():
        assert codes.get(word_reader(learned)(text), UNSEEN_CODE) == code, text


def test_before_there_is_a_vocabulary_text_stays_but_for_accents() -> None:
    learning = Column("x", Kind.CATEGORICAL, Storage.TEXT)
    text = pd.Series(["1.0", "true", "Cafe\u0301", ""], dtype="str")
    assert read_words(text, learning).tolist() == ["1.0", "true", "Café", ""]


def test_a_float_is_the_word_with_a_point_where_there_is_one() -> None:
    learned = column("1", "1.0", "2", "b")
    for cell, word in ((1.0, "1.0"), (1, "1"), (2.0, "2"), (True, "True"), (2.5, "2.5")):
        assert float_text(cell, learned) == word
    mixed = pd.Series([1.0, 1, 2.0, "1", None], dtype=object)
    text = pd.Series(["1", "1", "2", "1", ""], dtype="str")
    assert with_points(text, mixed, learned).tolist() == ["1.0", "1", "2", "1", ""]
    assert with_points(text[:3], pd.Series([1.0, 1, 2]), learned).tolist() == ["1.0", "1.0", "2"]
    assert with_points(text[:3], pd.Series([1, 1, 2]), learned).tolist() == ["1", "1", "2"]
