"""Roles: the columns that the user names are in the table, and each has one use."""

from __future__ import annotations

from typing import Any

import pytest

from churn_torch.errors import InputError
from churn_torch.tables.inference.roles import check_roles, listed
from churn_torch.tables.options import ColumnRoles


def check(**named: Any) -> None:
    check_roles(["x", "anchor", "churn"], ColumnRoles(**{"target": "churn", **named}))


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"id": "y"}, "data.id: expected a column of the table, got 'y'; name one of 'x', 'anc"),
        ({"id": "churn"}, "data.id: expected another column than the target, got 'churn'"),
        ({"time": "X"}, "data.split.column: .*did you mean 'x'"),
        ({"group": "ancor"}, "data.split.column: .*did you mean 'anchor'"),
        ({"weight": "wieght"}, "data.weight: expected a column"),
        ({"ignore": ["anker"]}, "data.ignore: expected a column"),
        ({"ignore": ["churn"]}, "data.ignore: expected another column than the target"),
        ({"ignore": "x"}, r"data.ignore: expected a list .* write \[x\]"),
        ({"kinds": {"z": "numeric"}}, "data.kinds: expected a column"),
        ({"kinds": {"churn": "numeric"}}, "data.kinds: expected another column"),
        ({"kinds": {"x": "number"}}, "data.kinds.x: .* numeric, .*got 'number' .did you mean"),
        ({"kinds": {"x": "target"}}, "data.kinds.x: expected one of numeric, .*got 'target'"),
        ({"kinds": {"x": "weight"}}, "data.kinds.x: expected one of numeric, .*got 'weight'"),
        ({"kinds": {"x": "numeric"}, "ignore": ["x"]}, "kind numeric in .* also in data.ignore"),
        ({"kinds": {"x": "numeric"}, "id": "x"}, "kind numeric in data.kinds and also the id"),
        ({"weight": "x", "id": "x"}, "'x': expected one use, got two: it is the weight and also"),
        ({"weight": "x", "time": "x"}, "the weight and also the split's time"),
        ({"weight": "x", "group": "x"}, "the weight and also the split's group"),
        ({"weight": "x", "kinds": {"x": "numeric"}}, "the weight and also of the kind numeric"),
    ],
    ids=str,
)
def test_roles_that_cannot_be(named: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check(**named)


@pytest.mark.parametrize(
    "named",
    [
        {},
        {"id": "x", "group": "x", "weight": "anchor"},
        {"ignore": ["x"], "kinds": {"x": "ignored"}},
        {"id": "x", "kinds": {"x": "id", "anchor": "numeric"}},
        {"time": "x", "kinds": {"x": "datetime"}},
    ],
    ids=str,
)
def test_roles_that_can_be(named: dict[str, Any]) -> None:
    check(**named)


def test_long_lists_are_cut() -> None:
    assert listed(["a", "b"]) == "'a', 'b'"
    assert listed(map(str, range(20)), most=2) == "'0', '1', ... (20 in all)"
