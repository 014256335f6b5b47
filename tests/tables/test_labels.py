"""Labels: which of two values means churn, and what a target cell says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.labels import Label, find_labels, parse_target
from churn_torch.tables.readers.sources import read
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
        ([True, False], "Yes", "True"),  # DuckDB reads the Yes and No of a CSV as booleans
        ([True, False], "No", "False"),
        ([1, 0], "y", "1"),
        (["t", "f"], "No", "f"),
        (["yes", "no"], 1, "yes"),
        (["y", "t"], "t", "t"),
    ],
)
def test_the_named_label_is_found(values: list, positive: Label, chosen: str) -> None:
    labels = find_labels(target(values), positive)
    assert labels[0] == chosen
    assert {*labels} == {str(value).removesuffix(".0") for value in values}


@pytest.mark.parametrize(
    ("values", "positive", "message"),
    [
        (["a", "b"], None, "no value, and we cannot guess it from 'a' and 'b'; set it"),
        (
            ["no", "no", None],
            None,
            r"two different values, got one value \('no'\); check the column",
        ),
        ([None, " "], None, "got no value; check"),
        (["yes", "no", "maybe"], None, r"3 values \('maybe', 'no', 'yes'\); make it binary"),
        (["yes", "no", "maybe"], "yes", "make it binary"),
        (list("abcdefgh"), None, r"8 values \('a', .*'f', \.\.\.\)"),
        (
            ["yes", "no"],
            "churned",
            "positive: expected one of the two values .* 'no' and 'yes', got 'churned'",
        ),
        (["yes", "no"], 2, "'no' and 'yes', got 2; set"),
        (["yes", "YES"], "Yes", "'YES' and 'yes', got 'Yes'; set it to the one that means churn"),
        (["yes", "t"], True, "got True"),  # both are true
        (["gone", "yes"], True, "got True"),
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
    with pytest.raises(InputError, match=r"'Yes' or 'No', got also 'maybe', '\?', first in row 3;"):
        parse_target(frame, schema)
    with pytest.raises(InputError, match="first in row 1,003"):
        parse_target(frame, schema, first_row=1000)
    with pytest.raises(InputError, match="got also 'yess'"):
        parse_target(pd.DataFrame({"churn": ["yess"]}), schema)
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


def test_a_csv_read_by_a_query_has_the_labels_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text("plan,churn\na,Yes\nb,No\nb,\n")
    by_query, by_path = read(f"SELECT * FROM '{path}'"), read(path)
    assert by_query["churn"].tolist()[:2] == [True, False]
    for learned, scored in ((by_query, by_path), (by_path, by_query)):
        for positive in ("Yes", True, None):
            schema = Schema((), "churn", *find_labels(learned["churn"], positive))
            np.testing.assert_array_equal(parse_target(scored, schema), [1, 0, np.nan])
        schema = Schema((), "churn", *find_labels(learned["churn"], "No"))
        np.testing.assert_array_equal(parse_target(scored, schema), [0, 1, np.nan])
