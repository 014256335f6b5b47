"""as_numbers: the format of a column of text, or what keeps it from being numbers."""

from __future__ import annotations

import pandas as pd
import pytest

from churn_torch.tables.inference.column_profile import ColumnProfile, profile_column
from churn_torch.tables.inference.formatted_numbers import as_numbers, written_numbers
from churn_torch.tables.schema import Storage
from churn_torch.tables.values.number_formats import NumberFormat


def profile_of(cells: list[str], decimal: str | None = None) -> ColumnProfile:
    return profile_column(pd.Series(cells, dtype="str", name="x"), decimal=decimal)


@pytest.mark.parametrize(
    ("cells", "decimal", "form", "levels"),
    [
        (["$1", "$2.5", ""], None, NumberFormat(".", ", '", "$"), [1, 2.5]),
        (["$1,000", "$2"], None, NumberFormat(".", ",", "$"), [2, 1000]),
        (["1,5", "2"], None, NumberFormat(",", ". '", ""), [1.5, 2]),
        (["1,500", "1,250"], ",", NumberFormat(",", ". '", ""), [1.25, 1.5]),
        (["1,500", "1,250"], ".", NumberFormat(".", ",", ""), [1250, 1500]),
        (["1.500 €", "950 €"], None, NumberFormat(",", ".", "€"), [950, 1500]),
        (["1.500 kg", "1.250 kg"], None, NumberFormat(".", ", '", "kg"), [1.25, 1.5]),
        (["1 500", "7"], None, NumberFormat(".", " ", ""), [7, 1500]),
        (["12", "13", "-"], None, None, [12, 13]),
    ],
)
def test_one_format_a_column(
    cells: list[str], decimal: str | None, form: NumberFormat | None, levels: list[float]
) -> None:
    found = as_numbers(profile_of(cells, decimal)).profile
    assert found is not None
    assert (found.storage, found.number_format) == (Storage.NUMBER, form)
    assert found.levels.tolist() == levels


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (["a", "b", "c"], ""),
        (["001", "002"], ""),
        (["$01", "$02"], ""),
        (["5 GB", "5 kg"], "; several units (GB and kg), so not read as one number"),
        (["1", "2", "3", "4", "5", "6+"], "; would be a number but for '6+'"),
        (["1.2.3", "1.2.4"], ""),
    ],
)
def test_why_it_is_none(cells: list[str], why: str) -> None:
    profile = profile_of(cells)
    found = as_numbers(profile)
    assert found.profile is None
    assert found.why_not == why
    assert written_numbers(profile) is profile


def test_what_is_asked_for_loses_its_zeros_and_a_few_texts() -> None:
    cells = [*(f"{i:03d}" for i in range(38)), "soon", "3+"]
    found = as_numbers(profile_of(cells), asked=True).profile
    assert found is not None
    assert found.levels.tolist() == list(range(38))
    assert (found.missing, set(found.missing_words)) == (2, {"soon", "3+"})
    refused = as_numbers(profile_of([*cells, "later"]), asked=True)
    assert (refused.unreadable, refused.unreadable_rows) == ("soon", 3)


def test_numbers_without_percent_beside_some_with_it_are_counted() -> None:
    found = as_numbers(profile_of([*(f"{i}%" for i in range(10, 40)), ".45", "0.5"]))
    assert found.profile is not None
    assert found.profile.remarks[0] == "% left out; 2 cells have no %"
