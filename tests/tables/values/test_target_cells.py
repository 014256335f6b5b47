"""What a cell of the target says: churn, no churn, nothing, or something else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.schema import Schema
from churn_torch.tables.values.target_cells import is_formula, parse_target


@pytest.mark.parametrize(
    ("labels", "values", "expected"),
    [
        (("Yes", "No"), ["Yes", "No", None, "yes", "NO", " "], [1, 0, None, 1, 0, None]),
        (("Yes", "No"), [True, False], [1, 0]),
        (("no", "yes"), [True, "no", "yes"], [0, 1, 0]),
        (("1", "0"), ["1.0", "0", "NA"], [1, 0, None]),
        (("1", "0"), [1.0, 0.0, np.nan], [1, 0, None]),
        (("True", "False"), ["true", "FALSE", "1"], [1, 0, 1]),
        (("True", "False"), ["Yes", "no", "", 1, 0.0], [1, 0, None, 1, 0]),
        (("False", "True"), ["Yes", "no"], [0, 1]),
        (("yes", "YES"), ["yes", "YES"], [1, 0]),
        (("gone", "here"), ["here", "gone"], [0, 1]),
        (("Yes", "No"), [], []),
    ],
)
def test_parse_target(labels: tuple[str, str], values: list, expected: list) -> None:
    schema = Schema((), "churn", *labels)
    parsed = parse_target(pd.DataFrame({"churn": pd.Series(values, dtype=object)}), schema)
    assert parsed.dtype == np.float32
    assert [None if np.isnan(value) else value for value in parsed] == expected


def test_parse_target_names_what_is_neither_label() -> None:
    schema = Schema((), "churn", "Yes", "No")
    frame = pd.DataFrame({"churn": ["Yes", "No", "maybe", "?", "maybe"]})
    with pytest.raises(InputError, match=r"'Yes' or 'No', got also 'maybe' 2, '\?' 1, first in ro"):
        parse_target(frame, schema)
    with pytest.raises(InputError, match="first in row 1,003"):
        parse_target(frame, schema, first_row=1000)
    with pytest.raises(InputError, match="got also 'yess'"):
        parse_target(pd.DataFrame({"churn": ["yess"]}), schema)
    with pytest.raises(InputError, match=r"'=TRUE\(\)' 1, first in row 1, a spreadsheet's formula"):
        parse_target(pd.DataFrame({"churn": ["=TRUE()"]}), schema)
    numbers = Schema((), "churn", "2", "5")
    with pytest.raises(InputError, match="got also 'True'"):
        parse_target(pd.DataFrame({"churn": [True]}), numbers)


def test_parse_target_needs_the_column_once() -> None:
    schema = Schema((), "churn", "Yes", "No")
    with pytest.raises(
        InputError, match=r"target column 'churn', got none of that name .did you mean 'Churn'"
    ):
        parse_target(pd.DataFrame({"Churn": ["Yes"]}), schema)
    with pytest.raises(InputError, match="more than once"):
        parse_target(pd.DataFrame([["Yes", "No"]], columns=["churn", "churn"]), schema)


@pytest.mark.parametrize("text", ["=N(TRUE)", "=TRUE()", ' =IF(A1="x",1,0)', "=+A1", "=$B$2"])
def test_formulas(text: str) -> None:
    assert is_formula(text)


@pytest.mark.parametrize("text", ["=", "=> yes", "= 5", "a=b", "TRUE()", ""])
def test_other_text_is_no_formula(text: str) -> None:
    assert not is_formula(text)
