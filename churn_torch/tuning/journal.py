"""Optuna's journal of a study, under a lock that is released when its process dies.

The journal is a file of JSON lines. Optuna reads it with ``json.loads`` alone (it unpickles
snapshots only from backends that have them, which a file has not), so a stranger's journal runs no
code.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial

from churn_torch.errors import InputError, first_line
from churn_torch.locks import Lock, lock, lock_file

JOURNAL = "study.journal"
LOCK = "study.lock"
NAME = "study"
# A process holds the lock only while it writes a few lines.
LOCK_SECONDS = 60.0
# What a process is called.
_NAME = re.compile("[0-9a-f]{8}")
# What is noted of a trial, and of the run of the best one.
_NOTES = {
    "worker": str,
    "origin": str,
    "reason": str,
    "epochs": int,
    "attempt": int,
    "retry_of": int,
}
_FINAL = {"trials": int, "worker": str, "folder": str}
_MOST_COUNTED = 10**9
# The codes of two operations in the file.
CREATE_STUDY, CREATE_TRIAL = 0, 4


class StudyLock(JournalFileOpenLock):
    """The lock of a study, which its holder can take again, as Optuna does for each line.

    Optuna's own locks outlive a process that is killed.

    Args:
        folder: Of the study.
    """

    def __init__(self, folder: Path) -> None:  # the base class would name a file of its own
        self._path = folder / LOCK
        self._held: list[Lock] = []

    def acquire(self) -> bool:
        """Take it.

        Raises:
            InputError: Another process holds it for too long.
        """
        held = self._held[-1] if self._held else lock_file(self._path, wait=LOCK_SECONDS)
        if held is None:
            raise InputError(
                "tune.study",
                expected=f"{str(self._path)!r} to be free within {LOCK_SECONDS:g} s",
                got="it held by another process",
                fix="look for a process that hangs, and end it",
            )
        self._held.append(held)
        return True

    def release(self) -> None:
        """Let go of it, once for each time that it was taken."""
        held = self._held.pop()
        if not self._held:
            held.close()

    __enter__ = acquire

    def __exit__(self, *error: object) -> None:
        """Let go of it."""
        self.release()


class Process:
    """This process among those that work on the study: it holds a lock file while it is alive.

    Args:
        folder: Of the study.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = uuid.uuid4().hex[:8]
        self._alive: Lock | None = None

    @property
    def scratch(self) -> Path:
        """A folder for files of this process; removed with it."""
        return self.folder / f"worker-{self.name}"

    def enter(self) -> None:
        """Take the lock, and remove the files of dead processes."""
        self._alive = lock_file(self._file(self.name))
        for path in self.folder.glob("worker-*.lock"):
            self.is_alive(path.stem.removeprefix("worker-"))

    def leave(self) -> None:
        """Remove the files of this process."""
        self._remove(self.name)
        if self._alive is not None:
            self._alive.close()

    def is_alive(self, name: str) -> bool:
        """Return whether a process is alive; the files of a dead one are removed.

        A stranger's journal could name files outside the folder as a process.
        """
        if not _NAME.fullmatch(name):
            return False
        if name == self.name:
            return True
        try:
            held = lock(self._file(name))
        except FileNotFoundError:
            return False
        except OSError:  # without locks nobody can tell, and nothing that may be in use is removed
            return True
        if held is not None:
            self._remove(name)
            held.close()
        return held is None

    def _file(self, name: str) -> Path:
        return self.folder / f"worker-{name}.lock"

    def _remove(self, name: str) -> None:
        shutil.rmtree(self.folder / f"worker-{name}", ignore_errors=True)
        self._file(name).unlink(missing_ok=True)


def open_study(folder: Path, of_study: StudyLock) -> optuna.Study:
    """Open the journal in a folder, or start one, while its lock is held.

    A line that a killed process did not finish is removed.

    Raises:
        InputError: It is damaged.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    path = folder / JOURNAL
    with refuse_damage(folder):
        if path.is_symlink():
            raise ValueError("a link to another file")
        _check_lines(path)
        is_new = not path.exists() or not path.stat().st_size
        storage = JournalStorage(JournalFileBackend(str(path), of_study))
        # To create one that is there writes a line, also where it is refused afterwards.
        start = optuna.create_study if is_new else optuna.load_study
        study = start(storage=storage, study_name=NAME, pruner=optuna.pruners.NopPruner())
        _check_notes(study)
        _remove_unfinished_line(path)  # Optuna has left it out
        return study


@contextlib.contextmanager
def refuse_damage(folder: Path) -> Iterator[None]:
    """Turn the errors of Optuna on a damaged journal into one sentence.

    Raises:
        InputError: The journal is damaged.
    """
    try:
        yield
    except InputError:
        raise
    except _OF_DAMAGE as error:
        raise InputError(
            "tune.study",
            expected=f"a whole journal in {str(folder / JOURNAL)!r}",
            got=f"a damaged one ({first_line(error)})",
            fix="start another study (tune.study=NAME)",
        ) from error


# What Optuna raises where a line is not as it wrote it.
_OF_DAMAGE = (
    *(ValueError, LookupError, TypeError, AttributeError, ArithmeticError),
    *(AssertionError, RecursionError),
)


def check_keys(trials: Sequence[FrozenTrial], space: Mapping[str, BaseDistribution]) -> None:
    """Check that trials set no keys but those that are tuned: the journal may be a stranger's.

    One whose process has died may lack some.

    Raises:
        ValueError: One does.
    """
    for trial in trials:
        if any(space.get(key) != one for key, one in trial.distributions.items()):
            raise ValueError(f"trial {trial.number} has other keys or ranges than tune.space")


def _check_lines(path: Path) -> None:
    """Check that lines are not missing, which Optuna does not notice: it would find no trials.

    Raises:
        ValueError: The first line is missing, or a line tells of a trial that no line starts.
    """
    n_trials = 0
    content = path.read_bytes() if path.exists() else b""
    lines = content[: content.rfind(b"\n") + 1].splitlines()  # the last one may be unfinished
    if content and not lines:
        raise ValueError("its first line is missing")
    for number, line in enumerate(lines):
        entry = json.loads(line)
        operation = entry["op_code"]
        if number == 0 and operation != CREATE_STUDY:
            raise ValueError("its first line is missing")
        if operation == CREATE_TRIAL:
            n_trials += 1
        elif entry.get("trial_id", -1) >= n_trials:
            raise ValueError(f"line {number + 1} is about a trial that has not started")


def _check_notes(study: optuna.Study) -> None:
    """Check what we have noted of the trials and the study, which Optuna takes as it is.

    Raises:
        ValueError: It is of another kind.
        KeyError: It lacks a part.
    """
    for trial in study.get_trials(deepcopy=False):
        for key, kind in _NOTES.items():
            _check_kind(f"trial {trial.number}: {key}", trial.user_attrs.get(key), kind)
    if final := study.user_attrs.get("final"):
        for key, kind in _FINAL.items():
            _check_kind(f"final: {key}", final[key], kind)


def _check_kind(where: str, value: Any, kind: type) -> None:
    is_large = isinstance(value, int) and abs(value) > _MOST_COUNTED
    if value is not None and (not isinstance(value, kind) or is_large):
        raise ValueError(f"{where} is {value!r:.40}")


def _remove_unfinished_line(path: Path) -> None:
    """Remove the last line if its process was killed while it wrote."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        end = file.read().rfind(b"\n") + 1
        if end:
            file.truncate(end)
