"""Optuna's journal under a lock that dies with its process, and which processes are alive."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import optuna
from filelock import BaseFileLock, FileLock, Timeout
from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend
from optuna.storages.journal._file import BaseJournalFileLock

from churn_torch.errors import InputError

JOURNAL = "study.journal"
LOCK = "study.lock"
# Nobody holds the lock for longer than it takes to write a few lines.
LOCK_SECONDS = 60.0


def study_lock(folder: Path) -> BaseFileLock:
    """Return the lock of the study in a folder, not held yet."""
    return FileLock(folder / LOCK, timeout=LOCK_SECONDS)


class Process:
    """This process as others at work on the study see it: it holds a lock as long as it lives.

    Args:
        folder: Of the study.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = uuid.uuid4().hex[:8]
        self._alive = FileLock(self._file(self.name))

    @property
    def scratch(self) -> Path:
        """A folder for files of this process; removed with it."""
        return self.folder / f"worker-{self.name}"

    def enter(self) -> None:
        """Show that it lives, and clear away what dead ones have left."""
        self._alive.acquire()
        for path in self.folder.glob("worker-*.lock"):
            self.is_alive(path.stem.removeprefix("worker-"))

    def leave(self) -> None:
        """Leave nothing behind."""
        self._remove(self.name)
        self._alive.release()

    def is_alive(self, name: str) -> bool:
        """Tell whether a process is alive; what a dead one has left is removed."""
        path = self._file(name)
        if name == self.name or not path.exists():
            return name == self.name
        try:
            with FileLock(path, timeout=0):
                self._remove(name)
                return False
        except Timeout:
            return True

    def _file(self, name: str) -> Path:
        return self.folder / f"worker-{name}.lock"

    def _remove(self, name: str) -> None:
        shutil.rmtree(self.folder / f"worker-{name}", ignore_errors=True)
        self._file(name).unlink(missing_ok=True)


def open_study(folder: Path, lock: BaseFileLock) -> optuna.Study:
    """Open the journal in a folder, or begin one, while its lock is held.

    A line that a killed process began is cut off.

    Raises:
        InputError: It is damaged.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    path = folder / JOURNAL
    try:
        _mend(path)
        backend: BaseJournalBackend = JournalFileBackend(str(path), _JournalLock(lock))
        return optuna.create_study(
            storage=JournalStorage(backend),
            study_name="study",
            pruner=optuna.pruners.NopPruner(),
            load_if_exists=True,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"tune.study: expected a whole journal in {str(path)!r}, got a damaged one "
            f"({str(error).partition(chr(10))[0]}); start another study (tune.study=NAME)."
        ) from error


class _JournalLock(BaseJournalFileLock):
    """The study's lock for Optuna, whose own outlives a process that is killed."""

    def __init__(self, lock: BaseFileLock) -> None:
        self._lock = lock

    def acquire(self) -> bool:
        _acquire(self._lock)
        return True

    def release(self) -> None:
        self._lock.release()


@contextlib.contextmanager
def acquired(lock: BaseFileLock) -> Iterator[None]:
    """Hold a lock.

    Raises:
        InputError: Another process holds it for too long.
    """
    _acquire(lock)
    try:
        yield
    finally:
        lock.release()


def _acquire(lock: BaseFileLock) -> None:
    try:
        lock.acquire()
    except Timeout as error:
        raise InputError(
            f"tune.study: expected {lock.lock_file!r} to be free within {lock.timeout:g} s, got it "
            "held by another process; look for one that hangs, and end it."
        ) from error


def _mend(path: Path) -> None:
    """Cut off the last line where a process was killed while it wrote."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        end = file.read().rfind(b"\n") + 1
        if end:
            file.truncate(end)
