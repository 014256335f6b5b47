"""Facts that an ONNX file states twice, in its graph and in its metadata: they must agree."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
import onnx
from onnx import numpy_helper

from churn_torch.serving.outputs import DECISION, PROBABILITY
from churn_torch.tables.encode import FIRST_CATEGORY, MISSING_CODE
from churn_torch.tables.schema import Column, Schema

# Entries of the metadata that say what the graph computes and from which rows it was learned.
FACTS = ("schema", "columns", "threshold", "data_fingerprint")
_CHECKSUM = "crc32 of the facts: "
_TYPES = {"float32": "tensor(float)", "float64": "tensor(double)", "string": "tensor(string)"}


def note_facts(model: onnx.ModelProto) -> None:
    """Write a checksum of the facts into the graph, so that neither is changed without the other.

    It finds accidents and edits by hand. It is no signature: whoever wants to can compute it.
    """
    model.graph.doc_string = _CHECKSUM + _checksum(stored_entries(model))


def stored_entries(model: onnx.ModelProto) -> dict[str, str]:
    """Return the metadata of a model as text."""
    return {entry.key: entry.value for entry in model.metadata_props}


def check_facts(model: onnx.ModelProto, schema: Schema, threshold: float) -> None:
    """Check that a graph decides, reads and encodes as its metadata say.

    A file of an earlier version has no checksum; all else is compared in it, too.

    Args:
        model: The file.
        schema: That of its metadata.
        threshold: That of its metadata.

    Raises:
        ValueError: They disagree; the message says in what.
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"the threshold {threshold} is no number from 0 to 1")
    used = graph_threshold(model.graph)
    if used is not None and used != np.float32(threshold):
        raise ValueError(f"the threshold is {threshold} there and {used:g} in the graph")
    _check_encoders(model.graph, schema)
    noted = model.graph.doc_string
    if noted.startswith(_CHECKSUM) and noted != _CHECKSUM + _checksum(stored_entries(model)):
        raise ValueError(f"one of {', '.join(FACTS)} was changed after the export")


def check_inputs(schema: Schema, types: Mapping[str, str]) -> None:
    """Check that the inputs of a graph have the types of the schema.

    Args:
        schema: The completed schema.
        types: onnxruntime's name of the type of each input.

    Raises:
        ValueError: One has not.
    """
    for column in schema.explained:
        if types.get(column.name) != _TYPES[input_type(column)]:
            raise ValueError(f"the schema's column {column.name!r} is no such input of the graph")


def input_type(column: Column) -> str:
    """Return the type of a column's input: ``string``, ``float64`` or ``float32``."""
    if Schema.is_text(column):
        return "string"
    return "float64" if Schema.is_float64(column) else "float32"


def graph_threshold(graph: onnx.GraphProto) -> np.float32 | None:
    """Return the threshold of a graph's decision.

    None where the graph decides nothing, or not by comparing the probability with a constant.
    """
    makers = {output: node for node in graph.node for output in node.output}
    node = makers.get(DECISION)
    while node is not None and node.op_type in ("Cast", "Identity"):
        node = makers.get(node.input[0])
    if node is None or node.op_type != "GreaterOrEqual" or node.input[0] != PROBABILITY:
        return None
    name = node.input[1]
    for tensor in graph.initializer:
        if tensor.name == name:
            return np.float32(numpy_helper.to_array(tensor))
    constant = makers.get(name)
    if constant is not None and constant.op_type == "Constant":
        values = (numpy_helper.to_array(a.t) for a in constant.attribute if a.name == "value")
        return next(map(np.float32, values), None)
    return None


def _check_encoders(graph: onnx.GraphProto, schema: Schema) -> None:
    """Check that each text column is encoded by its vocabulary."""
    vocabularies = {c.name: c.vocabulary for c in schema.text if c.vocabulary is not None}
    for node in graph.node:
        if node.op_type != "LabelEncoder" or node.input[0] not in vocabularies:
            continue
        lists = {a.name: (list(a.strings), list(a.ints)) for a in node.attribute}
        words, codes = lists["keys_strings"][0], lists.get("values_int64s", ([], []))[1]
        known = dict(zip((word.decode() for word in words), codes, strict=True))
        expected = {w: c for c, w in enumerate(vocabularies[node.input[0]], FIRST_CATEGORY)}
        differ = any(known.get(w) not in (code, MISSING_CODE) for w, code in expected.items())
        if differ or set(known.values()) - {*expected.values(), MISSING_CODE}:
            raise ValueError(f"the categories of {node.input[0]!r} are others in the graph")


def _checksum(entries: Mapping[str, str]) -> str:
    text = "\n".join(f"{key}={entries.get(key, '')}" for key in FACTS)
    return f"{zlib.crc32(text.encode()):08x}"
