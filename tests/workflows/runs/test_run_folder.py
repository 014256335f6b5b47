from __future__ import annotations

import dataclasses
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
import torch
from omegaconf import OmegaConf

import churn_torch
from churn_torch.errors import InputError
from churn_torch.serving.model_file import ModelFile
from churn_torch.tables.schema import Schema
from churn_torch.workflows.runs.run_folder import (
    Run,
    load_run,
    save_run,
)
from churn_torch.workflows.runs.run_start import point_latest, start_run

METRICS = {
    "n", "n_positive", "base_rate", "auroc", "average_precision", "log_loss", "brier", "ece",
    "accuracy", "precision", "recall", "f1", "threshold", "true_positives", "false_positives",
    "false_negatives", "true_negatives", "lift_at_5", "lift_at_10", "lift_at_20", "captured_at_5",
    "captured_at_10", "captured_at_20",
}  # fmt: skip


# The folder of a run


def test_folder_holds_exactly_these_files(telco_run):
    """Trained from Python; a script adds train.log (tests/test_scripts.py)."""
    assert {path.name for path in telco_run.folder.iterdir()} == {
        "config.yaml", "schema.json", "weights.pt", "metrics.json", "predictions.parquet",
        "model.onnx", "last.ckpt", "shapes.csv", "shapes.html", "report.html",
    }  # fmt: skip


def test_the_file_is_small(telco_run):
    assert telco_run.model.stat().st_size < 50_000


def test_metrics_have_exactly_these_keys(telco_run):
    metrics = json.loads((telco_run.folder / "metrics.json").read_text())
    assert set(metrics) == {
        "validation", "test", "fit", "reasons", "typical_customer", "data", "version",
        "correlated_columns", "explain", "suspicions",
    }  # fmt: skip
    assert set(metrics["validation"]) == METRICS
    assert set(metrics["test"]) == METRICS | {"intervals", "calibration"}
    assert set(metrics["fit"]) == {
        "epochs", "best_epoch", "batch_size", "history", "seconds", "exact", "calibration",
    }  # fmt: skip
    assert set(metrics["data"]) == {
        "fingerprint", "n_rows", "n_dropped", "n_train", "n_validation", "n_test", "date",
        "base_rate", "first_time", "last_time",
    }  # fmt: skip
    assert set(metrics["reasons"]) == {
        "unit", "baseline", "base", "method", "points", "spread", "completeness_error",
    }  # fmt: skip
    assert metrics["version"] == churn_torch.__version__
    assert metrics["data"]["n_rows"] == 7043
    assert len(metrics["fit"]["history"]) == metrics["fit"]["epochs"]
    for epoch in metrics["fit"]["history"]:
        assert set(epoch) == {"train_loss", "validation_log_loss"}
    best = min(epoch["validation_log_loss"] for epoch in metrics["fit"]["history"])
    index = metrics["fit"]["best_epoch"] - 1
    assert metrics["fit"]["history"][index]["validation_log_loss"] == best
    assert best == pytest.approx(metrics["validation"]["log_loss"], abs=1e-6)


def test_latest_points_at_the_run(telco_run):
    latest = telco_run.folder.parent / "latest"
    assert latest.is_symlink()
    assert latest.resolve() == telco_run.folder.resolve()
    assert not latest.readlink().is_absolute()  # outputs/ may be moved
    assert load_run(latest).metrics["data"] == telco_run.metrics["data"]


def test_nothing_is_a_pickled_object(customers_run):
    """weights.pt and last.ckpt are zip files whose pickle names nothing but torch's own."""
    for name in ("weights.pt", "last.ckpt"):
        assert torch.load(customers_run.folder / name, weights_only=True)
        with zipfile.ZipFile(customers_run.folder / name) as archive:
            (inner,) = (n for n in archive.namelist() if n.endswith("data.pkl"))
            assert b"churn_torch" not in archive.read(inner)
    for path in customers_run.folder.iterdir():
        if path.name not in ("weights.pt", "last.ckpt"):
            assert path.read_bytes()[:2] not in (b"\x80\x04", b"\x80\x05", b"PK"), path.name


def test_weights_are_the_scorers_tensors(customers_run):
    stored = torch.load(customers_run.folder / "weights.pt", weights_only=True)
    state = customers_run.scorer.state_dict()
    assert list(stored) == list(state)
    for name, tensor in stored.items():
        assert torch.equal(tensor, state[name])
        assert tensor.device.type == "cpu"


def test_predictions_are_the_test_rows(customers_run, customers):
    predictions = pd.read_parquet(customers_run.folder / "predictions.parquet")
    assert list(predictions.columns) == ["customer id", "label", "churn_probability"]
    assert len(predictions) == customers_run.metrics["data"]["n_test"] == 60
    rows = customers.set_index("customer id").loc[predictions["customer id"]]
    assert (predictions["label"].to_numpy() == (rows["churned"] == "yes").to_numpy()).all()
    assert predictions["churn_probability"].between(0, 1).all()
    assert predictions["label"].dtype == np.int64


def test_predictions_without_an_id_name_the_row(telco_run):
    predictions = pd.read_parquet(telco_run.folder / "predictions.parquet")
    assert list(predictions.columns) == ["row", "label", "churn_probability"]
    assert predictions["row"].is_monotonic_increasing
    assert predictions["row"].between(0, 7042).all()


def test_model_tells_its_origin(customers_run):
    model = onnx.load(customers_run.folder / "model.onnx")
    told = {entry.key: entry.value for entry in model.metadata_props}
    assert set(told) == {
        "format", "churn_torch_version", "opset", "data_fingerprint", "schema", "columns",
        "threshold", "base_rate", "calibration", "metrics", "training", "reasons", "quality",
        "parity", "dtype", "correlated_columns", "explain",
    }  # fmt: skip
    columns = Schema.from_json(told["schema"]).columns  # tests/export/test_graph.py has the rest
    assert [c.name for c in columns] == [c.name for c in customers_run.schema.columns]
    metrics = json.loads((customers_run.folder / "metrics.json").read_text())
    assert json.loads(told["metrics"]) == {name: metrics[name] for name in ("validation", "test")}
    assert told["data_fingerprint"] == customers_run.metrics["data"]["fingerprint"]
    assert json.loads(told["parity"])["max_difference"] <= 1e-5


def test_config_is_whole_and_its_own(customers_run, customers_csv):
    config = OmegaConf.load(customers_run.folder / "config.yaml")
    assert config == customers_run.config
    assert config.data.source == str(customers_csv)
    assert config.trainer.max_epochs == 2
    assert "hydra" not in config


# Loading


def test_load_run_gives_the_run_back(customers_run, customers):
    loaded = load_run(str(customers_run.folder))
    assert loaded.schema == customers_run.schema
    assert loaded.config == customers_run.config
    assert loaded.metrics == json.loads((customers_run.folder / "metrics.json").read_text())
    assert loaded.threshold == customers_run.threshold == 0.5
    assert loaded.model == customers_run.folder / "model.onnx"
    assert not loaded.scorer.training
    probability = loaded.predict_proba(customers)
    assert probability.dtype == np.float32
    assert probability.shape == (len(customers),)
    assert loaded.predict_proba(customers[:0]).shape == (0,)
    np.testing.assert_array_equal(probability, customers_run.predict_proba(customers))


def test_predict_proba_asks_only_for_features(customers_run, customers):
    features = [column.name for column in customers_run.schema.features]
    assert {"customer id", "household", "churned"}.isdisjoint(features)
    expected = customers_run.predict_proba(customers)
    shuffled = customers[features[::-1]].sample(frac=1, random_state=0)
    np.testing.assert_allclose(
        customers_run.predict_proba(shuffled), expected[shuffled.index.to_numpy()], atol=1e-6
    )
    as_text = customers.astype(object).where(customers.notna(), "").astype(str)
    np.testing.assert_allclose(customers_run.predict_proba(as_text), expected, atol=1e-6)
    with pytest.raises(InputError, match="got none called 'plan'"):
        customers_run.predict_proba(customers.drop(columns="plan"))


def test_reasons_are_those_of_the_file(customers_run, customers):
    rows = customers[:50].iloc[::-1]
    reasons = customers_run.reasons(rows)
    file = ModelFile(customers_run.model)
    assert list(reasons.columns) == file.names
    assert len(reasons) == 50
    np.testing.assert_allclose(reasons, file.run(file.feed(rows))["reasons"], atol=1e-5)
    assert customers_run.reasons(customers[:0]).shape == (0, len(file.names))
    with pytest.raises(InputError, match="got none called 'plan'"):
        customers_run.reasons(customers.drop(columns="plan"))


def test_a_run_of_a_newer_version_says_so(customers_run, tmp_path):
    """Not "damaged": the mend is another one."""
    for path in customers_run.folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    schema = json.loads((tmp_path / "schema.json").read_text())
    (tmp_path / "schema.json").write_text(json.dumps({**schema, "version": 99}))
    with pytest.raises(InputError, match=r"^schema: expected version 3, got 99; use the"):
        load_run(tmp_path)


# Writing


def test_start_run_makes_the_folder_and_notes_the_choices(tmp_path):
    folder = tmp_path / "2026" / "run"
    start_run(folder, OmegaConf.create({"seed": 3}))
    assert OmegaConf.load(folder / "config.yaml") == {"seed": 3}


@pytest.mark.parametrize(
    ("name", "kind"), [("metrics.json", "a finished"), ("last.ckpt", "an interrupted")]
)
def test_start_run_writes_over_no_other_run(tmp_path, name, kind):
    (tmp_path / name).write_text("{}")
    message = rf"with {kind} run in it; nothing is written over, so choose another folder"
    with pytest.raises(InputError, match=message):
        start_run(tmp_path, OmegaConf.create({"seed": 3}))
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_start_run_may_begin_again_where_nothing_was_trained(tmp_path):
    start_run(tmp_path, OmegaConf.create({"seed": 3}))
    start_run(tmp_path, OmegaConf.create({"seed": 4}))
    assert OmegaConf.load(tmp_path / "config.yaml") == {"seed": 4}


def test_metrics_are_written_last(customers_run, tmp_path, monkeypatch):
    """metrics.json marks a run as finished: whatever fails before leaves it unfinished."""
    written = []
    replace = os.replace

    def record(source: Path, path: Path) -> None:
        written.append(path.name)
        replace(source, path)

    monkeypatch.setattr(os, "replace", record)
    run = dataclasses.replace(customers_run, folder=tmp_path)
    save_run(run)
    assert written[-1] == "metrics.json"
    assert set(written) == {path.name for path in tmp_path.iterdir()}


def test_metrics_that_are_no_json_are_refused(customers_run, tmp_path):
    run = dataclasses.replace(customers_run, folder=tmp_path, metrics={"auroc": float("nan")})
    with pytest.raises(ValueError, match="not JSON compliant"):
        save_run(run)
    assert not (tmp_path / "metrics.json").exists()


def test_point_latest_moves_on(tmp_path):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        point_latest(tmp_path, tmp_path / name)
        assert (tmp_path / "latest").resolve() == tmp_path / name
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "latest", "second"]


def test_point_latest_mends_a_dangling_link(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "latest").symlink_to("gone")
    point_latest(tmp_path, tmp_path / "run")
    assert (tmp_path / "latest").resolve() == tmp_path / "run"


def test_point_latest_takes_nobodys_folder(tmp_path):
    """A folder of that name that is no link of ours stays as it is."""
    (tmp_path / "run").mkdir()
    (tmp_path / "latest").mkdir()
    (tmp_path / "latest" / "mine").write_text("kept")
    point_latest(tmp_path, tmp_path / "run")
    assert (tmp_path / "latest" / "mine").read_text() == "kept"


def test_run_is_frozen(customers_run):
    assert isinstance(customers_run, Run)
    with pytest.raises(dataclasses.FrozenInstanceError):
        customers_run.folder = Path()
