"""The files of a model: what is chosen is in them, and the one without reasons."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.export.verified_files import ExportOptions, VerifiedFile, verified_files
from churn_torch.serving.model_file import ModelFile
from churn_torch.serving.outputs import OUTPUTS, REASONS
from churn_torch.tables.encode import parse
from churn_torch.tables.labels import parse_target
from churn_torch.workflows.run_folder import Run

CONF = Path(__file__).resolve().parents[2] / "conf"
MODELS = sorted(file.stem for file in CONF.glob("model/*.yaml"))
SUBSETS = [
    ["probability"],
    ["quality", "probability"],  # the order in the file is the contract's
    ["probability", "decision", "reasons"],
]
# The operators are the same, and the proof is sooner done.
SMALLER = {"tabm": ("model.n_members=2", "model.width=16")}
Files = tuple[VerifiedFile, VerifiedFile | None]


@pytest.fixture(scope="module")
def run_of(
    train_run: Callable[..., Run],
    customers_csv: Path,
    table_keys: tuple[str, ...],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., Run]:
    """Return a function from a model and its options to a run; each is trained once."""

    @cache
    def train(*options: str) -> Run:
        folder = tmp_path_factory.mktemp("exported") / "run"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("churn_torch.workflows.publish.write_model", lambda *given, **chosen: [])
            keys = (*table_keys, f"data.source={customers_csv}", "debug=fast")
            return train_run(folder, *keys, *options)

    return train


def files_of(run: Run, customers: pd.DataFrame, **options: Any) -> Files:
    return verified_files(
        run.scorer,
        run.schema,
        parse(customers, run.schema),
        parse_target(customers, run.schema),
        metrics=run.metrics,
        threshold=run.threshold,
        attribution=run.attribution,
        options=ExportOptions(**options),
    )


@pytest.mark.parametrize(
    ("model", "opset", "outputs"),
    # The newest opset is every model's, and the others take turns.
    [
        *((model, 23, SUBSETS[2]) for model in MODELS),
        *((model, 21 + i % 2, SUBSETS[i % 2]) for i, model in enumerate(MODELS)),
    ],
)
def test_the_outputs_and_the_opset_are_those_asked_for(
    run_of: Callable[..., Run],
    customers: pd.DataFrame,
    model: str,
    opset: int,
    outputs: list[str],
):
    """All four in opset 20 are in tests/test_exportable.py; every file here has been proved."""
    run = run_of(f"model={model}", *SMALLER.get(model, ()))
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
    run_of: Callable[..., Run], customers: pd.DataFrame
):
    run = run_of("model=mlp", "model.width=16")
    assert run.attribution.n_points > 1
    full, lean = files_of(run, customers)
    assert lean is not None
    one, other = ModelFile(full.content), ModelFile(lean.content)
    assert other.outputs == [name for name in one.outputs if name != REASONS]
    assert other.names == one.names
    feed = one.feed(customers)
    for name, values in other.run(feed).items():
        np.testing.assert_allclose(values, one.run(feed)[name], rtol=0, atol=1e-6)
    assert lean.parity.max_difference <= 1e-5
    assert lean.parity.max_difference_reasons is None
    # It says the same of itself, but for what it does not have, and carries nothing unused.
    parity = other.metadata.pop("parity")
    assert parity["max_difference_reasons"] is None
    said = {k: v for k, v in one.metadata.items() if k not in ("reasons", "parity")}
    assert other.metadata == said
    graph = onnx.load_from_string(lean.content).graph
    used = {name for node in graph.node for name in node.input}
    assert {tensor.name for tensor in graph.initializer} <= used
    assert len(graph.node) < 0.8 * len(onnx.load_from_string(full.content).graph.node)


@pytest.mark.parametrize(
    ("keys", "outputs"),
    [
        (("model=logreg",), list(OUTPUTS)),  # reasons come for nothing
        (
            ("model=mlp", "model.depth=0", "model.n_frequencies=0"),
            list(OUTPUTS),
        ),  # linear: one point
        (("model=mlp", "model.width=16"), ["probability", "decision", "quality"]),
    ],
)
def test_no_second_file_where_reasons_cost_little_or_are_not_there(
    run_of: Callable[..., Run], customers: pd.DataFrame, keys: tuple[str, ...], outputs: list[str]
):
    _, lean = files_of(run_of(*keys), customers, outputs=outputs)
    assert lean is None


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
def test_what_a_file_cannot_have_is_refused(options: dict[str, Any], sentence: str):
    (key,) = options
    with pytest.raises(InputError, match=rf"^export\.{key}: .*{sentence}.*\.$"):
        ExportOptions(**options)


def test_a_compressed_model_needs_labels_to_be_judged(
    run_of: Callable[..., Run], customers: pd.DataFrame
):
    churners = customers[customers["churned"] == "yes"]
    with pytest.raises(InputError, match=r"labelled rows of both classes .* keep float32"):
        files_of(run_of("model=logreg"), churners, dtype="int8")


def test_what_is_said_of_a_compressed_file_is_measured_on_it(
    run_of: Callable[..., Run], customers: pd.DataFrame
):
    run = run_of("model=mlp", "model.width=64")
    plain = ModelFile(files_of(run, customers)[0].content)
    small = files_of(run, customers, dtype="int8")[0]
    file = ModelFile(small.content)
    assert (plain.metadata["dtype"], file.metadata["dtype"]) == ("float32", "int8")
    assert json.dumps(file.metadata["metrics"]) == json.dumps(plain.metadata["metrics"])
    assert file.metadata["reasons"]["base"] != plain.metadata["reasons"]["base"]
    reasons = file.run(file.feed(customers))[REASONS]
    assert reasons.shape == (len(customers), len(file.names))
    assert small.parity.max_difference_reasons is not None
    assert small.parity.max_difference_reasons <= 1e-4
