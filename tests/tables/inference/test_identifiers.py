"""Identifiers and codes by their names; their cells are in test_guesses and in tests/field."""

from __future__ import annotations

import pandas as pd
import pytest

from churn_torch.tables.inference.column_profile import ColumnProfile, profile_column
from churn_torch.tables.inference.identifiers import (
    code_note,
    integer_id,
    is_code_name,
    repeated_note,
    tokens_of,
)


@pytest.mark.parametrize(
    ("name", "tokens"),
    [
        ("CustomerId", ["customer", "id"]),
        ("ZIP_code2", ["zip", "code", "2"]),
        ("Nr klienta", ["nr", "klienta"]),
        ("Größe", ["größe"]),
        ("номер клиента", ["номер", "клиента"]),
    ],
)
def test_words_of_a_name(name: str, tokens: list[str]) -> None:
    assert tokens_of(name) == tokens


def test_names_of_codes() -> None:
    assert all(map(is_code_name, ["zip", "Area Code", "PLZ", "oddział", "Region"]))
    assert not any(map(is_code_name, ["area size", "zone_count", "zipper", "age", ""]))


def profile(cells: list, name: str) -> ColumnProfile:
    return profile_column(pd.Series(cells, name=name))


def test_ids_codes_and_repeats() -> None:
    ids = profile([7 * i for i in range(40)], "client no")
    assert "named like one" in integer_id(ids)
    assert repeated_note(ids) == ""
    assert "20 different in 40 rows" in repeated_note(profile([i // 2 for i in range(40)], "x"))
    assert code_note(profile([1, 2, 3] * 10, "branch"))[0]
    assert code_note(profile([-1, 2, 3] * 10, "branch")) == (False, "")
    assert code_note(profile([1.5, 2, 3] * 10, "branch")) == (False, "")
