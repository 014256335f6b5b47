"""Layouts come back from a schema as they were attached, and damaged ones are refused."""

from __future__ import annotations

from typing import Any

import pytest

from churn_torch.errors import InputError
from churn_torch.models.preprocessing.piecewise_linear import PiecewiseLayout
from churn_torch.models.scorecard.layout import ScorecardLayout
from churn_torch.tables.schema import Schema

SCHEMA = Schema((), "y", "1", "0")
LAYOUTS = [
    PiecewiseLayout({"usage": 3}),
    ScorecardLayout({"usage": 8, "plan": 2}, {"usage": 5, "plan": 2}, (("usage", "plan"),)),
]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_survives_json(layout: PiecewiseLayout | ScorecardLayout) -> None:
    again = Schema.from_json(layout.attach(SCHEMA).to_json())
    assert again == layout.attach(SCHEMA)
    assert type(layout).of(again) == layout


def test_a_schema_without_layouts_has_no_pieces_bins_and_pairs() -> None:
    assert PiecewiseLayout.of(SCHEMA) == PiecewiseLayout({})
    assert ScorecardLayout.of(SCHEMA) == ScorecardLayout({}, {}, ())
    assert ScorecardLayout.of(SCHEMA).n_bins("usage", fine=True) == 0


def test_fine_bins_are_those_of_a_column_alone() -> None:
    layout = LAYOUTS[1]
    assert isinstance(layout, ScorecardLayout)
    assert [layout.n_bins("usage", fine=fine) for fine in (True, False)] == [8, 5]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("piecewise_linear", []),
        ("piecewise_linear", {"n_pieces": {"usage": "many"}}),
        ("scorecard", {"bins": {}, "pair_bins": {}, "pairs": [["usage"]]}),
        ("scorecard", {"bins": {}, "pairs": []}),
    ],
)
def test_a_damaged_layout_is_refused(name: str, value: Any) -> None:
    schema = SCHEMA.with_layout(name, value)
    layout = {"piecewise_linear": PiecewiseLayout, "scorecard": ScorecardLayout}[name]
    with pytest.raises(InputError, match=rf"layouts.{name} of the schema: .* damaged value"):
        layout.of(schema)
