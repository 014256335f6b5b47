"""Building the ONNX file; tests/test_exportable.py has every model and odd tables."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
import torch

import churn_torch
from churn_torch.errors import InputError
from churn_torch.export.graph import build_onnx, check_input_names
from churn_torch.serving.outputs import DECISION, OUTPUTS, PROBABILITY
from churn_torch.serving.session import make_feed, open_session
from churn_torch.tables.encode import parse
from churn_torch.tables.labelled.lifetimes import LifetimeColumns
from churn_torch.tables.schema import Column, Kind, Schema, Storage
from churn_torch.workflows.runs.run_folder import Run


def schema_of(*columns: Column) -> Schema:
    return Schema((*columns, Column("y", Kind.TARGET, Storage.TEXT)), "y", "1", "0")


def number(name: str, kind: Kind = Kind.NUMERIC, **facts: bool) -> Column:
    return Column(name, kind, Storage.NUMBER, **facts)


def text(name: str) -> Column:
    return Column(name, Kind.CATEGORICAL, Storage.TEXT, vocabulary=("a",))


def built(run: Run, threshold: float = 0.5) -> onnx.ModelProto:
    return build_onnx(run.scorer, run.schema, threshold=threshold, metadata={})


@pytest.fixture(scope="module")
def model(customers_run: Run) -> onnx.ModelProto:
    return built(customers_run)


@pytest.fixture
def decide(
    model: onnx.ModelProto, customers_run: Run, customers: pd.DataFrame
) -> Callable[[float], tuple[np.ndarray, np.ndarray]]:
    """Return a function from a threshold to probabilities and decisions of 50 customers."""
    schema = customers_run.schema
    feed = make_feed(parse(customers.head(50), schema), schema)

    def run(threshold: float) -> tuple[np.ndarray, np.ndarray]:
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        stored = next(t for t in copy.graph.initializer if t.name == "core.threshold")
        stored.CopyFrom(onnx.helper.make_tensor(stored.name, stored.data_type, [], [threshold]))
        session = open_session(copy.SerializeToString())
        return session.run([PROBABILITY, DECISION], feed)

    return run


@pytest.mark.parametrize("name", OUTPUTS.values())
def test_a_column_named_like_an_output_is_refused(name: str):
    with pytest.raises(InputError, match=f"got a column named '{name}'; rename it"):
        check_input_names(schema_of(number("x"), text(name)))
    # Only what the model learns from becomes an input.
    check_input_names(schema_of(number("x"), number(name, Kind.IGNORED), number("k", Kind.ID)))


def test_a_column_is_refused_only_where_the_file_has_an_output_of_its_name():
    spend, uplift = number("spend", Kind.SPEND), number("called", Kind.TREATMENT)
    for name, more in (("expected_spend", spend), ("uplift", uplift), ("net_value", uplift)):
        check_input_names(schema_of(number("x"), number(name)))
        with pytest.raises(InputError, match=f"got a column named '{name}'"):
            check_input_names(schema_of(number("x"), number(name), more))
    lived = LifetimeColumns("months", None, 1.0, 3)
    for name in ("survival", "median_periods"):
        plain = schema_of(number("months"), number(name))
        check_input_names(plain)
        with pytest.raises(InputError, match=f"got a column named '{name}'"):
            check_input_names(lived.attach(plain))


def test_a_column_without_a_name_is_refused():
    with pytest.raises(InputError, match=r"a name for every column .* name it in the header"):
        check_input_names(schema_of(number("x"), number("")))


@pytest.mark.parametrize("name", [*OUTPUTS.values(), ""])
def test_training_refuses_such_a_column_before_it_starts(
    name: str,
    customers: pd.DataFrame,
    table_keys: tuple[str, ...],
    train_run: Callable[..., Run],
    tmp_path: Path,
):
    frame = customers.assign(**{name: np.random.default_rng(0).normal(size=len(customers))})
    folder = tmp_path / "run"
    with pytest.raises(InputError, match="export: expected"):
        train_run(folder, *table_keys, "data.source=-", source=frame)
    assert not list(folder.glob("*.ckpt"))
    assert not (folder / "model.onnx").exists()


def test_build_checks_the_names_itself(customers_run: Run):
    named = replace(customers_run.schema.features[0], name=PROBABILITY)
    schema = replace(customers_run.schema, columns=(named, *customers_run.schema.columns[1:]))
    with pytest.raises(InputError, match="rename it"):
        build_onnx(customers_run.scorer, schema, threshold=0.5, metadata={})


def test_decision_is_one_from_the_threshold_on(
    decide: Callable[[float], tuple[np.ndarray, np.ndarray]],
):
    probability = np.sort(decide(0.5)[0])
    at = float(probability[25])  # a float32 that occurs
    above = float(np.nextafter(np.float32(at), np.float32(1)))
    for threshold, n_yes in ((at, (probability >= at).sum()), (above, (probability > at).sum())):
        found, decision = decide(threshold)
        assert decision.dtype == np.int64
        np.testing.assert_array_equal(decision, found >= np.float32(threshold))
        assert decision.sum() == n_yes


@pytest.mark.parametrize(("threshold", "everyone"), [(0.0, 1), (1.5, 0)])
def test_thresholds_that_take_all_or_none(
    threshold: float, everyone: int, decide: Callable[[float], tuple[np.ndarray, np.ndarray]]
):
    assert set(decide(threshold)[1]) == {everyone}


def test_what_the_file_of_a_run_says_of_itself(customers_run: Run):
    stored = open_session(customers_run.model).get_modelmeta().custom_metadata_map
    assert set(stored) == {
        *("format", "churn_torch_version", "opset", "data_fingerprint", "schema", "columns"),
        *("threshold", "base_rate", "calibration", "metrics", "training", "reasons", "quality"),
        *("parity", "dtype", "correlated_columns", "explain"),
    }
    learned = {c.name: replace(c, note="") for c in customers_run.schema.columns}
    left_out = {c.name: Column(c.name, c.kind, c.storage) for c in customers_run.schema.columns}
    left_out = {name: column for name, column in left_out.items() if column.kind is Kind.IGNORED}
    assert left_out
    expected = customers_run.schema.with_columns({**learned, **left_out})
    assert Schema.from_json(stored["schema"]) == expected
    saved = json.loads((customers_run.folder / "metrics.json").read_text(encoding="utf-8"))
    assert json.loads(stored["metrics"]) == {k: saved[k] for k in ("validation", "test")}
    assert float(stored["threshold"]) == customers_run.threshold
    assert stored["data_fingerprint"] == saved["data"]["fingerprint"]
    assert stored["churn_torch_version"] == churn_torch.__version__
    certificate = json.loads(stored["parity"])
    assert certificate["n_rows"] == 2020
    assert 0 <= certificate["max_difference"] <= 1e-5


def test_a_build_is_quiet_and_keeps_threshold_metadata_and_scorer(
    customers_run: Run, capfd: pytest.CaptureFixture[str]
):
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    weights = {k: v.clone() for k, v in customers_run.scorer.state_dict().items()}
    metadata = {"note": 'Größe "日本"\n', "empty": ""}
    capfd.readouterr()
    model = build_onnx(customers_run.scorer, customers_run.schema, threshold=0.1, metadata=metadata)
    assert capfd.readouterr() == ("", "")
    assert logger.level == level
    after = customers_run.scorer.state_dict()
    assert all(torch.equal(weights[name], after[name]) for name in weights)
    assert {tensor.device.type for tensor in after.values()} == {"cpu"}
    assert {p.key: p.value for p in model.metadata_props} == metadata
    stored = next(t for t in model.graph.initializer if t.name == "core.threshold")
    assert onnx.numpy_helper.to_array(stored) == np.float32(0.1)
    assert stored.data_type == onnx.TensorProto.FLOAT


@pytest.mark.gpu
def test_a_scorer_on_the_gpu_is_exported_and_stays_there(customers_run: Run):
    scorer = customers_run.scorer
    try:
        scorer.cuda()
        model = built(customers_run)
        assert scorer.prior_shift.is_cuda
    finally:
        scorer.cpu()
    assert model.SerializeToString() == built(customers_run).SerializeToString()


@pytest.mark.parametrize("folded", [False, True])
def test_vocabulary_and_missing_words_of_the_encoder(
    folded: bool, customers_run: Run, run_of: Callable[[str], Run]
):
    """Codes, whatever the net: the input quality reads them too."""
    model = onnx.load(customers_run.model if folded else run_of("customers mlp").model)
    encoders = {n.input[0]: n for n in model.graph.node if n.op_type == "LabelEncoder"}
    assert set(encoders) == {column.name for column in customers_run.schema.text}
    for column in customers_run.schema.text:
        attributes = {
            a.name: onnx.helper.get_attribute_value(a) for a in encoders[column.name].attribute
        }
        keys = [key.decode() for key in attributes["keys_strings"]]
        made = dict(zip(keys, attributes["values_int64s"], strict=True))
        assert len(made) == len(keys)
        assert made[""] == made["NA"] == made["null"] == 0
        assert attributes["default_int64"] == 1
        assert [made[word] for word in column.vocabulary] == [
            2 + i for i in range(len(column.vocabulary))
        ]


def test_numbers_that_the_user_calls_missing_are_missing_in_the_file(
    customers_run: Run, customers: pd.DataFrame
):
    numbers = [c for c in customers_run.schema.numbers if c.kind is not Kind.DATETIME]
    marked = {c.name: replace(c, missing_words=("-999", "0", "soon")) for c in numbers}
    schema = customers_run.schema.with_columns(marked)
    session = open_session(
        build_onnx(customers_run.scorer, schema, threshold=0.5, metadata={}).SerializeToString()
    )
    feed = make_feed(parse(customers.head(3), schema), schema)

    def probabilities(value: float) -> list[float]:
        named = {name: np.full_like(feed[name], value) for name in marked}
        return session.run([PROBABILITY], feed | named)[0].tolist()

    assert probabilities(-999) == probabilities(0) == probabilities(np.nan)
    assert probabilities(1) != probabilities(np.nan)
