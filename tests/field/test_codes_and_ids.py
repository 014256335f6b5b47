"""Whole numbers that name something: codes, identifiers with blanks or repeats, leading zeros."""

from __future__ import annotations

import random

import pandas as pd
import pytest

from churn_torch.tables.encode import encode, parse
from churn_torch.tables.inference.column_profile import override
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.options import ColumnRoles
from churn_torch.tables.schema import Column, Kind, Schema, Storage
from churn_torch.tables.values.text_codes import UNSEEN_CODE, text_codes

N = 200
DRAW = random.Random(0)


def column_of(name: str, cells: list, **roles: object) -> Column:
    frame = pd.DataFrame(
        {name: cells, "y": ["a", "b"] * (N // 2), "churn": ["Yes", "No"] * (N // 2)}
    )
    return infer(frame, ColumnRoles(target="churn", **roles))[name]  # type: ignore[arg-type]


CODES = [DRAW.choice([408, 415, 510, 212]) for _ in range(N)]
MANY = [DRAW.randint(10_000, 99_999) for _ in range(N)]


@pytest.mark.parametrize(
    "name",
    ["area_code", "Region_Code", "branch", "Filiale", "Department", "ZipCode", "oddział",
     "store_id", "kod", "plan id", "Code agence"],
)  # fmt: skip
def test_codes_are_categories(name: str) -> None:
    for cells in (CODES, [*map(str, CODES)]):
        column = column_of(name, cells)
        assert column.kind is Kind.CATEGORICAL
        assert f"named like a code; {override(f'data.kinds.{name}=numeric')}" in column.note


@pytest.mark.parametrize("name", ["zip", "Postal Code", "branch", "PLZ"])
def test_codes_of_many_values_get_a_hint(name: str) -> None:
    column = column_of(name, MANY)
    assert column.kind is Kind.NUMERIC
    assert f"named like a code: {override(f'data.kinds.{name}=categorical')}" in column.note


def test_an_override_can_be_typed_into_a_shell() -> None:
    assert override("data.kinds.zip=numeric") == "data.kinds.zip=numeric"
    assert override("data.kinds.Zip Code=numeric") == '"data.kinds.Zip Code=numeric"'


@pytest.mark.parametrize("name", ["x", "tenure", "area size", "zone_count", "codex"])
def test_other_numbers_stay_numbers(name: str) -> None:
    assert column_of(name, CODES).kind is Kind.NUMERIC
    assert column_of(name, [i % 40 for i in range(N)]).note == "number"


def test_numbers_that_behave_like_codes_get_a_hint() -> None:
    assert "data.kinds.x=categorical if these are codes" in column_of("x", CODES).note


def test_codes_in_text_are_categories_whatever_their_number() -> None:
    cells = [f"{i % 150:05d}" for i in range(N)]
    assert column_of("plz", cells).kind is Kind.CATEGORICAL
    assert column_of("surname", [f"Name {i % 150}" for i in range(N)]).kind is Kind.IGNORED


IDS = [10_007 * i + 3 for i in range(N)]


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("customer_id", [None, *IDS[1:-1], None]),
        ("customer_id", [IDS[0], IDS[0], *IDS[2:]]),
        ("ID", [*IDS[:-3], None, IDS[0], IDS[1]]),
        ("Kundennummer", IDS),
        ("Nr klienta", [*IDS[:-1], IDS[0]]),
        ("id_klienta", IDS),
        ("customer number", [*IDS[:-1], IDS[0]]),
        ("x", [10**9 + i for i in [*IDS[:-1], IDS[0]]]),
    ],
)
def test_ids_with_blanks_or_repeats_are_ids(name: str, cells: list) -> None:
    column = column_of(name, cells)
    assert column.kind is Kind.IGNORED
    assert "looks like an identifier" in column.note


@pytest.mark.parametrize("roles", [{"id": "customer_id"}, {}])
def test_a_repeated_id_suggests_the_group_split(roles: dict) -> None:
    note = column_of("customer_id", [i // 2 * 7 for i in range(N)], **roles).note
    assert "100 different in 200 rows: data.split.by=group data.split.column=customer_id" in note
    assert "split" not in column_of("customer_id", IDS, **roles).note


def test_nothing_is_suggested_where_the_split_goes_by_the_id() -> None:
    cells = [i // 2 * 7 for i in range(N)]
    note = column_of("customer_id", cells, id="customer_id", group="customer_id").note
    assert note == "names the row; not learned from"


BRANCH = Column("branch", Kind.CATEGORICAL, Storage.TEXT, vocabulary=("001", "002", "010"))


@pytest.mark.parametrize(
    "cells", [[1, 2, 10], [1.0, 2.0, 10.0], ["1", "2", "10"], ["001", "002", "010"]]
)
def test_numbers_meet_codes_with_leading_zeros(cells: list) -> None:
    schema = Schema((BRANCH,), "churn", "Yes", "No")
    codes = encode(parse(pd.DataFrame({"branch": cells}), schema), schema).codes
    assert codes.ravel().tolist() == [2, 3, 4]


def test_a_number_that_could_be_two_codes_is_unseen() -> None:
    known = text_codes(Column("x", Kind.CATEGORICAL, Storage.TEXT, vocabulary=("01", "001", "7")))
    assert known.get("1", UNSEEN_CODE) == UNSEEN_CODE
    assert known["7"] == 4
    plain = text_codes(Column("x", Kind.CATEGORICAL, Storage.TEXT, vocabulary=("1", "01", "b")))
    assert (plain["1"], plain["01"]) == (2, 3)


def test_names_that_hardly_repeat_say_so() -> None:
    assert column_of("agent", [f"agent {i // 4}" for i in range(N)]).note == (
        "category; no text is in more than 4 rows"
    )
    assert column_of("agent", [f"agent {i // 5}" for i in range(N)]).note == "category"
