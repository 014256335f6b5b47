from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from churn_torch.cli import main as commandline
from churn_torch.cli.main import (
    CONF,
    SweepSummary,
    compose,
)
from churn_torch.errors import InputError


def test_compose_gives_what_conf_holds_now_and_the_caller_may_change_it(tmp_path, monkeypatch):
    compose("train").seed = 7
    assert compose("train").seed == 0
    conf = shutil.copytree(CONF, tmp_path / "conf")
    monkeypatch.setattr(commandline, "CONF", conf)
    text = (conf / "train.yaml").read_text(encoding="utf-8")
    (conf / "train.yaml").write_text(re.sub(r"(?m)^seed: 0\b", "seed: 3", text), encoding="utf-8")
    assert compose("train").seed == 3


def test_compose_is_what_a_script_would_run_with():
    config = compose("train", ["model=mlp", "model.width=7", "optimizer=sgd"])
    assert config.model.width == 7
    assert config.optimizer._target_ == "torch.optim.SGD"
    assert "hydra" not in config
    assert compose("score", ["source=a", "out=b"]).keep == "id"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "model=mpl",
            r"^model: expected one of [a-z_, ]+, got 'mpl' \(did you mean 'mlp'\?\)\.",
        ),
        ("widht=3", r"got 'widht' \(did you mean 'model\.width'\?\)"),
        (
            "model.width=3",
            r"got 'model\.width', which belongs to model=gam or model=mlp or model=tabm or "
            r"model=wide_deep\.$",
        ),
        ("optimizer.nesterov=true", r"which belongs to optimizer=sgd\.$"),
    ],
)
def test_compose_refuses_in_a_sentence(override, message):
    with pytest.raises(InputError, match=message):
        compose("train", [override])


def test_a_bug_keeps_its_traceback(command, monkeypatch):
    def bug(*arguments):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("churn_torch.workflows.train.evaluate", bug)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        command("evaluate", "run=anything")


def test_an_interrupted_training_says_how_to_go_on(
    command, customers_csv, table_keys, tmp_path, monkeypatch
):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("churn_torch.workflows.train.write_model", interrupt)
    keys = [*table_keys, f"data.source={customers_csv}", "debug=fast", f"outputs={tmp_path}"]
    code, _, err = command("train", *keys)
    (checkpoint,) = tmp_path.rglob("last.ckpt")
    assert (code, err) == (1, f"Interrupted; go on with resume={checkpoint.parent}.\n")
    assert not (checkpoint.parent / "metrics.json").exists()


def test_an_interruption_before_the_first_epoch_leaves_nothing(
    command, customers_csv, table_keys, tmp_path, monkeypatch
):
    def interrupt(*arguments, **keys):
        raise KeyboardInterrupt

    monkeypatch.setattr("churn_torch.workflows.train.read_labelled", interrupt)
    keys = [*table_keys, f"data.source={customers_csv}", f"outputs={tmp_path}"]
    code, _, err = command("train", *keys)
    assert (code, err) == (1, "Interrupted.\n")
    assert list(tmp_path.iterdir()) == []


# Run folders of the command line


@pytest.mark.usefixtures("without_export")
def test_runs_of_the_same_second_have_folders_of_their_own(
    command, customers_csv, table_keys, tmp_path, monkeypatch
):
    class Clock(commandline.datetime):
        moment = 0

        @classmethod
        def now(cls, tz=None):
            cls.moment += 1
            return cls(2026, 1, 31, 12, 0, 0, cls.moment)

    monkeypatch.setattr(commandline, "datetime", Clock)
    keys = [*table_keys, f"data.source={customers_csv}", "debug=fast", f"outputs={tmp_path}"]
    for _ in range(2):
        assert command("train", *keys).code == 0
    (day,) = (path for path in tmp_path.iterdir() if path.name != "latest")
    assert day.name == "2026-01-31"
    first, second = sorted(path.name for path in day.iterdir())
    assert first == "12-00-00"
    assert second.startswith("12-00-00-")
    assert (tmp_path / "latest").resolve() == day / second


def test_a_failed_run_takes_only_its_own_folder_away(command, table_keys, tmp_path):
    """Neither the other runs of the day, nor a folder that was there before."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "config.yaml").write_text("precious: true\n")
    keys = [*table_keys, "data.source=nothing.csv"]
    code, _, _ = command("train", *keys, f"outputs={tmp_path / 'outputs'}", f"hydra.run.dir={mine}")
    assert code == 1
    assert mine.is_dir()
    for name in ("first", "second"):
        (tmp_path / "day" / name).mkdir(parents=True)
    commandline._remove_if_useless(tmp_path / "day" / "second", RuntimeError())
    assert [path.name for path in (tmp_path / "day").iterdir()] == ["first"]


@pytest.mark.parametrize("finished", [True, False])
def test_a_finished_run_is_never_removed(tmp_path, finished):
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("config.yaml", "last.ckpt", "metrics.json")[: 3 if finished else 2]:
        (folder / name).touch()
    commandline._remove_if_useless(folder, OSError())  # can be gone on with
    assert folder.exists()
    commandline._remove_if_useless(folder, InputError("a choice that cannot work"))
    assert folder.exists() == finished


# The sweep's summary


class JobReturn:
    def __init__(self, value: object) -> None:
        self._return_value = value


def hydra_config(job: int, mode: str = "MULTIRUN"):
    from hydra.types import RunMode

    return OmegaConf.create(
        {
            "hydra": {
                "mode": RunMode[mode],
                "job": {"num": job},
                "overrides": {"task": ["model=mlp", f"seed={job}"]},
                "runtime": {"output_dir": f"/sweep/{job}"},
                "sweep": {"dir": "unused"},
            }
        }
    )


def test_summary_takes_note_of_every_member():
    summary = SweepSummary()
    metrics = {"validation": {"log_loss": 0.4}, "test": {"auroc": 0.8, "intervals": {}}}
    summary.on_job_end(hydra_config(0), JobReturn({"status": "ok", "metrics": metrics}))
    summary.on_job_end(hydra_config(1), JobReturn({"status": "failed", "error": "the sentence"}))
    assert summary.rows == [
        {
            "job": 0, "overrides": "model=mlp seed=0", "status": "ok", "error": "",
            "folder": "/sweep/0", "validation_log_loss": 0.4, "test_auroc": 0.8,
        },
        {
            "job": 1, "overrides": "model=mlp seed=1", "status": "failed",
            "error": "the sentence", "folder": "/sweep/1",
        },
    ]  # fmt: skip


def test_summary_is_silent_outside_a_sweep():
    summary = SweepSummary()
    summary.on_job_end(hydra_config(0, "RUN"), JobReturn({"status": "ok"}))
    summary.on_multirun_end(hydra_config(0, "RUN"))
    assert summary.rows == []


# Imports


@pytest.mark.parametrize("name", ["train", "evaluate", "score", "export", "serve"])
def test_help_answers_without_torch(name):
    code = (
        f"import atexit, sys; sys.argv = ['{name}.py', '--help']\n"
        "atexit.register(lambda: print('loaded:', *sys.modules))\n"
        "from churn_torch.cli.main import run_command\n"
        f"run_command('{name}')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    text, _, loaded = done.stdout.rpartition("loaded:")
    heavy = {"torch", "pytorch_lightning", "pandas", "numpy", "pyarrow", "duckdb", "onnxruntime"}
    assert heavy.isdisjoint(loaded.split())
    assert f"python scripts/{name}.py" in text
    assert done.stderr == ""
    for key in OmegaConf.load(CONF / f"{name}.yaml"):
        if key not in ("hydra", "defaults"):
            assert f"\n{key}:" in text


# The end of a process


@pytest.mark.parametrize(
    ("command", "code", "out", "err"),
    [
        ("print('done')", 0, "done\ntold\n", ""),
        ("raise SystemExit", 0, "told\n", ""),
        ("sys.exit(3)", 3, "told\n", ""),
        ("sys.exit('Interrupted.')", 1, "told\n", "Interrupted.\n"),
        ("sys.stdout = None", 0, "", ""),
        ("threading.Thread(target=lambda: (time.sleep(0.2), print('late'))).start()", 0,
         "late\ntold\n", ""),
    ],
)  # fmt: skip
def test_a_script_ends_as_python_would(command, code, out, err):
    """Codes, words and what is registered for the end are kept; threads are waited for."""
    program = f"""
import atexit, os, sys, threading, time
from churn_torch import commandline
atexit.register(lambda: sys.stdout and print("told"))
def run(name):
    {command}
commandline.run_command = run
commandline.run_script("train")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (code, out, err)


def test_an_error_of_ours_keeps_its_traceback():
    program = """
from churn_torch import commandline
commandline.run_command = lambda name: 1 / 0
commandline.run_script("train")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")


def test_scripts_are_thin():
    scripts = sorted((Path(__file__).parents[1] / "scripts").glob("*.py"))
    assert [script.stem for script in scripts] == [
        *("evaluate", "export", "score", "serve", "train", "tune")
    ]
    for script in scripts:
        assert len(script.read_text().splitlines()) <= 25
        assert (CONF / f"{script.stem}.yaml").is_file()
