"""What the user sees: tables and sentences on the terminal, and the same text in train.log."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from io import StringIO, TextIOWrapper
from pathlib import Path
from typing import Any, TextIO, cast

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from churn_torch.errors import escaped
from churn_torch.whole_files import naming

WIDTH_WITHOUT_TERMINAL = 110
# How errors call what is shown.
STDOUT = "stdout"
# A narrower terminal wraps the lines itself: tables would have a letter a line.
NARROWEST = 40

log = logging.getLogger("churn_torch")


# What `show` has printed with ``once``, inside `tables_once`.
_printed: ContextVar[set[str] | None] = ContextVar("printed", default=None)


class SafeConsole(Console):
    r"""A console that shows control characters in what it prints, as ``\x1b``.

    Names of columns and cells come from tables, and a terminal or a log must not obey them.
    """

    def print(self, *objects: Any, **options: Any) -> None:
        """Print tables and sentences, as `rich.console.Console.print` does.

        Raises:
            OSError: The disk that stdout goes to is full, say.
        """
        with naming(Path(STDOUT)):
            super().print(*map(_without_controls, objects), **options)

    def on_broken_pipe(self) -> None:
        """Show nothing any more where nobody reads it (``| head``): the work goes on."""
        with contextlib.suppress(SystemExit):  # rich would end the process
            super().on_broken_pipe()


def _without_controls(content: Any) -> Any:
    """Return a renderable without control characters; a table is changed in its place.

    A string of several lines is ours. Names and cells come as `Text`, which is shown in one line.
    """
    if isinstance(content, str):
        return "\n".join(map(escaped, content.split("\n")))
    if isinstance(content, Group):
        return Group(*map(_without_controls, content.renderables))
    if isinstance(content, Text):
        plain = escaped(content.plain)
        return content if plain == content.plain else Text(plain, style=content.style)
    if isinstance(content, Table):
        for name in ("title", "caption"):
            setattr(content, name, _without_controls(getattr(content, name)))
        for column in content.columns:
            column.header = _without_controls(column.header)
            column._cells[:] = map(_without_controls, column._cells)
    return content


def make_console() -> Console:
    """Return a console on the present stdout; wide enough for tables when it is a file or a pipe.

    The environment variable COLUMNS decides the width where it is set.
    """
    strict = getattr(sys.stdout, "errors", None) == "strict" and not _is_utf8(sys.stdout)
    file = cast(TextIO, _Replacing(sys.stdout)) if strict else None
    return SafeConsole(file=file, width=_width(), highlight=False, soft_wrap=False)


def replace_unprintable() -> None:
    """Let stdout and stderr show a replacement for letters that the terminal does not have."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


class _Replacing:
    """A stream that replaces letters it cannot show: for a program whose own stdout this is."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        encoding = self._stream.encoding
        return self._stream.write(text.encode(encoding, "replace").decode(encoding))


def _width() -> int | None:
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return max(int(columns), NARROWEST)
    return None if _is_terminal() and not columns else WIDTH_WITHOUT_TERMINAL


def _is_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def _is_utf8(stream: TextIO) -> bool:
    return (stream.encoding or "utf-8").lower().replace("-", "").startswith("utf")


def show(content: RenderableType, *, once: bool = False) -> None:
    """Print a table or a sentence and put it into the log.

    Args:
        content: What to show.
        once: Do not print it again inside `tables_once`; the log still gets it.
    """
    printed = _printed.get() if once else None
    # Laying out a table takes a while, and without a log nobody needs it a second time.
    is_kept = printed is not None or log.isEnabledFor(logging.INFO)
    text = _plain_text(content) if is_kept else ""
    if printed is None or text not in printed:
        make_console().print(content, markup=False)
    if printed is not None:
        printed.add(text)
    # A table starts on a line of its own, or the time stamp would push its first line aside.
    log.info("\n" + text if "\n" in text else text)


def _plain_text(content: RenderableType) -> str:
    """Return what the log gets: without colours, as wide on every terminal."""
    text = StringIO()
    recorder = SafeConsole(
        file=text, width=WIDTH_WITHOUT_TERMINAL, color_system=None, no_color=True
    )
    recorder.print(content, markup=False, highlight=False)
    return "\n".join(line.rstrip() for line in text.getvalue().rstrip().splitlines())


@contextlib.contextmanager
def tables_once() -> Iterator[None]:
    """Print each table that asks for it only once: a sweep's members share their columns."""
    token = _printed.set(set())
    try:
        yield
    finally:
        _printed.reset(token)


def quietly(content: RenderableType) -> None:
    """Show nothing: for a fit that is one of many, in place of `show`."""


def row_progress() -> Progress:
    """Return a progress bar over rows; silent where there is no terminal."""
    return progress_bar("rows")


def progress_bar(unit: str) -> Progress:
    """Return a progress bar that counts something; silent where there is no terminal."""
    console = Console(stderr=True)
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )


class LogFile(logging.FileHandler):
    """A log in UTF-8. Where it cannot be written, the caller gets the error, and it names the file.

    The handlers of `logging` print a traceback for every line instead.

    Args:
        filename: The file.
        delay: Open it with the first line.
    """

    def __init__(self, filename: str | Path, delay: bool = False) -> None:
        super().__init__(filename, encoding="utf-8", delay=delay)

    def _open(self) -> TextIOWrapper:
        """Open the file; not by way of a link, which a stranger's run folder could hold."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        return open(os.open(self.baseFilename, flags, 0o666), "a", encoding="utf-8")

    def handleError(self, record: logging.LogRecord) -> None:
        """Pass on an error of the disk."""
        error = sys.exception()
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        with naming(Path(self.baseFilename)):
            raise error

    def close(self) -> None:
        """Close the file; what could not be written has been told."""
        with contextlib.suppress(OSError):
            super().close()


@contextlib.contextmanager
def logged(path: Path) -> Iterator[None]:
    """Write what is shown to a file as well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = LogFile(path)
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
        self.is_shown = _is_terminal()
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
