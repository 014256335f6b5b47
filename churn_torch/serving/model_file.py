"""An ONNX file of churn_torch, opened for use: metadata, inputs and outputs; without torch."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from churn_torch.errors import InputError, first_line
from churn_torch.serving.foreign_file import open_foreign
from churn_torch.serving.graph_facts import check_facts, check_inputs
from churn_torch.serving.outputs import FORMAT
from churn_torch.serving.session import Array, Feed, make_feed
from churn_torch.tables.encode import parse
from churn_torch.tables.json_shape import faults
from churn_torch.tables.schema import Schema

# Entries of the metadata that are JSON; all others, also those of other tools, are text.
_JSON = (
    *("format", "opset", "columns", "threshold", "base_rate", "calibration", "metrics"),
    *("training", "decision", "reasons", "quality", "uplift", "spend", "survival", "value"),
    *("correlated_columns", "explain", "parity"),
)
# Those of them that hold keys and values.
_MAPPINGS = (
    *("calibration", "metrics", "training", "decision", "reasons", "quality", "uplift", "spend"),
    *("survival", "value", "explain", "parity"),
)
MOST_METADATA = 200_000_000  # characters, in all
_FORMAT = re.compile(r"[0-9]{1,9}")


class _Calibration(TypedDict):
    sentence: NotRequired[str]


class _Split(TypedDict):
    calibration: NotRequired[_Calibration | None]


class _Group(TypedDict):
    columns: list[str]
    sentence: str


class _Explain(TypedDict):
    actionable: NotRequired[list[str]]


class _Survival(TypedDict):
    stayed: NotRequired[str | None]
    outputs: NotRequired[dict[str, str]]


class _Read(TypedDict):
    """What commands and the server read of the metadata, beside the facts."""

    metrics: NotRequired[dict[str, _Split]]
    correlated_columns: NotRequired[list[_Group]]
    quality: NotRequired[dict[str, str]]
    uplift: NotRequired[dict[str, str]]
    spend: NotRequired[dict[str, str]]
    explain: NotRequired[_Explain]
    survival: NotRequired[_Survival]


class ModelFile:
    """A model file without the run that made it.

    Args:
        model: The path of the file, or its bytes.

    Attributes:
        session: The onnxruntime session.
        metadata: The metadata, with JSON parsed in all entries but ``schema``.
        inputs: The inputs in order.
        names: The inputs without the lengths of sequences: the columns of reasons and quality, in
            their order.
        outputs: The outputs in order.

    Raises:
        InputError: It is not an ONNX file of churn_torch, or one of a newer version; it needs other
            files or code; or its metadata do not describe its graph.
    """

    def __init__(self, model: str | Path | bytes) -> None:
        where = "bytes" if isinstance(model, bytes) else str(model)
        graph, self.session = open_foreign(model, where)
        try:
            stored: dict[str, str] = self.session.get_modelmeta().custom_metadata_map
        except UnicodeDecodeError as error:
            raise damaged(where, first_line(error)) from None
        if sum(map(len, stored.values())) > MOST_METADATA:
            raise damaged(where, f"more than {MOST_METADATA / 1e6:.0f} MB of text")
        if "format" not in stored or "schema" not in stored:
            raise InputError(
                "model",
                expected="an ONNX file of churn_torch",
                got=f"{where} without its metadata",
                fix="write it with churn-torch export",
            )
        if not _FORMAT.fullmatch(stored["format"]) or int(stored["format"]) > FORMAT:
            raise InputError(
                "model",
                expected=f"a file of format {FORMAT} or older",
                got=f"{where} of format {stored['format'][:20]!r}, written by churn_torch "
                f"{stored.get('churn_torch_version', '(unknown)')}",
                fix="install that version or newer",
            )
        try:
            self.metadata: dict[str, Any] = {
                key: json.loads(value) if key in _JSON else value for key, value in stored.items()
            }
            self.schema = Schema.from_json(stored["schema"])
            self.inputs = [value.name for value in self.session.get_inputs()]
            lengths = {group.length_name for group in self.schema.sequences}
            self.names = [name for name in self.inputs if name not in lengths]
            if [column["name"] for column in self.columns] != self.names:
                raise ValueError("its columns are not the inputs")
            check_inputs(self.schema, {v.name: v.type for v in self.session.get_inputs()})
            threshold = self.metadata["threshold"]
            if not isinstance(threshold, int | float) or isinstance(threshold, bool):
                raise ValueError(f"the threshold {str(threshold)[:40]!r} is no number from 0 to 1")
            check_facts(graph, stored, self.schema, threshold)
            _check_kinds(self.metadata)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise damaged(where, first_line(error)) from None
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
        """What each flag of the output quality means; empty where the file has no such output."""
        return {int(flag): meaning for flag, meaning in self.metadata.get("quality", {}).items()}

    def feed(self, frame: Any) -> Feed:
        """Return the inputs for raw rows: a DataFrame, or whatever `named_rows` takes.

        Raises:
            InputError: A column is missing, or a cell cannot be read as its kind.
        """
        # It brings DuckDB along, which a server does without.
        from churn_torch.tables.readers.frames import named_rows

        return make_feed(parse(named_rows(frame, self.schema), self.schema), self.schema)

    def run(self, feed: Feed, outputs: Sequence[str] | None = None) -> dict[str, Array]:
        """Return the named outputs, by name; all outputs if none are named."""
        names = list(outputs or self.outputs)
        return dict(zip(names, self.session.run(names, feed), strict=True))


def _check_kinds(metadata: dict[str, Any]) -> None:
    """Check that entries of the metadata are the mappings and lists that they are read as.

    Raises:
        ValueError: One is not.
    """
    for key in _MAPPINGS:
        if not isinstance(metadata.get(key, {}), dict):
            raise ValueError(f"{key} is no mapping")
    for fault in faults(metadata, _Read):
        raise ValueError(fault)
    if not all(_FORMAT.fullmatch(flag) for flag in metadata.get("quality", {})):
        raise ValueError("quality has a flag that is no number")
    if not isinstance(metadata.get("base_rate", 0.0), int | float):
        raise ValueError("base_rate is no number")


def damaged(where: str, what: str) -> InputError:
    """Return the error of a file whose metadata cannot be trusted."""
    return InputError(
        "model",
        expected=f"complete metadata in {where}",
        got=f"damaged metadata ({what})",
        fix="write the file again with churn-torch export",
    )
