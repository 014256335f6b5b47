"""The gradient of any net as a graph of plain operators, so that it can be exported."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.fx.experimental.proxy_tensor import make_fx

from churn_torch.models.attribution import Attribution
from churn_torch.models.scorer import Scorer


class TracedGradient(nn.Module):
    """The gradient of the sum of a net's logits by its rows, written out by torch's own rules.

    ``torch.export`` does not take a function that derives; what deriving does can be recorded,
    though, with the net's tensors as inputs, and holds nothing but operators.

    Args:
        net: ``[M, n_features]`` to ``[M]``, in evaluation mode.
        n_features: Width of a row.

    Shape:
        ``[M, n_features]`` to ``[M, n_features]``.
    """

    def __init__(self, net: nn.Module, n_features: int) -> None:
        super().__init__()
        tensors = {
            name: tensor.detach()
            for name, tensor in (*net.named_parameters(), *net.named_buffers())
        }

        def total(values: list[Tensor], x: Tensor) -> Tensor:
            logit: Tensor = functional_call(net, dict(zip(tensors, values, strict=True)), (x,))
            return logit.sum()

        gradient = torch.func.grad(total, argnums=1)
        # One row would be taken for a constant, and as many as some size of the net for that size.
        sizes = {n_features, *(size for tensor in tensors.values() for size in tensor.shape)}
        example = torch.zeros(next(n for n in itertools.count(3) if n not in sizes), n_features)
        traced = make_fx(gradient, tracing_mode="symbolic")(list(tensors.values()), example)
        self.traced = traced
        self.names = [f"value_{i}" for i in range(len(tensors))]
        for name, tensor in zip(self.names, tensors.values(), strict=True):
            self.register_buffer(name, tensor)

    def forward(self, x: Tensor) -> Tensor:
        """Return the gradient at each row."""
        gradient: Tensor = self.traced([self.get_buffer(name) for name in self.names], x)
        return gradient


def traceable_attribution(scorer: Scorer, n_points: int) -> Attribution:
    """Return the reasons of a scorer in a form that ``torch.onnx.export`` takes."""
    gradient = TracedGradient(scorer.net, scorer.preprocess.n_features)
    return Attribution(scorer, n_points, gradient)
