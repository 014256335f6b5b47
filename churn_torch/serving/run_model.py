"""Where the ONNX file of a run is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from churn_torch.errors import InputError, suggest

# The name of the file in a run folder.
MODEL_NAME = "model.onnx"
# What a training writes last: a run folder without it is not finished.
LAST_NAME = "metrics.json"


def find_model(run: str) -> Path:
    """Return the ONNX file of a run folder, or the file itself.

    Raises:
        InputError: Neither exists, or the run is not finished.
    """
    path = Path(run)
    if path.is_file():
        return path
    if not path.is_dir():
        raise missing_run(run, "a run folder or an ONNX file", path.parent.glob("*"))
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


def missing_run(run: str, expected: str, nearby: Iterable[Path]) -> InputError:
    """Return the error of a run that is not there, with the name nearest to it, or is a file."""
    what = "a file" if Path(run).exists() else f"not there{suggest(run, map(str, nearby))}"
    return InputError(
        "run",
        expected=expected,
        got=f"{run!r}, which is {what}",
        fix="train first, or name a folder under outputs/",
    )
