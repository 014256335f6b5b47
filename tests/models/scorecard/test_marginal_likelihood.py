"""Terms that matter stay, the others die, and sums by cell are sums over rows."""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import minimize
from torch.nn.functional import softplus

from churn_torch.models.scorecard.marginal_likelihood import (
    DesignBlock,
    fit_marginal_likelihood,
    hessian_sums,
    marginal_likelihood_gain,
)

N = 2000


def block(rng: np.random.Generator, n_codes: int, n_functions: int) -> DesignBlock:
    table = rng.normal(size=(n_codes, n_functions))
    cells = rng.integers(0, n_codes, N)
    return DesignBlock(torch.from_numpy(cells), torch.from_numpy(table))


def made(seed: int = 0) -> tuple[list[DesignBlock], torch.Tensor, torch.Tensor]:
    """A term that matters, one that does not, and labels with weights."""
    rng = np.random.default_rng(seed)
    terms = [block(rng, 6, 3), block(rng, 9, 5)]
    logit = terms[0].predict(torch.tensor([1.0, -0.7, 0.5], dtype=torch.float64)).numpy() - 0.5
    label = rng.random(N) < 1 / (1 + np.exp(-logit))
    return terms, torch.from_numpy(label.astype(float)), torch.from_numpy(rng.exponential(size=N))


def test_sums_by_cell_are_sums_over_rows():
    terms, _, curvature = made()
    hessian, mean = hessian_sums(terms, curvature)
    x = torch.cat([term.table[term.cells] for term in terms], dim=1)
    torch.testing.assert_close(hessian, x.T @ (x * curvature[:, None]))
    torch.testing.assert_close(mean, x.T @ curvature)


def test_weights_are_the_penalised_optimum():
    terms, label, weight = made()
    fit = fit_marginal_likelihood(
        terms, label, weight, torch.full((2,), 0.1).double(), max_steps=60
    )
    x = torch.cat([term.table[term.cells] for term in terms], dim=1)
    variance = torch.tensor(
        [float(v) for v, t in zip(fit.variance, terms, strict=True) for _ in t.table[0]]
    ).double()
    if not fit.weights[1].any():  # it died
        variance[3:] = 1e-12

    def objective(point: np.ndarray) -> tuple[float, np.ndarray]:
        v = torch.tensor(point, requires_grad=True)
        margin = (1 - 2 * label) * (x @ v[:-1] + v[-1])
        loss = (softplus(margin) * weight).sum() + (v[:-1].square() / variance).sum() / 2
        loss.backward()
        return float(loss.detach()), v.grad.numpy()

    best = minimize(objective, np.zeros(9), jac=True, method="BFGS", options={"maxiter": 500}).x
    np.testing.assert_allclose(fit.weights[0], best[:3], atol=0.01)
    np.testing.assert_allclose(fit.logit, x @ torch.from_numpy(best[:-1]) + best[-1], atol=0.05)


def test_noise_dies_and_signal_keeps_its_freedom():
    dead = 0
    for seed in range(5):
        terms, label, _ = made(seed)
        one = torch.ones(N, dtype=torch.float64)
        fit = fit_marginal_likelihood(
            terms, label, one, torch.full((2,), 0.1).double(), max_steps=40
        )
        assert fit.n_parameters[0] > 2.5
        assert fit.n_parameters[1] < 2.5
        dead += not fit.weights[1].any()
    assert dead >= 2


def test_gain_tells_signal_from_noise():
    terms, label, weight = made()
    probability = float((label * weight).sum() / weight.sum())
    slope = (label - probability) * weight
    curvature = probability * (1 - probability) * weight
    assert marginal_likelihood_gain(terms[0], slope, curvature) > 20
    assert marginal_likelihood_gain(terms[1], slope, curvature) < 3


def test_terms_without_functions_do_no_harm():
    _, label, weight = made()
    empty = DesignBlock(torch.zeros(N, dtype=torch.int64), torch.zeros(1, 0, dtype=torch.float64))
    fit = fit_marginal_likelihood([empty], label, weight, torch.ones(1).double(), max_steps=5)
    assert len(fit.weights[0]) == 0
    assert float(fit.n_parameters[0]) == 0
