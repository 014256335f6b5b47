"""The folder of a run started from the command line: its name, and when it is removed again."""

from __future__ import annotations

import contextlib
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from churn_torch.errors import InputError

# Run folders that this process named and that were not there before: it may remove them.
FRESH: set[Path] = set()
# The folder that this process is training in, if any: also one that is resumed, or of a sweep.
CURRENT: list[Path] = []


def choose(outputs: str, resume: str | None) -> str:
    """Return the folder of this run: a new one named by the time, or the one to be resumed."""
    if resume:
        # A mistyped folder must not be made: `workflows.train` refuses it.
        return str(Path(resume).resolve()) if Path(resume).is_dir() else outputs
    now = datetime.now()
    folder = Path(outputs) / f"{now:%Y-%m-%d}" / f"{now:%H-%M-%S}"
    # An OSError would lose its reason in here; Hydra makes the folder too, and names the place.
    with contextlib.suppress(OSError):
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.mkdir()  # of two runs started in the same second, one fails here
        except FileExistsError:
            folder = folder.with_name(f"{now:%H-%M-%S-%f}")
            folder.mkdir()
    FRESH.add(folder.absolute())
    return str(folder)


def interrupted() -> Path | None:
    """Return the folder in which this process was training, if that can be resumed."""
    return next(
        (
            folder
            for folder in (*FRESH, *CURRENT)
            if (folder / "last.ckpt").exists() and not (folder / "metrics.json").exists()
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


def remove_if_useless(folder: Path, error: BaseException) -> None:
    """Remove a run folder in which nothing is trained yet, or whose resumption would fail again."""
    if not folder.is_dir():
        return
    names = {path.name for path in folder.iterdir()}
    rows = {"events.json", "events.sql", "feature_tables"}
    unstarted = names <= {"train.log", "config.yaml", *rows}
    if unstarted or (isinstance(error, InputError) and "metrics.json" not in names):
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # other runs of the day are in it
            folder.parent.rmdir()
