"""torch's exporter: quieter, faster, and with translations that it does not have.

This is the only module of the room that uses private functions of torch.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import warnings
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import onnx
import torch
from onnxscript import opset20

# The version of torch whose exporter is changed here.
PATCHED_TORCH = "2.13."


@contextlib.contextmanager
def quiet_exporter() -> Iterator[None]:
    """Hide the exporter's messages about its own internals (torchvision, deprecations)."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


@contextlib.contextmanager
def traced_once() -> Iterator[None]:
    """Keep torch from tracing a graph a second time if there is nothing to decompose.

    The exporter decomposes every program, which is a second trace and takes a quarter to a half of
    the time of an export. A program comes out unchanged if all its operators have a translation.
    This replaces a private function of torch; with another version of torch an export takes longer.
    """
    if not torch.__version__.startswith(PATCHED_TORCH):
        yield
        return
    from torch.onnx._internal.exporter import _fx_passes

    decompose = _fx_passes.decompose_with_registry

    def decompose_if_needed(program: Any, registry: Any) -> Any:
        called = (node.target for node in program.graph.nodes if node.op == "call_function")
        if all(is_translated(target, registry) for target in called):
            return program
        return decompose(program, registry)

    _fx_passes.decompose_with_registry = decompose_if_needed  # type: ignore[assignment]
    try:
        yield
    finally:
        _fx_passes.decompose_with_registry = decompose


@contextlib.contextmanager
def kept_registry() -> Iterator[None]:
    """Keep torch's list of translations for the next export, which would make it anew.

    It is made of about 500 functions. The source of each is parsed only to learn its domain, which
    is known without that; this takes most of the time of a small export. As in `traced_once`,
    private functions are replaced, and another version of torch takes longer.
    """
    if not torch.__version__.startswith(PATCHED_TORCH):
        yield
        return
    from torch.onnx._internal.exporter._registration import ONNXRegistry

    make = ONNXRegistry.__dict__["from_torchlib"]

    def kept(opset_version: int) -> Any:
        if opset_version not in _REGISTRIES:
            with _domains_unparsed():
                _REGISTRIES[opset_version] = make.__func__(ONNXRegistry, opset_version)
        registry = copy.copy(_REGISTRIES[opset_version])
        # An export adds its own translations.
        registry.functions = {name: [*metas] for name, metas in registry.functions.items()}
        return registry

    ONNXRegistry.from_torchlib = staticmethod(kept)  # type: ignore[assignment,method-assign]
    try:
        yield
    finally:
        ONNXRegistry.from_torchlib = make  # type: ignore[method-assign]


_REGISTRIES: dict[int, Any] = {}


@contextlib.contextmanager
def _domains_unparsed() -> Iterator[None]:
    from onnxscript._internal.values import TracedOnnxFunction

    parsed = TracedOnnxFunction.function_ir
    domain = property(lambda self: SimpleNamespace(domain=self._opset.domain))
    TracedOnnxFunction.function_ir = domain  # type: ignore[assignment]
    try:
        yield
    finally:
        TracedOnnxFunction.function_ir = parsed  # type: ignore[method-assign]


def is_translated(target: Any, registry: Any) -> bool:
    """Tell whether the exporter can translate a call as it is; assertions it leaves out."""
    if target in (aten._assert_scalar.default, aten._assert_tensor_metadata.default):
        return True
    is_mutable = isinstance(target, torch._ops.OpOverload) and target._schema.is_mutable
    return target in TRANSLATIONS or (registry.is_registered(target) and not is_mutable)


def store_once(graph: onnx.GraphProto) -> None:
    """Keep one of several equal constants: the exporter adds one for each transposed weight."""
    kept: dict[bytes, str] = {}
    names = {}
    for tensor in [*graph.initializer]:
        alone = onnx.TensorProto()
        alone.CopyFrom(tensor)
        alone.ClearField("name")
        alone.ClearField("metadata_props")
        names[tensor.name] = kept.setdefault(alone.SerializeToString(), tensor.name)
        if names[tensor.name] != tensor.name:
            graph.initializer.remove(tensor)
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]


def _take(table: Any, index: Any) -> Any:
    """Translate ``torch.take`` of a table with one axis into one node, not several."""
    return opset20.Gather(table, index)


def _to(x: Any, dtype: int, layout: str = "", device: str = "") -> Any:
    return opset20.Cast(x, to=dtype)


def _detach(x: Any) -> Any:
    return opset20.Identity(x)


def _rsub(x: Any, other: float, alpha: float = 1.0) -> Any:
    if alpha != 1:
        x = opset20.Mul(x, _number(alpha, x))
    return opset20.Sub(_number(other, x), x)


def _number(value: float, like: Any) -> Any:
    number: Any = opset20.Constant(value_float=value)
    return opset20.CastLike(number, like)


def _sgn(x: Any) -> Any:
    return opset20.Sign(x)


def _gru(
    events: Any,
    start: Any,
    weights: Any,
    has_biases: bool,
    n_layers: int,
    dropout: float,
    training: bool,
    bidirectional: bool,
    batch_first: bool,
) -> Any:
    """Translate ``torch.gru`` of one layer, one direction and rows first into ONNX's operator.

    It starts with a state of zeros. ONNX wants the gates in another order: update, reset, new.
    Events come first in its tensors. A row of zeros is added and taken away again, because
    onnxruntime crashes where there is none.
    """
    size = weights[1].shape[1]
    order = [*range(size, 2 * size), *range(size), *range(2 * size, 3 * size)]
    gates: Any = opset20.Constant(value_ints=order)
    of_input, of_state, *biases = (opset20.Gather(weight, gates, axis=0) for weight in weights)
    first: Any = opset20.Constant(value_ints=[0])
    second: Any = opset20.Constant(value_ints=[1])
    one_row: Any = opset20.Constant(value_ints=[0, 0, 0, 0, 1, 0])
    minus_one: Any = opset20.Constant(value_ints=[-1])
    states, last = opset20.GRU(
        opset20.Pad(opset20.Transpose(events, perm=[1, 0, 2]), one_row),
        opset20.Unsqueeze(of_input, first),
        opset20.Unsqueeze(of_state, first),
        opset20.Unsqueeze(opset20.Concat(*biases, axis=0), first),
        hidden_size=size,
        linear_before_reset=1,
    )
    one_direction = opset20.Transpose(opset20.Squeeze(states, second), perm=[1, 0, 2])
    rows = opset20.Slice(one_direction, first, minus_one, first)
    return rows, opset20.Slice(last, first, minus_one, second)


aten = torch.ops.aten
# In addition to the exporter's own: shorter ones, and those whose lack would make it decompose.
TRANSLATIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    aten.take.default: _take,
    aten.to.dtype: _to,
    aten.to.dtype_layout: _to,
    aten.detach_.default: _detach,
    aten.rsub.Scalar: _rsub,
    aten.sgn.default: _sgn,
    aten.gru.input: _gru,
}
