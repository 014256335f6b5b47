"""The layout of a scorecard comes back from a schema, and damaged ones are refused."""

from __future__ import annotations

from typing import Any

import pytest

from churn_torch.errors import InputError
from churn_torch.models.scorecard.layout import ScorecardLayout
from churn_torch.tables.schema import Schema

SCHEMA = Schema((), "y", "1", "0")
LAYOUT = ScorecardLayout({"usage": 8, "plan": 2}, {"usage": 5, "plan": 2}, (("usage", "plan"),))


def test_a_layout_survives_json() -> None:
    schema = LAYOUT.attach(SCHEMA)
    again = Schema.from_json(schema.to_json())
    assert again == schema
    assert ScorecardLayout.of(again) == LAYOUT


def test_a_schema_without_a_layout_has_no_bins_and_no_pairs() -> None:
    assert ScorecardLayout.of(SCHEMA) == ScorecardLayout({}, {}, ())
    assert ScorecardLayout.of(SCHEMA).n_bins("usage", fine=True) == 0


def test_fine_bins_are_those_of_a_column_alone() -> None:
    assert [LAYOUT.n_bins("usage", fine=fine) for fine in (True, False)] == [8, 5]


@pytest.mark.parametrize(
    "value",
    [
        {"bins": {}, "pair_bins": {}, "pairs": [["usage"]]},
        {"bins": {}, "pairs": []},
        {"bins": [], "pair_bins": {}, "pairs": []},
        None,
    ],
)
def test_a_damaged_layout_is_refused(value: Any) -> None:
    with pytest.raises(InputError, match=r"layouts.scorecard of the schema"):
        ScorecardLayout.of(SCHEMA.with_layout("scorecard", value))
