"""Smaller files for large nets: weights are stored in 16 or 8 bits, the arithmetic stays in 32."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from churn_torch.errors import InputError
from churn_torch.models.scorer import Scorer

Array = np.ndarray[Any, Any]

DTYPES = ("float32", "float16", "int8")
# Smaller weight matrices are left as they are: compressing them would save nothing.
FEWEST = 1_024
# By how much the AUROC of a compressed model may be lower.
AUROC_TOLERANCE = 0.002


class Stored(NamedTuple):
    """A weight matrix as it is used and as it is stored.

    Attributes:
        used: ``[n_out, n_in]`` float32, equal to `stored` (times `scale`).
        stored: ``[n_out, n_in]`` float16 or int8.
        scale: ``[n_out]`` float32 for int8, else None.
    """

    used: Array
    stored: Array
    scale: Array | None


def compress(scorer: Scorer, dtype: str) -> tuple[Scorer, list[Stored]]:
    """Return a copy of the scorer with its large weight matrices rounded, and these matrices.

    float16 keeps 11 significant bits. int8 keeps a number from -127 to 127 and a scale for each
    row of a matrix. Only weights are rounded: activations in 8 bits would be scaled anew for each
    batch, so that the score of a customer depended on the other rows of the batch.

    Raises:
        InputError: A weight is too large for float16.
    """
    small = copy.deepcopy(scorer)
    matrices = []
    for name, weight in small.net.named_parameters():
        if weight.ndim != 2 or weight.numel() < FEWEST:
            continue
        values = weight.detach().numpy()
        scale = None
        if dtype == "float16":
            with np.errstate(over="ignore"):
                stored = values.astype(np.float16)
            if not np.isfinite(stored).all():
                raise InputError(
                    "export.dtype=float16",
                    expected="weights up to 65504",
                    got=f"larger ones in {name}",
                    fix="keep float32",
                )
            used = stored.astype(np.float32)
        else:
            largest = np.abs(values).max(axis=1)
            scale = np.where(largest > 0, largest / 127, 1).astype(np.float32)
            stored = np.rint(values / scale[:, None]).clip(-127, 127).astype(np.int8)
            used = stored.astype(np.float32) * scale[:, None]
        with torch.no_grad():
            weight.copy_(torch.from_numpy(used))
        matrices.append(Stored(used, stored, scale))
    return small, matrices


def store_compressed(model: onnx.ModelProto, matrices: list[Stored]) -> None:
    """Store each matrix compressed, wherever the graph holds it or its transpose."""
    before = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        for matrix in matrices:
            if np.array_equal(values, matrix.used):
                stored, shape = matrix.stored, (-1, 1)
            elif np.array_equal(values, matrix.used.T):
                stored, shape = np.ascontiguousarray(matrix.stored.T), (1, -1)
            else:
                continue
            name = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(stored, f"{name}.stored"))
            cast = name if matrix.scale is None else f"{name}.cast"
            before.append(_node("Cast", [tensor.name], cast, to=TensorProto.FLOAT))
            if matrix.scale is not None:
                # Not DequantizeLinear: onnxruntime would then compute in 8 bits too.
                scale = numpy_helper.from_array(matrix.scale.reshape(shape), f"{name}.scale")
                model.graph.initializer.append(scale)
                before.append(_node("Mul", [cast, scale.name], name))
            break
    for node in reversed(before):
        model.graph.node.insert(0, node)


def _node(operator: str, inputs: list[str], output: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs, [output], name=f"{output}.{operator}", **attributes)


def check_auroc(label: Array, expected: Array, got: Array, dtype: str) -> None:
    """Refuse a compressed model that ranks labelled rows worse than the original.

    Args:
        label: ``[N]``, 1 for churners, both classes.
        expected: ``[N]`` probabilities of the original model.
        got: ``[N]`` probabilities of the compressed model.
        dtype: One of `DTYPES`, for the message.

    Raises:
        InputError: Its AUROC is lower by more than ``AUROC_TOLERANCE``.
    """
    from sklearn.metrics import roc_auc_score  # slow to import, and rarely needed

    lost = float(roc_auc_score(label, expected) - roc_auc_score(label, got))
    if not lost <= AUROC_TOLERANCE:
        raise InputError(
            f"export.dtype={dtype}",
            expected=f"an AUROC at most {AUROC_TOLERANCE} below the model's",
            got=f"one {lost:.4f} below",
            fix="keep float32; nothing was written",
        )
