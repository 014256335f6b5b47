from __future__ import annotations

import json
import re

import numpy as np
import onnxruntime as ort
import pandas as pd
import pytest

from churn_torch.errors import ParityError
from churn_torch.serving.model_file import ModelFile
from churn_torch.workflows import export as exporting
from churn_torch.workflows.score import score
from tests.composing import composed


def test_export_writes_the_same_file_anew(customers_run, tmp_path, capsys):
    out = tmp_path / "churn.onnx"
    path = exporting.export(composed("export", [f"run={customers_run.folder}", f"out={out}"]))
    assert path == out
    said = " ".join(capsys.readouterr().out.split())
    assert f"{out.stat().st_size:,} bytes. Verified: matches PyTorch within" in said
    old, new = (ort.InferenceSession(p) for p in (customers_run.model, out))
    ours, theirs = (s.get_modelmeta().custom_metadata_map for s in (old, new))
    assert {k: v for k, v in ours.items() if k != "parity"} == {
        k: v for k, v in theirs.items() if k != "parity"
    }
    assert json.loads(theirs["parity"])["max_difference"] <= 1e-5
    assert [i.name for i in old.get_inputs()] == [i.name for i in new.get_inputs()]


def test_export_at_another_threshold(customers_run, customers, tmp_path):
    out, before = tmp_path / "churn.onnx", customers_run.model.read_bytes()
    keys = [f"run={customers_run.folder}", f"out={out}", "threshold=0.4"]
    file = ModelFile(exporting.export(composed("export", keys)))
    answers = file.run(file.feed(customers))
    probability, decision = answers["churn_probability"], answers["churn_decision"]
    assert np.array_equal(decision, probability >= np.float32(0.4))
    assert not np.array_equal(decision, probability >= np.float32(customers_run.threshold))
    assert file.threshold == 0.4
    # What depends on it is measured anew; the rest is as it was, and so is the run.
    old, new = customers_run.metrics["test"], file.metadata["metrics"]["test"]
    predictions = pd.read_parquet(customers_run.folder / "predictions.parquet")
    above = predictions["churn_probability"] >= np.float32(0.4)
    assert new["threshold"] == 0.4
    assert "validation" not in file.metadata["metrics"]
    assert new["true_positives"] == (above & (predictions["label"] == 1)).sum()
    assert new["auroc"] == old["auroc"]
    assert customers_run.model.read_bytes() == before


def test_export_of_what_is_asked_for(
    train_run, customers_csv, table_keys, customers, tmp_path, capsys
):
    """Outputs, operators and weights; a lean file beside it; scoring needs the probability only."""
    run = train_run(
        tmp_path / "run", *table_keys, f"data.source={customers_csv}", "model=mlp",
        "model.width=64", "debug=fast", "export.outputs=[probability]",
    )  # fmt: skip
    assert ModelFile(run.model).outputs == ["churn_probability"]
    assert not (run.folder / "model.lean.onnx").exists()
    scores = tmp_path / "scores.parquet"
    keys = [f"run={run.folder}", f"source={customers_csv}", f"out={scores}"]
    assert score(composed("score", keys)) == 400
    scored = pd.read_parquet(scores)
    assert np.array_equal(scored["churn_decision"], scored["churn_probability"] >= 0.5)

    out = tmp_path / "deep" / "churn.onnx"
    keys = [
        f"run={run.folder}", f"out={out}", "export.outputs=[reasons,probability]",
        "export.opset=22", "export.dtype=float16",
    ]  # fmt: skip
    file = ModelFile(exporting.export(composed("export", keys)))
    assert {path.name for path in out.parent.iterdir()} == {"churn.onnx", "churn.lean.onnx"}
    assert file.outputs == ["churn_probability", "reasons"]
    assert ModelFile(out.with_name("churn.lean.onnx")).outputs == ["churn_probability"]
    assert (file.metadata["opset"], file.metadata["dtype"]) == (22, "float16")
    probability = file.run(file.feed(customers))["churn_probability"]
    moved = np.abs(probability - run.predict_proba(customers)).max()
    assert 0 < moved < 2e-3
    said = " ".join(capsys.readouterr().out.split())
    (rounding,) = set(re.findall(r"weights as float16 moves a probability by up to (\S+)\.", said))
    assert float(rounding) == pytest.approx(moved, rel=0.05)


def test_an_export_that_is_not_verified_leaves_the_old_file(customers_run, tmp_path, monkeypatch):
    out = tmp_path / "churn.onnx"
    out.write_bytes(b"the file of last month")
    monkeypatch.setattr("churn_torch.export.rounding.TOLERANCE", -1.0)
    with pytest.raises(ParityError, match="nothing was written"):
        exporting.export(composed("export", [f"run={customers_run.folder}", f"out={out}"]))
    assert out.read_bytes() == b"the file of last month"
    assert [path.name for path in tmp_path.iterdir()] == ["churn.onnx"]
