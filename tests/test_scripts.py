"""The four scripts as a user runs them: real processes, real folders, one story after another."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pandas as pd
import pytest
import torch

from churn_torch.workflows.runs.run_folder import load_run
from tests.stderr import own
from tests.warm_processes import WarmProcess

ROOT = Path(__file__).resolve().parents[1]


def script(name: str, *arguments: object, cwd: Path) -> str:
    """Run a script from another folder; return stdout. A success has nothing to say on stderr."""
    command = [sys.executable, ROOT / "scripts" / f"{name}.py", *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert own(done.stderr) == ""
    return done.stdout


def one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def story(customers, tmp_path_factory) -> Path:
    """A folder in which one customer table has been trained on."""
    folder = tmp_path_factory.mktemp("story")
    # A table as spreadsheets write it: semicolons, latin-1, odd names, blanks in the target.
    table = customers.rename(columns={"Größe/Call  Failure": "Größe", "household": "area code"})
    table["cat"] = table["cat"].replace("日本", "Zürich")
    table["area code"] = table["area code"] % 7
    table.loc[[1, 2, 3], "churned"] = None
    table.to_csv(folder / "kunden.csv", sep=";", encoding="latin-1", index=False)
    (folder / "said.txt").write_text(
        script(
            "train", "model=mlp", "model.width=8", "data=table", "data.source=kunden.csv",
            "data.target=churned", "data.positive=yes", "data.id=customer id",
            "data.kinds.area code=categorical", "data.kinds.Größe=numeric",
            "data.ignore=[is member]", "class_weight=balanced", "calibration=platt",
            "threshold=f1", "trainer.max_epochs=3", "export.outputs=[probability]", cwd=folder,
        )
    )  # fmt: skip
    return folder


def test_train_says_what_it_did(story):
    said = one_line((story / "said.txt").read_text())
    assert "397 rows" in said
    assert "3 rows without a label dropped" in said
    assert re.search(r"area code │ categorical │ +│ 7 │ category: asked for", said)
    assert re.search(r"is member │ ignored .*? left out: asked for", said)
    assert re.search(r"Größe │ numeric", said)
    assert re.search(r"AUROC │ 0\.\d{4} │ 0\.\d{4} \[0\.\d{4} to 0\.\d{4}\]", said)
    (folder,) = re.findall(r"Run folder: (\S+)", said)
    assert Path(folder).resolve() == (story / "outputs" / "latest").resolve()


def test_train_writes_exactly_this(story):
    run = (story / "outputs" / "latest").resolve()
    assert {path.name for path in run.iterdir()} == {
        "config.yaml", "schema.json", "weights.pt", "metrics.json", "predictions.parquet",
        "model.onnx", "last.ckpt", "train.log", "report.html",
    }  # fmt: skip
    assert re.fullmatch(r"outputs/\d{4}-\d\d-\d\d/\d\d-\d\d-\d\d", str(run.relative_to(story)))
    assert {path.name for path in story.iterdir()} >= {"kunden.csv", "outputs"}
    assert {path.name for path in (story / "outputs").iterdir()} == {"latest", run.parent.name}


def test_the_log_holds_what_was_shown(story):
    log = (story / "outputs" / "latest" / "train.log").read_text()
    messages = re.sub(r"^\d\S+ \d\S+ INFO ?", "", log, flags=re.MULTILINE)
    assert not re.search("INFO [┏┃┡│]", log)  # a table is stamped once, above it
    assert "\x1b" not in log
    assert one_line((story / "said.txt").read_text()) == one_line(messages)


def test_the_choices_have_taken_effect(story):
    run = load_run(story / "outputs" / "latest")
    assert run.schema["area code"].kind == "categorical"
    assert run.schema["is member"].kind == "ignored"
    assert run.schema.id == "customer id"
    assert run.schema["cat"].vocabulary == ("Zürich", "x", "y")
    assert run.scorer.prior_shift.item() != 0
    assert type(run.scorer.calibrator).__name__ == "Platt"
    assert run.metrics["validation"]["threshold"] != 0.5
    assert run.metrics["data"]["n_dropped"] == 3
    assert run.metrics["fit"]["epochs"] == 3


# Training and a scoring are processes; of the other scripts, which differ by one word, the
# command is run in this one, which has imported torch already.


def test_evaluate_on_new_rows(story, command, monkeypatch):
    monkeypatch.chdir(story)
    code, out, _ = command("evaluate", "data=table", "data.source=kunden.csv")
    assert code == 0
    said = one_line(out)
    assert "rows │ 397" in said
    assert "3 rows without a label are left out" in said
    run = load_run(story / "outputs" / "latest")
    table = pd.read_csv(story / "kunden.csv", sep=";", encoding="latin-1").dropna(subset="churned")
    p, y = run.predict_proba(table).astype(np.float64), (table["churned"] == "yes").to_numpy()
    assert f"log-loss │ {-np.mean(np.log(np.where(y, p, 1 - p))):.4f}" in said


def test_score_in_every_format(story, command, monkeypatch):
    """The same scores from CSV, gz and Parquet into CSV, gz and Parquet; one is a process."""
    monkeypatch.chdir(story)
    table = pd.read_csv(story / "kunden.csv", sep=";", encoding="latin-1").drop(columns="churned")
    table["joined"] = pd.to_datetime(table["joined"])
    table.to_parquet(story / "new.parquet")
    table.to_csv(story / "new.csv.gz", index=False)
    run = load_run(story / "outputs" / "latest")
    expected, threshold = run.predict_proba(table), run.threshold
    outputs = (
        ("kunden.csv", "scores.csv", "keep=id", ["customer id"]),
        ("new.csv.gz", "scores.csv.gz", "keep=[customer id,Größe]", ["customer id", "Größe"]),
        ("new.parquet", "deep/scores.parquet", "keep=all", list(table.columns)),
    )
    for source, out, keep, kept in outputs:
        keys = (f"source={source}", f"out={out}", keep, "chunk_rows=90")
        if source == "kunden.csv":
            said = script("score", *keys, cwd=story)
        else:
            code, said, _ = command("score", *keys)
            assert code == 0
        assert one_line(said).endswith(f"400 rows scored, written to {out}.")
        assert ("read as cp1252" in said) == (source == "kunden.csv")
        scores = pd.read_parquet(story / out) if "parquet" in out else pd.read_csv(story / out)
        assert list(scores.columns) == [*kept, "churn_probability", "churn_decision"]
        np.testing.assert_allclose(scores["churn_probability"], expected, atol=1e-6, rtol=0)
        decision = expected >= np.float32(threshold)
        assert (scores["churn_decision"] == decision).all()
    assert (story / "scores.csv.gz").read_bytes()[:2] == b"\x1f\x8b"


def test_export_writes_the_file_anew(story, command, monkeypatch):
    monkeypatch.chdir(story)
    code, out, _ = command("export", "out=churn.onnx", "export.outputs=[probability]")
    assert code == 0
    said = one_line(out)
    assert "read as cp1252" in said
    assert "churn.onnx: " in said
    assert "Verified: matches PyTorch within" in said
    old = ort.InferenceSession(story / "outputs" / "latest" / "model.onnx")
    new = ort.InferenceSession(story / "churn.onnx")
    assert [i.name for i in new.get_inputs()] == [i.name for i in old.get_inputs()]


# A sweep


def test_a_sweep_sorts_its_members_and_names_those_that_failed(
    customers_csv, table_keys, command, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    code, out, err = command(
        "train", "-m", *table_keys, f"data.source={customers_csv}", "model=mlp,logreg",
        "optimizer.lr=0.05,-1", "debug=fast",
        "export.outputs=[probability]",  # reasons: tests/test_exportable.py
    )  # fmt: skip
    assert code == 0, err
    assert err.strip().splitlines()[-1].startswith("Failed: ")
    assert "Traceback" not in out + err
    assert out.count("what is done") <= 1  # the columns are shown once
    assert {path.name for path in (tmp_path / "outputs").iterdir()} == {"sweeps", "latest"}
    (sweep,) = (tmp_path / "outputs" / "sweeps").glob("*/*")
    # multirun.yaml is Hydra's own note of what was swept.
    assert {path.name for path in sweep.iterdir()} == {
        "0",
        "1",
        "2",
        "3",
        "sweep.csv",
        "multirun.yaml",
    }
    for job, model in (("0", "mlp.MLP"), ("2", "linear.Linear")):
        run = load_run(sweep / job)
        assert run.options.model.target.endswith(model)
        assert run.options.optimizer.arguments["lr"] == 0.05
        assert (sweep / job / "model.onnx").exists()
    for job in ("1", "3"):
        assert {path.name for path in (sweep / job).iterdir()} <= {"config.yaml", "train.log"}

    table = pd.read_csv(sweep / "sweep.csv")
    assert table["status"].tolist() == ["ok", "ok", "failed", "failed"]
    assert table["job"].tolist()[2:] == [1, 3]
    assert table["validation_log_loss"][:2].is_monotonic_increasing
    assert (
        table["overrides"].str.contains("optimizer.lr=-1", regex=False).tolist()[2:] == [True] * 2
    )
    assert table["error"][2:].str.contains("learning rate").all()
    for row in table.itertuples():
        assert Path(row.folder) == sweep / str(row.job)
        if row.status == "ok":
            assert row.test_auroc == load_run(sweep / str(row.job)).metrics["test"]["auroc"]
    assert "learning rate" in one_line(out)
    assert f"Sweep folder: {sweep.relative_to(tmp_path)}" in out.replace(f"{tmp_path}/", "")


# A kill


@pytest.mark.usefixtures("without_export")
def test_killed_and_resumed_is_the_same_as_unbroken(
    customers_csv, table_keys, train_run, command, monkeypatch, tmp_path
):
    """SIGKILL, as the kernel does it when memory runs out, once the first checkpoint is there."""
    keys = [
        *table_keys, f"data.source={customers_csv}", "model=mlp", "model.width=64",
        "model.dropout=0.3", "callbacks=none", "scheduler=plateau", "scheduler.patience=1",
        "batch_size=16", "trainer.max_epochs=15", "export.outputs=[probability]",
    ]  # fmt: skip
    process = WarmProcess("train", *keys, "outputs=outputs", cwd=tmp_path)
    while not (checkpoints := list(tmp_path.glob("outputs/*/*/last.ckpt"))):
        assert process.is_running(), process.finish()
        time.sleep(0.001)
    process.kill()
    assert process.finish().returncode == -signal.SIGKILL
    folder = checkpoints[0].parent
    assert not (folder / "metrics.json").exists()
    done = torch.load(folder / "last.ckpt", weights_only=True)["epoch"] + 1
    assert done >= 1

    monkeypatch.chdir(tmp_path)
    code, _, err = command("train", f"resume={folder}")
    assert code == 0, err
    unbroken = train_run(tmp_path / "unbroken", *keys)  # without its ONNX files
    resumed = load_run(folder)
    # The sum of an epoch's losses, which nothing learns from, was once seen one rounding apart.
    curves = (run.metrics["fit"]["history"] for run in (resumed, unbroken))
    for losses, expected in zip(*curves, strict=True):
        assert losses == pytest.approx(expected, rel=1e-6)
    ours, theirs = (
        torch.load(run.folder / "weights.pt", weights_only=True) for run in (resumed, unbroken)
    )
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs[name]), name
    assert {path.name for path in folder.iterdir()} == {
        *(path.name for path in unbroken.folder.iterdir()), "train.log",
    }  # fmt: skip
    assert (tmp_path / "outputs" / "latest").resolve() == folder.resolve()
    assert [path for path in tmp_path.glob("outputs/*/*") if path.is_dir()] == [folder]
