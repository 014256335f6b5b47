from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.onnx._internal.exporter import _fx_passes
from torch.onnx._internal.exporter._registration import ONNXRegistry

from churn_torch.export import torch_exporter
from churn_torch.export.graph import build_onnx
from churn_torch.export.torch_exporter import (
    TRANSLATIONS,
    kept_registry,
    quiet_exporter,
    traced_once,
)
from churn_torch.serving.outputs import OUTPUTS
from churn_torch.serving.session import make_feed, open_session
from churn_torch.tables.encode import parse
from churn_torch.workflows.runs.run_folder import Run


class Plain(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.take(torch.arange(5.0), x.clamp(0, 4).long()).float()


class Subtracted(nn.Module):
    def __init__(self, dtype: torch.dtype, alpha: int) -> None:
        super().__init__()
        self.dtype, self.alpha = dtype, alpha

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.rsub(x.to(self.dtype), 2, alpha=self.alpha)


@pytest.mark.parametrize("alpha", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64])
def test_a_number_less_a_tensor_of_any_type(dtype: torch.dtype, alpha: int):
    net, x = Subtracted(dtype, alpha).eval(), torch.arange(6.0).reshape(3, 2)
    with quiet_exporter(), traced_once():
        program = torch.onnx.export(
            net, (x,), dynamo=True, verbose=False, custom_translation_table=TRANSLATIONS
        )
    assert program is not None
    session = open_session(program.model_proto.SerializeToString())
    (got,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    np.testing.assert_array_equal(got, net(x).numpy())


class ToDecompose(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.clone().sub_(1.0).T


@pytest.mark.parametrize(("net", "again"), [(Plain(), 0), (ToDecompose(), 1)])
def test_only_what_has_to_be_decomposed_is_traced_again(
    net: nn.Module, again: int, monkeypatch: pytest.MonkeyPatch
):
    """And the file holds the same operators either way."""
    decompose, decomposed = _fx_passes.decompose_with_registry, []

    def counted(*arguments):
        decomposed.append(arguments)
        return decompose(*arguments)

    monkeypatch.setattr(_fx_passes, "decompose_with_registry", counted)

    def operators() -> list[str]:
        with quiet_exporter():
            program = torch.onnx.export(
                net.eval(), (torch.zeros(3, 2),), dynamo=True, verbose=False,
                custom_translation_table=TRANSLATIONS,
            )  # fmt: skip
        assert program is not None
        return [node.op_type for node in program.model_proto.graph.node]

    always = operators()
    assert len(decomposed) == 1
    with traced_once():
        assert operators() == always
    assert len(decomposed) == 1 + again
    assert _fx_passes.decompose_with_registry is counted


def test_the_kept_registry_is_the_one_that_torch_makes():
    make = ONNXRegistry.from_torchlib
    with quiet_exporter():
        theirs = ONNXRegistry.from_torchlib(20)
        with kept_registry():
            first, again = ONNXRegistry.from_torchlib(20), ONNXRegistry.from_torchlib(20)
    assert ONNXRegistry.from_torchlib == make
    assert first.opset_version == theirs.opset_version
    assert first.functions.keys() == theirs.functions.keys()
    for name, metas in theirs.functions.items():
        for kept in (first, again):
            # The same translations, with the same signatures, domains among them.
            got = [(m.onnx_function, m.is_complex, str(m.signature)) for m in kept.functions[name]]
            assert got == [(m.onnx_function, m.is_complex, str(m.signature)) for m in metas]
    target = torch.ops.aten.take.default
    before = len(again.get_decomps(target))
    first.register_op(target, TRANSLATIONS[target])
    assert len(first.get_decomps(target)) == before + 1
    assert len(again.get_decomps(target)) == before


def test_another_version_of_torch_traces_twice_and_exports_the_same(
    customers_run: Run, customers: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
):
    """The way without private functions of torch."""
    decompose, decomposed = _fx_passes.decompose_with_registry, []

    def counted(*arguments):
        decomposed.append(arguments)
        return decompose(*arguments)

    monkeypatch.setattr(_fx_passes, "decompose_with_registry", counted)
    scorer, schema = customers_run.scorer, customers_run.schema
    feed = make_feed(parse(customers, schema), schema)

    def answers() -> list[np.ndarray]:
        model = build_onnx(
            scorer, schema, threshold=0.5, metadata={}, outputs=list(OUTPUTS.values())
        )
        return open_session(model.SerializeToString()).run(None, feed)

    expected = answers()
    assert decomposed == []
    monkeypatch.setattr(torch_exporter, "PATCHED_TORCH", "0.0.")
    for got, values in zip(answers(), expected, strict=True):
        np.testing.assert_array_equal(got, values)
    assert len(decomposed) == 1
