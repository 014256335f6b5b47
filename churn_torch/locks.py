"""Locks on files and folders, which the kernel releases at the end of their process."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: nothing is locked, and nothing that may be in use is removed
    fcntl = None  # type: ignore[assignment]

# Seconds between two looks whether a lock is free, where the wait has an end.
STEP = 0.05


class Lock:
    """A lock that is held until it is released, or this process and its children have ended."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def close(self) -> None:
        """Release it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def lock(path: Path, *, shared: bool = False, wait: float = 0.0) -> Lock | None:
    """Lock a file or folder.

    Args:
        path: What is there already; a link is refused.
        shared: Several processes may hold it, and none alone.
        wait: For at most so many seconds until it is free; ``math.inf`` for as long as it takes.

    Returns:
        The lock; None where another process holds it.

    Raises:
        OSError: It is not there, or the file system has no locks.
    """
    if fcntl is None:
        raise OSError("this system has no locks")
    is_folder = path.is_dir()
    kind = os.O_RDONLY | os.O_DIRECTORY if is_folder else os.O_RDWR
    descriptor = os.open(path, kind | os.O_NOFOLLOW)
    try:
        is_ours = _flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, wait)
        # Whoever held it may have removed the file or folder in the meantime.
        if is_ours and not _is_there(path, descriptor):
            raise FileNotFoundError(2, os.strerror(2), str(path))
    except BaseException:
        os.close(descriptor)
        raise
    if is_ours:
        return Lock(descriptor)
    os.close(descriptor)
    return None


def lock_file(path: Path, *, wait: float = 0.0) -> Lock | None:
    """Lock a file as `lock_where_possible` does; it is made where it is not there.

    Raises:
        OSError: It cannot be made.
    """
    while True:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666))
        with contextlib.suppress(FileNotFoundError):  # who held it has removed it
            return lock_where_possible(path, wait=wait)


@contextlib.contextmanager
def locked_file(path: Path, *, wait: float = 0.0) -> Iterator[bool]:
    """Hold the lock of a file that is there only meanwhile; give whether it could be had.

    Raises:
        OSError: As for `lock_file`.
    """
    held = lock_file(path, wait=wait)
    try:
        yield held is not None
    finally:
        if held is not None:
            # Removed while it is held: whoever opened it in the meantime does not get it.
            with contextlib.suppress(OSError):
                path.unlink()
            held.close()


def lock_where_possible(path: Path, *, shared: bool = False, wait: float = 0.0) -> Lock | None:
    """Lock as `lock` does; a file system without locks gives one that keeps nobody out."""
    try:
        return lock(path, shared=shared, wait=wait)
    except FileNotFoundError:
        raise
    except OSError:
        return Lock(-1)


def _flock(descriptor: int, kind: int, wait: float) -> bool:
    if wait == math.inf:
        fcntl.flock(descriptor, kind)
        return True
    deadline = time.monotonic() + wait
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(STEP)


def _is_there(path: Path, descriptor: int) -> bool:
    with contextlib.suppress(OSError):
        return os.path.samestat(os.stat(path, follow_symlinks=False), os.fstat(descriptor))
    return False
