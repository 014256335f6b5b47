from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import pytest
from filelock import FileLock

from churn_torch.errors import InputError
from churn_torch.workflows.claim import LOCK, claimed


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


@pytest.mark.parametrize(("content", "stays"), [("config.yaml", False), ("last.ckpt", True)])
def test_the_folder_of_a_refused_run_goes_again(tmp_path: Path, content: str, stays: bool) -> None:
    def refuse(folder: Path) -> None:
        with claimed(folder):
            (folder / content).touch()
            raise InputError("data.target", expected="a column", got="none")

    with pytest.raises(InputError, match="target"):
        refuse(tmp_path / "run")
    assert (tmp_path / "run").exists() == stays
    (tmp_path / "there").mkdir()
    with pytest.raises(InputError, match="target"):
        refuse(tmp_path / "there")
    assert [path.name for path in (tmp_path / "there").iterdir()] == [content]


def test_a_training_claims_its_folder(train_run, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with (
        FileLock(tmp_path / "run" / LOCK),
        pytest.raises(InputError, match="into which another training is writing; wait for"),
    ):
        train_run(tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == [LOCK]
