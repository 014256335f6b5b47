from __future__ import annotations

import errno
import os

import pytest

from churn_torch.cli.compose import compose
from churn_torch.cli.error_messages import CONF, explain
from churn_torch.cli.keys import known_keys
from churn_torch.errors import InputError


def test_known_keys_are_those_of_the_files():
    keys = known_keys()
    owners = ["event_transformer", "mlp", "tabm", "wide_deep"]
    assert keys["model.depth"] == [f"model={name}" for name in owners]
    assert keys["optimizer.momentum"] == ["optimizer=sgd"]
    assert len(keys["optimizer.lr"]) >= 3
    assert "trainer.max_epochs" in keys
    assert "penalty.l2" in keys
    for group in (path.name for path in CONF.iterdir() if path.is_dir()):
        assert (group in keys) == (group not in ("recipe", "tune"))
    assert not [k for k in keys if k.startswith(("hydra", "debug.", "experiment.", "recipe"))]
    assert "tune.trials" in known_keys("tune")
    assert set(known_keys("score")) == {
        *("run", "source", "database", "encoding", "skip", "sheet"),
        *("out", "keep", "chunk_rows", "allow_unseen", "at", "events", "specification"),
    }


# Errors


def test_a_users_error_is_found_below_others():
    outer = RuntimeError("of a library")
    outer.__cause__ = KeyError("of another")
    outer.__cause__.__cause__ = InputError("here", expected="this", got="that")
    assert explain(outer) == "here: expected this, got that."


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
    blocked = FileExistsError(
        errno.EEXIST, "File exists", "link"
    )  # mkdir, where a link leads nowhere
    assert "link: expected a place that can be read and written, got a file or a link" in str(
        explain(blocked)
    )


def test_a_key_below_a_list_leads_to_the_list():
    with pytest.raises(InputError, match=r"^trust\.a: expected a key .*\(did you mean 'trust'\?\)"):
        compose("evaluate", ["+trust.a=1"])


@pytest.mark.parametrize(
    ("said", "what", "option"),
    [
        (RuntimeError("can't start new thread"), "threads and processes", "-u, -v"),
        (
            BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN)),
            "threads and processes",
            "-u, -v",
        ),
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE), "table.csv"), "open files", "-n"),
    ],
)
def test_a_limit_of_the_process_is_not_blamed_on_a_file(said, what, option):
    damaged = InputError("run", expected="whole files", got="damaged ones", fix="train again")
    damaged.__context__ = said  # as of `from None`
    assert explain(damaged, "score") == (
        f"score: expected enough {what}, got as many as this process may have; "
        f"end other programs, or allow more (ulimit {option})."
    )
