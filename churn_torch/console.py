"""What the user sees: tables and sentences on the terminal, the same as text in train.log."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console, RenderableType
from rich.live import Live
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


def quietly(content: RenderableType) -> None:
    """Take the place of `show` where a fit is one of many, or serves another."""


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


@contextlib.contextmanager
def logged(path: Path) -> Iterator[None]:
    """Write what is shown to a file as well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.setLevel(level)
        log.removeHandler(handler)
        handler.close()


class LiveTable:
    """A table that is drawn anew in its place; silent where there is no terminal.

    Args:
        render: Gives the table.
    """

    def __init__(self, render: Callable[[], RenderableType]) -> None:
        self._render = render
        self._live = Live(console=make_console(), auto_refresh=False, transient=True)
        self.is_shown = sys.stdout.isatty()
        self._drawn = 0.0

    def __enter__(self) -> LiveTable:
        if self.is_shown:
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.stop()

    def refresh(self) -> None:
        """Draw the table anew, at most twice a second."""
        if self.is_shown and time.monotonic() > self._drawn + 0.5:
            self._live.update(self._render(), refresh=True)
            self._drawn = time.monotonic()
