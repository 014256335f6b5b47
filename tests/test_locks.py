from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from churn_torch.locks import lock, locked_file


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_lock_is_held_alone_or_shared(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    path.touch() if kind == "file" else path.mkdir()
    alone = lock(path)
    assert alone is not None
    assert lock(path) is None
    assert lock(path, shared=True) is None
    alone.close()
    one, two = lock(path, shared=True), lock(path, shared=True)
    assert one is not None
    assert two is not None
    assert lock(path) is None
    one.close()
    two.close()
    with contextlib.closing(lock(path)):
        pass


def lock_and_die(path: Path) -> None:
    assert lock(path) is not None
    os.kill(os.getpid(), signal.SIGKILL)


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    process = multiprocessing.get_context("fork").Process(target=lock_and_die, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    with contextlib.closing(lock(tmp_path)):
        pass


def test_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("file", "nowhere", "."):
        link = tmp_path / f"link to {name}"
        link.symlink_to(name)
        with pytest.raises(OSError, match=str(link)):
            lock(link)


def test_a_wait_has_an_end(tmp_path: Path) -> None:
    with contextlib.closing(lock(tmp_path)):
        assert lock(tmp_path, wait=0.01) is None


def lock_in_turns(path: Path, mark: Path) -> None:
    for _ in range(20):
        with locked_file(path, wait=math.inf) as is_ours:
            assert is_ours
            mark.touch(exist_ok=False)
            mark.unlink()


def test_a_locked_file_is_there_only_meanwhile(tmp_path: Path) -> None:
    """Who waits for it opens it before it is removed, and must not share it with a newcomer."""
    path = tmp_path / "lock"
    context = multiprocessing.get_context("fork")
    processes = [
        context.Process(target=lock_in_turns, args=(path, tmp_path / "mark")) for _ in range(3)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert list(tmp_path.iterdir()) == []
    with locked_file(path), locked_file(path) as is_ours:
        assert not is_ours
        assert path.exists()
