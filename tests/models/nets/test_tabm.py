"""TabM: what it computes, against matrices member by member."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from churn_torch.errors import InputError
from churn_torch.models.nets.tabm import TabM


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_against_matrices(depth: int):
    torch.manual_seed(0)
    net = TabM(n_features=3, n_members=4, width=5, depth=depth, dropout=0.0, n_frequencies=0)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter)
    x = torch.randn(6, 3)
    expected = []
    for k in range(4):
        h = x
        for layer in net.layers:
            h = (h * layer.in_scale[k]) @ layer.weight * layer.out_scale[k] + layer.bias[k]
            h = h / (1 + torch.exp(-h))
        expected.append(h @ net.head[:, k] + net.bias[k])
    torch.testing.assert_close(net(x), torch.stack(expected, dim=1))


def test_waves_of_the_numbers_are_seen_by_all_members():
    net = TabM(n_features=5, n_numbers=2, n_members=2, depth=1, n_frequencies=3).eval()
    plain = TabM(n_features=5 + 2 * 3, n_members=2, depth=1, n_frequencies=0).eval()
    plain.load_state_dict({k: v for k, v in net.state_dict().items() if "embed" not in k})
    x = torch.randn(6, 5)
    assert torch.equal(net(x), plain(net.embed(x)))


def test_members_share_their_matrices():
    few, many = (TabM(n_features=9, n_members=n, width=8, n_frequencies=0) for n in (1, 10))
    sizes = [[p.numel() for p in net.parameters()] for net in (few, many)]
    matrices = [9 * 8, 8 * 8]
    assert sum(sizes[1]) - sum(sizes[0]) == 9 * (sum(sizes[0]) - sum(matrices))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_members": 0}, "expected n_members >= 1"),
        ({"width": 0}, "width=0"),
        ({"depth": -1}, "depth=-1"),
        ({"dropout": 1.0}, "0 <= dropout < 1"),
        ({"n_frequencies": -1}, "n_frequencies >= 0 .* got n_frequencies=-1"),
        ({"activation": "rellu"}, r"model.activation: .* \(did you mean 'relu'\?\)"),
    ],
)
def test_refusals(options: dict[str, Any], message: str):
    with pytest.raises(InputError, match=message):
        TabM(n_features=2, **options)
