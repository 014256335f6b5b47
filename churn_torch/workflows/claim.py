"""Claim a run folder: two trainings at the same time never write into one."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from churn_torch.errors import InputError
from churn_torch.workflows.artefacts import CONFIG, EVENTS, EVENTS_SQL, FEATURE_TABLES

LOCK = ".lock"


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Make a run folder and hold it; the kernel lets go of it when the process dies.

    A folder that was not there is removed again where the training is refused before it starts.

    Raises:
        InputError: Another process is training into it.
    """
    if int(os.environ.get("LOCAL_RANK", "0")):  # the others of trainer=ddp belong to the first
        yield
        return
    was_there = folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise InputError(
            "",
            expected="a run folder of its own",
            got=f"{folder}, into which another training is writing",
            fix="wait for its end, or choose another folder",
        ) from error
    refused = False
    try:
        yield
    except InputError:
        refused = True
        raise
    finally:
        # Removed while it is held: whoever opened it in the meantime does not get it.
        with contextlib.suppress(OSError):
            (folder / LOCK).unlink(missing_ok=True)
            if refused and not was_there:
                _remove_unstarted(folder)
        lock.release()


def _remove_unstarted(folder: Path) -> None:
    """Remove the folder of a run that was refused, where nothing is trained in it yet."""
    made = {CONFIG, EVENTS, EVENTS_SQL, FEATURE_TABLES}
    if {path.name for path in folder.iterdir()} <= made:
        shutil.rmtree(folder)
