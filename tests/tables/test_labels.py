"""Labels: which of two values means churn, and what a target cell says."""

# ruff: noqa: RUF001 - letters of other alphabets look like Latin ones

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.labels import find_classes, find_labels, parse_target, read_target
from churn_torch.tables.options import ColumnRoles, Label
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
        (target([" True.", " False."]), ("True.", "False.")),
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
        (
            ["a", "b"],
            None,
            r"we cannot guess it from 'a' and 'b' \('a' 1, 'b' 1\); set it",
        ),
        (
            ["no", "no", None],
            None,
            r"two different values, got one value \('no' 2\); check the column",
        ),
        ([None, " "], None, "got no value; check"),
        (["YES", "yes", "yes"], "yes", r"one value \('yes' 3\)"),  # one word in two spellings
        (
            [*["Stayed"] * 1232, "Churned", "Churned", "Joined"],
            None,
            r"3 values \('Stayed' 1,232, 'Churned' 2, 'Joined' 1\); set data\.positive=Churned and "
            r"data\.negative=rest if .*, or data\.negative=\[Stayed\] to leave out the rows",
        ),
        (
            ["Stayed", "Churned", "Joined"],
            "Churned",
            r"; set data\.negative=rest if all other values mean no churn, or data\.negative=\[Sta",
        ),
        (
            ["a", "a", "b", "c"],
            None,
            r"; set data\.positive to the value that means churn, and data\.negative=rest",
        ),
        (
            [*["No"] * 1232, *["Yes"] * 236, "=N(TRUE)"],
            None,
            r"\('No' 1,232, 'Yes' 236, '=N\(TRUE\)' 1\); '=N\(TRUE\)' is a spreadsheet's formula "
            r"without its result: .* data\.negative=\[No\] to leave",
        ),
        (["=A2>3", "=A3>3", "=A4>3"], None, "without its result: save the file with values.$"),
        ([0, 1, 1, 2], None, "set data.positive to the value that means churn, and"),
        (list("abcdefgh"), None, r"8 values \('a' 1, .*'f' 1, \.\.\.\)"),
        ([*range(30)], None, r"30 values .*; name another column, or compute one"),
        (
            ["yes", "no"],
            "churned",
            r"positive: expected one of the two values .* \('no' 1, 'yes' 1\), got 'churned'",
        ),
        (["yes", "no", "maybe"], "churned", r"one of the values .* 'yes' 1\), got 'churned'"),
        (["yes", "no"], 2, r"\('no' 1, 'yes' 1\), got 2; set"),
        (["yes", "t"], True, "got True"),  # both are true
        (["gone", "yes"], True, "got True"),
        (["a", "b"], True, "got True"),
    ],
)
def test_unclear_labels(values: list, positive: Label | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_classes(target(values), positive)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([" Yes", "Yes ", "yes", "No", "NO "], ("Yes", "No")),
        (["Yes", "Yes", "No", "TRUE", "false", "0"], ("Yes", "No")),
        (["Churned", "churned", "Stayed", "STAYED"], ("Churned", "Stayed")),
        (["Ja", "nein", "NEIN"], ("Ja", "nein")),
        (["Não", "nao", "Sim"], ("Sim", "Não")),
    ],
)
def test_spellings_of_one_label(values: list, labels: tuple[str, str]) -> None:
    classes = find_classes(target(values), None)
    assert (classes.positive, classes.negative) == labels
    assert sum(classes.counts.values()) == len(values)
    schema = Schema((), "churn", *labels)
    frame = pd.DataFrame({"churn": values})
    assert parse_target(frame, schema).sum() == classes.counts[classes.positive]


@pytest.mark.parametrize(
    "labels",
    [
        *(("Ja", "Nein"), ("oui", "non"), ("sí", "no"), ("Sì", "No"), ("sim", "não")),
        *(("tak", "nie"), ("да", "нет"), ("是", "否"), ("はい", "いいえ"), ("evet", "hayır")),
        *(("ya", "tidak"), ("हाँ", "नहीं"), ("نعم", "لا"), ("예", "아니오"), ("vrai", "faux")),
        *(("wahr", "falsch"), ("verdadero", "falso"), ("verdadeiro", "falso"), ("ano", "ne")),
        *(("prawda", "fałsz"), ("igen", "nem"), ("da", "nu"), ("J", "N"), ("O", "N"), ("S", "N")),
        *(("ＹＥＳ", "ＮＯ"), ("ИСТИНА", "ЛОЖЬ"), ("GEKÜNDIGT", "aktiv"), ("Inactive", "Active")),
        *(("No longer active", "Active"), ("Attrited Customer", "Existing Customer")),
        *(("churn", "no churn"), ("résilié", "actif"), ("cancelado", "activo"), ("left", "no")),
    ],
)
def test_labels_in_the_words_of_many_languages(labels: tuple[str, str]) -> None:
    assert find_labels(target(labels), None) == labels
    assert find_labels(target(labels[::-1]), None) == labels


@pytest.mark.parametrize(
    "name",
    [
        *("Subscriber", "retention_7", "active", "retained", "renewed", "is_alive", "no_churn"),
        *("IsActiveMember", "current", "loyal", "aktiv", "Abonniert", "fidélisé", "suscrito"),
        *("renovado", "attivo", "assinante", "aktywny", "czy_aktywny", "stayed", "renewal"),
    ],
)
@pytest.mark.parametrize("values", [["YES", "NO", "NO"], ["TRUE", "FALSE"], [1, 0], [True, False]])
def test_a_name_that_means_staying_is_asked_about(name: str, values: list) -> None:
    series = pd.Series(values, name=name)
    with pytest.raises(
        InputError, match=rf"^data\.positive: .* of '{name}' sounds like staying"
    ) as error:
        find_classes(series, None)
    for value in {str(value) for value in values}:
        assert f"data.positive={value}" in str(error.value)
        assert f"{value!r} {[*map(str, values)].count(value)}" in str(error.value)
        assert find_classes(series, value).positive == value


@pytest.mark.parametrize(
    "name",
    [
        *("churn", "is_inactive", "not_renewed", "non_active", "unsubscribed", "subscriber_churn"),
        *("Exited", "target", "y", "label", "status", "nicht_verlängert", "nieaktywny", "inativo"),
        *("LeaveOrNot", "Attrition", "membership", "lost_subscriber", "non_renewal"),
    ],
)
def test_other_names_are_not_asked_about(name: str) -> None:
    assert find_labels(pd.Series(["yes", "no"], name=name), None) == ("yes", "no")


def test_labels_say_more_than_the_name() -> None:
    assert find_labels(pd.Series(["Churned", "Stayed"], name="retention"), None)[0] == "Churned"
    assert find_labels(pd.Series(["Active", "Inactive"], name="active"), None)[0] == "Inactive"


STATUS = [*["Stayed"] * 4, *["Churned"] * 2, *["Joined"] * 3, None]


@pytest.mark.parametrize(
    ("positive", "negative", "expected", "note"),
    [
        (
            "Churned",
            "rest",
            [0, 0, 0, 0, 1, 1, 0, 0, 0, None],
            "target: 'Churned' is churn, every other value is not ('Stayed' 4, 'Joined' 3)",
        ),
        (
            None,
            ["Stayed"],
            [0, 0, 0, 0, 1, 1, None, None, None, None],
            "target: 'Churned' is churn, not so 'Stayed' 4; rows with other values ('Joined' 3) "
            "are left out",
        ),
        ("churned", "stayed", [0, 0, 0, 0, 1, 1, None, None, None, None], None),
        (
            "Churned",
            ["Stayed", "Joined"],
            [0, 0, 0, 0, 1, 1, 0, 0, 0, None],
            "target: 'Churned' is churn, not so 'Stayed' 4, 'Joined' 3",
        ),
        ("Joined", ["Churned"], [None, None, None, None, 0, 0, 1, 1, 1, None], None),
    ],
)
def test_more_than_two_values(
    positive: Label | None, negative: object, expected: list, note: str | None
) -> None:
    frame = pd.DataFrame({"status": STATUS})
    schema = infer(
        frame.assign(x=range(10)),
        ColumnRoles(target="status", positive=positive, negative=negative),
    )
    schema = Schema.from_json(schema.to_json())
    label, n_left_out = read_target(frame, schema)
    assert [None if np.isnan(value) else value for value in label] == expected
    assert n_left_out == expected.count(None) - 1
    if note is not None:
        assert schema["status"].note == f"{note}; rows without it (1) are dropped"


def test_a_later_file_may_hold_other_values() -> None:
    rest = Schema((), "status", "Churned", "Stayed", other_labels="negative")
    listed = replace(rest, negatives=("Stayed",), other_labels="left out")
    frame = pd.DataFrame({"status": ["CHURNED", "Paused", " Stayed", ""]})
    np.testing.assert_array_equal(read_target(frame, rest).label, [1, 0, 0, np.nan])
    np.testing.assert_array_equal(read_target(frame, listed).label, [1, np.nan, 0, np.nan])
    assert [read_target(frame, schema).n_left_out for schema in (rest, listed)] == [0, 1]


@pytest.mark.parametrize(
    ("positive", "negative", "message"),
    [
        (
            "Churned",
            ["Stayd"],
            r"data\.negative: expected rest, .*'Joined' 3.*mean 'Stayed'",
        ),
        ("Churned", [], "data.negative: .* got no value; list those"),
        ("Churned", ["Stayed", "Churned"], "other values than data.positive, 'Churned'"),
        (None, ["Churned"], "cannot guess it"),
    ],
)
def test_negatives_that_are_not_there(positive: Label | None, negative: list, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_classes(pd.Series(STATUS, name="status"), positive, negative)


def test_a_broken_cell_can_be_left_out() -> None:
    series = pd.Series(["No", "Yes", "No", "=N(TRUE)"], name="attrition")
    classes = find_classes(series, None, ["No"])
    assert (classes.positive, classes.negatives) == ("Yes", ("No",))


def test_a_csv_read_by_a_query_has_the_labels_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text("plan,churn\na,Yes\nb,No\nb,\n")
    by_duckdb = f"SELECT * FROM read_csv('{path}', header=true)"
    by_query, by_path = read(by_duckdb), read(path)
    assert by_query["churn"].tolist()[:2] == [True, False]
    for learned, scored in ((by_query, by_path), (by_path, by_query)):
        for positive in ("Yes", True, None):
            schema = Schema((), "churn", *find_labels(learned["churn"], positive))
            np.testing.assert_array_equal(parse_target(scored, schema), [1, 0, np.nan])
        schema = Schema((), "churn", *find_labels(learned["churn"], "No"))
        np.testing.assert_array_equal(parse_target(scored, schema), [0, 1, np.nan])


@pytest.mark.parametrize(
    "cells",
    [
        ["2024-01-01", None, None, ""],  # one day
        [*(f"2024-01-{day:02}" for day in range(1, 29)), None],
        ["x", "", " "],
    ],
)
def test_a_column_that_is_filled_when_a_customer_leaves_names_the_query(cells: list) -> None:
    with pytest.raises(InputError) as caught:
        find_classes(pd.Series(cells, name="cancelled on"), None)
    assert caught.value.fix.endswith(
        "if an empty cell means that a customer stayed, set "
        'data.source="SELECT *, \\"cancelled on\\" IS NOT NULL AS has_left FROM \'FILE\'" '
        "data.target=has_left 'data.ignore=[cancelled on]'"
    )


def test_words_for_no_answer_beside_two_classes_are_named() -> None:
    with pytest.raises(InputError, match=r"set 'data\.missing\.y=\[\?\]' if that is no answer"):
        find_classes(pd.Series(["1", "0", "?"], name="y"), None)
    with pytest.raises(InputError, match=r"set 'data\.missing\.y=\[\?,unknown\]' if these are"):
        find_classes(pd.Series(["Yes", "No", "?", "unknown", "No"], name="y"), None)
