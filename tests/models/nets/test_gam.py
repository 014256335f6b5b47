"""The additive net: columns do not mix, and what they add is the logit."""

from __future__ import annotations

import pytest
import torch

from churn_torch.errors import InputError
from churn_torch.models.nets.gam import GAM

COLUMNS = [[0, 3], [1], [], [2, 4]]


def made() -> GAM:
    torch.manual_seed(0)
    net = GAM(n_features=5, columns=COLUMNS, width=6, dropout=0.0)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter)
    return net.eval()


def test_what_columns_add_is_the_logit():
    net, x = made(), torch.randn(7, 5)
    added = net.contributions(x)
    assert added.shape == (7, 4)
    torch.testing.assert_close(added.sum(1) + net.intercept, net(x))


@pytest.mark.parametrize(("column", "features"), list(enumerate(COLUMNS)))
def test_a_column_hears_of_its_own_features_only(column: int, features: list[int]):
    net, x = made(), torch.randn(7, 5)
    moved = x.clone()
    moved[:, features] += torch.randn(7, len(features))
    change = net.contributions(moved) - net.contributions(x)
    others = [i for i in range(4) if i != column]
    assert torch.equal(change[:, others], torch.zeros(7, 3))
    assert bool((change[:, column].abs() > 1e-3).all()) is bool(features)


def test_against_one_net_a_column():
    net, x = made(), torch.randn(3, 5)
    weight, bias = net.weight.view(5, 4, 6), net.bias.view(4, 6)
    for column, features in enumerate(COLUMNS):
        units = bias[column] + x[:, features] @ weight[features, column]
        units = units / (1 + torch.exp(-units))
        expected = units @ net.head_weight[column]
        torch.testing.assert_close(net.contributions(x)[:, column], expected)


def test_weights_between_columns_get_no_gradient():
    net = made().train()
    net(torch.randn(7, 5)).sum().backward()
    assert net.weight.grad is not None
    assert torch.equal(net.weight.grad != 0, net.get_buffer("own") != 0)


def test_refusals():
    with pytest.raises(InputError, match="got width=0"):
        GAM(n_features=2, width=0)
    with pytest.raises(InputError, match=r"dropout=1\.5"):
        GAM(n_features=2, dropout=1.5)
