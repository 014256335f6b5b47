"""Exact fits through a real trainer, against scikit-learn on the same features."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from churn_torch.errors import InputError
from churn_torch.training.build import build_module
from churn_torch.training.callbacks import CHECKPOINT
from churn_torch.training.logistic import passes, threads, warm_start
from churn_torch.training.logistic.exact_module import ExactModule, ExactSolver
from churn_torch.training.rows.datamodule import ChurnDataModule
from churn_torch.training.rows.store import Block, MemoryPart
from churn_torch.training.trainer import build_trainer

METHODS = ["newton", "lbfgs"]
# Newton's default leaves nothing to be told from scikit-learn, unless its Hessian is from a hundred
# rows. L-BFGS has no last step that takes the rest, and where the penalty alone curves the
# objective, sums of float32 fix four digits.
TIGHT = "optimizer.tolerance=1e-13"
ACCURACY = {"newton": 1e-5, "lbfgs": 5e-5}


def fit(
    prepared, folder: Path, *more: pl.Callback, checkpoint: Path | None = None, n_threads: int = 1
) -> ExactModule:
    weight = prepared.weight()
    n_positive = weight[prepared.label() == 1].sum()
    n_negative = weight.sum() - n_positive
    module = build_module(
        prepared.options,
        prepared.scorer,
        n_negative=n_negative,
        n_positive=n_positive,
        n_threads=n_threads,
    )
    trainer = build_trainer(prepared.options, folder, "data")
    trainer.callbacks = [*more, *trainer.callbacks]
    data = ChurnDataModule(prepared.train, prepared.validation, batch_size=None, seed=0)
    trainer.fit(module, data, ckpt_path=checkpoint, weights_only=True)
    assert isinstance(module, ExactModule)
    return module


def point_of(module: ExactModule) -> np.ndarray:
    linear = module.scorer.net.linear
    return torch.cat([linear.weight[0], linear.bias]).detach().double().numpy()


def reference(
    x: np.ndarray, y: np.ndarray, l2: float, positive_weight: float = 1.0, weight=None
) -> np.ndarray:
    """scikit-learn's weights, and then its intercept."""
    n_rows = len(y) if weight is None else weight.sum()
    fitted = LogisticRegression(
        C=1 / (l2 * n_rows), solver="newton-cholesky", tol=1e-12, max_iter=1000,
        class_weight={0: 1.0, 1: positive_weight},
    ).fit(x, y, sample_weight=weight)  # fmt: skip
    return np.append(fitted.coef_[0], fitted.intercept_)


def log_loss(x: np.ndarray, y: np.ndarray, point: np.ndarray, weight=None) -> float:
    z = x @ point[:-1] + point[-1]
    return float(np.average(np.logaddexp(0, z) - y * z, weights=weight))


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many blocks and chunks a pass, and a start from samples, on 280 training rows."""
    monkeypatch.setattr("churn_torch.training.rows.batches.BLOCK_BYTES", 4_000)
    monkeypatch.setattr("churn_torch.training.rows.batches.VIEW_BYTES", 4_000)
    monkeypatch.setattr("churn_torch.training.rows.batches.PIECE_BYTES", 200)
    monkeypatch.setattr(threads, "THREAD_CELLS", 0)
    monkeypatch.setattr(passes, "CHUNK_CELLS", 500)
    monkeypatch.setattr(warm_start, "FIRST_ROWS", 50)
    monkeypatch.setattr(warm_start, "SAMPLE_ROWS", 120)


@pytest.mark.parametrize("samples", ["whole", "small_blocks"])
@pytest.mark.parametrize(("l2", "class_weight"), [(1e-3, "3"), (0.1, "balanced")])
@pytest.mark.parametrize("method", METHODS)
def test_coefficients_are_scikit_learns(
    prepare, tmp_path, request, method, l2, class_weight, samples
):
    if samples == "small_blocks":
        request.getfixturevalue(samples)
    keys = [f"optimizer={method}", f"penalty.l2={l2}", f"class_weight={class_weight}"]
    default = method == "newton" and samples == "whole"
    prepared = prepare(*keys, *([] if default else [TIGHT]))
    module = fit(prepared, tmp_path)
    assert module.outcome["converged"]
    x, y = prepared.features(), prepared.label()
    weight = {"balanced": (1 - y.mean()) / y.mean(), "3": 3.0}[class_weight]
    expected = reference(x, y, l2, weight)
    accuracy = ACCURACY[method]
    np.testing.assert_allclose(point_of(module), expected, rtol=accuracy, atol=accuracy)
    assert prepared.scorer.prior_shift.item() == pytest.approx(math.log(weight), abs=1e-6)

    # The outcome and the curve are true.
    outcome, history = module.outcome, module.history
    assert outcome["passes"] == len(history)
    assert (outcome["solver"], outcome["separable"], outcome["l2"]) == (method, False, l2)
    assert outcome["gradient_norm"] < 1e-5
    z = x @ expected[:-1] + expected[-1]
    each = np.logaddexp(0, z) - y * z
    objective = np.mean(np.where(y == 1, weight, 1) * each) + l2 / 2 * np.sum(expected[:-1] ** 2)
    assert history[-1]["train_loss"] == pytest.approx(objective, rel=1e-6)
    shifted = np.append(expected[:-1], expected[-1] - math.log(weight))
    validation = log_loss(prepared.features("validation"), prepared.label("validation"), shifted)
    assert history[-1]["validation_log_loss"] == pytest.approx(validation, abs=1e-5)


@pytest.mark.parametrize("samples", ["whole", "small_blocks"])
@pytest.mark.parametrize("method", METHODS)
def test_weighted_coefficients_are_scikit_learns(prepare, tmp_path, request, method, samples):
    if samples == "small_blocks":
        request.getfixturevalue(samples)
    keys = (f"optimizer={method}", "penalty.l2=0.01", "class_weight=balanced", TIGHT)
    prepared = prepare(*keys).weighted()
    module = fit(prepared, tmp_path)
    assert module.outcome["converged"]
    x, y, w = prepared.features(), prepared.label(), prepared.weight()
    positive_weight = w[y == 0].sum() / w[y == 1].sum()
    expected = reference(x, y, 0.01, positive_weight, w)
    accuracy = ACCURACY[method]
    np.testing.assert_allclose(point_of(module), expected, rtol=accuracy, atol=accuracy)
    shifted = np.append(expected[:-1], expected[-1] - math.log(positive_weight))
    part = "validation"
    loss = log_loss(prepared.features(part), prepared.label(part), shifted, prepared.weight(part))
    assert module.history[-1]["validation_log_loss"] == pytest.approx(loss, abs=1e-5)


@given(
    repeats=st.lists(st.integers(0, 4), min_size=280, max_size=280),
    method=st.sampled_from(METHODS),
)
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whole_weights_are_repeated_rows(prepare, tmp_path, repeats, method):
    keys = (f"optimizer={method}", "penalty.l2=0.01", TIGHT)
    weighted, repeated = prepare(*keys), prepare(*keys)
    block, times = weighted.train.block, torch.tensor(repeats)
    assert len(block.label) == len(times)
    assume(all((times * (block.label == label)).any() for label in (0, 1)))
    average = times.float() / times.float().mean()
    weighted.store.parts["train"] = MemoryPart(block._replace(weight=average))
    copies = block.take(torch.repeat_interleave(torch.arange(len(times)), times))
    repeated.store.parts["train"] = MemoryPart(copies)
    points = [point_of(fit(one, tmp_path)) for one in (weighted, repeated)]
    np.testing.assert_allclose(*points, rtol=5e-5, atol=5e-5)


@pytest.mark.parametrize("method", METHODS)
def test_a_sample_without_weight_starts_all_the_same(prepare, tmp_path, method, monkeypatch):
    """Where the few rows that count are in none of the sample's pieces."""
    monkeypatch.setattr(warm_start, "FIRST_ROWS", 10)
    monkeypatch.setattr(warm_start, "SAMPLE_ROWS", 20)
    monkeypatch.setattr("churn_torch.training.rows.batches.PIECE_BYTES", 1)
    prepared = prepare(f"optimizer={method}", "penalty.l2=0.1", TIGHT)
    weight = torch.zeros(prepared.train.n_rows)
    weight[torch.arange(3, 270, 28)] = 28.0
    start = [i * (280 - 1) // 19 for i in range(20)] + [i * (280 - 1) // 9 for i in range(10)]
    weight[start] = 0
    weight /= weight.mean()
    prepared.store.parts["train"] = MemoryPart(prepared.train.block._replace(weight=weight))
    module = fit(prepared, tmp_path)
    x, y, w = prepared.features(), prepared.label(), weight.double().numpy()
    assert 0 < y[w > 0].mean() < 1
    np.testing.assert_allclose(point_of(module), reference(x, y, 0.1, 1.0, w), atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_rows_without_weight_do_not_make_classes_overlap(separable, tmp_path, method):
    prepared = separable(f"optimizer={method}", "penalty.l2=0", "penalty.l1=0")
    block = prepared.train.block
    wrong = torch.arange(len(block.label)) < 20
    label = torch.where(wrong, 1 - block.label, block.label)
    weight = (~wrong).float() * len(wrong) / (~wrong).sum()
    prepared.store.parts["train"] = MemoryPart(block._replace(label=label, weight=weight))
    assert fit(prepared, tmp_path).outcome["separable"]


def test_weighted_folds_choose_as_slow_refits_do(prepare, tmp_path):
    prepared = prepare("optimizer=newton", GRID_KEY, "penalty.folds=4", TIGHT).weighted()
    path = fit(prepared, tmp_path).outcome["path"]
    x, y, w = prepared.features(), prepared.label(), prepared.weight()
    fold = np.arange(len(y)) % 4
    for entry in path:
        losses = []
        for k in range(4):
            point = reference(x[fold != k], y[fold != k], entry["l2"], 1.0, w[fold != k])
            losses.append(log_loss(x[fold == k], y[fold == k], point, w[fold == k]))
        assert entry["held_out_log_loss"] == pytest.approx(np.mean(losses), abs=1e-5)


def test_a_fold_without_weight_is_refused(prepare, tmp_path):
    prepared = prepare("optimizer=newton", GRID_KEY, "penalty.folds=2")
    weight = 2 * (torch.arange(prepared.train.n_rows) % 2).float()
    prepared.store.parts["train"] = MemoryPart(prepared.train.block._replace(weight=weight))
    with pytest.raises(InputError, match=r"^penalty.folds: .* weight above 0 .* choose another"):
        fit(prepared, tmp_path)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("penalty", [("0.01", "0"), ("0.003", "0.01")])
def test_l1_is_solved_to_the_conditions_of_its_optimum(prepare, tmp_path, penalty):
    l1, l2 = map(float, penalty)
    points = []
    for method in METHODS:
        prepared = prepare(f"optimizer={method}", f"penalty.l1={l1}", f"penalty.l2={l2}", TIGHT)
        points.append(point_of(fit(prepared, tmp_path)))
    x, y = prepared.features(), prepared.label()
    for point in points:
        residual = 1 / (1 + np.exp(-(x @ point[:-1] + point[-1]))) - y
        slope = x.T @ residual / len(y) + l2 * point[:-1]
        zero = point[:-1] == 0
        assert 0 < zero.sum() < len(zero)
        assert np.abs(slope[zero]).max() <= l1 + 1e-5
        np.testing.assert_allclose(slope[~zero], -l1 * np.sign(point[:-1][~zero]), atol=1e-5)
        assert abs(residual.mean()) < 1e-5
    np.testing.assert_allclose(*points, atol=1e-3)


@pytest.mark.parametrize("keys", [("optimizer=newton",), ("optimizer=lbfgs",)])
def test_threads_share_the_rows(prepare, tmp_path, monkeypatch, keys):
    """Each its own rows; the folds go by a row's position in the whole part."""
    keys = (*keys, "penalty.l2=[0.1,0.01]", "penalty.folds=3", TIGHT)
    alone = fit(prepare(*keys), tmp_path)
    monkeypatch.setattr(threads, "THREAD_CELLS", 1)
    shared = fit(prepare(*keys), tmp_path, n_threads=3)
    np.testing.assert_allclose(point_of(shared), point_of(alone), atol=1e-5)
    for one, other in zip(shared.outcome["path"], alone.outcome["path"], strict=True):
        for key in ("validation_log_loss", "held_out_log_loss"):
            assert one[key] == pytest.approx(other[key], abs=1e-6)


# A path of penalties


GRID = [0.3, 0.1, 0.03, 0.01, 0.001]
GRID_KEY = "penalty.l2=[0.01,0.3,0.1,0.001,0.03]"  # in any order


@pytest.mark.parametrize("method", METHODS)
def test_the_penalty_with_the_lowest_validation_loss_is_taken(prepare, tmp_path, method):
    prepared = prepare(f"optimizer={method}", GRID_KEY, TIGHT)
    module = fit(prepared, tmp_path)
    x, y = prepared.features(), prepared.label()
    points = [reference(x, y, l2) for l2 in GRID]
    losses = [
        log_loss(prepared.features("validation"), prepared.label("validation"), point)
        for point in points
    ]
    best = int(np.argmin(losses))
    path = module.outcome["path"]
    assert [entry["l2"] for entry in path] == GRID
    assert [entry["validation_log_loss"] for entry in path] == pytest.approx(losses, abs=1e-5)
    assert all(entry["converged"] for entry in path)
    assert module.outcome["l2"] == GRID[best]
    accuracy = ACCURACY[method]
    np.testing.assert_allclose(point_of(module), points[best], rtol=accuracy, atol=accuracy)


@pytest.mark.parametrize(
    ("folds", "class_weight", "blocks"), [(2, "1", "whole"), (5, "2.5", "small_blocks")]
)
def test_folds_choose_as_slow_refits_do(prepare, tmp_path, request, folds, class_weight, blocks):
    """Fold of a row: its position modulo the number of folds."""
    if blocks == "small_blocks":
        request.getfixturevalue(blocks)
    prepared = prepare(
        "optimizer=newton", GRID_KEY, f"penalty.folds={folds}", f"class_weight={class_weight}",
        TIGHT,
    )  # fmt: skip
    module = fit(prepared, tmp_path)
    x, y = prepared.features(), prepared.label()
    fold, weight = np.arange(len(y)) % folds, float(class_weight)
    expected = []
    for l2 in GRID:
        held = []
        for k in range(folds):
            learned = fold != k
            point = reference(x[learned], y[learned], l2, weight)
            held.append(log_loss(x[~learned], y[~learned], point))
        expected.append(np.mean(held))
    path = module.outcome["path"]
    assert [entry["held_out_log_loss"] for entry in path] == pytest.approx(expected, abs=1e-5)
    best = int(np.argmin(expected))
    assert module.outcome["l2"] == GRID[best]
    # The one that is kept has learned from all folds.
    np.testing.assert_allclose(
        point_of(module), reference(x, y, GRID[best], weight), rtol=1e-5, atol=1e-5
    )


# What cannot be solved, or is not


@pytest.fixture
def separable(prepare):
    """Rows whose label is the sign of one of their features."""

    def prepare_separable(*overrides: str):
        prepared = prepare(*overrides)
        parts = {}
        for name, part in prepared.store.parts.items():
            dense, codes, *_ = part.block
            parts[name] = MemoryPart(Block(dense, codes, (dense[:, 1] > 0).float()))
        return prepared._replace(store=dataclasses.replace(prepared.store, parts=parts))

    return prepare_separable


@pytest.mark.parametrize("method", METHODS)
def test_separable_rows_are_named(separable, tmp_path, method):
    prepared = separable(f"optimizer={method}", "penalty.l2=0")
    module = fit(prepared, tmp_path)
    assert module.outcome["separable"]
    assert np.isfinite(point_of(module)).all()
    x, y = prepared.features(), prepared.label()
    point = point_of(module)
    assert ((x @ point[:-1] + point[-1] > 0) == (y == 1)).all()
    assert module.outcome["passes"] < 100


@pytest.mark.parametrize("method", METHODS)
def test_a_penalty_makes_separable_rows_solvable(separable, tmp_path, method):
    prepared = separable(f"optimizer={method}", "penalty.l2=0.01", TIGHT)
    module = fit(prepared, tmp_path)
    assert module.outcome["converged"]
    assert not module.outcome["separable"]
    expected = reference(prepared.features(), prepared.label(), 0.01)
    accuracy = ACCURACY[method]
    np.testing.assert_allclose(point_of(module), expected, rtol=accuracy, atol=accuracy)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("method", METHODS)
def test_too_few_passes_are_named(prepare, tmp_path, method):
    prepared = prepare(f"optimizer={method}", "optimizer.tolerance=1e-15", "trainer.max_epochs=1")
    module = fit(prepared, tmp_path)
    assert not module.outcome["converged"]
    assert module.outcome["passes"] == 1
    assert module.outcome["gradient_norm"] > 1e-4


def test_rows_without_columns_of_text_and_one_feature(prepare, tmp_path):
    prepared = prepare("optimizer=newton", "data.ignore=[household,plan,cat,add,joined,is member]",
                       TIGHT)  # fmt: skip
    assert not prepared.scorer.preprocess.n_text
    module = fit(prepared, tmp_path)
    expected = reference(prepared.features(), prepared.label(), prepared.options.penalty.l2)
    np.testing.assert_allclose(point_of(module), expected, rtol=1e-5, atol=1e-5)


def test_a_loss_that_is_not_finite_is_the_users_to_mend(prepare, tmp_path):
    prepared = prepare("optimizer=newton")
    prepared.train.block.dense[3, 0] = float("nan")
    with pytest.raises(
        InputError, match=r"^training: expected a finite loss, got none: .*outliers"
    ):
        fit(prepared, tmp_path)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["model=mlp"], r"^optimizer: expected a linear net .*, got MLP; set model=logreg, or"),
        (["penalty.l1=-1"], r"^penalty: expected l1 and l2 of 0 or above, got l1=-1"),
        (["penalty.l2=[1,-1]"], r"^penalty: expected l1 and l2 of 0 or above"),
        (["penalty.l2=[]"], r"^penalty: expected l1 and l2 of 0 or above"),
        (["penalty.folds=1"], r"^penalty\.folds: expected 0, or 2 or more, got 1; 0 chooses"),
        (["penalty.folds=-1"], r"^penalty\.folds: expected 0, or 2 or more, got -1; 0 chooses"),
    ],
)
def test_what_it_cannot_solve_is_refused(prepare, keys, message):
    prepared = prepare("optimizer=newton", *keys)
    with pytest.raises(InputError, match=message):
        build_module(prepared.options, prepared.scorer, n_negative=1, n_positive=1, n_threads=1)


@pytest.mark.parametrize("options", [(0.0, 10), (1.0, 10), (-1e-9, 10), (1e-9, 0)])
def test_solver_settings_out_of_range_are_refused(options):
    tolerance, memory = options
    parameter = torch.nn.Parameter(torch.zeros(1))
    with pytest.raises(InputError, match=r"^optimizer: expected a tolerance between 0 and 1 and a"):
        ExactSolver([parameter], method="newton", tolerance=tolerance, memory=memory)


# Interrupted


class Killed(Exception):
    """Stands for the power going out."""


class Kill(pl.Callback):
    """Die after some passes, when the checkpoint has been written."""

    def __init__(self, n_passes: int) -> None:
        self.n_passes = n_passes

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.current_epoch == self.n_passes:
            raise Killed


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(
    ("keys", "n_passes"),
    [
        (("optimizer=newton",), 1),
        (("optimizer=lbfgs",), 2),
        (("optimizer=newton", "penalty.l1=0.003"), 2),
        (("optimizer=lbfgs", "penalty.l1=0.003"), 1),
        (("optimizer=newton", "penalty.l2=[0.1,0.01]", "penalty.folds=2"), 2),
    ],
)
def test_killed_and_resumed_is_bitwise_the_same(prepare, tmp_path, monkeypatch, keys, n_passes):
    monkeypatch.setattr("churn_torch.training.callbacks.PAUSE_SECONDS", 0.0)
    keys = (*keys, TIGHT)
    unbroken = fit(prepare(*keys), tmp_path)
    assert len(unbroken.history) > 2
    with pytest.raises(Killed):
        fit(prepare(*keys), tmp_path, Kill(n_passes))
    content = torch.load(tmp_path / CHECKPOINT, weights_only=True)  # no pickled code
    assert content["epoch"] == n_passes - 1
    resumed = fit(prepare(*keys), tmp_path, checkpoint=tmp_path / CHECKPOINT)
    assert np.array_equal(point_of(resumed), point_of(unbroken))
    assert resumed.history == unbroken.history
    assert resumed.outcome == unbroken.outcome
