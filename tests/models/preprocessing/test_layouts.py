"""Layouts are read from a schema, and damaged ones are refused."""

from __future__ import annotations

import pytest

from churn_torch.errors import InputError
from churn_torch.models.preprocessing.layouts import read_layout
from churn_torch.tables.schema import Schema

SCHEMA = Schema((), "y", "1", "0").with_layout("sizes", {"n": 3})


def test_a_layout_is_parsed_and_none_where_there_is_none() -> None:
    assert read_layout(SCHEMA, "sizes", lambda value: value["n"]) == 3
    assert read_layout(SCHEMA, "other", lambda value: value["n"]) is None


@pytest.mark.parametrize("key", ["m", 3])
def test_a_damaged_layout_is_refused(key: object) -> None:
    with pytest.raises(
        InputError, match=r"layouts.sizes of the schema: expected .*, got a damaged value .*; use"
    ):
        read_layout(SCHEMA, "sizes", lambda value: value[key])
