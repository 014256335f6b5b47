from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from churn_torch.errors import InputError
from churn_torch.locks import locked_file
from churn_torch.workflows.runs.claim import LOCK, claimed, remove_if_useless


def test_a_claimed_folder_is_refused_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with claimed(folder):
        assert folder.is_dir()
        with (
            pytest.raises(InputError, match=r"^expected a run folder of its own, got .*another"),
            claimed(folder),
        ):
            raise AssertionError
        (folder / "config.yaml").touch()
    assert [path.name for path in folder.iterdir()] == ["config.yaml"]
    with claimed(folder):
        pass


def claim_and_die(folder: Path) -> None:
    with claimed(folder):
        os.kill(os.getpid(), signal.SIGKILL)


def test_the_claim_of_a_killed_process_holds_nobody_back(tmp_path: Path) -> None:
    process = multiprocessing.get_context("fork").Process(target=claim_and_die, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert (tmp_path / LOCK).exists()
    with claimed(tmp_path):
        pass
    assert not (tmp_path / LOCK).exists()


def test_the_processes_of_one_training_share_a_folder(tmp_path, monkeypatch) -> None:
    with claimed(tmp_path):
        monkeypatch.setenv("LOCAL_RANK", "1")
        with claimed(tmp_path):
            pass
        assert (tmp_path / LOCK).exists()


@pytest.mark.parametrize(
    ("content", "error", "stays"),
    [
        ("config.yaml", InputError("x", expected="1", got="2"), False),
        ("config.yaml", KeyboardInterrupt(), False),
        ("last.ckpt", KeyboardInterrupt(), True),
        ("last.ckpt", InputError("x", expected="1", got="2"), False),
    ],
)
def test_the_folder_of_a_run_that_has_failed_goes_again(tmp_path, content, error, stays) -> None:
    def fail(folder: Path) -> None:
        with claimed(folder):
            (folder / content).touch()
            raise error

    with pytest.raises(type(error)):
        fail(tmp_path / "run")
    assert (tmp_path / "run").exists() == stays
    (tmp_path / "there").mkdir()
    with pytest.raises(type(error)):
        fail(tmp_path / "there")
    assert [path.name for path in (tmp_path / "there").iterdir()] == [content]


@pytest.mark.parametrize("finished", [True, False])
def test_a_finished_run_is_never_removed(tmp_path, finished):
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("config.yaml", "last.ckpt", "metrics.json")[: 3 if finished else 2]:
        (folder / name).touch()
    remove_if_useless(folder, OSError())  # can be gone on with
    assert folder.exists()
    remove_if_useless(folder, InputError("x", expected="1", got="2"))
    assert folder.exists() == finished


def test_a_refused_run_leaves_the_folder_to_the_one_that_writes_into_it(tmp_path):
    """Both found no folder when they were started, so that each may remove it."""
    folder = tmp_path / "run"
    refused = InputError("", expected="a run folder of its own", got=str(folder))
    with claimed(folder):
        (folder / "config.yaml").touch()
        remove_if_useless(folder, refused)
        assert (folder / "config.yaml").exists()
    remove_if_useless(folder, refused)  # its own: nothing is trained in it
    assert not folder.exists()


def test_a_training_claims_its_folder(train_run, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with locked_file(tmp_path / "run" / LOCK):
        with pytest.raises(InputError, match="into which another training is writing; wait for"):
            train_run(tmp_path / "run")
        assert [path.name for path in (tmp_path / "run").iterdir()] == [LOCK]
