"""What the user sees: tables and sentences on the terminal, the same as text in train.log."""

from __future__ import annotations

import logging
import sys

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

WIDTH_WITHOUT_TERMINAL = 110

log = logging.getLogger("churn_torch")


def make_console() -> Console:
    """Return a console on the present stdout; wide enough for tables when it is a file."""
    width = None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL
    return Console(width=width, highlight=False, soft_wrap=False)


def show(content: RenderableType) -> None:
    """Print a table or a sentence and put it into the log."""
    make_console().print(content, markup=False)
    recorder = Console(width=WIDTH_WITHOUT_TERMINAL, color_system=None, no_color=True)
    with recorder.capture() as capture:
        recorder.print(content, markup=False, highlight=False)
    for line in capture.get().rstrip().splitlines():
        log.info(line.rstrip())


def row_progress() -> Progress:
    """Return a progress bar over rows; silent where there is no terminal."""
    console = Console(stderr=True)
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("rows"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )
