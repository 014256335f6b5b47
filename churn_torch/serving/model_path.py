"""Where the ONNX file of a run is, and which files of a folder are its own."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from churn_torch.errors import InputError, suggest

# The name of the file in a run folder.
MODEL_NAME = "model.onnx"
# What a training writes last: a run folder without it is not finished.
LAST_NAME = "metrics.json"
# Of a file that is read whole; a vocabulary of a million words has some 20 MB.
MOST_BYTES = 200_000_000


def find_model(run: str) -> Path:
    """Return the ONNX file of a run folder, or the file itself.

    Raises:
        InputError: Neither exists, the run is not finished, or a link leads out of its folder.
    """
    path = Path(run)
    if path.is_file():
        return path
    if not path.is_dir():
        raise missing_run(run, "a run folder or an ONNX file", path.parent.glob("*"))
    check_own(path / MODEL_NAME, path)
    if not (path / MODEL_NAME).is_file():
        raise InputError(
            "run",
            expected=f"{MODEL_NAME} in {run!r}",
            got="none",
            fix=f"write it with churn-torch export run={run}",
        )
    if not (path / LAST_NAME).is_file():
        raise InputError(
            "run",
            expected="a finished run",
            got=f"{run!r} without {LAST_NAME}, which a training writes last",
            fix=f"finish it with churn-torch train resume={run}, or name the file itself "
            f"(run={path / MODEL_NAME})",
        )
    return path / MODEL_NAME


def check_own(path: Path, folder: Path, where: str = "run") -> None:
    """Refuse a link that leads out of a folder, which may be a stranger's, a pipe and a device.

    Args:
        path: A file in the folder, at any depth; it need not be there.
        folder: The folder.
        where: The key that names the folder, for the message.

    Raises:
        InputError: It is one.
    """
    # Unlike `Path.resolve`, `realpath` takes a link to itself as well.
    if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(
        os.path.realpath(folder)
    ):
        raise InputError(
            where,
            expected="files in the folder itself",
            got=f"{str(path)!r}, a link to {os.readlink(path)!r}",
            fix="copy the file into the folder if you know it, or make it again",
        )
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise InputError(
            where,
            expected="files in the folder",
            got=f"{str(path)!r}, which is a pipe or a device",
            fix="remove it, or make the folder again",
        )


def read_own(path: Path, where: str = "run") -> str:
    """Return the text of a file of a folder that may be a stranger's.

    Args:
        path: The file, in the folder itself.
        where: As for `check_own`.

    Raises:
        InputError: As for `check_own`; or the file is far larger than those that we write.
        OSError: It cannot be read.
        ValueError: It is no text.
    """
    check_own(path, path.parent, where)
    check_size(path, where)
    return path.read_text(encoding="utf-8")


def check_size(path: Path, where: str = "run") -> None:
    """Refuse a file that is read whole and far larger than those that we write.

    Raises:
        InputError: It is.
        OSError: It is not there.
    """
    if path.stat().st_size > MOST_BYTES:
        raise InputError(
            where,
            expected=f"a file of at most {MOST_BYTES / 1e6:.0f} MB",
            got=f"{str(path)!r} of {path.stat().st_size / 1e6:,.0f} MB",
            fix="put the original back, or make it again",
        )


def missing_run(run: str, expected: str, nearby: Iterable[Path]) -> InputError:
    """Return the error of a run that is not there, with the name nearest to it, or is a file."""
    what = "a file" if Path(run).exists() else f"not there{suggest(run, map(str, nearby))}"
    return InputError(
        "run",
        expected=expected,
        got=f"{run!r}, which is {what}",
        fix="train first, or name a folder under outputs/",
    )
