from __future__ import annotations

import pytest
import torch
from torch import nn

from churn_torch.models.nets.linear import Linear
from churn_torch.models.nets.mlp import MLP
from churn_torch.models.nets.tabm import TabM
from churn_torch.models.nets.uplift import EffectHead, Uplift

N, F = 6, 4


def pairs() -> list[tuple[nn.Module, nn.Module]]:
    torch.manual_seed(0)
    linear = Linear(n_features=F), Linear(n_features=F)
    sizes = {"n_features": F, "width": 5, "dropout": 0.0}
    mlp = MLP(**sizes), EffectHead(5)
    tabm = TabM(**sizes, n_members=3), TabM(**sizes, n_members=3)
    for net in (*linear, mlp[1]):
        for parameter in net.parameters():
            nn.init.normal_(parameter)
    return [linear, mlp, tabm]


@pytest.mark.parametrize("which", range(3), ids=["linear", "mlp", "tabm"])
def test_each_row_has_the_logit_of_its_own_arm(which: int) -> None:
    net, effect = pairs()[which]
    uplift, x = Uplift(net, effect).eval(), torch.randn(N, F)
    alone, contacted = uplift(x), uplift(x, torch.ones(N))
    assert alone.shape == contacted.shape == (N,)
    torch.testing.assert_close(alone, net(x))
    torch.testing.assert_close(uplift(x, torch.zeros(N)), alone)
    assert (alone - contacted).abs().max() > 0.01
    mixed = torch.tensor([0.0, 1.0] * 3)
    torch.testing.assert_close(uplift(x, mixed), torch.where(mixed == 1, contacted, alone))


def test_a_linear_net_has_an_interaction_of_every_feature() -> None:
    net, effect = pairs()[0]
    x, treatment = torch.randn(N, F), torch.tensor([0.0, 1.0] * 3)
    weight = (net.linear, effect.linear)
    by_hand = x @ weight[0].weight[0] + weight[0].bias
    by_hand = by_hand + treatment * (x @ weight[1].weight[0] + weight[1].bias)
    torch.testing.assert_close(Uplift(net, effect)(x, treatment), by_hand)


def test_hidden_units_are_shared_and_there_is_no_effect_at_the_start() -> None:
    net = MLP(n_features=F, width=5, dropout=0.0)
    uplift, x = Uplift(net, EffectHead(5)), torch.randn(N, F)
    torch.testing.assert_close(uplift(x, torch.ones(N)), net(x))
    uplift(x, torch.ones(N)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    n_more = sum(p.numel() for p in uplift.parameters()) - sum(p.numel() for p in net.parameters())
    assert n_more == 5 + 1


def test_each_member_of_an_ensemble_has_its_own_effect() -> None:
    net, effect = pairs()[2]
    uplift, x, treatment = Uplift(net, effect), torch.randn(N, F), torch.tensor([0.0, 1.0] * 3)
    expected = net.each(x) + treatment.unsqueeze(1) * effect.each(x)
    torch.testing.assert_close(uplift(x, treatment), expected)
    mean = expected.sigmoid().mean(1)
    torch.testing.assert_close(uplift.eval()(x, treatment).sigmoid(), mean)
