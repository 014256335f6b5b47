"""The threshold of an ONNX file: the graph decides by it, and the metadata name it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from churn_torch.serving.outputs import DECISION, PROBABILITY


def check_threshold(stated: Any, model: str | Path | bytes) -> None:
    """Check that the threshold in the metadata is the one that the graph decides by.

    Args:
        stated: The threshold as the metadata have it.
        model: The path of the file, or its bytes.

    Raises:
        ValueError: It is no number from 0 to 1, or the graph has another.
    """
    if isinstance(stated, bool) or not isinstance(stated, int | float) or not 0 <= stated <= 1:
        raise ValueError(f"the threshold {str(stated)[:40]!r} is no number from 0 to 1")
    if isinstance(model, bytes):
        loaded = onnx.load_model_from_string(model)
    else:
        loaded = onnx.load(model, load_external_data=False)
    used = graph_threshold(loaded.graph)
    if used is not None and used != np.float32(stated):
        raise ValueError(f"the threshold is {stated} here and {used} in the graph")


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
