"""The gradient written out as operators, against torch's own."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.onnx._internal.exporter._registration import ONNXRegistry

from churn_torch.export.gradient import TracedGradient, make_traceable
from churn_torch.export.torch_exporter import is_translated, quiet_exporter
from churn_torch.models.attribution import Attribution
from churn_torch.models.nets.mlp import MLP
from tests.models.nets.test_contract import CASES
from tests.models.test_attribution import COLUMNS, PREPROCESS, X, scorer_of


def matters(cls: type[nn.Module], options: dict[str, Any]) -> bool:
    """Tell whether a net's graph is one of its own: an option by itself, and no size.

    The activations are the same functions in every net, so one net tries them.
    """
    names = set(options)
    is_repeated = "activation" in names and cls is not MLP
    if hasattr(cls, "contributions"):  # its reasons are exact: no gradient is traced
        return False
    return len(names) <= 1 and not names & {"width", "dropout"} and not is_repeated


NETS = [case for case in CASES if matters(*case.values)]


@pytest.fixture(scope="module")
def registry() -> ONNXRegistry:
    with quiet_exporter():
        return ONNXRegistry.from_torchlib()


def check_gradient(net: nn.Module, gradient: TracedGradient, n_rows: int) -> None:
    x = X[:n_rows].clone().requires_grad_()
    (expected,) = torch.autograd.grad(net(x).sum(), x)
    # Waves of large numbers: terms of a gradient that nearly cancel, in another order.
    torch.testing.assert_close(gradient(X[:n_rows]), expected, rtol=1e-4, atol=2e-5)


def check_operators(gradient: TracedGradient, registry: ONNXRegistry) -> None:
    """A gradient holds nothing that the exporter would trace all again for."""
    called = {n.target for n in gradient.traced.graph.nodes if n.op == "call_function"}
    assert not {operator for operator in called if not is_translated(operator, registry)}


@pytest.mark.parametrize(("cls", "options"), NETS)
def test_the_gradient_is_torchs(
    cls: type[nn.Module], options: dict[str, Any], registry: ONNXRegistry
):
    """For the number of rows that a graph is traced with; the file takes any (test_exportable)."""
    net = scorer_of(cls, **options).net
    gradient = TracedGradient(net, PREPROCESS.n_features, n_rows=60)
    check_operators(gradient, registry)
    check_gradient(net, gradient, 60)


@pytest.mark.parametrize(("cls", "options"), [case for case in NETS if not case.values[1]])
def test_the_gradient_is_torchs_for_any_number_of_rows(
    cls: type[nn.Module], options: dict[str, Any], registry: ONNXRegistry
):
    """As it is traced for the rare net that no fixed number fits: each with its defaults."""
    net = scorer_of(cls, **options).net
    gradient = TracedGradient(net, PREPROCESS.n_features)
    check_operators(gradient, registry)
    # Of no rows torch has no backward pass of batch norm; the file is asked in test_exportable.py.
    for n_rows in (1, 3, 60):
        check_gradient(net, gradient, n_rows)


class Cut(nn.Module):
    """A net that sees some of the features."""

    def __init__(self, chosen: slice) -> None:
        super().__init__()
        self.chosen = chosen

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, self.chosen].square().sum(1)


@pytest.mark.parametrize(
    "chosen",
    [
        slice(None), slice(1, 3), slice(-1), slice(-2, None), slice(1, -1), slice(2, 99),
        slice(-99, 2), slice(3, 1), slice(None, None, 2),
    ],
    ids=str,
)  # fmt: skip
def test_any_cut_through_the_features(chosen: slice):
    x = torch.randn(4, 5)
    columns = torch.zeros(5)
    columns[chosen] = 1
    torch.testing.assert_close(TracedGradient(Cut(chosen), 5)(x), 2 * x * columns)


@pytest.mark.parametrize("n_numbers", [3, 4, 5])
def test_no_size_of_the_net_is_taken_for_the_number_of_rows(n_numbers: int):
    net = MLP(n_features=n_numbers, width=n_numbers, n_frequencies=n_numbers).eval()
    gradient = TracedGradient(net, n_numbers)
    for n_rows in (1, 2, 7):
        x = torch.randn(n_rows, n_numbers, requires_grad=True)
        (expected,) = torch.autograd.grad(net(x).sum(), x)
        torch.testing.assert_close(gradient(x.detach()), expected)


def test_the_net_is_left_alone():
    """That the rest is operators that leave in a file is shown by tests/test_exportable.py."""
    net = scorer_of(MLP, normalization="batch", width=8).net
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    TracedGradient(net, PREPROCESS.n_features, n_rows=len(X))(X)
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())


def test_the_reasons_by_it_are_the_reasons():
    scorer = scorer_of(MLP, width=8, residual=True, normalization="layer")
    expected = Attribution(scorer, 6).explain(COLUMNS)
    attribution = Attribution(scorer, 6)
    make_traceable(attribution)
    torch.testing.assert_close(attribution.explain(COLUMNS), expected)
