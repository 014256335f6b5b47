"""The files of a model hold what was chosen; and the file without reasons."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.export.verified_files import ExportOptions, VerifiedFile, verified_files
from churn_torch.models.attribution import Attribution
from churn_torch.serving.model_file import ModelFile
from churn_torch.serving.outputs import OUTPUTS, REASONS
from churn_torch.tables.encode import parse
from churn_torch.tables.labels import parse_target
from churn_torch.workflows.runs.run_folder import Run

CONF = Path(__file__).resolve().parents[2] / "conf"
EVENT_NETS = {"gru", "event_transformer"}  # in tests/workflows/test_sequences.py
MODELS = sorted({file.stem for file in CONF.glob("model/*.yaml")} - EVENT_NETS)
SUBSETS = [
    ["probability"],
    ["quality", "probability"],  # the order in the file is the contract's
    ["probability", "decision", "reasons"],
]
Files = tuple[VerifiedFile, VerifiedFile | None]


def files_of(run: Run, customers: pd.DataFrame, **options: Any) -> Files:
    # Torch and the file must agree on the same sum, however coarse.
    attribution = Attribution(run.scorer, min(run.attribution.n_points, 4))
    return verified_files(
        run.scorer,
        run.schema,
        parse(customers, run.schema),
        parse_target(customers, run.schema),
        metrics=run.metrics,
        threshold=run.threshold,
        attribution=attribution,
        options=ExportOptions(**options),
    )


@pytest.mark.parametrize(
    ("model", "opset", "outputs"),
    [
        *((model, 23, SUBSETS[2]) for model in MODELS),
        ("mlp", 21, SUBSETS[0]),
        ("logreg", 22, SUBSETS[1]),
        ("scorecard", 21, SUBSETS[1]),
    ],
)
def test_the_outputs_and_the_opset_are_those_requested(
    run_of: Callable[[str], Run],
    customers: pd.DataFrame,
    model: str,
    opset: int,
    outputs: list[str],
):
    """All four in opset 20 are in tests/test_exportable.py; every file here has been verified."""
    run = run_of(f"customers {model}")
    full, _ = files_of(run, customers, outputs=outputs, opset=opset)
    file = ModelFile(full.content)
    assert file.outputs == [name for word, name in OUTPUTS.items() if word in outputs]
    proto = onnx.load_from_string(full.content)
    assert {o.domain: o.version for o in proto.opset_import} == {"": opset, "ai.onnx.ml": 3}
    assert file.metadata["opset"] == opset
    for word in ("reasons", "quality"):
        assert (word in file.metadata) == (word in outputs)
    assert (full.parity.max_difference_reasons is None) == ("reasons" not in outputs)


def test_costly_reasons_bring_a_file_without_them(
    run_of: Callable[[str], Run], customers: pd.DataFrame
):
    run = run_of("customers mlp")
    assert run.attribution.n_points > 1
    path = run.folder / "model.lean.onnx"
    full, lean = ModelFile(run.model), ModelFile(path)
    assert lean.outputs == [name for name in full.outputs if name != REASONS]
    assert lean.names == full.names
    feed = full.feed(customers)
    for name, values in lean.run(feed).items():
        np.testing.assert_allclose(values, full.run(feed)[name], rtol=0, atol=1e-6)
    # Its metadata are the same without the reasons, and it carries nothing unused.
    parity = lean.metadata.pop("parity")
    assert parity["max_difference"] <= 1e-5
    assert parity["max_difference_reasons"] is None
    expected = {k: v for k, v in full.metadata.items() if k not in ("reasons", "parity")}
    assert lean.metadata == expected
    graph = onnx.load(path).graph
    used = {name for node in graph.node for name in node.input}
    assert {tensor.name for tensor in graph.initializer} <= used
    assert len(graph.node) < 0.8 * len(onnx.load(run.model).graph.node)


def test_no_second_file_where_reasons_take_one_pass(customers_run: Run):
    assert customers_run.attribution.n_points == 1
    assert not (customers_run.folder / "model.lean.onnx").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"outputs": ["probability", "reason"]}, "got 'reason' \\(did you mean 'reasons'"),
        ({"outputs": ["decision"]}, "expected the probability .* got \\[decision\\]; add"),
        ({"outputs": []}, "expected the probability among them, got \\[\\]"),
        ({"outputs": "reasons"}, "expected a list .* got 'reasons'; write \\[reasons\\]"),
        ({"outputs": 3}, "expected a list of some of probability, .* got 3"),
        ({"opset": 19}, "whole number from 20 to 23, got 19"),
        ({"opset": 24}, "got 24"),
        ({"opset": 20.5}, "got 20.5"),
        ({"opset": 21.0}, "got 21.0"),
        ({"opset": "new"}, "got 'new'"),
        ({"dtype": "float61"}, "got 'float61' \\(did you mean 'float16'"),
        ({"dtype": 8}, "expected one of float32, float16, int8, got 8"),
    ],
)
def test_choices_that_a_file_cannot_have_are_refused(options: dict[str, Any], sentence: str):
    (key,) = options
    with pytest.raises(InputError, match=rf"^export\.{key}: .*{sentence}.*\.$"):
        ExportOptions(**options)


def test_a_compressed_model_needs_labels_to_be_judged(customers_run: Run, customers: pd.DataFrame):
    churners = customers[customers["churned"] == "yes"]
    with pytest.raises(InputError, match=r"labelled rows of both classes .* keep float32"):
        files_of(customers_run, churners, dtype="int8")


def test_the_metadata_of_a_compressed_file_are_measured_on_it(
    run_of: Callable[[str], Run], customers: pd.DataFrame
):
    run = run_of("customers mlp")
    plain = ModelFile(run.model)
    small = files_of(run, customers, dtype="int8")[0]
    file = ModelFile(small.content)
    assert (plain.metadata["dtype"], file.metadata["dtype"]) == ("float32", "int8")
    assert json.dumps(file.metadata["metrics"]) == json.dumps(plain.metadata["metrics"])
    assert file.metadata["reasons"]["base"] != plain.metadata["reasons"]["base"]
    reasons = file.run(file.feed(customers))[REASONS]
    assert reasons.shape == (len(customers), len(file.names))
    assert small.parity.max_difference_reasons is not None
    assert small.parity.max_difference_reasons <= 1e-4
