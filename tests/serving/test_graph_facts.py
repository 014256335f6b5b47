"""The threshold has one truth: the graph and the metadata agree, or the file is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from churn_torch.errors import InputError
from churn_torch.serving.batch import BatchModel
from churn_torch.serving.graph_facts import graph_threshold
from churn_torch.serving.model_file import ModelFile
from churn_torch.serving.onnx_graph import read_model
from churn_torch.workflows.runs.run_folder import Run
from tests.serving.made_file import write_file


def test_the_graph_has_the_threshold_of_the_run(customers_run: Run):
    graph = read_model(customers_run.model.read_bytes()).graph
    assert graph_threshold(graph) == np.float32(customers_run.threshold)


@pytest.mark.parametrize(
    ("opener", "stated"),
    [
        *(
            (opener, stated)
            for opener in (BatchModel, ModelFile)
            for stated in ("0.51", "0", "NaN", "5")
        ),
        *(
            (ModelFile, stated)
            for stated in ("NaN", "5", "-0.1", "Infinity", '"x"', "null", "true")
        ),
    ],
)
def test_another_threshold_in_the_metadata_is_refused(
    customers_run: Run, tmp_path: Path, stated: str, opener: type
):
    model = onnx.load(customers_run.model)
    stored = {entry.key: entry.value for entry in model.metadata_props}
    onnx.helper.set_model_props(model, {**stored, "threshold": stated})
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    with pytest.raises(
        InputError, match=r"damaged metadata \(the threshold .*churn-torch export\.$"
    ):
        opener(path)


def test_a_graph_without_a_comparison_is_not_judged(tmp_path: Path):
    path = write_file(tmp_path / "model.onnx")
    assert graph_threshold(read_model(path.read_bytes()).graph) is None
    assert ModelFile(path.read_bytes()).threshold == 0.31
