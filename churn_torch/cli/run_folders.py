"""The folder of a run started from the command line: its name, and when it is removed again."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

# Run folders that were not there before this process, each with the folders above that were not
# there either, the nearest first: it may remove them.
FRESH: dict[Path, list[Path]] = {}
# The folder that this process is training in, if any: also one that is resumed, or of a sweep.
CURRENT: list[Path] = []
# The folder of this process's sweep, if any: each member asks for it again.
SWEEP: list[Path] = []


def choose(outputs: str, resume: str | None) -> str:
    """Return the folder of this run: a new one named by the time, or the one to be resumed."""
    if resume:
        if os.path.isdir(resume):
            return os.path.realpath(resume)
        # A mistyped folder must not be made: `workflows.train` refuses it.
        _note(Path(outputs).absolute())
        return outputs
    folder, above = _own_folder(Path(outputs))
    FRESH[folder.absolute()] = above
    return str(folder)


def choose_sweep(outputs: str) -> str:
    """Return the folder of this sweep, a new one named by the time."""
    if not SWEEP:
        SWEEP.append(_own_folder(Path(outputs) / "sweeps")[0])
    return str(SWEEP[0])


def _own_folder(parent: Path) -> tuple[Path, list[Path]]:
    """Make a folder named by the time; return it, and those above that were not there."""
    now = datetime.now()
    folder = parent / f"{now:%Y-%m-%d}" / f"{now:%H-%M-%S}"
    above = _missing(folder)
    # An OSError would lose its reason in here; Hydra makes the folder too, and names the place.
    with contextlib.suppress(OSError):
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.mkdir()  # of two runs started in the same second, one fails here
        except FileExistsError:
            folder = folder.with_name(f"{now:%H-%M-%S-%f}")
            folder.mkdir()
    return folder, above


def note_run_dir(overrides: Sequence[str]) -> None:
    """Note the folder that ``hydra.run.dir`` names, where it is not there yet: Hydra makes it."""
    for key, _, value in (override.partition("=") for override in overrides):
        if key == "hydra.run.dir":
            _note(Path(value.strip("\"'")).absolute())


def _note(folder: Path) -> None:
    if not os.path.exists(folder):
        FRESH[folder] = _missing(folder)


def _missing(folder: Path) -> list[Path]:
    # `Path.exists` raises an error for a name that is too long.
    return [path for path in folder.absolute().parents if not os.path.exists(path)]


def interrupted() -> Path | None:
    """Return the folder in which this process was training, if that can be resumed."""
    return next(
        (
            folder
            for folder in (*FRESH, *CURRENT)
            if os.path.exists(folder / "last.ckpt") and not os.path.exists(folder / "metrics.json")
        ),
        None,
    )


def as_it_stands(*, _root_: Any) -> str:
    """Return the folder that Hydra made, in which ``${x}`` is part of a name and refers to nothing.

    Args:
        _root_: The configuration; OmegaConf passes it to a resolver under this name.
    """
    folder = _root_["hydra"]["runtime"]._get_node("output_dir")._value()
    return str(folder)


def remove_useless_member(folder: Path, error: BaseException) -> None:
    """Remove the folder of an interrupted member of a sweep, and that of a sweep without others."""
    from churn_torch.workflows.runs.claim import remove_if_useless

    remove_if_useless(folder, error)
    sweep, of_hydra = folder.parent, "multirun.yaml"
    with contextlib.suppress(OSError):  # other sweeps of the day are beside it
        if os.listdir(sweep) == [of_hydra]:
            (sweep / of_hydra).unlink()
            for path in (sweep, *sweep.parents[:2]):
                path.rmdir()


def remove_empty() -> None:
    """Remove new folders that hold nothing: a study names one before it has something to train."""
    for folder, above in reversed(FRESH.items()):
        for path in (folder, *above):
            with contextlib.suppress(OSError):  # other runs of the day are in it
                path.rmdir()
