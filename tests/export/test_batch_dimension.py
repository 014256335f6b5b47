from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from churn_torch.export import tensor_graph
from churn_torch.export.batch_dimension import traced_row_count
from churn_torch.export.graph import build_onnx
from churn_torch.models.attribution import Attribution
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.models.scorer import Scorer
from churn_torch.serving.outputs import PROBABILITY, REASONS
from churn_torch.serving.session import make_feed, open_session
from churn_torch.tables.encode import encode, parse
from churn_torch.workflows.runs.run_folder import Run


def test_the_number_is_a_factor_of_no_size():
    assert traced_row_count([1, 0, 64, 2018 // 2 + 1]) == 1009
    assert traced_row_count([1009]) == 1013
    assert traced_row_count([5 * 1009, 1013, 7]) == 1019
    assert traced_row_count(range(1000, 1100)) is None


class Counting(nn.Module):
    """A net that asks how many rows there are."""

    def __init__(self, n_features: int, way: str) -> None:
        super().__init__()
        self.way = way
        self.linear = nn.Linear(n_features + 2, 1)
        self.token = nn.Parameter(torch.tensor([[1.0, 2.0]]))

    def forward(self, x: Tensor) -> Tensor:
        n_rows = x.shape[0]
        if self.way == "concatenated":
            rows = torch.cat([x, self.token.expand(n_rows, -1)], dim=1)
        elif self.way == "reshaped":
            rows = torch.cat([x.reshape(n_rows, x.shape[1]), x[:, :2].flatten(1)], dim=1)
        else:  # a border between the rows and nothing
            both = torch.cat([x, x[:1]], dim=0)
            rows = torch.cat([both[:n_rows], both[:n_rows, :2]], dim=1)
        return self.linear(rows).squeeze(1).tanh()


@pytest.mark.parametrize(
    ("way", "traced", "n_points"),
    [("reshaped", [False], 3), ("concatenated", [False, True], 3), ("cut", [False, True], 0)],
)
def test_a_net_that_counts_its_rows_takes_any_number(
    customers_run: Run, customers, monkeypatch, way: str, traced: list[bool], n_points: int
):
    """Where the number cannot be taken out of the graph, torch leaves it open from the start."""
    asked, trace = [], tensor_graph._traced

    def noted(*arguments: Any, any_number: bool) -> Any:
        asked.append(any_number)
        return trace(*arguments, any_number=any_number)

    monkeypatch.setattr(tensor_graph, "_traced", noted)
    preprocess, schema = customers_run.scorer.preprocess, customers_run.schema
    torch.manual_seed(0)
    net = Counting(preprocess.n_features, way).eval()
    scorer = Scorer(preprocess, net, customers_run.scorer.calibrator).eval()
    scorer.baseline.copy_(customers_run.scorer.baseline)
    outputs = [PROBABILITY, REASONS] if n_points else [PROBABILITY]
    model = build_onnx(
        scorer, schema, threshold=0.5, metadata={}, outputs=outputs, n_points=n_points
    )
    assert asked == traced
    session = open_session(model.SerializeToString())
    for n_rows in (1, 7, 400):
        parsed = parse(customers.head(n_rows), schema)
        probability, *reasons = session.run(outputs, make_feed(parsed, schema))
        columns = Columns.from_arrays(encode(parsed, schema))
        np.testing.assert_allclose(probability, scorer.score(columns), atol=1e-5)
        for found in reasons:
            expected = Attribution(scorer, n_points).explain(columns)
            np.testing.assert_allclose(found, expected, atol=1e-4)
