"""An ONNX file of churn_torch, opened: what it says of itself and what it answers; no torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from churn_torch.errors import InputError, suggest
from churn_torch.serving.outputs import FORMAT
from churn_torch.serving.session import Array, Feed, make_feed, open_session
from churn_torch.tables.encode import parse
from churn_torch.tables.schema import Schema

# Entries of the metadata that are JSON; others, those of other tools among them, are text.
_JSON = (
    *("format", "opset", "columns", "threshold", "base_rate", "calibration", "metrics"),
    *("training", "reasons", "quality", "parity"),
)


# The file's name in a run folder.
MODEL_NAME = "model.onnx"


class ModelFile:
    """A model as another system sees it: the file alone.

    Args:
        model: The file, or its bytes.

    Attributes:
        session: The graph.
        metadata: What the file says of itself, JSON read but for ``schema``.
        names: The inputs in their order, which is that of the columns of reasons and quality.
        outputs: The outputs in their order.

    Raises:
        InputError: It is not an ONNX file of churn_torch, or one of a newer version.
    """

    def __init__(self, model: str | Path | bytes) -> None:
        self.session = open_session(model)
        stored: dict[str, str] = self.session.get_modelmeta().custom_metadata_map
        where = "bytes" if isinstance(model, bytes) else str(model)
        if "format" not in stored or "schema" not in stored:
            raise InputError(
                f"model: expected an ONNX file of churn_torch, got {where} without its metadata; "
                "write it with scripts/export.py."
            )
        if not stored["format"].isdecimal() or int(stored["format"]) > FORMAT:
            raise InputError(
                f"model: expected a file of format {FORMAT} or older, got {where} of format "
                f"{stored['format']!r}, written by churn_torch "
                f"{stored.get('churn_torch_version', '(unknown)')}; install that version or newer."
            )
        try:
            self.metadata: dict[str, Any] = {
                key: json.loads(value) if key in _JSON else value for key, value in stored.items()
            }
            self.schema = Schema.from_json(stored["schema"])
            self.names = [value.name for value in self.session.get_inputs()]
            if [column["name"] for column in self.columns] != self.names:
                raise ValueError("its columns are not the inputs")
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"model: expected whole metadata in {where}, got damaged ones ({error}); write the "
                "file anew with scripts/export.py."
            ) from None
        self.outputs = [value.name for value in self.session.get_outputs()]

    @cached_property
    def columns(self) -> list[dict[str, Any]]:
        """What each input takes, in the order of `names`."""
        return list(self.metadata["columns"])

    @cached_property
    def threshold(self) -> float:
        """The probability at and above which the decision is 1."""
        return float(self.metadata["threshold"])

    @cached_property
    def quality_meaning(self) -> dict[int, str]:
        """What each flag of the quality means; empty where the file gives none."""
        return {int(flag): meaning for flag, meaning in self.metadata.get("quality", {}).items()}

    def feed(self, frame: pd.DataFrame) -> Feed:
        """Return the inputs for raw rows.

        Raises:
            InputError: A column is missing, or a cell cannot be read as its kind.
        """
        return make_feed(parse(frame, self.schema), self.schema)

    def run(self, feed: Feed, outputs: Sequence[str] | None = None) -> dict[str, Array]:
        """Return outputs by name, all of the file's if none are named."""
        names = list(outputs or self.outputs)
        return dict(zip(names, self.session.run(names, feed), strict=True))


def find_model(run: str) -> Path:
    """Return the ONNX file of a run folder, or the file itself.

    Raises:
        InputError: There is neither.
    """
    path = Path(run)
    if path.is_file():
        return path
    if not path.is_dir():
        nearby = [str(other) for other in path.parent.glob("*")]
        raise InputError(
            f"run: expected a run folder or an ONNX file, got {run!r}, which is not there"
            f"{suggest(run, nearby)}; train first, or name a folder under outputs/."
        )
    if not (path / MODEL_NAME).is_file():
        raise InputError(
            f"run: expected {MODEL_NAME} in {run!r}, got none; write it with churn-torch export "
            f"run={run}."
        )
    return path / MODEL_NAME
