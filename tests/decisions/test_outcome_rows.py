"""Outcomes are joined by id, however ids and outcomes are spelled; others are refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_torch.decisions.outcome_rows import comparable_ids, join_outcomes
from churn_torch.errors import InputError

LISTS = pd.DataFrame(
    {
        "id": ["'=1+1", "12", "a", "007"],
        "offer": "call",
        "churn_probability": [0.1, 0.2, 0.3, 0.4],
        "value": 100.0,
        "expected_net_value": [1.0, 2.0, 3.0, 4.0],
        "treated": [True, True, False, False],
    }
)
OUTCOMES = pd.DataFrame({"id": ["a", "=1+1", "007", "12"], "churned": ["yes", "no", "no", "yes"]})


def joined(table: pd.DataFrame = OUTCOMES, **keys: str):
    return join_outcomes(LISTS, table, **{"id": "id", "churned": "churned", **keys})


def test_outcomes_come_in_the_order_of_the_lists():
    found = joined()
    assert found.outcomes.churned.tolist() == [0, 1, 1, 0]
    assert found.outcomes.treated.tolist() == [True, True, False, False]
    assert found.outcomes.probability.tolist() == [0.1, 0.2, 0.3, 0.4]
    assert found.outcomes.revenue is None
    assert found.with_outcome.all()


@pytest.mark.parametrize(
    "words", [("ja", "nein"), (True, False), (1, 0), ("churned", "active"), ("1.0", "0")]
)
def test_any_words_for_yes_and_no_are_taken(words):
    yes, no = words
    table = OUTCOMES.assign(churned=[yes, no, no, yes])
    assert joined(table).outcomes.churned.tolist() == [0, 1, 1, 0]


def test_customers_without_an_outcome_are_left_out():
    table = OUTCOMES.assign(churned=["yes", "no", None, ""]).iloc[:3]
    found = joined(table)
    assert found.with_outcome.tolist() == [True, False, True, False]
    assert found.outcomes.churned.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ([12, 13], ["12", "13"]),
        ([12.0, np.nan], ["12", ""]),
        (["12.0", " 13 "], ["12", "13"]),
        (["'=5", "007"], ["=5", "007"]),
        (["'\t12", "\t13"], ["12", "13"]),
    ],
)
def test_ids_are_compared_as_text_however_they_are_spelled(given, text):
    ids, found = comparable_ids(pd.Series(["13", "12", "007", "'=5"]), pd.Series(given))
    assert ids.tolist() == ["13", "12", "007", "=5"]
    assert found.tolist() == text


def test_an_id_spelled_in_two_ways_is_there_twice():
    with pytest.raises(InputError, match=r"got '12' in rows 2 and 3"):
        joined(changed(id=["a", "12", "12.0", "007"]))


def test_revenue_is_found_or_named():
    table = OUTCOMES.assign(revenue=[1, 2, 3, 4.5])
    assert joined(table).outcomes.revenue.tolist() == [2, 4.5, 1, 3]
    named = table.rename(columns={"revenue": "money"})
    assert joined(named).outcomes.revenue is None
    assert joined(named, revenue="money").outcomes.revenue.tolist() == [2, 4.5, 1, 3]


def changed(**columns: object) -> pd.DataFrame:
    return OUTCOMES.assign(**columns)


@pytest.mark.parametrize(
    ("table", "keys", "sentence"),
    [
        (OUTCOMES, {"id": "customer"}, "results: expected the column 'customer', got none"),
        (OUTCOMES, {"churned": "churn"}, "got none of that name .did you mean 'churned'"),
        (OUTCOMES, {"revenue": "money"}, "results: expected the column 'money'"),
        (changed(id=["a", "b", "c", "12"]), {}, "got 2 of 4 rows with ids that are in neither, fi"),
        (changed(id=["w", "x", "y", "z"]), {}, "got 4 rows, none of whose ids is in them .*id=COL"),
        (changed(id=["a", "12", "12", "a"]), {}, "got '12' in rows 2 and 3 .2 rows too many"),
        (changed(id=["a", "12", "", "007"]), {}, "got an empty cell in row 3"),
        (
            changed(churned="no"),
            {},
            "column 'churned': expected two values .* got 'no' 4 and",
        ),
        (changed(churned=["a", "b", "c", "a"]), {}, "column 'churned': expected two values"),
        (
            changed(churned=None),
            {},
            "column 'churned': expected two values .* got empty cells",
        ),
        (
            changed(revenue=["1", "x", "2", "3"]),
            {},
            "column 'revenue': .* got 'x' in row 2",
        ),
        (changed(revenue=[1, np.nan, 2, 3]), {}, "column 'revenue': .* in row 2 .1 such rows"),
    ],
)
def test_other_outcomes_are_refused(table, keys, sentence):
    with pytest.raises(InputError, match=sentence):
        joined(table, **keys)


def test_a_list_with_a_customer_twice_is_refused():
    twice = pd.concat([LISTS, LISTS[:1]])
    with pytest.raises(InputError, match=r"^campaign: expected each customer once in its lists"):
        join_outcomes(twice, OUTCOMES, id="id", churned="churned")


def test_an_uplift_of_the_list_is_what_was_expected():
    found = join_outcomes(
        LISTS.assign(uplift=[0.1, 0.0, -0.1, 0.2]), OUTCOMES, id="id", churned="churned"
    )
    assert found.outcomes.uplift.tolist() == [0.1, 0.0, -0.1, 0.2]
