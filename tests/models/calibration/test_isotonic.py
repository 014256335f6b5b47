"""Centred isotonic regression against a plain pool-adjacent-violators."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from torch import Tensor

from churn_torch.errors import InputError
from churn_torch.models.calibration import Isotonic, Platt
from churn_torch.models.calibration.isotonic import MAX_RISE, MIN_SPREAD, fit_isotonic
from tests.models.calibration.made_rows import Array, calibrated, fitted, loss, sample, scored


def pool_adjacent_violators(logit: Array, label: Array) -> list[Array]:
    """Isotonic regression value by value: blocks as (sum of logits, churners, rows)."""
    blocks: list[Array] = []
    for value in np.unique(logit):
        here = logit == value
        blocks.append(np.array([value * here.sum(), label[here].sum(), here.sum()]))
        while len(blocks) > 1 and blocks[-2][1] / blocks[-2][2] >= blocks[-1][1] / blocks[-1][2]:
            last = blocks.pop()
            blocks[-1] = blocks[-1] + last
    return blocks


def runs_of_blocks(blocks: list[Array], knots: Array, values: Array) -> list[Array]:
    """Take apart the blocks into one run for each knot, in which the knot is the whole run."""
    runs, rest = [], list(blocks)
    for knot, value in zip(knots, values, strict=True):
        run = np.zeros(3)
        while True:
            run = run + rest.pop(0)
            rate = (run[1] + 0.5) / (run[2] + 1)
            same_rate = np.isclose(np.log(rate / (1 - rate)), value, atol=1e-9)
            if same_rate and np.isclose(run[0] / run[2], knot, rtol=1e-9, atol=1e-9):
                break
        runs.append(run)
    assert rest == []
    return runs


def steepest(logit: Array) -> float:
    return MAX_RISE / max(float(logit.std()), MIN_SPREAD * float(np.abs(logit).max()), 1e-30)


def test_isotonic_does_not_flatten_logits_close_together():
    logit, label = sample(4000, slope=1.0, shift=-1.0)
    knots, _ = fit_isotonic(logit, label, 32)
    compact, _ = fit_isotonic(logit / 500, label, 32)
    assert len(compact) == len(knots) > 5


@given(scored(), st.integers(2, 12))
def test_isotonic_pools_the_blocks_of_pool_adjacent_violators(
    rows: tuple[Array, Array], n_knots: int
):
    # scikit-learn takes logits nearer than 1e-15 for one; here they are equal or well apart.
    logit, label = rows[0].round(2), rows[1]
    knots, values = fit_isotonic(logit, label, n_knots)
    assert 1 <= len(knots) == len(values) <= n_knots
    runs = runs_of_blocks(pool_adjacent_violators(logit, label), knots, values)
    assert len(runs) == 1 or min(run[2] for run in runs) >= np.sqrt(len(logit)) / 2
    # No steeper than allowed, never level, never down.
    assert (np.diff(knots) > 0).all()
    assert (np.diff(values) > 0).all()
    assert (np.diff(values) <= steepest(logit) * np.diff(knots) * (1 + 1e-9)).all()


@pytest.mark.parametrize("ties", [False, True])
def test_isotonic_keeps_every_block_that_is_large_enough(ties: bool):
    logit, label = sample(5000)
    logit = logit.round(1) if ties else logit
    knots, values = fit_isotonic(logit, label, n_knots=10_000)
    blocks = pool_adjacent_violators(logit, label)
    runs = runs_of_blocks(blocks, knots, values)
    # sqrt(5000) / 2 is 35 rows: smaller ones were joined, and few others by the bounds on slope.
    large = sum(block[2] >= 36 for block in blocks)
    assert 0.9 * large <= len(runs) < len(blocks)
    assert len(runs) > 20


def test_isotonic_knots_by_hand():
    logit = np.repeat([-2.0, -1.0, 1.0, 2.0], 8)
    label = np.repeat([0.0, 1.0] * 4, [7, 1, 5, 3, 6, 2, 1, 7])
    knots, values = fit_isotonic(logit, label, 32)
    # 3/8 at -1 and 2/8 at 1 are pooled at their mean, 0.
    assert knots.tolist() == [-2.0, 0.0, 2.0]
    rates = np.array([1.5 / 9, 5.5 / 17, 7.5 / 9])
    np.testing.assert_allclose(values, np.log(rates / (1 - rates)))
    knots, values = fit_isotonic(logit, label, 2)
    assert knots.tolist() == pytest.approx([-2 / 3, 2.0])
    rates = np.array([6.5 / 25, 7.5 / 9])
    np.testing.assert_allclose(values, np.log(rates / (1 - rates)))


@pytest.mark.parametrize("n_knots", [-1, 0, 1])
def test_isotonic_refuses_too_few_knots(n_knots: int):
    with pytest.raises(InputError, match=f"n_knots: expected 2 or more, got {n_knots}"):
        Isotonic(n_knots)


@pytest.mark.parametrize("n_knots", [2, 5, 32])
def test_isotonic_forward_is_the_line_through_its_knots(n_knots: int):
    logit, label = sample(3000, slope=0.4, shift=-0.5)
    calibrator = fitted(Isotonic, logit, label, n_knots=n_knots)
    knots, values = fit_isotonic(logit, label, n_knots)
    probes = np.r_[-1e6, np.linspace(-8, 8, 801), knots, 1e6]
    # np.interp: straight between the knots, flat beyond them.
    np.testing.assert_allclose(
        calibrated(calibrator, probes), np.interp(probes, knots, values), atol=2e-5
    )


@given(scored())
def test_isotonic_has_no_steps(rows: tuple[Array, Array]):
    calibrator = fitted(Isotonic, *rows)
    near = torch.tensor(rows[0][np.abs(rows[0]) < 100], dtype=torch.float32).reshape(-1, 1)
    step = torch.logspace(-6, 0, 13)
    moved = (near + step) - near  # as far as float32 really goes
    change = calibrator((near + moved).flatten()) - calibrator((near + 0 * moved).flatten())
    assert (change <= steepest(rows[0]) * moved.flatten() * 1.01 + 1e-5).all()


@pytest.mark.parametrize("n", [200, 1000, 5000])
@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0, 3.0])
def test_isotonic_is_worth_having_on_new_rows(n: int, slope: float):
    fresh = np.random.default_rng(99).normal(size=20_000) * 1.5
    truth = slope * fresh - 0.5
    excess = []
    for seed in range(10):
        logit, label = sample(n, seed=seed, slope=slope, shift=-0.5)
        made = calibrated(fitted(Isotonic, logit, label), fresh)
        gap = np.logaddexp(0, made) - expit(truth) * made
        excess.append(np.mean(gap - np.logaddexp(0, truth) + expit(truth) * truth))
    # Log-loss over the best there can be; two free numbers (Platt) would cost about 1 / n.
    assert np.mean(excess) < 0.4 * n ** (-2 / 3)


def test_isotonic_mends_what_a_line_cannot():
    rng = np.random.default_rng(0)
    logit = rng.normal(size=20_000) * 2
    truth = np.where(logit < 0, 0.1 * logit - 1, 3 * logit - 1)
    label = (rng.random(len(logit)) < expit(truth)).astype(float)
    made = calibrated(fitted(Isotonic, logit, label), logit)
    line: Tensor = fitted(Platt, logit, label)(torch.from_numpy(logit))
    assert loss(made, label) < loss(line.numpy(), label) - 0.01
    assert np.abs(expit(made) - expit(truth)).mean() < 0.02
