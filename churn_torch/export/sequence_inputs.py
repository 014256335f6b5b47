"""The inputs of sequences in the graph: lists of any length to the events that a model reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from churn_torch.tables.schema import Column, Schema, SequenceGroup
from churn_torch.tables.values.missing_words import sentinel_values

BATCH = "N"
Encode = Callable[[Column, str], onnx.NodeProto]
DropSentinels = Callable[[str, Sequence[float], str, int], list[onnx.NodeProto]]


class ListGraph(NamedTuple):
    """Nodes that join the inputs of all groups into one matrix, as `encode_lists` does."""

    nodes: list[onnx.NodeProto]
    inputs: list[onnx.ValueInfoProto]
    output: onnx.ValueInfoProto


class _Nodes:
    """Nodes with names that begin alike.

    Args:
        prefix: What the names begin with.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.nodes: list[onnx.NodeProto] = []

    def add(self, operator: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Add a node with one output and return the output's name."""
        output = f"{self.prefix}{len(self.nodes)}"
        name = f"{output}_{operator.lower()}"
        self.nodes.append(helper.make_node(operator, inputs, [output], name=name, **attributes))
        return output

    def constant(self, value: Any, dtype: Any = np.int64) -> str:
        """Add a constant and return its name."""
        tensor = numpy_helper.from_array(np.array(value, dtype))
        return self.add("Constant", [], value=tensor)


def list_graph(
    schema: Schema, prefix: str, encode: Encode, drop_sentinels: DropSentinels
) -> ListGraph:
    """Return the part of the graph that reads sequences.

    Of a list longer than the model's the last events are taken. What stands behind the length of a
    row, which may be anything, is cut off in the tensor part.

    Args:
        schema: The completed schema.
        prefix: Begins the names of all values of our own.
        encode: Makes the node that turns text into codes.
        drop_sentinels: Makes the nodes that turn numbers that mean missing into NaN.
    """
    inputs, parts = [], []
    graph = _Nodes(f"{prefix}lists_")
    for group in schema.sequences:
        inputs.append(_input(group.length_name, TensorProto.INT64, 1))
        first = group.columns[0].name
        # More events than cells, or fewer than none, would be read from elsewhere.
        n_cells = graph.add(
            "Slice", [graph.add("Shape", [first]), *map(graph.constant, ([1], [2]))]
        )
        length = graph.add("Min", [group.length_name, n_cells])
        length = graph.add("Max", [length, graph.constant([0])])
        start = graph.add("Sub", [length, graph.constant(group.last)])
        start = graph.add("Max", [start, graph.constant([0])])
        index = graph.add("Add", [start, graph.constant(np.arange(group.last))])
        read = graph.add("Min", [length, graph.constant(group.last)])
        parts.append(graph.add("Cast", [read], to=TensorProto.DOUBLE))
        for column in group.columns:
            kind = _type_of(column)
            inputs.append(_input(column.name, kind, f"{group.name}_events"))
            cells = _as_numbers(graph, column, kind, encode, drop_sentinels)
            # Room for every index, also where a list is short.
            room = graph.constant([0, 0, 0, group.last])
            cells = graph.add("Pad", [graph.add("Cast", [cells], to=TensorProto.DOUBLE), room])
            parts.append(graph.add("GatherElements", [cells, index], axis=1))
    raw = f"{prefix}raw_sequences"
    graph.nodes.append(helper.make_node("Concat", parts, [raw], name=f"{raw}_concat", axis=1))
    width = sum(group.width for group in schema.sequences)
    output = helper.make_tensor_value_info(raw, TensorProto.DOUBLE, [BATCH, width])
    return ListGraph(graph.nodes, _in_order(schema.sequences, inputs), output)


def _in_order(
    groups: Sequence[SequenceGroup], inputs: Sequence[onnx.ValueInfoProto]
) -> list[onnx.ValueInfoProto]:
    """Return the inputs with the lengths behind all columns."""
    lengths = {group.length_name for group in groups}
    return sorted(inputs, key=lambda value: value.name in lengths)


def _as_numbers(
    graph: _Nodes, column: Column, kind: int, encode: Encode, drop_sentinels: DropSentinels
) -> str:
    """Return the name of a column's cells as numbers, categories by their codes."""
    if kind == TensorProto.STRING:
        output = f"{graph.prefix}{len(graph.nodes)}_code"
        graph.nodes.append(encode(column, output))
        return output
    sentinels = sentinel_values(column)
    if not sentinels:
        return column.name
    known = f"{graph.prefix}{len(graph.nodes)}_known"
    graph.nodes += drop_sentinels(column.name, sentinels, known, kind)
    return known


def _type_of(column: Column) -> int:
    if Schema.is_text(column):
        return int(TensorProto.STRING)
    return int(TensorProto.DOUBLE if Schema.is_float64(column) else TensorProto.FLOAT)


def _input(name: str, kind: int, second: str | int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, [BATCH, second])
