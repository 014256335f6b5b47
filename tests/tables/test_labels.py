"""Labels: which of two values means churn, and what a target cell says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.labels import Label, find_labels, parse_target
from churn_torch.tables.schema import Schema


def target(values: list, **kwargs: object) -> pd.Series:
    return pd.Series(values, name="churn", **kwargs)


@pytest.mark.parametrize(
    ("series", "labels"),
    [
        (target(["Yes", "No", "No"]), ("Yes", "No")),
        (target(["no", "yes", ""]), ("yes", "no")),
        (target([0, 1]), ("1", "0")),
        (target([0.0, 1.0, np.nan]), ("1", "0")),
        (target(["0.0", "1.0"]), ("1", "0")),
        (target([True, False]), ("True", "False")),
        (target([True, None, False], dtype="boolean"), ("True", "False")),
        (target(["f", "t"]), ("t", "f")),
        (target(["Y", "N"]), ("Y", "N")),
        (target(["Churned", "Stayed"]), ("Churned", "Stayed")),
        (target([-1, 1]), ("1", "-1")),
        (target(["left", "active"], dtype="category"), ("left", "active")),
    ],
    ids=str,
)
def test_obvious_pairs(series: pd.Series, labels: tuple[str, str]) -> None:
    assert find_labels(series, None) == labels


@pytest.mark.parametrize(
    ("values", "positive", "chosen"),
    [
        (["gone", "here"], "here", "here"),
        (["gone", "here"], "Gone", "gone"),
        (["yes", "no"], "no", "no"),
        (["yes", "no"], True, "yes"),  # YAML reads an unquoted yes as True
        (["yes", "no"], False, "no"),
        (["True", "False"], True, "True"),
        (["true", "false"], True, "true"),
        ([1, 0], 1, "1"),
        ([1, 0], True, "1"),
        ([1, 0], "1", "1"),
        ([1.0, 0.0], "1.0", "1"),
        ([2, 5], 5.0, "5"),
        ([True, False], True, "True"),
        ([True, False], "true", "True"),
    ],
)
def test_the_named_label_is_found(values: list, positive: Label, chosen: str) -> None:
    found = find_labels(target(values), positive)
    assert found[0] == chosen
    assert {*found} == {str(value).removesuffix(".0") for value in values}


@pytest.mark.parametrize(
    ("values", "positive", "message"),
    [
        (["a", "b"], None, "'a' and 'b' do not tell; set it to one of them"),
        (["no", "no", None], None, r"it has one value \('no'\); check the column"),
        ([None, " "], None, "it has no value; check"),
        (["yes", "no", "maybe"], None, r"3 values \('maybe', 'no', 'yes'\); make it binary"),
        (["yes", "no", "maybe"], "yes", "make it binary"),
        (list("abcdefgh"), None, r"8 values \('a', .*'f', \.\.\.\)"),
        (["yes", "no"], "churned", "got 'churned', and its values are 'no' and 'yes'"),
        (["yes", "no"], 1, "got 1, and its values"),
        (["yes", "YES"], "Yes", "got 'Yes', and its values are 'YES' and 'yes'"),
        (["a", "b"], True, "got True"),
    ],
)
def test_unclear_labels(values: list, positive: Label | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_labels(target(values), positive)


@pytest.mark.parametrize(
    ("labels", "values", "expected"),
    [
        (("Yes", "No"), ["Yes", "No", None, "yes", "NO", " "], [1, 0, None, 1, 0, None]),
        (("Yes", "No"), [True, False], [1, 0]),
        (("no", "yes"), [True, "no", "yes"], [0, 1, 0]),
        (("1", "0"), ["1.0", "0", "NA"], [1, 0, None]),
        (("1", "0"), [1.0, 0.0, np.nan], [1, 0, None]),
        (("True", "False"), ["true", "FALSE", "1"], [1, 0, 1]),
        (("yes", "YES"), ["yes", "YES"], [1, 0]),
        (("gone", "here"), ["here", "gone"], [0, 1]),
        (("Yes", "No"), [], []),
    ],
)
def test_parse_target(labels: tuple[str, str], values: list, expected: list) -> None:
    schema = Schema((), "churn", *labels)
    found = parse_target(pd.DataFrame({"churn": pd.Series(values, dtype=object)}), schema)
    assert found.dtype == np.float32
    assert [None if np.isnan(value) else value for value in found] == expected


def test_parse_target_names_what_is_neither_label() -> None:
    schema = Schema((), "churn", "Yes", "No")
    frame = pd.DataFrame({"churn": ["Yes", "No", "maybe", "?", "maybe"]})
    with pytest.raises(InputError, match=r"'Yes' or 'No' .* holds 'maybe', '\?', first in row 3"):
        parse_target(frame, schema)
    with pytest.raises(InputError, match="first in row 1,003"):
        parse_target(frame, schema, first_row=1000)
    with pytest.raises(InputError, match="also holds 'yess'"):
        parse_target(pd.DataFrame({"churn": ["yess"]}), schema)
    numbers = Schema((), "churn", "2", "5")
    with pytest.raises(InputError, match="also holds 'True'"):
        parse_target(pd.DataFrame({"churn": [True]}), numbers)


def test_parse_target_needs_the_column_once() -> None:
    schema = Schema((), "churn", "Yes", "No")
    with pytest.raises(InputError, match=r"'churn' .* not there .did you mean 'Churn'"):
        parse_target(pd.DataFrame({"Churn": ["Yes"]}), schema)
    with pytest.raises(InputError, match="more than once"):
        parse_target(pd.DataFrame([["Yes", "No"]], columns=["churn", "churn"]), schema)
