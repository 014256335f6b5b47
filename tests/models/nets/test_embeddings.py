"""Waves of the numbers, in the nets that have them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from churn_torch.errors import InputError
from churn_torch.models.nets.embeddings import Periodic
from churn_torch.models.nets.mlp import MLP
from churn_torch.models.nets.tabm import TabM


def test_waves_are_of_the_numbers_alone():
    torch.manual_seed(0)
    net = MLP(n_features=5, n_numbers=2, width=4, depth=0, n_frequencies=3).eval()
    assert isinstance(net.embed, Periodic)
    assert net.head.in_features == 5 + 2 * 3
    x = torch.randn(6, 5)
    waves = []
    for i in range(2):
        angle = 2 * torch.pi * x[:, i : i + 1] * net.embed.frequency[i]
        mixed = torch.cat([angle.cos(), angle.sin()], 1) @ net.embed.weight[i]
        mixed = mixed + net.embed.bias[i]
        waves.append(mixed * mixed.sigmoid())
    torch.testing.assert_close(net(x), net.head(torch.cat([x, *waves], 1)).squeeze(1))
    # A table without numbers has no waves.
    assert MLP(n_features=5, n_numbers=0, n_frequencies=3).embed.state_dict() == {}


@pytest.mark.parametrize("net", [MLP, TabM])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_frequencies": -1}, "n_frequencies >= 0 .* got n_frequencies=-1"),
        ({"frequency_scale": 0.0}, "frequency_scale > 0, got .*frequency_scale=0.0"),
    ],
)
def test_refusals(net: type[MLP] | type[TabM], options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        net(n_features=2, **options)
