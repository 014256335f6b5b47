"""The threshold of an ONNX file: the graph decides by it, and the metadata name it."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper

from churn_torch.serving.model_file import damaged
from churn_torch.serving.outputs import DECISION, PROBABILITY


def check_decision(threshold: float, graph: onnx.GraphProto, where: str) -> None:
    """Check that a graph decides by the threshold that its metadata name.

    Args:
        threshold: That of the metadata.
        graph: The graph.
        where: The file, for messages.

    Raises:
        InputError: The graph has another threshold.
    """
    used = graph_threshold(graph)
    if used is not None and used != np.float32(threshold):
        raise damaged(where, f"the threshold is {threshold} there and {used:g} in the graph")


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
