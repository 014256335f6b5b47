"""Files that are written whole or not at all, and errors of the disk that name the file."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from churn_torch.errors import first_line
from churn_torch.locks import Lock, lock, lock_where_possible

# How the names of private folders start.
PRIVATE = ".churn_torch-"


@contextlib.contextmanager
def private_folder(parent: Path | None = None) -> Iterator[Path]:
    """Make a folder that only this process uses, and remove it at the end.

    Its name cannot be guessed. Folders that processes left which have died are removed first.

    Args:
        parent: Where it is to be; None is the system's folder for temporary files.

    Raises:
        OSError: It cannot be made.
    """
    parent = Path(tempfile.gettempdir()) if parent is None else parent
    remove_leftovers(parent)
    folder, held = _locked_folder(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        held.close()


def _locked_folder(parent: Path) -> tuple[Path, Lock]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PRIVATE, dir=parent))
        # Another process may take it for a leftover before it is locked, and remove it.
        with contextlib.suppress(FileNotFoundError):
            if (held := lock_where_possible(folder)) is not None:
                return folder, held


def remove_leftovers(parent: Path) -> None:
    """Remove private folders in a folder whose processes have died."""
    with contextlib.suppress(OSError), os.scandir(parent) as entries:
        left = [Path(entry.path) for entry in entries if entry.name.startswith(PRIVATE)]
        for folder in left:
            with contextlib.suppress(OSError):
                if (held := lock(folder)) is not None:
                    shutil.rmtree(folder, ignore_errors=True)
                    held.close()


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary path on the disk of ``path``, which takes its place if the block succeeds.

    Raises:
        OSError: It cannot be written; the error names ``path``.
    """
    with contextlib.ExitStack() as stack:
        with naming(path):
            temporary = stack.enter_context(private_folder(path.parent)) / path.name
            yield temporary
        replace_all({temporary: path})


def write_all(contents: Mapping[Path, bytes], *, check: Callable[[], object] | None = None) -> None:
    """Write files; all take their places, or none.

    Args:
        contents: By the places of the files, in folders that are there.
        check: As for `replace_all`.

    Raises:
        OSError: One cannot be written; the error names it.
    """
    private: dict[Path, Path] = {}
    moves = {}
    with contextlib.ExitStack() as stack:
        for path, content in contents.items():
            with naming(path):
                if path.parent not in private:
                    private[path.parent] = stack.enter_context(private_folder(path.parent))
                temporary = private[path.parent] / path.name
                temporary.write_bytes(content)
            moves[temporary] = path
        replace_all(moves, check=check)


def replace_all(moves: Mapping[Path, Path], *, check: Callable[[], object] | None = None) -> None:
    """Let files take their places, all or none.

    Args:
        moves: From a file in a private folder to its place.
        check: Is called when no other process that gives a check can write there; may refuse.

    Raises:
        OSError: One cannot be moved; the places are as before.
    """
    if len(moves) == 1 and check is None:
        ((source, path),) = moves.items()
        with naming(path):
            os.replace(source, path)
        return
    undo: list[tuple[Path, Path | None]] = []
    # Two processes that write the same files take turns: no mixture of theirs is left.
    turn = lock_where_possible(next(iter(moves.values())).parent, wait=math.inf)
    try:
        if check is not None:
            check()
        for source, path in moves.items():
            with naming(path):
                before = source.with_name(f"{source.name}.before")
                is_file = path.is_symlink() or path.is_file()
                if is_file:
                    try:
                        os.link(path, before, follow_symlinks=False)
                    except OSError:  # some file systems have no links
                        shutil.copy2(path, before, follow_symlinks=False)
                undo.append((path, before if is_file else None))
                os.replace(source, path)
    except BaseException:
        for path, old in reversed(undo):
            with contextlib.suppress(OSError):
                path.unlink() if old is None else os.replace(old, path)
        raise
    finally:
        if turn is not None:
            turn.close()


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
        if named is not None and PRIVATE not in str(named):
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


def in_bytes(size: float) -> str:
    """Return a number of bytes in words."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
