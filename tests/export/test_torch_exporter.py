from __future__ import annotations

import numpy as np
import pytest
import torch
from onnxscript import TracedOnnxFunction
from onnxscript.function_libs.torch_lib import ops, registration
from torch import nn
from torch.onnx._internal.exporter import _fx_passes, _schemas

from churn_torch.export.torch_exporter import (
    TRANSLATIONS,
    quiet_exporter,
    traced_once,
    unparsed_translations,
)
from churn_torch.serving.session import open_session


def translations() -> list[TracedOnnxFunction]:
    assert ops  # their import is what registers them
    functions = [f for found in registration.default_registry.values() for f in found.overloads]
    return [function for function in functions if isinstance(function, TracedOnnxFunction)]


def test_every_translation_has_the_domain_that_a_parse_gives():
    parsed = [function.function_ir.domain for function in translations()]
    with unparsed_translations():
        assert [function.function_ir.domain for function in translations()] == parsed
        assert not hasattr(translations()[0].function_ir, "name")  # nothing else is made up
    assert len(parsed) > 100


def test_afterwards_they_are_parsed_again():
    before = TracedOnnxFunction.function_ir
    with pytest.raises(KeyboardInterrupt), unparsed_translations():
        raise KeyboardInterrupt
    assert TracedOnnxFunction.function_ir is before


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
    signature = _schemas.op_signature_from_function
    with traced_once():
        assert operators() == always
    assert len(decomposed) == 1 + again
    assert _fx_passes.decompose_with_registry is counted
    assert _schemas.op_signature_from_function is signature
