"""The file cut in two against the file as it is, on real and on hostile text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.export.graph import build_onnx
from churn_torch.export.parity import HOSTILE_TEXTS
from churn_torch.export.tensor_graph import input_groups
from churn_torch.models.nets.mlp import MLP
from churn_torch.models.scorer import Scorer
from churn_torch.serving import batch
from churn_torch.serving.batch import BatchModel
from churn_torch.serving.outputs import DECISION, PROBABILITY
from churn_torch.serving.session import make_feed, open_session
from churn_torch.tables.encode import Texts, parse, parse_columns
from churn_torch.tables.schema import Schema
from churn_torch.tables.values.cells import MISSING_TEXT
from churn_torch.workflows.runs.run_folder import Run

SCORES = [PROBABILITY, DECISION]


@pytest.fixture(scope="module", params=["linear", "mlp"])
def model(
    request: pytest.FixtureRequest, customers_run: Run, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The file of a linear net, which is folded, and of one that is not."""
    if request.param == "linear":
        return customers_run.model
    scorer = customers_run.scorer
    net = MLP(n_features=scorer.preprocess.n_features, width=8).eval()
    scorer = Scorer(scorer.preprocess, net, scorer.calibrator)
    schema = customers_run.schema
    names = [{"name": name} for group in input_groups(schema) for name in group.columns]
    metadata = {
        "schema": schema.to_json(), "columns": json.dumps(names), "format": "1", "threshold": "0.5",
    }  # fmt: skip
    built = build_onnx(scorer, schema, threshold=0.5, metadata=metadata)
    path = tmp_path_factory.mktemp("batch") / "model.onnx"
    onnx.save(built, path)
    return path


def hostile(customers: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = customers.copy()
    worst = [*HOSTILE_TEXTS, *MISSING_TEXT]
    for column in schema.text:
        replaced = rng.random(len(frame)) < 0.5
        frame[column.name] = frame[column.name].mask(replaced, rng.choice(worst, len(frame)))
    return frame


@pytest.mark.parametrize("block_rows", [7, 8_192])
@pytest.mark.parametrize("dtype", ["str", object, "category"])
def test_the_same_numbers_as_the_whole_file(
    dtype: object,
    block_rows: int,
    model: Path,
    customers: pd.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(batch, "BLOCK_ROWS", block_rows)
    cut = BatchModel(model)
    frame = hostile(customers, cut.schema)
    frame = frame.astype({column.name: dtype for column in cut.schema.text})
    parsed = parse(frame, cut.schema)
    expected = open_session(model).run(SCORES, make_feed(parsed, cut.schema))
    probability = cut.compute(parse_columns(frame, cut.schema))[PROBABILITY]
    made = probability, cut.decide(probability)
    for one, other in zip(made, expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, atol=2e-7, rtol=0)


def test_text_that_never_passed_parse_is_encoded_by_the_file(model: Path, customers: pd.DataFrame):
    cut = BatchModel(model)
    columns = parse_columns(customers.head(30), cut.schema)
    raw = pd.Series([*HOSTILE_TEXTS, *sorted(MISSING_TEXT)], dtype="str")
    codes = np.arange(30) % len(raw)
    rows = parse(customers.head(30), cut.schema)
    for column in cut.schema.text:
        columns[column.name] = Texts(codes, raw)
        rows[column.name] = raw.to_numpy()[codes]
    expected = open_session(model).run(SCORES, make_feed(rows, cut.schema))
    np.testing.assert_allclose(cut.compute(columns)[PROBABILITY], expected[0], atol=2e-7, rtol=0)


def test_no_rows(model: Path, customers: pd.DataFrame):
    cut = BatchModel(model)
    probability = cut.compute(parse_columns(customers.head(0), cut.schema))[PROBABILITY]
    decision = cut.decide(probability)
    assert (probability.shape, probability.dtype) == ((0,), np.float32)
    assert (decision.shape, decision.dtype) == ((0,), np.int64)


def test_a_file_without_text_columns(
    train_run: Callable[..., Run], customers: pd.DataFrame, tmp_path: Path
):
    numbers = customers[["add", "household", "churned"]]
    run = train_run(
        tmp_path / "run",
        "data=table",
        "data.target=churned",
        "data.source=-",
        "debug=fast",
        source=numbers,
    )
    cut = BatchModel(run.model)
    assert not cut.schema.text
    made = cut.compute(parse_columns(numbers, cut.schema))[PROBABILITY]
    np.testing.assert_allclose(made, run.predict_proba(numbers), atol=1e-6)


def test_what_is_no_model_of_ours_is_refused(customers_run: Run, tmp_path: Path):
    (tmp_path / "nothing.onnx").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"nothing\.onnx"):
        BatchModel(tmp_path / "nothing.onnx")
    model = onnx.load(customers_run.model)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(InputError, match=r"other\.onnx without its metadata"):
        BatchModel(tmp_path / "other.onnx")
    onnx.helper.set_model_props(model, {"schema": "{}", "format": "2"})
    onnx.save(model, tmp_path / "newer.onnx")
    with pytest.raises(InputError, match=r"newer\.onnx of format '2'"):
        BatchModel(tmp_path / "newer.onnx")
