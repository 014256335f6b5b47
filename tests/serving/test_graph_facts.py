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


@pytest.mark.parametrize("decides_by", ["Greater", "a constant", "another limit"])
def test_a_graph_that_decides_in_another_way_is_refused(tmp_path: Path, decides_by: str):
    path = write_file(tmp_path / "model.onnx")
    model = onnx.load(path)
    [node] = [node for node in model.graph.node if node.op_type == "GreaterOrEqual"]
    if decides_by == "Greater":
        node.op_type = "Greater"
    elif decides_by == "another limit":  # computed from an input
        node.input[1] = "flat"
    else:
        nodes = [each for each in model.graph.node if "churn_decision" not in each.output]
        del model.graph.node[:]
        model.graph.node.extend(nodes)
        decision = onnx.helper.make_tensor("churn_decision", onnx.TensorProto.INT64, [1], [1])
        model.graph.initializer.append(decision)
    onnx.save(model, path)
    with pytest.raises(InputError, match="the graph does not decide by its probability and a thr"):
        ModelFile(path)


def test_a_graph_that_decides_nothing_is_not_judged(tmp_path: Path):
    model = onnx.load(write_file(tmp_path / "model.onnx"))
    del model.graph.output[1]
    nodes = [each for each in model.graph.node if "churn_decision" not in each.output]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    assert graph_threshold(read_model(model.SerializeToString()).graph) is None
