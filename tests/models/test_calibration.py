"""Calibrators against slow optimisers, scikit-learn, and a plain pool-adjacent-violators."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from torch import Tensor, nn

from churn_torch.errors import InputError
from churn_torch.models import calibration
from churn_torch.models.calibration import (
    MAX_RISE,
    MIN_SPREAD,
    Calibrator,
    Isotonic,
    Platt,
    Temperature,
    fit_isotonic,
    fit_platt,
    fit_temperature,
)

Array = npt.NDArray[np.float64]

# Every calibrator in the module, so that a new one is held to the contract too.
CALIBRATORS = [
    cls
    for _, cls in inspect.getmembers(calibration, inspect.isclass)
    if issubclass(cls, Calibrator)
]

DEGENERATE: dict[str, tuple[list[float], list[float]]] = {
    "one row": ([0.3], [1.0]),
    "two rows": ([-1.0, 1.0], [0.0, 1.0]),
    "two rows, the wrong way round": ([1.0, -1.0], [0.0, 1.0]),
    "constant logits": ([0.7] * 10, [0.0, 1.0] * 5),
    "all zero": ([0.0] * 6, [0.0, 1.0] * 3),
    "separable": ([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0], [0.0] * 3 + [1.0] * 3),
    "separable, the wrong way round": ([3.0, 2.0, 1.0, -1.0, -2.0, -3.0], [0.0] * 3 + [1.0] * 3),
    "only churners": ([-1.0, 0.0, 2.0], [1.0] * 3),
    "no churners": ([-1.0, 0.0, 2.0], [0.0] * 3),
    "huge": ([-1e6, -1e5, 1e5, 1e6] * 3, [0.0, 1.0, 0.0, 1.0] * 3),
    "tiny": ([-1e-30, 0.0, 1e-30], [0.0, 1.0, 0.0]),
    "neighbours in float32": ([1.0, 1.0 + 2**-23, 1.0 + 2**-22], [0.0, 0.0, 1.0]),
}

PROBES = torch.tensor(
    [-3.4e38, -1e6, -50.0, -2.0, -1.0, -1e-30, 0.0, 0.3, 1.0, 1 + 2**-23, 2.0, 50.0, 1e6, 3.4e38]
)


@st.composite
def scored(draw: st.DrawFn) -> tuple[Array, Array]:
    """Logits as float32 nets give them, and labels."""
    logit = st.one_of(st.floats(-30, 30, width=32), st.sampled_from([0.0, 1.0, -1.0, 1e4, -1e4]))
    rows = draw(st.lists(st.tuples(logit, st.integers(0, 1)), min_size=1, max_size=40))
    logits, labels = zip(*rows, strict=True)
    return np.array(logits, dtype=np.float64), np.array(labels, dtype=np.float64)


def sample(
    n: int = 2000, seed: int = 0, slope: float = 1.0, shift: float = 0.0
) -> tuple[Array, Array]:
    """Logits whose true log-odds are ``slope * logit + shift``."""
    rng = np.random.default_rng(seed)
    logit = rng.normal(size=n).astype(np.float32).astype(np.float64) * 2
    return logit, (rng.random(n) < expit(slope * logit + shift)).astype(np.float64)


def loss(logit: Array, label: Array) -> float:
    return log_loss(label, expit(logit), labels=[0, 1])


def calibrated(calibrator: Calibrator, logit: Array | list[float]) -> Array:
    given_logit = torch.tensor(logit, dtype=torch.float32)
    return calibrator(given_logit).double().numpy()


def fitted(cls: type[Calibrator], logit: Any, label: Any, **options: Any) -> Calibrator:
    calibrator = cls(**options)
    calibrator.fit(np.array(logit, dtype=np.float64), np.array(label, dtype=np.float64))
    return calibrator


# The contract, over all of them


def test_there_are_calibrators():
    assert {Calibrator, Temperature, Platt, Isotonic} <= set(CALIBRATORS)


@pytest.mark.parametrize("cls", CALIBRATORS)
@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_rows_give_a_finite_rising_map(cls: type[Calibrator], name: str):
    calibrator = fitted(cls, *DEGENERATE[name])
    for key, buffer in calibrator.state_dict().items():
        assert buffer.isfinite().all(), key
    probability = torch.sigmoid(calibrator(PROBES))
    assert not probability.isnan().any()
    assert (probability.diff() >= 0).all()


@pytest.mark.parametrize("cls", CALIBRATORS)
@given(rows=scored())
def test_any_rows_give_a_finite_rising_map(cls: type[Calibrator], rows: tuple[Array, Array]):
    calibrator = fitted(cls, *rows)
    assert all(buffer.isfinite().all() for buffer in calibrator.buffers())
    probes = torch.cat([PROBES, torch.tensor(rows[0], dtype=torch.float32)]).sort().values
    made = calibrator(probes)
    assert not made.isnan().any()
    # Rounding in sums of float32 segments may undo an increase smaller than it can show.
    assert (made.diff() >= -1e-5).all()


@pytest.mark.parametrize("cls", CALIBRATORS)
@pytest.mark.parametrize("n", [0, 1, 5])
def test_shape_and_dtype(cls: type[Calibrator], n: int):
    made = fitted(cls, *sample(50))(torch.linspace(-1, 1, n))
    assert made.shape == (n,)
    assert made.dtype == torch.float32


@pytest.mark.parametrize("cls", CALIBRATORS)
def test_state_comes_back_and_nothing_is_trained(cls: type[Calibrator]):
    calibrator = fitted(cls, *sample(slope=0.5, shift=0.4))
    assert list(calibrator.parameters()) == []
    again = cls()
    again.load_state_dict(calibrator.state_dict())
    assert torch.equal(again(PROBES), calibrator(PROBES))


@pytest.mark.parametrize("cls", CALIBRATORS)
def test_a_second_fit_forgets_the_first(cls: type[Calibrator]):
    calibrator = fitted(cls, *sample(slope=0.3))
    rows = sample(40, seed=1, slope=2.0)
    calibrator.fit(*rows)
    assert torch.equal(calibrator(PROBES), fitted(cls, *rows)(PROBES))


@pytest.mark.parametrize("cls", CALIBRATORS)
def test_whole_weights_are_repeated_rows(cls: type[Calibrator]):
    logit, label = sample(400, slope=0.5, shift=0.4)
    times = np.random.default_rng(0).integers(1, 5, len(logit))
    weighted = cls()
    weighted.fit(logit, label, times.astype(np.float64))
    repeated = fitted(cls, np.repeat(logit, times), np.repeat(label, times))
    torch.testing.assert_close(weighted(PROBES), repeated(PROBES), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("cls", CALIBRATORS)
def test_row_order_does_not_matter(cls: type[Calibrator]):
    logit, label = sample(300)
    logit = logit.round(1)  # with ties
    order = np.random.default_rng(0).permutation(len(logit))
    one, other = fitted(cls, logit, label), fitted(cls, logit[order], label[order])
    torch.testing.assert_close(one(PROBES), other(PROBES), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("cls", [cls for cls in CALIBRATORS if cls is not Calibrator])
@pytest.mark.parametrize("slope", [0.3, 3.0])
def test_a_miscalibrated_model_is_mended(cls: type[Calibrator], slope: float):
    logit, label = sample(4000, slope=slope)
    calibrator = fitted(cls, logit, label)
    assert loss(calibrated(calibrator, logit), label) < loss(logit, label) - 0.02
    fresh, fresh_label = sample(4000, seed=1, slope=slope)
    made = calibrated(calibrator, fresh)
    assert loss(made, fresh_label) < loss(slope * fresh, fresh_label) + 0.004


@pytest.mark.parametrize("cls", CALIBRATORS)
def test_a_calibrated_model_is_left_nearly_as_it_is(cls: type[Calibrator]):
    logit, label = sample(20_000)
    made = calibrated(fitted(cls, logit, label), logit)
    assert np.abs(expit(made) - expit(logit)).max() < 0.05


@pytest.mark.parametrize("cls", CALIBRATORS)
def test_calibrators_are_modules_without_dropout(cls: type[Calibrator]):
    calibrator = fitted(cls, *sample(100))
    assert isinstance(calibrator, nn.Module)
    assert torch.equal(calibrator.train()(PROBES), calibrator.eval()(PROBES))


def test_none_changes_nothing():
    assert torch.equal(fitted(Calibrator, *sample(30))(PROBES), PROBES)


# Temperature


@given(scored())
def test_temperature_is_no_worse_than_any_on_a_grid(rows: tuple[Array, Array]):
    logit, label = rows
    temperature = fit_temperature(logit, label)
    grid = np.exp(np.linspace(-4, 4, 161))
    best = min(np.mean(np.logaddexp(0, logit / t) - label * logit / t) for t in grid)
    mine = np.mean(np.logaddexp(0, logit / temperature) - label * logit / temperature)
    assert mine <= best + 1e-6 * max(1, abs(best))


@pytest.mark.parametrize("slope", [0.25, 1.0, 4.0])
def test_temperature_against_newton(slope: float):
    logit, label = sample(1000, slope=slope)
    beta = 1.0  # the reciprocal: log-loss is convex in it
    for _ in range(50):
        p = expit(beta * logit)
        beta -= np.sum((p - label) * logit) / np.sum(p * (1 - p) * logit**2)
    assert fit_temperature(logit, label) == pytest.approx(1 / beta, rel=1e-5)


def test_temperature_is_bounded():
    assert fit_temperature(*map(np.array, DEGENERATE["separable"])) == pytest.approx(np.exp(-4))
    wrong = map(np.array, DEGENERATE["separable, the wrong way round"])
    assert fit_temperature(*wrong) == pytest.approx(np.exp(4))


def test_temperature_divides():
    calibrator = Temperature()
    calibrator.temperature.fill_(4)
    assert calibrator(torch.tensor([2.0, -8.0])).tolist() == [0.5, -2.0]


# Platt


def platt_by_scikit_learn(logit: Array, label: Array) -> tuple[float, float]:
    """Smoothed targets as weights: each row counts for both classes."""
    n1, n0 = label.sum(), (1 - label).sum()
    target = np.where(label > 0, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
    model = LogisticRegression(C=np.inf, tol=1e-12, solver="newton-cholesky", max_iter=1000)
    model.fit(
        np.r_[logit, logit].reshape(-1, 1),
        np.r_[np.ones_like(label), np.zeros_like(label)],
        sample_weight=np.r_[target, 1 - target],
    )
    return float(model.coef_[0, 0]), float(model.intercept_[0])


@pytest.mark.parametrize(
    ("n", "slope", "shift"), [(2000, 1.0, 0.0), (300, 0.2, 1.5), (300, 5.0, -3.0), (12, 1.0, 0.5)]
)
@pytest.mark.parametrize("unit", [1.0, 1e-3, 30.0])
@pytest.mark.parametrize("offset", [0.0, 20.0])
def test_platt_against_scikit_learn(n: int, slope: float, shift: float, unit: float, offset: float):
    logit, label = sample(n, slope=slope, shift=shift)
    logit = (logit + offset) * unit
    expected = platt_by_scikit_learn((logit - logit.mean()) / logit.std(), label)
    slope, intercept = fit_platt(logit, label)
    got = slope * logit + intercept
    want = expected[0] * (logit - logit.mean()) / logit.std() + expected[1]
    np.testing.assert_allclose(got, want, rtol=1e-3, atol=2e-3)


def test_platt_stays_finite_on_separable_rows():
    logit, label = map(np.array, DEGENERATE["separable"])
    slope, intercept = fit_platt(logit, label)
    assert (slope, intercept) == pytest.approx(platt_by_scikit_learn(logit, label), abs=1e-4)
    assert 0.3 < slope < 3


def test_platt_never_turns_the_order_round():
    slope, _ = fit_platt(*map(np.array, DEGENERATE["separable, the wrong way round"]))
    assert slope == pytest.approx(1e-3)


def test_platt_is_a_line():
    calibrator = Platt()
    calibrator.slope.fill_(2)
    calibrator.intercept.fill_(-1)
    assert calibrator(torch.tensor([0.0, 1.5])).tolist() == [-1.0, 2.0]


# Isotonic


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
