from __future__ import annotations

import contextlib
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from churn_torch import __version__, interruption
from churn_torch.cli import run_command as cli_command
from churn_torch.cli.commands import COMMANDS
from churn_torch.cli.error_messages import CONF


def test_a_bug_keeps_its_traceback(command, monkeypatch):
    def bug(*arguments):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("churn_torch.workflows.evaluate.evaluate", bug)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        command("evaluate", "run=anything")


def test_an_interrupted_training_says_how_to_go_on(
    command, customers_csv, table_keys, tmp_path, monkeypatch
):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("churn_torch.workflows.runs.publish.write_model", interrupt)
    keys = [*table_keys, f"data.source={customers_csv}", "debug=fast", f"outputs={tmp_path}"]
    code, _, err = command("train", *keys)
    (checkpoint,) = tmp_path.rglob("last.ckpt")
    assert (code, err) == (
        130,
        f"Interrupted; continue with churn-torch train resume={checkpoint.parent}.\n",
    )
    assert not (checkpoint.parent / "metrics.json").exists()


def test_an_interruption_before_the_first_epoch_leaves_nothing(
    command, customers_csv, table_keys, tmp_path, monkeypatch
):
    def interrupt(*arguments, **keys):
        raise KeyboardInterrupt

    monkeypatch.setattr("churn_torch.workflows.train.read_labelled", interrupt)
    keys = [*table_keys, f"data.source={customers_csv}", f"outputs={tmp_path}"]
    code, _, err = command("train", *keys)
    assert (code, err) == (130, "Interrupted.\n")
    assert list(tmp_path.iterdir()) == []


def test_a_current_folder_that_is_gone_is_named(command, tmp_path):
    (tmp_path / "gone").mkdir()
    with contextlib.chdir(tmp_path / "gone"):
        (tmp_path / "gone").rmdir()
        code, _, err = command("evaluate", "run=anything")
        os.chdir(tmp_path)
    assert code == 1
    assert err.startswith("Error: the current folder: expected one that is there, got No such file")


# The program


@pytest.mark.parametrize(
    ("arguments", "out"),
    [
        (["--version"], f"churn-torch {__version__}\n"),
        (["--help"], "  train     Train a churn model"),
        ([], "  train     Train a churn model"),
    ],
)
def test_the_program_answers_without_a_command(monkeypatch, capsys, arguments, out):
    monkeypatch.setattr(sys, "argv", ["churn-torch", *arguments])
    with pytest.raises(SystemExit) as stopped:
        cli_command.command_named()
    assert stopped.value.code == 0
    assert out in capsys.readouterr().out


@pytest.mark.parametrize(("name", "near"), [("trian", "did you mean 'train'"), ("a=1", "'a=1'")])
def test_an_unknown_command_is_refused(monkeypatch, capsys, name, near):
    monkeypatch.setattr(sys, "argv", ["churn-torch", name])
    with pytest.raises(SystemExit) as stopped:
        cli_command.command_named()
    assert stopped.value.code == 1
    err = capsys.readouterr().err
    assert err.startswith("Error: churn-torch: expected a command (train, ")
    assert near in err
    assert err.count("\n") == 1


def test_a_folder_of_ones_own_configurations(command, monkeypatch, tmp_path):
    """The command's own name stays out of what Hydra reads, and is there for other processes."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "my_net.yaml").write_text("_target_: my.Net\nwidth: 3\n")
    seen = []
    monkeypatch.setattr(
        cli_command, "run_workflow", lambda name, config, *_: seen.append((name, config, sys.argv))
    )
    monkeypatch.chdir(tmp_path)
    keys = ("--config-dir", tmp_path, "model=my_net")
    assert command("train", "train", *keys).code == 0
    ((name, config, argv),) = seen
    assert (name, config.model) == ("train", {"_target_": "my.Net", "width": 3})
    assert argv[1:] == ["train", *map(str, keys)]
    code, _, err = command("train", "--config-dir", tmp_path / "nothing", "model=my_net")
    assert code == 1
    assert err.startswith("Error: --config-dir: expected a folder")
    code, _, err = command("train", "--config-dir", tmp_path, "model=my_nett")
    assert "my_net, scorecard" in err
    assert "(did you mean 'my_net'?)" in err


@pytest.mark.parametrize("debug", ["fast", None])
def test_a_trial_is_marked_as_one(command, monkeypatch, tmp_path, debug):
    monkeypatch.setattr(cli_command, "run_workflow", lambda *_: {})
    choice = [f"debug={debug}"] if debug else []
    done = command("train", f"outputs={tmp_path}", *choice)
    said = "This was a trial (debug=fast): the numbers say nothing about the model."
    assert (said in done.out) == (debug is not None)


# The end of a process, and what help imports: one process each, because they end it


def test_help_answers_without_torch_or_pandas():
    """All commands in one process."""
    code = f"""
import sys
from churn_torch.cli.run_command import run_command
for name in {COMMANDS}:
    sys.argv = [name + ".py", "--help"]
    run_command(name)
print("loaded:", *sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    text, _, loaded = done.stdout.rpartition("loaded:")
    heavy = {"torch", "pytorch_lightning", "pandas", "numpy", "pyarrow", "duckdb", "onnxruntime"}
    assert heavy.isdisjoint(loaded.split())
    assert done.stderr == ""
    for name in COMMANDS:
        assert f"  churn-torch {name} " in text


def test_a_process_ends_as_python_would():
    """Codes, words and what is registered for the end are kept; threads are waited for.

    Each case in a fork of one process that has imported the package.
    """
    program = """
import sys
before = {*sys.modules}
from churn_torch.cli import main
print(*sorted({*sys.modules} - before - {"__future__"}))
import atexit, os, threading, time
from churn_torch.cli import run_command
class Last:
    def __del__(self, kill=os.kill, getpid=os.getpid): kill(getpid(), 15)
def until_last():
    sys.last = Last()  # goes at the very end of Python, when signals kill again
    threading.Thread(target=lambda: time.sleep(0.2)).start()
CASES = {
    "prints": lambda: print("done"),
    "code": lambda: sys.exit(3),
    "words": lambda: sys.exit("Interrupted."),
    "closed": lambda: setattr(sys, "stdout", None),
    "thread": threading.Thread(target=lambda: (time.sleep(0.2), print("late"))).start,
    "end": until_last,
    "bug": lambda: 1 / 0,
}
for name, case in CASES.items():
    sys.stdout.flush()
    if os.fork() == 0:
        atexit.register(lambda: sys.stdout and print("told"))
        run_command.run_command = lambda name: case()
        main.main("train")
    print(name, os.waitstatus_to_exitcode(os.wait()[1]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    # What is imported before signals are handled: it has to be little.
    ours = "churn_torch churn_torch.cli churn_torch.cli.main churn_torch.interruption"
    assert done.stdout.split("\n") == [
        ours, "done", "told", "prints 0", "told", "code 3", "told", "words 1", "closed 0",
        "late", "told", "thread 0", "told", "end 0", "told", "bug 1", "",
    ], done.stderr  # fmt: skip
    assert "Interrupted.\n" in done.stderr
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")


def test_scripts_are_thin():
    scripts = sorted((Path(__file__).parents[2] / "scripts").glob("*.py"))
    assert {script.stem for script in scripts} == set(COMMANDS)
    for script in scripts:
        assert len(script.read_text().splitlines()) <= 10
        assert (CONF / f"{script.stem}.yaml").is_file()


def test_the_module_of_the_entry_is_a_command_too(monkeypatch):
    started = []
    monkeypatch.setattr(interruption, "run_as_process", started.append)
    monkeypatch.delitem(sys.modules, "churn_torch.cli.main", raising=False)  # runpy warns of it
    runpy.run_module("churn_torch.cli.main", run_name="__main__")
    assert len(started) == 1
