"""The gradient of any net as a graph of plain operators, so that it can be exported."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch._decomp import get_decompositions
from torch.fx.experimental.proxy_tensor import make_fx

from churn_torch.models.attribution import Attribution
from churn_torch.models.scorer import Scorer

aten = torch.ops.aten
# Derivatives that torch keeps as one operator, and that no file has.
DERIVATIVES = (
    aten.threshold_backward,
    aten.gelu_backward,
    aten.elu_backward,
    aten.tanh_backward,
    aten.native_layer_norm_backward,
)


class TracedGradient(nn.Module):
    """The gradient of the sum of a net's logits by its rows, written out by torch's own rules.

    ``torch.export`` does not take a function that derives; what deriving does can be recorded,
    though, and holds nothing but operators.

    Args:
        net: ``[M, n_features]`` to ``[M]``, in evaluation mode.
        n_features: Width of a row.

    Shape:
        ``[M, n_features]`` to ``[M, n_features]``.
    """

    def __init__(self, net: nn.Module, n_features: int) -> None:
        super().__init__()
        # One row would be taken for a constant, and as many as some size of the net for that size.
        tensors = (*net.parameters(), *net.buffers())
        sizes = {n_features, *(size for tensor in tensors for size in tensor.shape)}
        example = torch.zeros(next(n for n in itertools.count(3) if n not in sizes), n_features)

        def total(x: Tensor) -> Tensor:
            # Only the number of rows stays open: asked for, the width is a number from here on.
            assert x.shape[1] == n_features
            logit: Tensor = net(x)
            return logit.sum()

        table: Any = get_decompositions(DERIVATIVES)
        self.traced = make_fx(
            torch.func.grad(total),
            decomposition_table=table,
            tracing_mode="symbolic",
            _allow_non_fake_inputs=True,  # the weights, which are taken as constants
        )(example)
        _simplify(self.traced.graph)
        self.traced.recompile()

    def forward(self, x: Tensor) -> Tensor:
        """Return the gradient at each row."""
        gradient: Tensor = self.traced(x)
        return gradient


def _simplify(graph: fx.Graph) -> None:
    """Write what torch's rules derive in operators that a file has, or torch would trace all again.

    ``1 - y``, for which they subtract from a new tensor of ones, and rows filled up with zeros.
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


def traceable_attribution(scorer: Scorer, n_points: int) -> Attribution:
    """Return the reasons of a scorer in a form that ``torch.onnx.export`` takes."""
    gradient = TracedGradient(scorer.net, scorer.preprocess.n_features)
    return Attribution(scorer, n_points, gradient)
