"""The model repository: what Triton reads equals what the file takes and gives."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pandas as pd
import pytest
from google.protobuf import text_format
from onnx import TensorProto, helper
from tritonclient.grpc import model_config_pb2

from churn_torch import samples
from churn_torch.cli.compose import compose
from churn_torch.errors import ParityError
from churn_torch.export import triton
from churn_torch.serving.model_file import ModelFile
from churn_torch.serving.session import make_feed
from churn_torch.tables.encode import parse
from churn_torch.whole_files import PRIVATE
from churn_torch.workflows import export as exporting
from churn_torch.workflows.runs.run_folder import Run
from tests.serving.made_file import write_file

ROOT = Path(__file__).resolve().parents[2]

# Triton's types, ONNX Runtime's and NumPy's: the table "Datatypes" of Triton's documentation.
TYPES = {
    "TYPE_FP32": ("tensor(float)", np.float32),
    "TYPE_FP64": ("tensor(double)", np.float64),
    "TYPE_INT64": ("tensor(int64)", np.int64),
    "TYPE_STRING": ("tensor(string)", object),
}


def parsed(text: str) -> Any:
    """Read a configuration as Triton does: an unknown field or a wrong type is an error."""
    return text_format.Parse(text, model_config_pb2.ModelConfig())


def check_tensors(config: Any, session: ort.InferenceSession) -> None:
    """Names, types and shapes of the configuration are those of the file, in its order."""
    for tensors, values in (
        (config.input, session.get_inputs()),
        (config.output, session.get_outputs()),
    ):
        assert [tensor.name for tensor in tensors] == [value.name for value in values]
        for tensor, value in zip(tensors, values, strict=True):
            kind = model_config_pb2.DataType.Name(tensor.data_type)
            assert TYPES[kind][0] == value.type
            assert len(tensor.dims) > 0, "Triton knows no empty dims"
            own = tensor.reshape.shape if tensor.HasField("reshape") else tensor.dims
            assert ["N", *own] == value.shape, tensor.name
            assert np.prod(own) == np.prod(tensor.dims)  # a reshape keeps the number of cells


@pytest.fixture(scope="module")
def repository(customers_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository that held another model and an old version of this one."""
    out = tmp_path_factory.mktemp("triton") / "repository"
    for name in ("other/config.pbtxt", "churn/1/model.onnx", "churn/config.pbtxt"):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text("another model")
    path = exporting.export(
        compose("export", [f"run={customers_run.folder}", "target=triton", f"out={out}"])
    )
    assert path == out / "churn" / "1" / "model.onnx"
    return out


def test_the_repository_is_laid_out_as_triton_wants_it(repository: Path):
    config = parsed((repository / "churn" / "config.pbtxt").read_text(encoding="utf-8"))
    assert {p.relative_to(repository).as_posix() for p in repository.rglob("*") if p.is_file()} >= {
        "churn/config.pbtxt",
        "churn/1/model.onnx",
    }
    assert config.name == "churn"  # it must be the folder's
    assert config.default_model_filename in ("", "model.onnx")
    assert (config.platform, config.backend) == ("onnxruntime_onnx", "onnxruntime")


def test_names_types_and_dims_are_the_file_s(repository: Path):
    config = parsed((repository / "churn" / "config.pbtxt").read_text(encoding="utf-8"))
    check_tensors(config, ort.InferenceSession(repository / "churn" / "1" / "model.onnx"))
    assert "Größe/Call  Failure" in [tensor.name for tensor in config.input]


def test_rows_are_batched_on_cpus(repository: Path):
    config = parsed((repository / "churn" / "config.pbtxt").read_text(encoding="utf-8"))
    assert config.max_batch_size > 1
    assert config.HasField("dynamic_batching")
    assert config.dynamic_batching.max_queue_delay_microseconds > 0
    (group,) = config.instance_group
    assert group.kind == model_config_pb2.ModelInstanceGroup.KIND_CPU
    assert group.count >= 1
    assert config.parameters["intra_op_thread_count"].string_value == "1"


def test_requests_put_together_are_answered_apart(
    repository: Path, customers_run: Run, customers: pd.DataFrame
):
    """As Triton does: requests are joined to a batch, each output is cut and given its dims."""
    config = parsed((repository / "churn" / "config.pbtxt").read_text(encoding="utf-8"))
    session = ort.InferenceSession(repository / "churn" / "1" / "model.onnx")
    feed = make_feed(parse(customers.head(5), customers_run.schema), customers_run.schema)
    requests = [{name: array[i : i + 1] for name, array in feed.items()} for i in range(5)]
    for tensor in config.input:
        kind = TYPES[model_config_pb2.DataType.Name(tensor.data_type)][1]
        assert all(request[tensor.name].dtype == kind for request in requests)
        assert all(request[tensor.name].shape == (1, *tensor.dims) for request in requests)
    joined = {name: np.concatenate([request[name] for request in requests]) for name in feed}
    names = [tensor.name for tensor in config.output]
    together = dict(zip(names, session.run(names, joined), strict=True))
    for i, request in enumerate(requests):
        alone = dict(zip(names, session.run(names, request), strict=True))
        for tensor in config.output:
            answer = together[tensor.name][i : i + 1].reshape(1, *tensor.dims)
            expected = alone[tensor.name].reshape(1, *tensor.dims)
            np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-5)


def test_every_output_has_dims(tmp_path: Path):
    """Reasons and quality are [N, F]: theirs are their own; the others get one of 1."""
    config = parsed(triton.config(write_file(tmp_path / "model.onnx")))
    check_tensors(config, ort.InferenceSession(tmp_path / "model.onnx"))
    dims = {tensor.name: list(tensor.dims) for tensor in config.output}
    assert dims == {"churn_probability": [1], "churn_decision": [1], "reasons": [3], "quality": [3]}


def test_any_name_can_stand_in_the_configuration():
    names = ['"quoted"', "back\\slash", "new\nline", "tab\t", "\x01", "日本 🙂", "#", "}", "'"]
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", 1]) for n in names]
    output = helper.make_tensor_value_info("sum", TensorProto.FLOAT, ["N", 1])
    graph = helper.make_graph([helper.make_node("Sum", names, ["sum"])], "g", inputs, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    content = model.SerializeToString()
    check_tensors(parsed(triton.config(content)), ort.InferenceSession(content))


def test_a_repository_is_written_beside_other_models(repository: Path):
    assert (repository / "other" / "config.pbtxt").read_text() == "another model"
    assert sorted(path.name for path in repository.iterdir()) == ["churn", "other"]
    assert not list(repository.rglob(f"{PRIVATE}*"))


def test_a_file_that_is_not_verified_leaves_nothing(
    built_before: None, customers_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("churn_torch.export.rounding.TOLERANCE", -1.0)
    keys = [f"run={customers_run.folder}", "target=triton", f"out={tmp_path / 'a' / 'b'}"]
    with pytest.raises(ParityError, match="nothing was written"):
        exporting.export(compose("export", keys))
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_target_is_refused(command: Any, customers_run: Run, tmp_path: Path):
    keys = [f"run={customers_run.folder}", "target=tritn", f"out={tmp_path / 'out'}"]
    code, _, err = command("export", *keys)
    assert code == 1
    assert err.startswith("Error: target: expected onnx or ")
    assert "got 'tritn' (did you mean 'triton'?)" in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_the_repository(command: Any, customers_run: Run, tmp_path: Path):
    (tmp_path / "file").write_text("mine")
    keys = [f"run={customers_run.folder}", "target=triton", f"out={tmp_path / 'file'}"]
    code, _, err = command("export", *keys)
    assert code == 1
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    assert (tmp_path / "file").read_text() == "mine"


def test_the_request_and_the_response_in_the_docs_are_the_model_s(telco_run: Run):
    """The first customer of the sample, through the default model, as docs/serving.md says."""
    text = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    request, response = map(json.loads, re.findall(r"```json\n(.*?)```", text, re.DOTALL))
    config = parsed(triton.config(telco_run.model))
    types = {"TYPE_STRING": "BYTES"}  # what the protocol calls otherwise

    for sent, tensors in ((request["inputs"], config.input), (response["outputs"], config.output)):
        assert [tensor["name"] for tensor in sent] == [tensor.name for tensor in tensors]
        for tensor, configured in zip(sent, tensors, strict=True):
            kind = model_config_pb2.DataType.Name(configured.data_type)
            assert tensor["datatype"] == types.get(kind, kind.removeprefix("TYPE_"))
            assert tensor["shape"] == [1, *configured.dims]
            assert len(tensor["data"]) == np.prod(tensor["shape"])

    file = ModelFile(telco_run.model)
    row = file.feed(pd.read_parquet(samples.path("telco")).head(1))
    feed = {
        tensor["name"]: np.array(tensor["data"], row[tensor["name"]].dtype).reshape(1, 1)
        for tensor in request["inputs"]
    }
    for name, values in row.items():
        assert feed[name] == values, name
    answered = file.run(feed)
    for tensor in response["outputs"]:
        expected = answered[tensor["name"]].ravel()
        np.testing.assert_allclose(tensor["data"], expected, rtol=0, atol=1e-3)
    assert response["model_name"] == config.name
