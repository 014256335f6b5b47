from __future__ import annotations

import shlex

import pytest

from churn_torch.cli.arguments import asks_for_help, check_arguments
from churn_torch.errors import InputError


@pytest.mark.parametrize(
    "line",
    [
        "model=mlp seed=-1",
        "-m model=logreg,mlp",
        "--multirun seed=1,2",
        "--config-dir some/folder model=mine",
        "--config-dir=some/folder",
        "--cfg job",
        "~data.kinds +a=1 ++b=2",
        "'data.source=SELECT 1 AS a'",
    ],
)
def test_what_hydra_takes_passes(line):
    check_arguments(shlex.split(line), "train")


@pytest.mark.parametrize(
    ("line", "fix"),
    [
        ("--model=mlp", "write model=mlp"),
        ("--model mlp", "write model=mlp"),
        ("-model mlp", "write model=mlp"),
        ("model mlp", "write model=mlp"),
        ("model = mlp", "write model=mlp"),
        ("model:mlp", "write model=mlp"),
        ("mlp", "write model=mlp"),
        ("--epochs 5", "write trainer.max_epochs=5"),
        ("--max-epochs=5", "write trainer.max_epochs=5"),
        ("--lr", "write optimizer.lr=VALUE"),
        ("--seed -1", "write seed=-1"),
        ("--source x.csv", "write data=table data.source=x.csv"),
        ("--data x.csv", "write data=table data.source=x.csv"),
        ("x.csv", "write data=table data.source=x.csv"),
        ("--width 3", r"got '--width' \(did you mean 'model.width'"),
        ("--multirn seed=1", r"got '--multirn' \(did you mean '--multirun'"),
        ("--xyzzy=3", "keys are written without dashes"),
        ("xyzzy", "put quotes around"),
        ("=3", "put quotes around"),
    ],
)
def test_what_it_does_not_take_is_written_right(line, fix):
    with pytest.raises(InputError, match=fix) as raised:
        check_arguments(shlex.split(line), "train")
    assert str(raised.value).startswith("expected key=value on the command line, got '")


@pytest.mark.parametrize(
    ("line", "fix"),
    [
        ("x.csv", "write source=x.csv"),
        ("--input x.csv", "write source=x.csv"),
        ("--model m.onnx", "write run=m.onnx"),
    ],
)
def test_it_is_a_key_of_the_command(line, fix):
    with pytest.raises(InputError, match=fix):
        check_arguments(shlex.split(line), "score")


@pytest.mark.parametrize("word", ["--help", "-h", "-help", "--hlep", "--Help", "/?", "help", "-?"])
def test_ways_to_ask_for_help(word):
    assert asks_for_help(word)


@pytest.mark.parametrize("word", ["help=model", "--resume", "hello", "seed=1", "--version", "-m"])
def test_ways_to_ask_for_something_else(word):
    assert not asks_for_help(word)
