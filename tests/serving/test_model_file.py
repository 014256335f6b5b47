"""A model file as another system sees it, and files that are none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.serving.model_file import ModelFile
from churn_torch.serving.outputs import DECISION, OUTPUTS, PROBABILITY
from churn_torch.serving.run_model import find_model
from churn_torch.workflows.run_folder import Run
from tests.serving.made_file import METADATA, SCHEMA, write_file


def test_what_is_read_of_a_file(tmp_path: Path):
    path = write_file(tmp_path / "model.onnx")
    for given in (path, str(path), path.read_bytes()):
        file = ModelFile(given)
        assert file.schema == SCHEMA
        assert file.names == [column["name"] for column in file.columns]
        assert file.outputs == list(OUTPUTS.values())
        assert file.threshold == METADATA["threshold"]
        assert file.quality_meaning[3] == "outside the training range"
    assert file.metadata["metrics"] == METADATA["metrics"]


def test_what_a_lean_file_lacks_is_not_there(tmp_path: Path):
    file = ModelFile(write_file(tmp_path / "model.onnx", quality=None, reasons=None))
    assert file.outputs == [PROBABILITY, DECISION]
    assert file.quality_meaning == {}


def test_raw_rows_to_answers(customers_run: Run, customers: pd.DataFrame):
    file = ModelFile(customers_run.model)
    feed = file.feed(customers)
    answers = file.run(feed)
    assert list(answers) == list(OUTPUTS.values())
    np.testing.assert_allclose(
        answers[PROBABILITY], customers_run.predict_proba(customers), atol=1e-6
    )
    assert list(file.run(feed, [DECISION])) == [DECISION]
    with pytest.raises(InputError, match="got none called 'plan'; add or rename the column"):
        file.feed(customers.drop(columns="plan"))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_a_truncated_file_is_refused(customers_run: Run, tmp_path: Path, share: float):
    whole = customers_run.model.read_bytes()
    path = tmp_path / "model.onnx"
    path.write_bytes(whole[: int(share * len(whole))])
    for given in (path, path.read_bytes()):
        with pytest.raises(InputError, match=r"^model: expected an? .*ONNX .*churn-torch export"):
            ModelFile(given)


def test_a_foreign_file_is_refused(tmp_path: Path):
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    x, y = (onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [1]) for n in "xy")
    graph = onnx.helper.make_graph([node], "foreign", [x], [y])
    opsets = [onnx.helper.make_opsetid("", 20)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=10)
    with pytest.raises(InputError, match="an ONNX file of churn_torch, got bytes without its"):
        ModelFile(model.SerializeToString())


@pytest.mark.parametrize("version", ["2", "10", "1.5", "-1", "new", "", "\u0661", "9" * 5000])
def test_a_file_of_a_newer_version_names_what_to_install(tmp_path: Path, version: str):
    path = write_file(tmp_path / "m.onnx", format=version, churn_torch_version="7.8.9")
    with pytest.raises(
        InputError,
        match=rf"m\.onnx of format '{version[:20]}', .* churn_torch 7\.8\.9; install that",
    ):
        ModelFile(path)


@pytest.mark.parametrize("columns", ["[]", "{}", "null", '[{"name": "another"}]'])
def test_columns_that_are_not_the_inputs_are_refused(tmp_path: Path, columns: str):
    path = write_file(tmp_path / "model.onnx")
    model = onnx.load(path)
    stored = {entry.key: entry.value for entry in model.metadata_props}
    onnx.helper.set_model_props(model, {**stored, "columns": columns})
    with pytest.raises(InputError, match=r"expected complete metadata in .*churn-torch export\.$"):
        ModelFile(model.SerializeToString())


@pytest.mark.parametrize("key", ["columns", "metrics", "threshold", "schema"])
def test_damaged_metadata_are_refused(tmp_path: Path, key: str):
    path = write_file(tmp_path / "model.onnx", **{key: "[{"})
    with pytest.raises(InputError, match=r"expected complete metadata in .*churn-torch export\.$"):
        ModelFile(path)


def test_metadata_nested_without_end_are_refused(tmp_path: Path):
    path = write_file(tmp_path / "model.onnx", metrics="[" * 100_000)
    with pytest.raises(InputError, match=r"expected complete metadata in .*churn-torch export\.$"):
        ModelFile(path)


def test_a_run_is_finished_only_with_what_is_written_last(tmp_path: Path):
    file = write_file(tmp_path / "model.onnx")
    assert find_model(str(file)) == file
    with pytest.raises(InputError, match=r"^run: expected a finished run, got .*; finish it with"):
        find_model(str(tmp_path))
    (tmp_path / "metrics.json").write_text("{}")
    assert find_model(str(tmp_path)) == file


@pytest.mark.parametrize(
    "odd",
    [
        {"metrics": {"test": 5}},
        {"metrics": {"test": {"calibration": {"sentence": 5}}}},
        {"quality": {"x": "fine"}},
        {"quality": {"9" * 5000: "fine"}},
        {"correlated_columns": [{"columns": 5, "sentence": "together"}]},
        {"explain": {"actionable": {}}},
    ],
)
def test_metadata_of_another_shape_are_refused(customers_run: Run, odd: dict[str, object]) -> None:
    model = onnx.load(customers_run.model)
    stored = {entry.key: entry.value for entry in model.metadata_props}
    odd_texts = {key: json.dumps(value) for key, value in odd.items()}
    onnx.helper.set_model_props(model, stored | odd_texts)
    with pytest.raises(InputError, match=r"expected complete metadata in .*churn-torch export\.$"):
        ModelFile(model.SerializeToString())
