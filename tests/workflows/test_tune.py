"""A study: its trials, what survives a kill, who may join, and what the user is told."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import sys
import time
from pathlib import Path

import optuna
import pandas as pd
import pytest

from churn_torch.cli.compose import compose
from churn_torch.cli.error_messages import explain
from churn_torch.errors import InputError
from churn_torch.workflows import trial
from churn_torch.workflows import tune as tuning
from churn_torch.workflows.runs.run_folder import load_run
from churn_torch.workflows.train import train
from tests.warm_processes import WarmProcess

# How the journal notes the process of a trial.
WORKER = r'"user_attr":{"worker":"(\w+)"'


@pytest.fixture
def keys(table_keys, customers_csv, tmp_path):
    """Overrides for a short study of logistic regression on `customers`, named `a`."""
    return [
        *table_keys, f"data.source={customers_csv}", "trainer.max_epochs=4", "tune.trials=3",
        "tune.study=a", f"outputs={tmp_path}", "~tune.space.preprocess",
    ]  # fmt: skip


@pytest.fixture
def study(tmp_path):
    """The folder of that study."""
    return tmp_path / "studies" / "a"


def search(keys, tmp_path, *more):
    """Run a study in this process; its run is in `run`."""
    shutil.rmtree(tmp_path / "run", ignore_errors=True)
    return tuning.tune(compose("tune", [*keys, *more]), lambda: tmp_path / "run")


def trials(study: Path) -> pd.DataFrame:
    return pd.read_csv(study / "trials.csv", keep_default_na=False).set_index("trial")


# What a study does


@pytest.mark.usefixtures("without_export")
def test_a_study_ends_with_a_normal_run_of_its_best_trial(
    keys, study, tmp_path, monkeypatch, capsys
):
    read, prepared = [], []
    for name, calls in (("read_table", read), ("prepared", prepared)):
        original = getattr(tuning, name)
        monkeypatch.setattr(
            tuning, name, lambda *a, o=original, c=calls: (c.append(a), o(*a))[1]
        )  # fmt: skip
    run = search(keys, tmp_path)
    said = capsys.readouterr().out
    assert len(read) == len(prepared) == 1  # not once a trial
    table = trials(study)
    assert table["state"].tolist() == ["finished"] * 3
    assert table.loc[0, "note"] == "the configuration itself"
    assert table.loc[0, ["penalty.l2", "penalty.l1"]].tolist() == [0.0001, 0.0]
    assert table["penalty.l2"].nunique() == 3

    # The run is the best trial, bit for bit, and the first one is a training as it would have been.
    best = table["log_loss"].idxmin()
    assert run.options.penalty.l2 == table.loc[best, "penalty.l2"]
    losses = [epoch["validation_log_loss"] for epoch in run.metrics["fit"]["history"]]
    assert min(losses) == table.loc[best, "log_loss"]
    plain = [key for key in keys if "tune" not in key]
    alone = train(compose("train", plain), tmp_path / "alone")
    losses = [epoch["validation_log_loss"] for epoch in alone.metrics["fit"]["history"]]
    assert min(losses) == table.loc[0, "log_loss"]

    assert load_run(tmp_path / "run").metrics["test"]["n"] == run.metrics["test"]["n"]
    assert "tune" not in run.config
    written = {path.name for path in run.folder.iterdir()}
    assert written == {*(path.name for path in alone.folder.iterdir()), "train.log"}
    assert (tmp_path / "latest").resolve() == alone.folder.resolve()
    assert {path.name for path in study.iterdir()} == {
        "study.journal", "study.lock", "trials.csv", "tune.log",
    }  # fmt: skip
    assert "The importance of the keys is shown from 10 different trials on" in said
    assert f"Trial {best} is the best, validation log-loss" in said
    assert said.count("what is done") == 2  # the columns: of the study, and of the run
    assert "Trial 2 finished" in (study / "tune.log").read_text()

    # Nothing is left to do; more trials go on where it stopped.
    with pytest.raises(InputError, match=r"expected more than the 3 trials that study 'a' has"):
        search(keys, tmp_path / "again")
    search(keys, tmp_path, "tune.trials=4")
    assert trials(study).iloc[:3].equals(table)
    assert len(trials(study)) == 4


@pytest.fixture
def no_run(monkeypatch):
    """Leave the run at the end out."""
    monkeypatch.setattr(tuning, "train", lambda config, folder, **more: None)


@pytest.mark.usefixtures("no_run")
def test_trials_never_see_a_test_row_and_write_nothing(keys, study, tmp_path, monkeypatch):
    looked: list[str] = []
    from churn_torch.training.rows import store

    original = store.MemoryPart.__init__

    def init(self, block):
        original(self, block)
        for name in ("read", "read_rows"):
            method = getattr(self, name)
            setattr(
                self, name, lambda *a, m=method, b=block: (looked.append(len(b.label)), m(*a))[1]
            )

    monkeypatch.setattr(store.MemoryPart, "__init__", init)
    search(keys, tmp_path, "data.split.test=0.2", "data.split.validation=0.1")
    assert 40 in looked
    assert 80 not in looked
    assert {path.name for path in tmp_path.iterdir()} == {"studies", "run"}


@pytest.mark.usefixtures("no_run")
def test_a_failed_trial_is_recorded_and_skipped(keys, study, tmp_path):
    search(keys, tmp_path, "tune.space.penalty.l2.low=-1.0", "tune.space.penalty.l2.log=false")
    table = trials(study)
    failed = table[table["state"] == "failed"]
    assert len(table) == 3
    assert table.loc[0, "state"] == "finished"
    assert len(failed) == 2
    assert failed["note"].str.contains("penalty: expected l1 and l2 of 0 or above").all()


@pytest.mark.usefixtures("no_run")
def test_when_every_trial_fails_the_reason_is_told(keys, study, tmp_path, monkeypatch):
    def broken(*arguments, **options):
        raise RuntimeError("out of\nmemory")

    monkeypatch.setattr(trial, "fit_net", broken)
    with pytest.raises(
        InputError, match=r"got 3 that did not, the first because: RuntimeError: out"
    ):
        search(keys, tmp_path)
    assert trials(study)["state"].tolist() == ["failed"] * 3


@pytest.mark.usefixtures("no_run")
def test_trials_behind_the_others_are_pruned(keys, study, tmp_path, monkeypatch):
    """Made losses: every trial is worse than the one before, from the first epoch on."""
    fits = []

    def fit(config, folder, scorer, store, *, after_epoch, **options):
        fits.append(0)
        history = []
        for epoch in range(10):
            history.append({"validation_log_loss": len(fits) / (epoch + 1)})
            if after_epoch(epoch, history[-1]["validation_log_loss"]):
                break
        return {"history": history, "epochs": len(history)}

    monkeypatch.setattr(trial, "fit_net", fit)
    search(keys, tmp_path, "optimizer=adam", "tune.trials=8", "tune.prune_after=3")
    table = trials(study)
    assert table["state"].tolist() == ["finished"] * 5 + ["pruned"] * 3
    assert table["epochs"].astype(int).tolist() == [10] * 5 + [4] * 3
    assert float(table.loc[0, "log_loss"]) == 0.1

    fits.clear()
    keys = [*keys, "optimizer=adam", "tune.study=b"]
    search(keys, tmp_path, "tune.trials=8", "tune.prune_after=null")
    assert set(trials(study.with_name("b"))["state"]) == {"finished"}


@pytest.mark.usefixtures("no_run")
def test_rows_are_prepared_anew_where_the_space_asks_for_it(keys, study, tmp_path, monkeypatch):
    prepared = []
    original = trial.prepared
    monkeypatch.setattr(
        trial,
        "prepared",
        lambda c, *a: (prepared.append(c.preprocess.scaling), original(c, *a))[1],
    )
    keys.remove("~tune.space.preprocess")
    search(keys, tmp_path)
    assert prepared == trials(study)["preprocess.scaling"].tolist()


@pytest.mark.usefixtures("no_run")
@pytest.mark.parametrize("streaming", ["false", "true"])
def test_an_exact_solver_is_tuned_too(keys, study, tmp_path, streaming):
    search(
        keys,
        tmp_path,
        f"data.streaming={streaming}",
        "optimizer=newton",
        "trainer.max_epochs=50",
        "tune.space.penalty.l1.high=0.001",
    )
    assert trials(study)["state"].tolist() == ["finished"] * 3


@pytest.mark.usefixtures("no_run")
def test_the_time_is_a_budget_too(keys, study, tmp_path, monkeypatch):
    clock = iter(range(0, 10_000, 50))
    monkeypatch.setattr(tuning.time, "monotonic", lambda: next(clock))
    search(keys, tmp_path, "tune.minutes=2", "tune.trials=100")
    assert 0 < len(trials(study)) < 4


@pytest.mark.usefixtures("no_run")
def test_a_full_disk_ends_the_search(keys, study, tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(trial, "fit_net", full)
    with pytest.raises(OSError, match="No space left") as raised:
        search(keys, tmp_path)
    assert "free the disk" in explain(raised.value)
    monkeypatch.undo()
    monkeypatch.setattr(tuning, "train", lambda config, folder, **more: None)
    search(keys, tmp_path)
    assert trials(study)["state"].tolist() == ["interrupted"] + ["finished"] * 3


# A stop, a kill, company


@pytest.mark.usefixtures("no_run")
def test_ctrl_c_saves_and_the_trial_is_tried_again(keys, study, tmp_path, monkeypatch, capsys):
    original, fits = trial.fit_net, []

    def interrupted(*arguments, **options):
        fits.append(0)
        if len(fits) == 2:
            raise KeyboardInterrupt
        return original(*arguments, **options)

    monkeypatch.setattr(trial, "fit_net", interrupted)
    keys = [*keys, "optimizer=adam"]
    with pytest.raises(KeyboardInterrupt):
        search(keys, tmp_path)
    assert "Stopped; go on with tune.study=a." in capsys.readouterr().out
    assert trials(study)["state"].tolist() == ["finished", "interrupted", "waiting"]
    assert trials(study)["epochs"].tolist() == ["4", "", ""]
    search(keys, tmp_path)
    table = trials(study)
    assert table["state"].tolist() == ["finished", "interrupted", "finished", "finished"]
    assert table.loc[1, "note"] == "its process ended before it did; again as trial 2"
    assert table.loc[1, "penalty.l2"] == table.loc[2, "penalty.l2"]


def start(keys, *more):
    return WarmProcess("tune", *keys, *more, cwd=Path.cwd())


def test_killed_studies_go_on_and_processes_share_one(keys, study):
    """SIGKILL in the middle of a trial; then two processes take up the study side by side."""
    keys = [*keys, "trainer.max_epochs=20", "export.outputs=[probability]"]
    killed = start(keys, "tune.trials=100000")
    journal, ended = study / "study.journal", []
    while len(ended) < 3 or not re.search(WORKER, journal.read_text().rpartition('"state":1')[2]):
        assert killed.is_running(), killed.finish()
        time.sleep(0.01)
        if journal.exists():
            ended = re.findall('"state":1', journal.read_text())
    killed.kill()
    assert killed.finish().returncode == -signal.SIGKILL
    assert len(list(study.glob("worker-*.lock"))) == 1
    with journal.open("a") as file:
        file.write('{"op_code":')  # as if killed while it wrote

    n = len(ended) + 20  # so many that the second has started before the first has done all
    pair = [start(keys, f"tune.trials={n}") for _ in range(2)]
    said = [process.finish() for process in pair]
    assert [done.returncode for done in said] == [0, 0], said
    table = trials(study)
    assert (table["state"] == "interrupted").sum() == 1
    assert len(table) == n + 1
    assert set(table["state"]) <= {"finished", "pruned", "interrupted"}
    (lost,) = table.index[table["state"] == "interrupted"]
    (again,) = re.findall(r"again as trial (\d+)", table.loc[lost, "note"])
    assert table.loc[lost, "penalty.l2"] == table.loc[int(again), "penalty.l2"]
    workers = set(re.findall(WORKER, journal.read_text()))
    assert len(workers) == 3
    # One of the two has trained the best model, and nothing of the processes is left.
    assert sum("Run folder" in done.stdout for done in said) == 1
    assert len(list(study.parents[1].glob("*/*/model.onnx"))) == 1
    assert list(study.glob("worker-*")) == []


# Bad input


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["tune.trials=0"], "tune.trials: expected a whole number from 1, got 0"),
        (["tune.minutes=-1"], "tune.minutes: expected a number above 0 or null"),
        (["tune.prune_after=-1"], "tune.prune_after: expected a whole number from 0"),
        (["tune.study=../x"], "tune.study: expected a name of letters"),
        (["model=logreg", "tune=mlp"], r"a search space for the model chosen \(churn_torch"),
        (["trainer=ddp"], "trainer: expected one process a trial"),
        (["resume=x"], "a study goes on with tune.study=NAME"),
        (["cv.folds=5"], r"cv\.folds: expected 0 for a study, .*, got 5; leave it out; "),
        (["threshold=2"], "threshold"),
        (["export.opset=99"], "export.opset: expected a whole number from 20 to 23, got 99"),
    ],
)  # fmt: skip
def test_choices_that_cannot_be_used(keys, tmp_path, more, sentence):
    keys = [key for key in keys if not key.startswith("~")] if "tune=mlp" in more else keys
    with pytest.raises(InputError, match=sentence):
        search(keys, tmp_path, *more)
    assert list(tmp_path.iterdir()) == []  # nothing has been written


@pytest.mark.parametrize("streaming", ["false", "true"])
def test_a_table_that_tells_churn_is_refused_before_the_first_trial(
    keys, customers, tmp_path_factory, tmp_path, streaming
):
    leaking = tmp_path_factory.mktemp("leaking") / "customers.csv"
    customers.assign(code=(customers["churned"] == "yes") * 2).to_csv(leaking, index=False)
    with pytest.raises(InputError, match=r"^leakage: .* code alone tells churn"):
        search(
            keys, tmp_path, f"data.source={leaking}", "leakage=error", f"data.streaming={streaming}"
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_run")
def test_a_study_goes_on_with_what_it_was_started_with(keys, tmp_path, customers):
    search(keys, tmp_path, "tune.trials=1")
    for more, sentence in (
        (
            "tune.space.penalty.l2.high=2.0",
            r"tune.space.penalty.l2: expected .*study 'a' was started",
        ),
        ("~tune.space.penalty.l1", r"tune.space.penalty.l1: expected .* got nothing"),
        (
            "patience=3",
            "patience: expected 50, with which study 'a' was started, got 3",
        ),
        ("seed=1", "(fingerprint|seed: expected 0)"),
    ):
        with pytest.raises(InputError, match=sentence):
            search(keys, tmp_path, more)
    changed = tmp_path / "changed.csv"
    customers.iloc[:-1].to_csv(changed, index=False)
    with pytest.raises(InputError, match="expected the table that study 'a' was started with"):
        search(keys, tmp_path, f"data.source={changed}")
    # The same rows from elsewhere are the same study.
    customers.to_csv(changed, index=False)
    search(keys, tmp_path, f"data.source={changed}", "tune.trials=2")


def test_the_extra_is_named_where_it_is_missing(keys, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.delitem(sys.modules, "churn_torch.tuning.study")
    monkeypatch.delitem(sys.modules, "churn_torch.tuning.space")
    with pytest.raises(InputError, match=r"pip install 'churn-torch\[tune\]'"):
        search(keys, tmp_path)
    assert optuna


@pytest.mark.parametrize("name", ["tune.log", "study.journal"])
def test_a_study_with_what_is_no_file_of_it_is_refused_before_it_is_changed(
    keys, study, tmp_path, name
):
    study.mkdir(parents=True)
    os.mkfifo(study / name)
    with pytest.raises(InputError, match=r"^tune\.study: expected files in .*is a pipe"):
        search(keys, tmp_path)
    assert [path.name for path in study.iterdir()] == [name]


def test_where_the_log_cannot_be_written_the_journal_is_not_begun(keys, study, tmp_path):
    (study / "tune.log").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        search(keys, tmp_path)
    assert [path.name for path in study.iterdir()] == ["tune.log"]


def test_a_journal_larger_than_any_is_not_read(keys, study, tmp_path):
    study.mkdir(parents=True)
    with (study / "study.journal").open("wb") as file:
        file.truncate(10**10)
    with pytest.raises(InputError, match=r"^tune\.study: expected a file of at most 200 MB"):
        search(keys, tmp_path)
