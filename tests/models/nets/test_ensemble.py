"""Ensembles: the mean is of probabilities, each member learns by itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from churn_torch.models.nets.ensemble import Ensemble, log_odds_of_mean
from churn_torch.models.nets.mlp import MLP
from churn_torch.models.nets.tabm import TabM


@given(
    st_numpy.arrays(
        np.float32,
        st.tuples(st.integers(0, 4), st.integers(1, 5)),
        elements=st.floats(-12, 12, width=32),
    )
)
def test_log_odds_of_mean_against_probabilities(logits: np.ndarray):
    probability = (1 / (1 + np.exp(-logits.astype(np.float64)))).mean(1)
    expected = np.log(probability / (1 - probability))
    made = log_odds_of_mean(torch.from_numpy(logits))
    np.testing.assert_allclose(made, expected, rtol=1e-4, atol=1e-5)


def test_far_logits_stay_finite_with_a_finite_slope():
    far = torch.tensor([[1e4, 1e4], [-1e4, -1e4], [1e4, -1e4], [0.0, 0.0]], requires_grad=True)
    made = log_odds_of_mean(far)
    torch.testing.assert_close(made.detach(), torch.tensor([1e4, -1e4, 0.0, 0.0]))
    made.sum().backward()
    assert far.grad is not None
    assert far.grad.isfinite().all()


@pytest.mark.parametrize("net", [MLP, TabM])
def test_an_ensemble_is_the_mean_of_its_members(net: type[torch.nn.Module]):
    torch.manual_seed(0)
    members = [net(n_features=3, width=4, dropout=0.0) for _ in range(3)]
    ensemble, x = Ensemble(members), torch.randn(5, 3)
    each = ensemble(x)
    n_members = 3 if net is MLP else 48
    assert each.shape == (5, n_members)
    ensemble.eval()
    expected = each.sigmoid().mean(1).logit()
    torch.testing.assert_close(ensemble(x), expected)
    assert ensemble(x[:0]).shape == (0,)


def test_members_differ_from_the_start():
    torch.manual_seed(0)
    each = TabM(n_features=3, n_members=4, dropout=0.0)(torch.randn(6, 3))
    assert (each.std(1) > 1e-3).all()
