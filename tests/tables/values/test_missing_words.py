"""Missing words: what data.missing may hold, and the cells that mean missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.schema import Column, Kind, Storage
from churn_torch.tables.values.missing_words import (
    MissingWords,
    are_placeholders,
    are_signs,
    is_placeholder,
    read_column,
    sentinel_values,
)
from churn_torch.tables.values.number_formats import NumberFormat


@pytest.mark.parametrize(
    ("value", "everywhere", "of_column"),
    [
        (None, (), {}),
        ([], (), {}),
        ("#", ("#",), {}),
        ([999, -1.0, " a ", True], ("999", "-1", "a", "True"), {}),
        ({"x": [999], "y": "?"}, (), {"x": ("999",), "y": ("?",)}),
        (["#", ["x", "999", "0"], {"z": [1]}], ("#",), {"x": ("999", "0"), "z": ("1",)}),
    ],
)
def test_what_data_missing_may_hold(value: object, everywhere: tuple, of_column: dict) -> None:
    words = MissingWords.from_config(value)
    assert (words.everywhere, words.of_column) == (everywhere, of_column)
    assert words.of("x") == (*everywhere, *of_column.get("x", ()))


def test_a_list_in_a_list_of_words_is_refused() -> None:
    with pytest.raises(InputError, match=r"data.missing.x: expected words such as"):
        MissingWords.from_config({"x": [["a"]]})


def test_a_cell_and_a_column_agree() -> None:
    texts = ["-", " N.A. ", "Xxxx", "xx", "#REF!", "0000-00-00", "0", "soon", " ", "Нет данных"]
    mask = are_placeholders(pd.Series(texts, dtype="str"))
    assert mask.tolist() == [is_placeholder(text) for text in texts]
    assert mask.tolist() == [True, True, True, False, True, True, False, False, True, True]
    assert (
        are_signs(pd.Series(["#", "&&", "a#", "1", "é", "数"])).tolist()
        == [True, True] + [False] * 4
    )


def test_words_that_are_numbers_or_dates() -> None:
    number = Column("x", Kind.NUMERIC, Storage.NUMBER, missing_words=("9.5", "#", "-1"))
    assert sentinel_values(number) == (-1, 9.5)
    comma = Column("x", Kind.NUMERIC, Storage.NUMBER, number_format=NumberFormat(",", "."),
                   missing_words=("9,5", "#"))  # fmt: skip
    assert sentinel_values(comma) == (9.5,)
    date = Column("x", Kind.DATETIME, Storage.TEXT, "%d.%m.%Y", missing_words=("02.01.1970", "#"))
    assert sentinel_values(date) == (1,)
    assert sentinel_values(Column("x", Kind.NUMERIC, Storage.NUMBER)) == ()


def test_a_column_is_read_with_its_words() -> None:
    column = Column("x", Kind.NUMERIC, Storage.NUMBER, number_format=NumberFormat(".", ",", "$"),
                    missing_words=("soon", "999"))  # fmt: skip
    text = pd.Series(["$1,000", "soon", "$999", "-", None, "later"], dtype="str")
    numbers, unreadable = read_column(text, column)
    np.testing.assert_array_equal(numbers, [1000, np.nan, np.nan, np.nan, np.nan, np.nan])
    assert unreadable.tolist() == [False] * 5 + [True]


@pytest.mark.parametrize("word", ["n.c.", "NC", "Non communiqué", "nie dotyczy", "н/д", "不适用"])
def test_usual_words_of_other_languages(word: str) -> None:
    assert is_placeholder(f" {word} ")
