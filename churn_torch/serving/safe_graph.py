"""What a stranger's ONNX file must not hold: other files, code of others, loops and huge tensors.

A graph of standard operators only computes. What is left to it is to take time and memory, so the
operators that make much from little are bounded where the file says by how much.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import onnx
from onnx import numpy_helper

# The domains of the standard's own operators.
DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
# Operators that can run without end.
_LOOPS = frozenset({"Loop", "Scan", "SequenceMap"})
# Operators that make a tensor of a size that another input names: the place of that input.
_SIZED = {"ConstantOfShape": 0, "Expand": 1, "Tile": 1, "Resize": 3}
MOST_CELLS = 2**28
# Texts of the metadata, in all.
MOST_METADATA = 200_000_000


def check_graph(model: onnx.ModelProto) -> None:
    """Check that a model is one self-contained file of the standard's own operators.

    Raises:
        ValueError: It is not; the message says what it holds.
    """
    if sum(len(e.key) + len(e.value) for e in model.metadata_props) > MOST_METADATA:
        raise ValueError(f"more than {MOST_METADATA / 1e6:.0f} MB of metadata")
    for domain in (entry.domain for entry in model.opset_import):
        if domain not in DOMAINS:
            raise ValueError(f"operators of {domain[:80]!r}")
    if model.functions or model.training_info:
        raise ValueError("functions of its own")
    for graph in _graphs(model.graph):
        if graph.sparse_initializer:
            raise ValueError("sparse tensors")
        _check_nodes(graph)
        for tensor in _tensors(graph):
            if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
                raise ValueError("weights in another file")


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """Yield a graph and those inside its nodes."""
    waiting = [graph]
    while waiting:
        one = waiting.pop()
        yield one
        for node in one.node:
            for attribute in node.attribute:
                waiting += [*([attribute.g] if attribute.HasField("g") else ()), *attribute.graphs]


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Yield the tensors of a graph, without those of the graphs inside it."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            if attribute.HasField("sparse_tensor") or attribute.sparse_tensors:
                raise ValueError("sparse tensors")


def _check_nodes(graph: onnx.GraphProto) -> None:
    """Check the operators of a graph, without those of the graphs inside it."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
            constants[node.output[0]] = node.attribute[0].t
    for node in graph.node:
        if node.domain not in DOMAINS:
            raise ValueError(f"operators of {node.domain[:80]!r}")
        if node.op_type in _LOOPS:
            raise ValueError(f"the operator {node.op_type}, which can run without end")
        place = _SIZED.get(node.op_type)
        if place is not None and place < len(node.input):
            _check_size(node, constants.get(node.input[place]))
        if node.op_type == "Range":
            for end in map(constants.get, node.input):
                _check_size(node, end)


def _check_size(node: onnx.NodeProto, size: onnx.TensorProto | None) -> None:
    if size is None or size.data_type != onnx.TensorProto.INT64 or size.external_data:
        return
    cells = math.prod(max(1, abs(int(n))) for n in numpy_helper.to_array(size).reshape(-1))
    if cells > MOST_CELLS:
        raise ValueError(f"a tensor of {cells:,} cells ({node.op_type})")
