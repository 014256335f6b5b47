"""ColumnProfile: what the cells of a column have in common."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_torch.tables.inference.column_profile import profile_column
from churn_torch.tables.values.cells import Storage


@pytest.mark.parametrize(
    ("series", "storage", "levels", "missing", "n_distinct"),
    [
        (pd.Series([1, 2, 2], name="x"), Storage.NUMBER, [1.0, 2.0], 0, 2),
        (pd.Series(["1", " ", "2.0", "2"], name="x"), Storage.NUMBER, [1.0, 2.0], 1, 2),
        (pd.Series(["01", "02"], name="x"), Storage.TEXT, ["01", "02"], 0, 2),
        (pd.Series(["a", "NA", "a"], name="x"), Storage.TEXT, ["a"], 1, 1),
        (pd.Series([None, None], name="x", dtype=object), Storage.TEXT, [], 2, 0),
        (pd.Series([[1], None], name="x"), None, [], 1, 0),
        (pd.Series([np.inf, 1.0], name="x"), Storage.NUMBER, [1.0, np.inf], 0, 2),
    ],
)
def test_survey(
    series: pd.Series, storage: Storage | None, levels: list, missing: int, n_distinct: int
) -> None:
    profile = profile_column(series)
    assert profile.name == "x"
    assert profile.storage is storage
    assert profile.levels.tolist() == levels
    assert (profile.rows, profile.missing) == (len(series), missing)
    assert profile.present == len(series) - missing
    assert profile.n_distinct == n_distinct


@pytest.mark.parametrize("values", [["2", "1", None], ["2", " 1", "NA"], ["2", "+1", ""]])
def test_numbers_in_text_are_found_with_and_without_blanks(values: list) -> None:
    profile = profile_column(pd.Series(values, dtype="str"))
    assert profile.storage is Storage.NUMBER
    assert profile.levels.tolist() == [1.0, 2.0]
    assert (profile.missing, profile.n_distinct) == (1, 2)


def test_blank_words_are_missing_every_time_they_occur() -> None:
    profile = profile_column(pd.Series(["a", "NA", "a", " ", "NA", None, ""]))
    assert profile.levels.tolist() == ["a"]
    assert (profile.missing, profile.n_distinct, profile.rows) == (5, 1, 7)


def test_long_whole_numbers_count_by_all_their_digits() -> None:
    numbers = [2**60 + step for step in range(5)]  # one and the same float64
    for series in (
        pd.Series(numbers),
        pd.Series([*numbers, None], dtype="Int64"),
        pd.Series([str(number) for number in numbers]),
    ):
        profile = profile_column(series)
        assert profile.storage is Storage.NUMBER
        assert profile.n_distinct == 5


def test_bools_and_categories_are_noticed() -> None:
    assert profile_column(pd.Series([True, False])).is_bool
    assert profile_column(pd.Series([True, None], dtype="boolean")).is_bool
    assert profile_column(pd.Series([True, None, False], dtype=object)).is_bool
    assert not profile_column(pd.Series([1, 0])).is_bool
    assert not profile_column(pd.Series(["True", "False"])).is_bool
    assert profile_column(pd.Series([3, 4], dtype="category")).is_category
    assert not profile_column(pd.Series([3, 4])).is_category
