from __future__ import annotations

import errno
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import assume, given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from churn_torch import commandline
from churn_torch.commandline import (
    CONF,
    SweepSummary,
    compose,
    explain,
    known_keys,
    quote_overrides,
)
from churn_torch.errors import InputError


def value_of(argument: str) -> object:
    """What Hydra makes of an argument."""
    (quoted,) = quote_overrides([argument])
    return OverridesParser.create().parse_override(quoted).value()


# Names and queries as they were meant


@pytest.mark.parametrize(
    "text",
    [
        "customers.csv",
        "/data/{2024,2025}/*.parquet",
        "s3://bucket/key=1/part-0.parquet",
        "C:\\data\\x.csv",
        "SELECT a, b FROM 'x.csv' WHERE c = \"d e\"",
        "with t as (select 1) select * from t",
        "SELECT 'it''s' AS \"a\\b\", [1, 2], {'k': 1}",
        "Größe=(1)",
        "a, b",
        " leading",
        "\\",
        'a\\"b\\\\',
        "日本.csv",
        "churned?",
    ],
)
@pytest.mark.parametrize("key", ["data.source", "source", "data.target", "out", "keep"])
def test_text_reaches_the_configuration_unchanged(key, text):
    value = value_of(f"{key}={text}")
    assert value == text
    assert isinstance(value, str)


@given(text=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1))
def test_any_column_name_can_be_named(text):
    """But for what Hydra takes for something else: quotes, null, and ${...}."""
    assume(text[0] not in "\"'" and text not in ("null", "???") and "${" not in text)
    value = value_of(f"data.id={text}")
    assert value == text
    assert isinstance(value, str)


@pytest.mark.parametrize(
    ("text", "value"), [("1", 1), ("0.5", 0.5), ("true", True), ("yes", "yes"), ("a b", "a b")]
)
def test_a_label_may_be_a_number_or_a_truth_value(text, value):
    found = value_of(f"data.positive={text}")
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("key", ["data.ignore", "keep"])
@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[a]", ["a"]),
        ("[a b,Größe/Call  Failure]", ["a b", "Größe/Call  Failure"]),
        ("[ a , b ]", ["a", "b"]),
        ("[a(b),it's,50%,churned?]", ["a(b)", "it's", "50%", "churned?"]),
        ("[1,true,null]", ["1", "true", "null"]),
        ("['a,b',\"c\"]", ["a,b", "c"]),
        ("[]", []),
    ],
)
def test_lists_of_columns_take_every_name(key, text, names):
    value = value_of(f"{key}={text}")
    assert [str(name) for name in value] == names


@pytest.mark.parametrize("argument", ["data.id='a b'", 'data.id="a b"', "data.id=a b"])
def test_quotes_that_are_there_stay(argument):
    assert value_of(argument) == "a b"


@pytest.mark.parametrize(
    "argument",
    ["data.id=null", "data.source=???", "optimizer.lr=0.1", "-m", "keep=null", "data.positive=1"],
)
def test_other_arguments_pass_untouched(argument):
    assert quote_overrides([argument]) == [argument]


def test_a_sweep_over_sources_stays_a_sweep():
    swept = quote_overrides(["-m", "data.source=a.csv,b.csv", "data.target=x"])
    assert swept == ["-m", "data.source=a.csv,b.csv", 'data.target="x"']
    lists = ["-m", "data.ignore=[a],[b]"]
    assert quote_overrides(lists) == lists
    (_, query) = quote_overrides(["-m", "data.source=SELECT a, b FROM t"])
    assert query == 'data.source="SELECT a, b FROM t"'


def kinds_of(*arguments: str) -> dict[str, str]:
    from churn_torch.tables.labelled import _kinds

    config = compose("train", ["data=table", "data.target=y", "data.source=x", *arguments])
    return _kinds(OmegaConf.to_container(config.data.kinds))


@pytest.mark.parametrize(
    "name",
    ["age", "Some Name", "Größe", "a/b", "a.b", "a=b", 'the "best"', "x,y", "cat", "日本", "a\\b"],
)
def test_kinds_take_every_column_name(name):
    assert kinds_of(f"data.kinds.{name}=categorical") == {name: "categorical"}
    both = kinds_of(f"data.kinds.{name}=categorical", "data.kinds.plain=ignored")
    assert both == {name: "categorical", "plain": "ignored"}


def test_no_kinds_are_no_kinds():
    assert kinds_of() == {}


# Compose


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


def test_known_keys_are_those_of_the_files():
    keys = known_keys()
    assert keys["model.depth"] == ["model=mlp", "model=tabm", "model=wide_deep"]
    assert keys["optimizer.momentum"] == ["optimizer=sgd"]
    assert len(keys["optimizer.lr"]) >= 3
    assert "trainer.max_epochs" in keys
    assert "penalty.l2" in keys
    for group in (path.name for path in CONF.iterdir() if path.is_dir()):
        assert group in keys
    assert not [key for key in keys if key.startswith(("hydra", "debug.", "experiment."))]


# Errors


def test_a_users_error_is_found_below_others():
    outer = RuntimeError("of a library")
    outer.__cause__ = KeyError("of another")
    outer.__cause__.__cause__ = InputError("the sentence")
    assert explain(outer) == "the sentence"


@pytest.mark.parametrize("error", [RuntimeError("bug"), KeyError("bug"), ValueError("bug")])
def test_an_error_of_ours_has_no_sentence(error):
    assert explain(error) is None


def test_errors_of_the_system_name_the_place():
    error = OSError(errno.ENOSPC, "No space left on device", "/full/disk")
    sentence = explain(error)
    assert sentence is not None
    assert "/full/disk" in sentence
    assert "No space left on device" in sentence
    assert explain(OSError("without a reason")) is None


def test_a_bug_keeps_its_traceback(command, monkeypatch):
    def bug(*arguments):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("churn_torch.pipeline.evaluate", bug)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        command("evaluate", "run=anything")


def test_an_interrupted_training_says_how_to_go_on(
    command, customers_csv, table_keys, tmp_path, monkeypatch
):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("churn_torch.pipeline.write_model", interrupt)
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

    monkeypatch.setattr("churn_torch.pipeline.read_labelled", interrupt)
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
        "from churn_torch.commandline import run_command\n"
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
