"""Claim a run folder: two trainings at the same time never write into one."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from churn_torch.errors import InputError
from churn_torch.locks import locked_file
from churn_torch.workflows.runs.artefacts import (
    CONFIG,
    EVENTS,
    EVENTS_SQL,
    FEATURE_TABLES,
    LOG,
    METRICS,
)

LOCK = ".lock"
# What a run folder holds before the first epoch has ended.
UNSTARTED = {LOG, CONFIG, EVENTS, EVENTS_SQL, FEATURE_TABLES}


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Make a run folder and hold it; the kernel lets go of it when the process dies.

    A folder that was not there is removed again as `remove_if_useless` does.

    Raises:
        InputError: Another process is training into it.
    """
    if int(os.environ.get("LOCAL_RANK", "0")):  # the others of trainer=ddp belong to the first
        yield
        return
    was_there = folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with locked_file(folder / LOCK) as is_ours:
            if not is_ours:
                raise InputError(
                    "",
                    expected="a run folder of its own",
                    got=f"{folder}, into which another training is writing",
                    fix="wait for its end, or choose another folder",
                )
            yield
    except BaseException as error:
        if not was_there:
            remove_if_useless(folder, error)
        raise


def remove_if_useless(folder: Path, error: BaseException) -> None:
    """Remove a run folder in which nothing is trained yet, or whose resumption would fail again.

    Args:
        folder: It may be absent.
        error: What has ended the training.
    """
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else {METRICS}
    if LOCK in names:  # a training that started at the same time is writing into it
        return
    if names <= UNSTARTED or (isinstance(error, InputError) and METRICS not in names):
        shutil.rmtree(folder, ignore_errors=True)
