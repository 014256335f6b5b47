"""Claim a run folder, which no other training writes into, and note the choices of the run."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from omegaconf import OmegaConf

from churn_torch.errors import InputError
from churn_torch.whole_files import write_text
from churn_torch.workflows.artefacts import (
    CHECKPOINT,
    CONFIG,
    EVENTS,
    EVENTS_SQL,
    FEATURE_TABLES,
    METRICS,
)

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


def start_run(folder: Path, config: Mapping[str, Any]) -> None:
    """Make the folder and note the choices, so that an interrupted run can be resumed.

    Args:
        folder: The run folder.
        config: From `plain_config`.

    Raises:
        InputError: The folder already holds a run, finished or interrupted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, kind in ((METRICS, "a finished"), (CHECKPOINT, "an interrupted")):
        if (folder / name).exists():
            raise InputError(
                "",
                expected="a run folder of its own",
                got=f"{folder} with {kind} run in it",
                fix="nothing is written over, so choose another folder or go on with resume=RUN",
            )
    note_choices(folder, config)


def note_choices(folder: Path, config: Mapping[str, Any]) -> None:
    """Write the choices of a run into its folder."""
    write_text(folder / CONFIG, OmegaConf.to_yaml(OmegaConf.create(dict(config))))
