"""The choices in a run folder are read, or the folder is refused."""

from __future__ import annotations

import os

import pytest

from churn_torch.errors import InputError
from churn_torch.workflows.stored_config import MOST_VALUES, load_config


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
        ("a: " + "[" * 5_000, "is no YAML"),
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
