"""Yes and no in text, however they are spelled."""

from __future__ import annotations

import pandas as pd
import pytest

from churn_torch.tables.encode import parse
from churn_torch.tables.inference.column_profile import profile_column
from churn_torch.tables.inference.yes_no import yes_no
from churn_torch.tables.schema import Kind, Schema
from churn_torch.tables.values.text_codes import text_codes


def profile(words: list[str]) -> pd.Series:
    return pd.Series(words, dtype="str", name="x")


@pytest.mark.parametrize(
    "words",
    [
        ["Yes", "No"],
        ["t", "F"],
        [" TRUE", "False"],
        ["y", "n"],
        ["Ja", "Nein"],
        ["não", "SIM"],
        ["Да", "Нет"],
        ["是", "否"],
        ["tak", "nie"],
    ],
)
def test_two_words_are_yes_and_no(words: list[str]) -> None:
    column = yes_no(profile_column(profile(words * 5)))
    assert column is not None
    assert (column.kind, column.note, column.vocabulary) == (Kind.BOOLEAN, "yes/no", None)


def test_spellings_of_an_answer_are_one_word() -> None:
    text = profile(["Yes", "Yes", "YES", "yes ", "no", "No", "No"])
    column = yes_no(profile_column(text))
    assert column is not None
    assert column.vocabulary == ("No", "Yes")
    assert column.note == "yes/no: 5 spellings read as 'Yes' and 'No'"
    read = parse(text.to_frame(), Schema((column,), "y", "a", "b"))["x"]
    assert read.tolist() == ["Yes", "Yes", "Yes", "Yes", "No", "No", "No"]


@pytest.mark.parametrize(
    "words",
    [
        ["yes", "f"],
        ["yes"],
        ["yes", "no", "maybe"],
        ["Male", "Female"],
        ["S", "N"],
        ["J", "N"],
        ["yes", "nein"],
        ["1", "0"],
    ],
)
def test_other_words_are_no_answers(words: list[str]) -> None:
    assert yes_no(profile_column(profile(words * 5))) is None


def test_many_different_texts_are_no_answers() -> None:
    spaced = [" " * i + word for i in range(40) for word in ("yes", "no")]
    assert yes_no(profile_column(profile(spaced))) is None


def test_words_of_other_languages_are_read_in_every_spelling_they_come_in() -> None:
    text = profile(["Sí", "no", "SI", "No", "sí "])
    column = yes_no(profile_column(text))
    assert column is not None
    assert set(column.vocabulary or ()) == {"Sí", "no"}
    came = pd.DataFrame({"x": ["si", "True", "1", "NO", "false", "0.0", "oui", ""]})
    read = parse(came, Schema((column,), "y", "a", "b"))["x"]
    assert read.tolist() == ["Sí", "Sí", "Sí", "no", "no", "no", "oui", ""]
    codes = text_codes(column)
    assert codes["SÍ"] == codes["Sí"] == codes["Yes"] == codes["true"] != codes["NO"]
