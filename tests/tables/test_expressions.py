"""The value of a customer: one expression over a row, and nothing else."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.tables import expressions
from churn_torch.tables.customer_value import ValueExpression
from churn_torch.tables.expressions import Condition
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.options import ColumnRoles

FRAME = pd.DataFrame(
    {
        "monthly_charges": [10.0, 20.5, np.nan, 3.0],
        "tenure in months": [1, 2, 3, 40],
        "plan": ["a", "b", "a", "b"],
        "flag": ["1", "0", "1", "0"],
        "since": pd.to_datetime(["2020-01-01", "2021-01-01", "2022-01-01", "2023-06-01"]),
        'odd "name"': [1.5, 2.5, 3.5, 9.5],
        "churned": ["yes", "no", "yes", "no"],
    }
)
SCHEMA = infer(FRAME, ColumnRoles(target="churned"))
ROWS = np.arange(4)


@pytest.mark.parametrize(
    ("text", "columns", "expected"),
    [
        ("tenure in months", ["tenure in months"], [1, 2, 3, 40]),
        ('odd "name"', ['odd "name"'], [1.5, 2.5, 3.5, 9.5]),
        ('"odd ""name""" * 2', ['odd "name"'], [3, 5, 7, 19]),
        ("12 * coalesce(Monthly_Charges, 0)", ["monthly_charges"], [120, 246, 0, 36]),
        ("case plan when 'a' then 100 else flag end", ["plan", "flag"], [100, 0, 100, 0]),
        ("year(since) -- the year", ["since"], [2020, 2021, 2022, 2023]),
        ("customers.flag = 1", ["flag"], [1, 0, 1, 0]),
        ("100", [], [100] * 4),
    ],
)
def test_an_expression_is_evaluated_row_by_row(text, columns, expected):
    value = ValueExpression(text, SCHEMA)
    assert list(value.columns) == columns
    assert value(FRAME, ROWS).tolist() == expected
    # As a CSV gives it, and in another process.
    text_cells = FRAME.astype("str").astype({"since": "datetime64[us]"})
    assert pickle.loads(pickle.dumps(value))(text_cells, ROWS).tolist() == expected
    assert value(FRAME.iloc[3:], ROWS[3:]).tolist() == expected[3:]
    assert value(FRAME.iloc[:0], ROWS[:0]).tolist() == []


def test_the_order_of_many_rows_is_kept():
    many = pd.DataFrame({"tenure in months": np.random.default_rng(0).permutation(300_000)})
    value = ValueExpression('"tenure in months" + 1', SCHEMA)(many, np.arange(len(many)))
    assert np.array_equal(value, many["tenure in months"] + 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sum(monthly_charges)", r"sum\(\), a function that it may not call"),
        ("count(*)", r"a star|count_star\(\), a function"),
        ("sum(flag) over ()", "a window function"),
        ("(select 1)", "a subquery"),
        ("flag in (select 1)", "a subquery"),
        ("*", "a star"),
        ("$1", "a parameter"),
        ("list_sum(list_transform([1], x -> x))", "a lambda|a function"),
        ("1; select 2", "syntax error"),
        ("1) AS DOUBLE), CAST((2", "syntax error"),
        ("1) AS DOUBLE) FROM customers UNION SELECT CAST((2", "syntax error"),
        ("1) AS DOUBLE) FROM customers WHERE true OR CAST((2", "syntax error|more than"),
        ("1) AS DOUBLE); SELECT CAST((2", "syntax error"),
        ("1) AS DOUBLE) FROM read_csv('/etc/passwd'), (SELECT CAST((2", "syntax|more than"),
        ("1) AS DOUBLE) AS DOUBLE), CAST(CAST((2", "more than an expression"),
        ("1) AS DOUBLE) AS DOUBLE) FROM customers UNION SELECT CAST(CAST((2", "more than an"),
        ("1) AS DOUBLE) AS DOUBLE) FROM customers WHERE true OR CAST(CAST((2", "syntax|more than"),
        ("1) AS DOUBLE) AS DOUBLE); SELECT CAST(CAST((2", "more than an expression"),
        ("1) AS DOUBLE) + CAST((2", "more than an expression"),
        ("true) AS DOUBLE) AS DOUBLE) OR CAST(CAST((true", "more than|syntax"),
        ("1 /* never closed", "unterminated"),
        (" ", "it is empty"),
        ("__import__('os').system('true')", "a function that it may not call"),
        ("unnest([1, 2])", "a function that it may not call"),
        ("range(3)", "a function that it may not call"),
        # What a stranger may write: it waits, grows, looks around, or differs each time.
        ("sleep_ms(100000)", r"sleep_ms\(\), a function"),
        ("1 + length(repeat('x', 4000000000))", r"repeat\(\), a function"),
        ("length(plan.lpad(4000000000, 'x'))", r"lpad\(\), a function"),
        ("length(system.main.REPEAT('x', 9))", r"repeat\(\), a function"),
        ("length(current_setting('temp_directory'))", r"current_setting\(\), a function"),
        ("length(getenv('HOME'))", r"getenv\(\), a function"),
        ("random()", r"random\(\), a function"),
        ("length(plan::INTEGER[100000][100000]::VARCHAR)", "a type that holds many values"),
        ("plan * 2 + upper(plan)", "No function|does not exist|Conversion|Could not"),
    ],
)
def test_what_is_no_expression_over_a_row_is_refused_before_any_row_is_read(text, message):
    with pytest.raises(InputError, match=f"^data.value: expected a column, or one.*({message})"):
        ValueExpression(text, SCHEMA)


def _nested(start: str, end: str, times: int) -> str:
    return start * times + "flag" + end * times


@pytest.mark.parametrize(
    "text",  # of twice as many parts it would not end
    [
        _nested("case ", " when 1 then 1 when 2 then 2 end", 15),  # DuckDB copies `flag` twice
        _nested("nullif(", ", 1)", 14),
    ],
)
def test_an_expression_that_grows_as_duckdb_reads_it_is_given_up(text, monkeypatch):
    monkeypatch.setattr(expressions, "_SECONDS", 0.1)
    with pytest.raises(InputError, match="it takes more than 0 s"):
        ValueExpression(text, SCHEMA)


def test_unknown_columns_are_named_with_the_nearest():
    with pytest.raises(InputError, match=r"got 'monthly_charge' \(did you mean 'monthly_charges'"):
        ValueExpression("12 * monthly_charge", SCHEMA)
    value = ValueExpression("flag", SCHEMA)
    with pytest.raises(InputError, match="columns that every source has, got 'flag'"):
        value(FRAME.drop(columns="flag"), ROWS)


def test_columns_that_differ_in_case_only_cannot_be_told_apart():
    frame = FRAME.assign(Flag=[2, 3, 4, 5])
    schema = infer(frame, ColumnRoles(target="churned"))
    assert ValueExpression("Flag", schema)(frame, ROWS).tolist() == [2, 3, 4, 5]
    with pytest.raises(InputError, match="differ in case only"):
        ValueExpression("Flag + flag", schema)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("monthly_charges", r"a missing value in row 103 \(1 such rows\); .* coalesce"),
        ("1 / (1 - flag)", r"inf in row 101 \(2 such rows\)"),
        ("plan", "Could not convert string 'a' to DOUBLE"),
        ("'abc'", "Could not convert"),
    ],
)
def test_a_value_that_is_no_finite_number_is_named(text, said):
    value = ValueExpression(text, SCHEMA)
    with pytest.raises(InputError, match=said):
        value(FRAME, ROWS + 100)


def test_text_where_the_schema_saw_numbers_is_named():
    value = ValueExpression("flag", SCHEMA)
    with pytest.raises(InputError, match=r"numbers in column 'flag', got 'often'"):
        value(FRAME.assign(flag=["1", "often", "0", "0"]), ROWS)


@pytest.mark.parametrize("text", ["(select 1 from '{}')", "read_csv('{}')", "read_text('{}')"])
def test_no_file_is_reached(text, tmp_path):
    (tmp_path / "t.csv").write_text("a\n1\n")
    with pytest.raises(InputError, match=r"^data.value: "):
        ValueExpression(text.format(tmp_path / "t.csv"), SCHEMA)


def test_a_condition_holds_where_it_is_true_and_nowhere_else():
    condition = Condition("monthly_charges > 5 and plan = 'a'", SCHEMA, key="offer.call.where")
    assert condition(FRAME).tolist() == [True, False, False, False]  # a missing result is no
    with pytest.raises(InputError, match=r"^offer.call.where: .*contract = 'Month-to-month'"):
        Condition("plan +", SCHEMA, key="offer.call.where")
    with pytest.raises(InputError, match=r"^campaign.exclude: .*Could not convert"):
        Condition("plan", SCHEMA, key="campaign.exclude")(FRAME)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("flag in (" + "1," * 60_000 + "1)", "120,011 letters, more than 100,000"),
        ("plan = '\udcff'", "letters that are not of UTF-8"),
    ],
)
def test_a_text_that_duckdb_cannot_take_is_refused(text, reason):
    with pytest.raises(InputError, match=reason) as raised:
        Condition(text, SCHEMA, key="exclude")
    assert len(str(raised.value)) < 2_000
