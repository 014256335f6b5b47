"""What a stranger's ONNX file must not hold: other files, code of others, loops and huge tensors.

A graph of standard operators only computes. What is left to it is to take time and memory, so the
operators that make much from little are bounded where the file says by how much.
"""

from __future__ import annotations

import math

from churn_torch.serving.onnx_graph import INT64, Graph, Model, Node, Tensor

# The domains of the standard's own operators.
DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
# Operators that can run without end.
_LOOPS = frozenset({"Loop", "Scan", "SequenceMap"})
# Operators that make a tensor of a size that other inputs name: the places of these.
_SIZED = {"ConstantOfShape": (0,), "Expand": (1,), "Tile": (1,), "Resize": (3,), "Range": (0, 1)}
MOST_CELLS = 2**28


def check_graph(model: Model) -> None:
    """Check that a model is one self-contained file of the standard's own operators.

    Raises:
        ValueError: It is not; the message says what it holds.
    """
    for domain in model.domains:
        if domain not in DOMAINS:
            raise ValueError(f"operators of {domain[:80]!r}")
    if model.has_functions:
        raise ValueError("functions of its own")
    _check_graph(model.graph, {})


def _check_graph(graph: Graph, outer: dict[str, Tensor]) -> None:
    """Check a graph and those inside its nodes.

    Args:
        graph: The graph.
        outer: Constants of the graphs around it by name; it can read them.

    Raises:
        ValueError: As for `check_graph`.
    """
    if graph.has_sparse:
        raise ValueError("sparse tensors")
    constants = outer | {tensor.name: tensor for tensor in graph.constants}
    for node in graph.nodes:
        if node.operator == "Constant" and "value" in node.attributes:
            constants.update(dict.fromkeys(node.outputs, *node.attributes["value"].tensors[:1]))
        elif node.operator == "Constant" and "value_ints" in node.attributes:
            cells = node.attributes["value_ints"].ints
            constants.update(dict.fromkeys(node.outputs, Tensor("", INT64, False, cells)))
    if any(tensor.is_external for tensor in constants.values()):
        raise ValueError("weights in another file")
    for node in graph.nodes:
        _check_node(node, constants)
        for attribute in node.attributes.values():
            for inner in attribute.graphs:
                _check_graph(inner, constants)


def _check_node(node: Node, constants: dict[str, Tensor]) -> None:
    """Check an operator, without the graphs inside it.

    Args:
        node: The operator.
        constants: Those that it can read, by name.

    Raises:
        ValueError: As for `check_graph`.
    """
    if node.domain not in DOMAINS:
        raise ValueError(f"operators of {node.domain[:80]!r}")
    if node.operator in _LOOPS:
        raise ValueError(f"the operator {node.operator}, which can run without end")
    for attribute in node.attributes.values():
        if attribute.has_sparse:
            raise ValueError("sparse tensors")
        if any(tensor.is_external for tensor in attribute.tensors):
            raise ValueError("weights in another file")
    for place in _SIZED.get(node.operator, ()):
        size = constants.get(node.inputs[place]) if place < len(node.inputs) else None
        if size is not None and size.type == INT64:
            cells = math.prod(max(1, abs(int(n))) for n in size.cells)
            if cells > MOST_CELLS:
                raise ValueError(f"a tensor of {cells:.0e} cells ({node.operator})")
