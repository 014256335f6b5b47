"""The folder of a study: a fresh one or one that is named, with the rows that events gave it."""

from __future__ import annotations

import contextlib
import math
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from churn_torch.locks import locked_file
from churn_torch.whole_files import new_folders
from churn_torch.workflows.configuration.stored_config import check_files
from churn_torch.workflows.rows.event_rows import make_event_rows, with_rows
from churn_torch.workflows.runs.artefacts import EVENTS, EVENTS_SQL, FEATURE_TABLES

STUDIES = "studies"


@contextlib.contextmanager
def study_folder(outputs: str, name: str | None) -> Iterator[Path]:
    """Give the folder of a study, fresh where the user has not named one.

    Where the study is refused, no empty folder stays.

    Raises:
        InputError: As for `check_files`: the study may be a stranger's.
    """
    studies = Path(outputs) / STUDIES
    with new_folders(studies):
        folder = studies / name if name is not None else _fresh_folder(studies)
        try:
            check_files(folder, "tune.study")
            yield folder
        except BaseException:
            with contextlib.suppress(OSError):
                folder.rmdir()
            raise


def _fresh_folder(studies: Path) -> Path:
    now = datetime.now()
    folder = studies / f"{now:%Y-%m-%d_%H-%M-%S}"
    try:
        folder.mkdir()  # claims it: of two studies started in the same second one fails here
    except FileExistsError:
        folder = folder.with_name(f"{now:%Y-%m-%d_%H-%M-%S-%f}")
    return folder


@contextlib.contextmanager
def rows_of_study(content: dict[str, Any], folder: Path) -> Iterator[dict[str, Any]]:
    """Make the rows of a study on events in its folder, or take those that are there.

    Processes that join the study, and one that goes on with it later, learn from the same rows.
    Until the block has written the first line of the study, others that want to join it wait.
    Where it fails before that, the rows are removed.

    Args:
        content: As for `make_event_rows`; without events it is given back as it is.
        folder: Of the study.

    Yields:
        As `make_event_rows` returns.

    Raises:
        InputError: As for `make_event_rows`.
    """
    if not content.get("events"):
        yield content
        return
    from churn_torch.tuning.journal import JOURNAL  # Optuna is an extra

    folder.mkdir(exist_ok=True)
    journal = folder / JOURNAL
    with contextlib.ExitStack() as stack:
        if not journal.exists():
            stack.enter_context(locked_file(folder / f".{EVENTS}.lock", wait=math.inf))
        if journal.exists():
            stack.close()
        else:
            stack.callback(lambda: None if journal.exists() else _remove_rows(folder))
            _remove_rows(folder)  # of a process that died
            make_event_rows(content, folder)
        yield with_rows(content, folder)


def _remove_rows(folder: Path) -> None:
    shutil.rmtree(folder / FEATURE_TABLES, ignore_errors=True)
    for name in (EVENTS, EVENTS_SQL):
        (folder / name).unlink(missing_ok=True)
