"""Weights in fewer bits: how far they move, what is stored, and who is ranked worse."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, numpy_helper

from churn_torch.errors import InputError
from churn_torch.export.graph import build_onnx
from churn_torch.export.weight_compression import (
    AUROC_TOLERANCE,
    FEWEST,
    check_auroc,
    compress,
    store_compressed,
)
from churn_torch.models.nets.mlp import MLP
from churn_torch.serving.outputs import OUTPUTS
from churn_torch.serving.session import make_feed, open_session
from tests.models.test_attribution import PARSED, SCHEMA, scorer_of

DTYPES = {"float16": TensorProto.FLOAT16, "int8": TensorProto.INT8}


@pytest.mark.parametrize("dtype", DTYPES)
def test_large_matrices_are_rounded_and_the_rest_is_left(dtype: str):
    scorer = scorer_of(MLP, width=64, n_frequencies=0)
    with torch.no_grad():
        scorer.net.blocks[1][0].weight[5] = 0  # a row of zeros has a scale too
    before = {name: value.detach().clone() for name, value in scorer.net.named_parameters()}
    small, matrices = compress(scorer, dtype)
    assert all(torch.equal(value, before[n]) for n, value in scorer.net.named_parameters())
    large = [name for name, value in before.items() if value.ndim == 2 and value.numel() >= FEWEST]
    assert len(large) == len(matrices) == 1
    for name, value in small.net.named_parameters():
        if name not in large:
            assert torch.equal(value, before[name]), name
            continue
        (matrix,) = matrices
        np.testing.assert_array_equal(value.detach(), matrix.used)
        moved = np.abs(matrix.used - before[name].numpy())
        if dtype == "float16":
            assert (moved <= np.abs(before[name].numpy()) * 2.0**-11 + 2.0**-25).all()
            np.testing.assert_array_equal(matrix.stored.astype(np.float32), matrix.used)
        else:
            assert matrix.scale is not None
            assert (moved <= matrix.scale[:, None] * 0.5001).all()
            np.testing.assert_array_equal(matrix.stored * matrix.scale[:, None], matrix.used)
        assert matrix.stored.dtype == dtype
        assert moved.max() > 0


def test_a_weight_too_large_for_float16_is_refused():
    scorer = scorer_of(MLP, width=64, n_frequencies=0)
    with torch.no_grad():
        scorer.net.blocks[1][0].weight[0, 0] = 1e5
    with pytest.raises(InputError, match=r"up to 65504, .* in blocks\.1\.0\.weight; keep float32"):
        compress(scorer, "float16")
    compress(scorer, "int8")


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_file_holds_the_few_bits_and_gives_the_same(dtype: str):
    """The same as torch with the rounded weights, whatever rows stand beside a row."""
    small, matrices = compress(scorer_of(MLP, width=128), dtype)
    chosen: dict[str, Any] = {"threshold": 0.5, "metadata": {}, "n_points": 4}
    model = build_onnx(small, SCHEMA, outputs=list(OUTPUTS.values()), **chosen)
    feed = make_feed(PARSED, SCHEMA)
    expected = open_session(model.SerializeToString()).run(None, feed)
    before = model.ByteSize()
    store_compressed(model, matrices)
    onnx.checker.check_model(model, full_check=True)
    # 4 bytes of each weight become 2 or 1, and the net and its gradient share them.
    saved = sum(m.used.nbytes - m.stored.nbytes for m in matrices)
    assert saved * 0.97 < before - model.ByteSize() < saved
    kept = [
        tensor
        for tensor in model.graph.initializer
        if tensor.data_type == TensorProto.FLOAT and np.prod(tensor.dims) >= FEWEST
    ]
    for tensor in kept:  # none of them is one of the matrices
        values = numpy_helper.to_array(tensor)
        assert not any(np.array_equal(values, m.used) for m in matrices)
        assert not any(np.array_equal(values, m.used.T) for m in matrices)
    assert DTYPES[dtype] in {tensor.data_type for tensor in model.graph.initializer}

    session = open_session(model.SerializeToString())
    got = session.run(None, feed)
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)
    for i in (0, 7):
        alone = session.run(None, {name: values[i : i + 1] for name, values in feed.items()})
        for one, other in zip(alone, got, strict=True):
            np.testing.assert_allclose(one[0], other[i], rtol=0, atol=1e-6)


def test_a_model_that_ranks_worse_is_refused():
    label = np.repeat([0.0, 1.0], 500)
    expected = np.random.default_rng(0).normal(size=1000) + label
    check_auroc(label, expected, expected, "int8")
    check_auroc(label, expected, np.round(expected, 3), "int8")
    check_auroc(label, expected, label, "int8")  # better is no loss
    noisy = expected + np.random.default_rng(1).normal(size=1000)
    with pytest.raises(InputError, match=rf"at most {AUROC_TOLERANCE} below .* nothing was writ"):
        check_auroc(label, expected, noisy, "int8")
    with pytest.raises(InputError):
        check_auroc(label, expected, -expected, "float16")
