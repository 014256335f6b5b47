"""Locks on files and folders, which the kernel releases at the end of their process."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: nothing is locked, and nothing that may be in use is removed
    fcntl = None  # type: ignore[assignment]


class Lock:
    """A lock that is held until it is released, or this process and its children have ended."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def close(self) -> None:
        """Release it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def lock(path: Path, *, shared: bool = False, wait: bool = False) -> Lock | None:
    """Lock a file or folder.

    Args:
        path: What is there already; a link is refused.
        shared: Several processes may hold it, and none alone.
        wait: Until it is free.

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
        flags = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        fcntl.flock(descriptor, flags if wait else flags | fcntl.LOCK_NB)
        # Whoever held it may have removed the file or folder in the meantime.
        if not _is_there(path, descriptor):
            raise FileNotFoundError(2, os.strerror(2), str(path))
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return Lock(descriptor)


def lock_where_possible(path: Path, **choices: bool) -> Lock | None:
    """Lock as `lock` does; a file system without locks gives one that keeps nobody out."""
    try:
        return lock(path, **choices)
    except FileNotFoundError:
        raise
    except OSError:
        return Lock(-1)


def _is_there(path: Path, descriptor: int) -> bool:
    with contextlib.suppress(OSError):
        return os.path.samestat(os.stat(path, follow_symlinks=False), os.fstat(descriptor))
    return False
