"""Multilayer perceptrons: what each option does."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from churn_torch.errors import InputError
from churn_torch.models.nets.mlp import ACTIVATIONS, MLP, NORMALIZATIONS

FUNCTIONS = {
    "relu": lambda x: x.clamp(min=0),
    "gelu": lambda x: x * 0.5 * (1 + torch.erf(x / 2**0.5)),
    "silu": lambda x: x / (1 + torch.exp(-x)),
    "selu": lambda x: (
        1.0507009873554805 * torch.where(x > 0, x, 1.6732632423543772 * (torch.exp(x) - 1))
    ),
    "tanh": lambda x: (torch.exp(x) - torch.exp(-x)) / (torch.exp(x) + torch.exp(-x)),
}


def normalized(name: str, x: torch.Tensor) -> torch.Tensor:
    """What a fresh normalisation layer does in evaluation."""
    if name == "layer":
        x = (x - x.mean(1, keepdim=True)) / (x.var(1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    if name == "batch":
        x = x / (1 + 1e-5) ** 0.5  # running mean 0, variance 1
    return x


def test_every_choice_has_a_reference():
    assert set(FUNCTIONS) == set(ACTIVATIONS)
    assert set(NORMALIZATIONS) == {"none", "batch", "layer"}


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_against_matrices(activation: str, normalization: Any, residual: bool, depth: int):
    torch.manual_seed(0)
    net = MLP(
        n_features=3,
        width=4,
        depth=depth,
        dropout=0.3,
        activation=activation,
        normalization=normalization,
        residual=residual,
        n_frequencies=0,
    ).eval()
    layers = [m for m in net.modules() if isinstance(m, nn.Linear)]
    assert len(layers) == depth + 1 + residual
    x = torch.randn(6, 3)

    def linear(layer: nn.Linear, h: torch.Tensor) -> torch.Tensor:
        return h @ layer.weight.T + layer.bias

    h = linear(layers[0], x) if residual else x
    for layer in layers[residual:-1]:
        if residual:
            h = h + FUNCTIONS[activation](linear(layer, normalized(normalization, h)))
        else:
            h = FUNCTIONS[activation](normalized(normalization, linear(layer, h)))
    torch.testing.assert_close(net(x), linear(layers[-1], h).squeeze(1))


def test_dropout_acts_in_training_only():
    torch.manual_seed(0)
    net = MLP(n_features=3, width=64, dropout=0.5)
    x = torch.randn(4, 3)
    assert not torch.equal(net(x), net(x))
    net.eval()
    assert torch.equal(net(x), net(x))
    still = MLP(n_features=3, dropout=0.0)
    assert torch.equal(still(x), still(x))


def test_residual_carries_the_gradient_past_dead_blocks():
    net = MLP(n_features=2, width=3, depth=2, dropout=0.0, residual=True, n_frequencies=0)
    with torch.no_grad():
        for block in net.blocks:
            for parameter in block.parameters():
                parameter.fill_(-1e3)  # relu gives zero for positive inputs
    x = torch.rand(4, 2, requires_grad=True)
    with torch.no_grad():
        net.stem.weight.fill_(1.0)
        net.stem.bias.fill_(0.0)
    net(x).sum().backward()
    expected = (net.head.weight @ net.stem.weight).expand(4, 2)
    torch.testing.assert_close(x.grad, expected)


def test_batch_normalisation_takes_a_single_row_by_its_past():
    torch.manual_seed(0)
    net = MLP(n_features=2, width=3, dropout=0.0, normalization="batch")
    x = torch.randn(50, 2)
    net(x)
    before = {name: buffer.clone() for name, buffer in net.named_buffers()}
    assert any((buffer != 0).any() for name, buffer in before.items() if "running_mean" in name)
    single = net(x[:1])
    assert torch.equal(single, net.eval()(x[:1]))
    for name, buffer in net.named_buffers():
        assert torch.equal(buffer, before[name]), name


def test_depth_zero_is_linear():
    net = MLP(n_features=3, depth=0, n_frequencies=0)
    assert [tuple(p.shape) for p in net.parameters()] == [(1, 3), (1,)]


def test_width_and_depth_set_the_sizes():
    net = MLP(n_features=3, width=5, depth=2, n_frequencies=0)
    shapes = [tuple(p.shape) for p in net.parameters()]
    assert shapes == [(5, 3), (5,), (5, 5), (5,), (1, 5), (1,)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, "expected width >= 1"),
        ({"depth": -1}, "got width=128, depth=-1"),
        ({"width": 1, "normalization": "layer"}, "2 or more with normalization=layer"),
        ({"dropout": 1.0}, "0 <= dropout < 1, got .*dropout=1.0"),
        ({"dropout": -0.1}, "dropout=-0.1"),
        ({"activation": "rellu"}, r"model.activation: .* got 'rellu' \(did you mean 'relu'\?\)"),
        ({"activation": "swish"}, "expected one of relu, gelu, silu, selu, tanh, got 'swish'"),
        ({"normalization": "Batch"}, r"got 'Batch' \(did you mean 'batch'\?\)"),
    ],
)
def test_refusals(options: dict[str, Any], message: str):
    with pytest.raises(InputError, match=message):
        MLP(n_features=2, **options)
