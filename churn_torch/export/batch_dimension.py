"""Trace a graph with a fixed number of rows, then let it take any number.

torch can keep a size symbolic while it traces, but then works out after every operation what
follows for that size, which doubles the time. In our graphs the number of rows occurs in a few
shapes only. It is therefore traced as a prime that is a factor of no size of the model, which is
easy to recognise in those shapes and to replace.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from churn_torch.serving.session import open_session

_PRIMES = (1009, 1013, 1019, 1021, 1031, 1033, 1039, 1049, 1051, 1061, 1063, 1069, 1087, 1091)
# What replaces the number in a shape: "as many as are left", or "as many as the other has".
_DYNAMIC = {"Reshape": -1, "Expand": 1}


def traced_row_count(sizes: Iterable[int]) -> int | None:
    """Return a prime that is a factor of none of the sizes, or None if the list has no such one."""
    positive = set(sizes) - {0}
    return next((prime for prime in _PRIMES if all(size % prime for size in positive)), None)


def make_rows_dynamic(model: onnx.ModelProto, n_rows: int) -> bool:
    """Let a graph that was traced with a fixed number of rows take any number.

    Args:
        model: The graph, changed in place. Its inputs are matrices with a row a customer.
        n_rows: The number of rows it was traced with, from `traced_row_count`.

    Returns:
        Whether this worked: three rows together give the same outputs as each of them alone.
    """
    shapes = {n.input[1]: n.op_type for n in model.graph.node if n.op_type in _DYNAMIC}
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        counts = _counts_rows(values, n_rows)
        if counts.any():
            if tensor.name not in shapes:  # e.g. where a slice ends
                return False
            values = np.where(counts, _DYNAMIC[shapes[tensor.name]], values)
        for axis in np.flatnonzero(_counts_rows(np.array(values.shape), n_rows)):
            first = values.take([0], axis)
            # The same for each row: broadcast where it is used. A product that torch worked out in
            # advance may differ in the last bits where a processor takes several rows at once.
            is_float = values.dtype.kind == "f"
            if np.allclose(first, values, rtol=1e-6) if is_float else (first == values).all():
                values = first
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return _rows_are_independent(model)


def _counts_rows(sizes: np.ndarray[Any, Any], n_rows: int) -> np.ndarray[Any, Any]:
    """Tell which whole numbers are multiples of the number of rows."""
    if sizes.dtype != np.int64:
        return np.zeros(sizes.shape, bool)
    counts: np.ndarray[Any, Any] = np.logical_and(sizes != 0, sizes % n_rows == 0)
    return counts


def _rows_are_independent(model: onnx.ModelProto) -> bool:
    """Tell whether rows together give the same outputs as each of them alone."""
    rng = np.random.default_rng(0)
    feed = {}
    for value in model.graph.input:
        tensor = value.type.tensor_type
        size = (3, tensor.shape.dim[1].dim_value)
        is_code = tensor.elem_type == TensorProto.INT64
        cells = rng.integers(0, 2, size) if is_code else rng.random(size)
        feed[value.name] = cells.astype(helper.tensor_dtype_to_np_dtype(tensor.elem_type))
    try:
        session = open_session(model.SerializeToString())
        together = session.run(None, feed)
        alone = [session.run(None, {k: x[i : i + 1] for k, x in feed.items()}) for i in range(3)]
    except Exception:  # shapes that do not fit raise many classes
        return False
    for i, output in enumerate(together):
        rows = np.concatenate([one[i] for one in alone])
        if output.shape != rows.shape or not np.allclose(output, rows, atol=1e-4, equal_nan=True):
            return False
    return True
