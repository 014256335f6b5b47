"""Start a run folder, and point at the newest one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from churn_torch.errors import InputError
from churn_torch.whole_files import whole_file, write_text
from churn_torch.workflows.runs.artefacts import CHECKPOINT, CONFIG, METRICS


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


def point_latest(outputs: Path, folder: Path) -> None:
    """Make ``outputs/latest`` a link to the folder; without a folder ``outputs`` do nothing."""
    if not outputs.is_dir():
        return
    link = outputs / "latest"
    if link.is_symlink() or not link.exists():
        with whole_file(link) as temporary:
            os.symlink(os.path.relpath(folder, outputs), temporary, target_is_directory=True)
