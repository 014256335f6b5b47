"""Files that are written whole or not at all, and errors of the disk that name the file."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from churn_torch.errors import first_line


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; it takes the name only when the block succeeds.

    Raises:
        OSError: It cannot be written; the error names ``path``.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with naming(path):
            yield temporary
            os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an error of the disk name ``path`` where it names no file, or a temporary one.

    Raises:
        OSError: From the block.
    """
    try:
        yield
    except BrokenPipeError:  # about the terminal
        raise
    except OSError as error:
        # A move from a temporary folder names two files, and what cannot be written is the second.
        named = error.filename if error.filename2 is None else None
        if named is not None and not str(named).endswith(".partial"):
            raise
        reason = first_line(error) if error.errno is None else os.strerror(error.errno)
        raise OSError(error.errno, reason, str(path)) from error


@contextlib.contextmanager
def new_folders(folder: Path) -> Iterator[None]:
    """Make a folder and those above it; what was made and is empty goes when the block fails."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:  # as Python calls a file where a folder should be
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None
    try:
        yield
    except BaseException:
        for path in made:
            with contextlib.suppress(OSError):
                path.rmdir()
        raise


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all; a folder that is absent is made."""
    with new_folders(path.parent), whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
