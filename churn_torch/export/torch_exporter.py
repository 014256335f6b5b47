"""torch's exporter, without its notes on itself and without work that no file needs."""

from __future__ import annotations

import contextlib
import functools
import logging
import warnings
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import onnx
import torch
from onnxscript import opset20


@contextlib.contextmanager
def quiet_exporter() -> Iterator[None]:
    """Keep the exporter's notes on its own internals (torchvision, deprecations) from the user."""
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
def unparsed_translations() -> Iterator[None]:
    """Keep onnxscript from parsing the source of its 500 translations at each export.

    The exporter lists them anew each time and asks each for its domain; onnxscript (0.7) finds it
    at the end of a parse of the function's source, though it was told the domain at the start.
    """
    from onnxscript import TracedOnnxFunction

    parsed = TracedOnnxFunction.function_ir
    told = property(lambda function: SimpleNamespace(domain=function.opset.domain))
    TracedOnnxFunction.function_ir = told  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        TracedOnnxFunction.function_ir = parsed  # type: ignore[method-assign]


@contextlib.contextmanager
def traced_once() -> Iterator[None]:
    """Keep torch from tracing a graph again that has nothing to decompose.

    The exporter (torch 2.13) has every program decomposed, which is a second trace with all its
    bookkeeping of shapes: half the time of a linear model's export. A program whose operators can
    all be translated comes out of it as it went in.
    """
    try:
        from torch.onnx._internal.exporter import _fx_passes, _schemas

        decompose = _fx_passes.decompose_with_registry
        signature = _schemas.op_signature_from_function
    except (ImportError, AttributeError):  # another torch: an export takes longer, no more
        yield
        return

    def decompose_if_needed(program: Any, registry: Any) -> Any:
        called = (node.target for node in program.graph.nodes if node.op == "call_function")
        if all(is_translated(target, registry) for target in called):
            return program
        return decompose(program, registry)

    _fx_passes.decompose_with_registry = decompose_if_needed  # type: ignore[assignment]
    # Each export asks for the signatures of all translations again.
    _schemas.op_signature_from_function = _kept(signature)
    try:
        yield
    finally:
        _fx_passes.decompose_with_registry = decompose
        _schemas.op_signature_from_function = signature


@functools.cache
def _kept(function: Callable[..., Any]) -> Callable[..., Any]:
    return functools.cache(function)


def is_translated(target: Any, registry: Any) -> bool:
    """Whether the exporter takes a call as it stands; it leaves out assertions by itself."""
    if target in (aten._assert_scalar.default, aten._assert_tensor_metadata.default):
        return True
    changes = isinstance(target, torch._ops.OpOverload) and target._schema.is_mutable
    return target in TRANSLATIONS or (registry.is_registered(target) and not changes)


def store_once(graph: onnx.GraphProto) -> None:
    """Keep one of equal constants: the exporter has one for each operation that turns a weight."""
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
    """Translate ``torch.take`` of a table with one axis; the exporter's own way is longer."""
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


aten = torch.ops.aten
# Beside the exporter's own: what is shorter, and what it would decompose for (`traced_once`).
TRANSLATIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    aten.take.default: _take,
    aten.to.dtype: _to,
    aten.to.dtype_layout: _to,
    aten.detach_.default: _detach,
    aten.rsub.Scalar: _rsub,
    aten.sgn.default: _sgn,
}
