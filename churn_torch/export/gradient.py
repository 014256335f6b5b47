"""The gradient of any net as a graph of plain operators, which can be exported."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.export import default_decompositions
from torch.func import functional_call
from torch.fx.experimental.proxy_tensor import make_fx

from churn_torch.models.attribution import Attribution

aten = torch.ops.aten
# Derivatives that torch keeps as one operator, which ONNX does not have.
DERIVATIVES = (
    aten.threshold_backward.default,
    aten.gelu_backward.default,
    aten.elu_backward.default,
    aten.tanh_backward.default,
    aten.native_layer_norm_backward.default,
)


class TracedGradient(nn.Module):
    """The gradient of a net's logits with respect to its input, traced into plain operators.

    ``torch.export`` does not take a function that calls ``torch.func.grad``. `make_fx` can record
    what that function does, and the recorded graph is exported like any other module.

    Args:
        net: ``[M, n_features]`` to ``[M]``, in evaluation mode.
        n_features: Width of a row.
        n_rows: The only number of rows it takes, which a graph around it is traced with: this
            takes a quarter of the time. None records a gradient of any number of rows.

    Shape:
        ``[M, n_features]`` to ``[M, n_features]``.
    """

    def __init__(self, net: nn.Module, n_features: int, n_rows: int | None = None) -> None:
        super().__init__()
        weights = {**dict(net.named_parameters()), **dict(net.named_buffers())}
        tensors = [tensor.detach() for tensor in weights.values()]
        # torch takes one row for a constant, and as many rows as a size of the net for that size.
        sizes = {n_features, *(size for tensor in tensors for size in tensor.shape)}
        any_number = next(n for n in itertools.count(3) if n not in sizes)
        example = torch.zeros(n_rows or any_number, n_features)

        def total(x: Tensor, *values: Tensor) -> Tensor:
            # Only the number of rows stays symbolic: these comparisons fix all other sizes.
            assert x.shape[1] == n_features
            assert all(v.shape == t.shape for v, t in zip(values, tensors, strict=True))
            logit: Tensor = functional_call(net, dict(zip(weights, values, strict=True)), (x,))
            return logit.sum()

        table = default_decompositions()
        self.traced: fx.GraphModule = make_fx(
            torch.func.grad(total),
            decomposition_table={operator: table[operator] for operator in DERIVATIVES},
            tracing_mode="fake" if n_rows else "symbolic",
        )(example, *tensors)
        _simplify(self.traced.graph)
        _bind(self.traced, list(weights.values()))
        self.traced.recompile()

    def forward(self, x: Tensor) -> Tensor:
        """Return the gradient at each row."""
        gradient: Tensor = self.traced(x)
        return gradient


def _bind(traced: fx.GraphModule, tensors: Sequence[Tensor]) -> None:
    """Make attributes of all inputs but the first: the weights of the net.

    They are the net's own tensors, not copies, so that the exporter stores each of them once.
    """
    _, *inputs = traced.graph.find_nodes(op="placeholder")
    for i, (node, tensor) in enumerate(zip(inputs, tensors, strict=True)):
        if node.users:
            if isinstance(tensor, nn.Parameter):
                traced.register_parameter(f"weight_{i}", tensor)
            else:
                traced.register_buffer(f"weight_{i}", tensor)
            with traced.graph.inserting_before(node):
                node.replace_all_uses_with(traced.graph.get_attr(f"weight_{i}"))
        traced.graph.erase_node(node)


def _simplify(graph: fx.Graph) -> None:
    """Replace derivatives that ONNX does not have, or the exporter would trace everything again.

    These are ``1 - y``, written as a subtraction in place from a new tensor of ones, and the
    derivative of a slice, written as an operator of its own instead of a padding with zeros.
    """
    for node in graph.find_nodes(op="call_function", target=aten.sub_.Tensor):
        filled, y = node.args
        if filled.target is aten.fill_.Scalar and len(filled.users) == 1:
            _replace(node, aten.rsub.Scalar, y, filled.args[1])
            graph.erase_node(filled)
    for node in graph.find_nodes(op="call_function", target=aten.slice_backward.default):
        part, sizes, dim, *cut = node.args
        if cut == [0, sys.maxsize, 1]:  # x[:]
            node.replace_all_uses_with(part)
            graph.erase_node(node)
        elif dim == len(sizes) - 1 and all(isinstance(n, int) for n in (sizes[dim], *cut)):
            start, end, step = slice(*cut).indices(sizes[dim])
            if step == 1:
                around = [start, sizes[dim] - max(start, end)]
                _replace(node, aten.constant_pad_nd.default, part, around)
    graph.eliminate_dead_code()


def _replace(node: fx.Node, operator: Callable[..., Any], *arguments: Any) -> None:
    with node.graph.inserting_before(node):
        node.replace_all_uses_with(node.graph.call_function(operator, arguments))
    node.graph.erase_node(node)


def make_traceable(attribution: Attribution, n_rows: int | None = None) -> None:
    """Turn reasons into a module that ``torch.onnx.export`` takes.

    Args:
        attribution: The reasons, changed in place.
        n_rows: The only number of rows that it will be traced with, or None.
    """
    if attribution.contributions is None:
        scorer = attribution.scorer
        n_rows = None if n_rows is None else n_rows * attribution.n_points
        attribution.gradient = TracedGradient(scorer.net, scorer.preprocess.n_features, n_rows)
