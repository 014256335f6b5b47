"""Facts that an ONNX file states twice, in its graph and in its metadata: they must agree."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np

from churn_torch.serving.onnx_graph import FLOAT, Graph
from churn_torch.serving.outputs import DECISION, PROBABILITY
from churn_torch.tables.encode import FIRST_CATEGORY, MISSING_CODE
from churn_torch.tables.schema import Column, Schema

# Entries of the metadata that say what the graph computes and from which rows it was learned.
FACTS = ("schema", "columns", "threshold", "data_fingerprint")
_CHECKSUM = "crc32 of the facts: "
_TYPES = {"float32": "tensor(float)", "float64": "tensor(double)", "string": "tensor(string)"}


def checksum(entries: Mapping[str, str]) -> str:
    """Return a checksum of the facts, which the graph's doc string holds.

    So neither is changed without the other, by accident or by hand. It is no signature: whoever
    wants to can compute it.

    Args:
        entries: The metadata as text.
    """
    text = "\n".join(f"{key}={entries.get(key, '')}" for key in FACTS)
    return f"{_CHECKSUM}{zlib.crc32(text.encode()):08x}"


def check_facts(graph: Graph, entries: Mapping[str, str], schema: Schema, threshold: float) -> None:
    """Check that a graph decides and encodes as its metadata say.

    The graph of a file of an earlier version has no checksum; all else is compared there, too.

    Args:
        graph: The graph.
        entries: The metadata as text.
        schema: That of the metadata.
        threshold: That of the metadata.

    Raises:
        ValueError: They disagree; the message says in what.
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"the threshold {threshold} is no number from 0 to 1")
    used = graph_threshold(graph)
    if used is not None and used != np.float32(threshold):
        raise ValueError(f"the threshold is {threshold} there and {used:g} in the graph")
    _check_encoders(graph, schema)
    if graph.doc.startswith(_CHECKSUM) and graph.doc != checksum(entries):
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


def graph_threshold(graph: Graph) -> np.float32 | None:
    """Return the threshold of a graph's decision; None where the graph decides nothing.

    Raises:
        ValueError: It decides in another way than files of churn_torch do, which compare the
            probability with a constant.
    """
    makers = {output: node for node in graph.nodes for output in node.outputs}
    constants = {tensor.name: tensor for tensor in graph.constants}
    if DECISION not in makers and DECISION not in constants:
        return None
    node = makers.get(DECISION)
    while node is not None and node.operator in ("Cast", "Identity"):
        node = makers.get(node.inputs[0])
    if node is not None and node.operator == "GreaterOrEqual" and node.inputs[0] == PROBABILITY:
        limit = constants.get(node.inputs[1])
        if limit is not None and limit.type == FLOAT and limit.cells:
            return np.float32(limit.cells[0])
    raise ValueError("the graph does not decide by its probability and a threshold")


def _check_encoders(graph: Graph, schema: Schema) -> None:
    """Check that each text column is encoded by its vocabulary."""
    vocabularies = {c.name: c.vocabulary for c in schema.text if c.vocabulary is not None}
    for node in graph.nodes:
        if node.operator != "LabelEncoder" or node.inputs[0] not in vocabularies:
            continue
        words, codes = node.attributes["keys_strings"].strings, node.attributes["values_int64s"]
        known = dict(zip(words, codes.ints, strict=True))
        expected = {w: c for c, w in enumerate(vocabularies[node.inputs[0]], FIRST_CATEGORY)}
        differ = any(known.get(w) not in (code, MISSING_CODE) for w, code in expected.items())
        if differ or set(known.values()) - {*expected.values(), MISSING_CODE}:
            raise ValueError(f"the categories of {node.inputs[0]!r} are others in the graph")
