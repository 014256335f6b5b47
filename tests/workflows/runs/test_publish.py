"""A refused ONNX file does not cost a training."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from churn_torch.cli.compose import compose
from churn_torch.errors import InputError, ParityError
from churn_torch.workflows import export as exporting
from churn_torch.workflows.runs.run_folder import load_run
from churn_torch.workflows.score import score


def test_a_run_whose_file_is_refused_is_kept_and_exported_later(
    command: Callable[..., object],
    customers_csv: Path,
    table_keys: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = [*table_keys, f"data.source={customers_csv}", "debug=fast", f"outputs={tmp_path}"]
    monkeypatch.setattr("churn_torch.export.rounding.TOLERANCE", -1.0)
    code, out, err = command("train", *keys)  # type: ignore[misc]
    assert code == 1
    assert "AUROC" in out  # the training is shown to its end
    folder = (tmp_path / "latest").resolve()
    assert re.search(rf"fault of churn_torch, and the run is kept in \S+{folder.name} without", err)
    assert f"churn-torch export run={folder}" in err.replace("\n", "")
    assert "config.yaml" in err
    assert not list(folder.glob("model*.onnx"))
    run = load_run(folder)  # finished: metrics, weights and predictions are there
    assert run.metrics["reasons"]["points"] == 1
    assert (folder / "predictions.parquet").exists()
    with pytest.raises(
        InputError, match=rf"got none; write it with churn-torch export run={folder}"
    ):
        score(
            compose("score", [f"run={folder}", f"source={customers_csv}", f"out={tmp_path / 's'}"])
        )

    monkeypatch.undo()
    assert exporting.export(compose("export", [f"run={folder}"])) == run.model
    assert run.model.exists()


def test_a_parity_error_of_a_run_can_be_handed_to_another_process() -> None:
    error = ParityError("they differ", hint="Lower it.").with_run("outputs/one")
    assert str(error).endswith("confidential. Lower it.")
    assert "nothing was written" not in str(error)
    assert "export run=outputs/one" in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
