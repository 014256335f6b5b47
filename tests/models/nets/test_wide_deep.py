"""Wide and deep: the mean of both for everyone but the training loss."""

from __future__ import annotations

import torch

from churn_torch.models.nets.mlp import MLP
from churn_torch.models.nets.wide_deep import WideDeep

N_TERMS = 3


def made() -> tuple[WideDeep, torch.Tensor]:
    torch.manual_seed(0)
    return WideDeep(n_features=9, n_numbers=2, n_terms=N_TERMS, width=4), torch.randn(20, 9)


def test_the_answer_is_the_mean_and_training_sees_the_perceptron_alone():
    net, x = made()
    alone = MLP(n_features=9 - N_TERMS, n_numbers=2, width=4)
    alone.load_state_dict(net.state_dict())
    deep, float64 = alone.eval()(x[:, :-N_TERMS]), x[:, -N_TERMS:].sum(1)
    torch.testing.assert_close(net.eval()(x), (deep + float64) / 2)
    torch.manual_seed(1)
    learns = net.train()(x)
    torch.manual_seed(1)
    torch.testing.assert_close(learns, alone.train()(x[:, :-N_TERMS]))


def test_the_loss_does_not_reach_the_terms():
    net, x = made()
    x.requires_grad_()
    net.train()(x).sum().backward()
    assert x.grad is not None
    assert x.grad[:, :-N_TERMS].any()
    assert not x.grad[:, -N_TERMS:].any()
