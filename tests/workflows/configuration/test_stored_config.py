"""The choices in a run folder are read, or the folder is refused."""

from __future__ import annotations

import os

import pytest

from churn_torch.errors import InputError
from churn_torch.serving.model_path import MOST_BYTES
from churn_torch.workflows.configuration.specification_files import read_keys
from churn_torch.workflows.configuration.stored_config import MOST_VALUES, load_config


def test_load_config_refuses_what_is_no_run(tmp_path):
    with pytest.raises(InputError, match=r"got '.*nothing', which is not there"):
        load_config(tmp_path / "nothing")
    with pytest.raises(InputError, match=r"with config\.yaml, got '.*' without it"):
        load_config(tmp_path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: &a [x, x]\nb: &b [*a, *a]\n", r"\*a stands for another part of it"),
        ("a: &a {<<: *a}\n", r"\*a stands for another part of it"),
        (f"a: [{'x,' * MOST_VALUES}]\n", "more than 50,000 values"),
        ("a: " + "[" * 5_000, "more than 100 levels"),
        ("- " * 5_000, "more than 100 levels"),
        ("a: [" + "[]," * 500, "is no YAML"),
        ("a: !!python/object/apply:os.getcwd []\n", "could not determine a constructor"),
        ("a: x\0y\n", "is no YAML"),
        (f"a: {'9' * 5_000}\n", "is no YAML"),
        ("a: ${${\n", "is no YAML"),
    ],
)
def test_a_config_that_is_a_bomb_is_refused(tmp_path, text, reason):
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(InputError, match=reason):
        load_config(tmp_path)


def test_a_link_to_itself_is_no_traceback(tmp_path):
    (tmp_path / "config.yaml").write_text("seed: 1\n")
    os.symlink("odd", tmp_path / "odd")
    assert load_config(tmp_path) == {"seed": 1}  # the file that is read for it is missing


def test_a_pipe_and_a_file_larger_than_any_are_refused(tmp_path):
    (tmp_path / "config.yaml").write_text("seed: 1\n")
    with (tmp_path / "schema.json").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(InputError, match=r"a file of at most 200 MB, got .*schema.json' of 200 MB"):
        load_config(tmp_path)
    (tmp_path / "schema.json").unlink()
    os.mkfifo(tmp_path / "schema.json")
    with pytest.raises(InputError, match=r"schema.json', which is a pipe or a device"):
        load_config(tmp_path)


def test_a_specification_is_no_pipe_and_no_bomb(tmp_path):
    path = tmp_path / "events.yaml"
    path.write_text("a: &a [x, x]\nb: [*a, *a]\n")
    with pytest.raises(InputError, match=r"\*a stands for another part of it"):
        read_keys(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(InputError, match=r"expected a YAML file, got '.*\(no file\)"):
        read_keys(path)
