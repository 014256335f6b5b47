"""Opening, feeding and running an ONNX file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pandas as pd
import pytest
from onnx import TensorProto, helper

from churn_torch.errors import InputError
from churn_torch.serving.outputs import PROBABILITY
from churn_torch.serving.session import make_feed, open_session
from churn_torch.tables.encode import parse
from churn_torch.workflows.runs.run_folder import Run


@pytest.fixture(scope="module")
def session(customers_run: Run) -> ort.InferenceSession:
    return open_session(customers_run.model)


def test_opens_a_path_and_bytes(customers_run: Run):
    path = customers_run.model
    names = [i.name for i in open_session(path).get_inputs()]
    assert names == [i.name for i in open_session(str(path)).get_inputs()]
    assert names == [i.name for i in open_session(path.read_bytes()).get_inputs()]


def test_a_file_that_is_no_model_is_refused(tmp_path: Path):
    (tmp_path / "model.onnx").write_bytes(b"PAR1 no model")
    for source, named in (
        (tmp_path / "model.onnx", "model.onnx"),
        (tmp_path / "absent.onnx", "absent.onnx"),
        (b"no model", "got bytes"),
    ):
        with pytest.raises(InputError, match=named) as caught:
            open_session(source)
        assert "\n" not in str(caught.value)


def test_feed_is_one_column_an_input(customers_run: Run, customers: pd.DataFrame):
    schema = customers_run.schema
    feed = make_feed(parse(customers.head(3), schema), schema)
    assert set(feed) == {column.name for column in schema.features}
    assert {array.shape for array in feed.values()} == {(3, 1)}
    assert feed["Größe/Call  Failure"].dtype == np.float32
    assert feed["joined"].dtype == np.float64
    assert feed["plan"].dtype == object
    assert all(type(cell) is str for cell in feed["plan"].ravel())


def test_numbers_beyond_float32_become_infinite_without_a_warning(
    customers_run: Run, customers: pd.DataFrame, session: ort.InferenceSession
):
    schema = customers_run.schema
    parsed = parse(customers.head(2), schema)
    parsed["Größe/Call  Failure"] = [1e39, np.nan]
    parsed.loc[1, parsed.columns != "Größe/Call  Failure"] = parsed.iloc[0]
    feed = make_feed(parsed, schema)
    assert np.isinf(feed["Größe/Call  Failure"][0, 0])
    (probability,) = session.run([PROBABILITY], feed)
    assert probability[0] == probability[1]  # infinite is missing


def test_a_node_that_fails_at_the_opening_leaves_no_second_message(
    capfd: pytest.CaptureFixture[str],
) -> None:
    numbers = ("nodes_treeids", "nodes_nodeids", "nodes_featureids")
    links = ("nodes_truenodeids", "nodes_falsenodeids")
    target = ("target_treeids", "target_nodeids", "target_ids")
    node = helper.make_node(
        "TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", n_targets=1,
        nodes_modes=["BRANCH_LEQ"], nodes_values=[1.0], target_weights=[1.0],
        **{key: [0] for key in (*numbers, *links, *target)},
    )  # fmt: skip
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1]) for name in "xy"]
    graph = helper.make_graph([node], "circle", values[:1], values[1:])
    sets = [helper.make_opsetid("", 20), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=sets, ir_version=9)
    with pytest.raises(InputError, match="onnxruntime can open"):
        open_session(model.SerializeToString())
    assert capfd.readouterr().err == ""
