"""The number of rows in a graph: traced as one number, then left open.

torch can leave a size open while it traces, but then asks of every operation what follows for it,
which takes as long again as the trace. In our graphs the rows are counted in a few shapes only.
Traced with a prime that is a factor of no size of the model, it is recognised there and taken out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from churn_torch.serving.session import open_session

_PRIMES = (1009, 1013, 1019, 1021, 1031, 1033, 1039, 1049, 1051, 1061, 1063, 1069, 1087, 1091)
# What a shape says instead: as many as are left, or as many as the other has.
_OPEN = {"Reshape": -1, "Expand": 1}


def traced_row_count(sizes: Iterable[int]) -> int | None:
    """Return a number of rows that is a factor of none of the sizes, if there is one at hand."""
    some = set(sizes) - {0}
    return next((prime for prime in _PRIMES if all(size % prime for size in some)), None)


def make_rows_dynamic(model: onnx.ModelProto, n_rows: int) -> bool:
    """Let a graph that was traced with so many rows take any number of them.

    Args:
        model: Its inputs are matrices of numbers, one row each. It is changed.
        n_rows: The number it was traced with, of `traced_row_count`.

    Returns:
        Whether it does: some rows together are answered as each of them alone.
    """
    asked = {n.input[1]: n.op_type for n in model.graph.node if n.op_type in _OPEN}
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        counts = _counts_rows(values, n_rows)
        if counts.any():
            if tensor.name not in asked:  # a border to cut at, say
                return False
            values = np.where(counts, _OPEN[asked[tensor.name]], values)
        for axis in np.flatnonzero(_counts_rows(np.array(values.shape), n_rows)):
            first = values.take([0], axis)
            if (first == values).all():  # for each row the same: broadcast where it is used
                values = first
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return _takes_any_number(model)


def _counts_rows(sizes: np.ndarray[Any, Any], n_rows: int) -> np.ndarray[Any, Any]:
    """Tell which whole numbers are multiples of the number of rows."""
    if sizes.dtype != np.int64:
        return np.zeros(sizes.shape, bool)
    counts: np.ndarray[Any, Any] = np.logical_and(sizes != 0, sizes % n_rows == 0)
    return counts


def _takes_any_number(model: onnx.ModelProto) -> bool:
    rng = np.random.default_rng(0)
    feed = {}
    for value in model.graph.input:
        tensor = value.type.tensor_type
        size = (3, tensor.shape.dim[1].dim_value)
        codes = tensor.elem_type == TensorProto.INT64
        some = rng.integers(0, 2, size) if codes else rng.random(size)
        feed[value.name] = some.astype(helper.tensor_dtype_to_np_dtype(tensor.elem_type))
    try:
        session = open_session(model.SerializeToString())
        together = session.run(None, feed)
        alone = [session.run(None, {k: x[i : i + 1] for k, x in feed.items()}) for i in range(3)]
    except Exception:  # shapes that do not fit: of many classes
        return False
    for i, output in enumerate(together):
        rows = np.concatenate([one[i] for one in alone])
        if output.shape != rows.shape or not np.allclose(output, rows, atol=1e-4, equal_nan=True):
            return False
    return True
