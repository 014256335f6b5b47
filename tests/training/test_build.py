from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from churn_torch.errors import InputError
from churn_torch.models.calibration import Auto, Isotonic
from churn_torch.models.nets.linear import Linear
from churn_torch.models.nets.mlp import MLP
from churn_torch.training.build import (
    build_module,
    positive_weight,
)
from churn_torch.training.logistic.exact_module import ExactModule, ExactSolver
from churn_torch.training.logistic.problem import Penalty
from churn_torch.training.optimizer_choice import is_exact
from churn_torch.training.sizes import with_sizes
from tests.training.conftest import options_of


def test_the_net_is_sized_by_the_table(prepare):
    for keys in ([], ["data.ignore=[household,cat,plan]"]):
        scorer = prepare("model=logreg", *keys).scorer
        assert isinstance(scorer.net, Linear)
        assert scorer.net.linear.in_features == scorer.preprocess.n_features
        assert type(scorer.calibrator) is Auto
    scorer = prepare("model=mlp", "model.width=5", "model.depth=3", "calibration=isotonic").scorer
    assert isinstance(scorer.net, MLP)
    assert len(scorer.net.blocks) == 3
    assert scorer.net.head.in_features == 5
    assert isinstance(scorer.calibrator, Isotonic)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [("none", 1.0), (None, 1.0), ("balanced", 3.0), (2, 2.0), (0.5, 0.5)],
)
def test_class_weight(choice, expected):
    assert positive_weight(choice, 30, 10) == expected


def test_module_takes_class_weight(prepare):
    prepared = prepare("class_weight=balanced", "scheduler=none")
    module = build_module(
        prepared.options, prepared.scorer, n_negative=30, n_positive=10, n_threads=1
    )
    assert module.positive_weight == 3
    assert prepared.scorer.prior_shift.item() == pytest.approx(math.log(3))


@pytest.mark.parametrize("choice", [0, -1, "balance", [1, 2], True, math.inf, math.nan])
def test_other_class_weights_are_refused(choice):
    with pytest.raises(InputError, match=r"^class_weight: expected none, balanced or a positive"):
        positive_weight(choice, 30, 10)


def test_module_takes_penalties_seed_and_optimizer(prepare):
    prepared = prepare(
        "penalty.l1=0.25", "penalty.l2=0.5", "seed=4", "optimizer=adamw", "optimizer.lr=0.007",
        "optimizer.weight_decay=0.3", "scheduler=none",
    )  # fmt: skip
    module = build_module(
        prepared.options, prepared.scorer, n_negative=1, n_positive=1, n_threads=1
    )
    assert (module.l1, module.l2, module.seed) == (0.25, 0.5, 4)
    optimizer = module.configure_optimizers()
    assert isinstance(optimizer, torch.optim.AdamW)
    assert optimizer.defaults["lr"] == 0.007
    assert optimizer.defaults["weight_decay"] == 0.3
    trained = {id(p) for group in optimizer.param_groups for p in group["params"]}
    assert trained == {id(p) for p in prepared.scorer.net.parameters()}


def test_scheduler_none_is_no_scheduler(prepare):
    prepared = prepare("scheduler=none")
    module = build_module(
        prepared.options, prepared.scorer, n_negative=1, n_positive=1, n_threads=1
    )
    assert isinstance(module.configure_optimizers(), torch.optim.Optimizer)


def test_module_takes_clip(prepare):
    prepared = prepare("gradient_clip=0.5", "scheduler=none")
    module = build_module(
        prepared.options, prepared.scorer, n_negative=1, n_positive=1, n_threads=1
    )
    assert module.gradient_clip == 0.5


@pytest.mark.parametrize("method", ["newton", "lbfgs"])
def test_an_exact_solver_has_a_module_of_its_own(prepare, method):
    keys = ("penalty.l1=0.25", "penalty.l2=[0.5,2,1]", "penalty.folds=3", "class_weight=balanced",
            "optimizer.tolerance=0.001", "optimizer.memory=3")  # fmt: skip
    prepared = prepare(f"optimizer={method}", *keys)
    assert is_exact(prepared.options)
    module = build_module(
        prepared.options, prepared.scorer, n_negative=30, n_positive=10, n_threads=1
    )
    assert isinstance(module, ExactModule)
    assert module.choice.penalties == [Penalty(0.25, 2.0), Penalty(0.25, 1.0), Penalty(0.25, 0.5)]
    assert (module.choice.folds, module.positive_weight) == (3, 3.0)
    solver = module.configure_optimizers()
    assert isinstance(solver, ExactSolver)
    assert (solver.method, solver.tolerance, solver.memory) == (method, 0.001, 3)
    trained = {id(p) for group in solver.param_groups for p in group["params"]}
    assert trained == {id(p) for p in prepared.scorer.net.parameters()}


def test_one_strength_needs_no_list_and_no_folds(prepare):
    prepared = prepare("optimizer=newton", "penalty.l2=0.5", "penalty.folds=5")
    module = build_module(
        prepared.options, prepared.scorer, n_negative=1, n_positive=1, n_threads=1
    )
    assert module.choice.penalties == [Penalty(0.0, 0.5)]
    assert module.choice.folds == 0  # there is nothing to choose


def test_gradient_descent_takes_one_strength(prepare):
    prepared = prepare("penalty.l2=[0.5,1]")
    assert not is_exact(prepared.options)
    with pytest.raises(
        InputError, match=r"^penalty\.l2: expected a number for Adam\w*, got \[0\.5, 1\]; choose"
    ):
        build_module(prepared.options, prepared.scorer, n_negative=1, n_positive=1, n_threads=1)


# Sizes


@pytest.mark.parametrize(
    ("n_train", "batch_size", "epochs"),
    [
        (4_931, 256, 20),  # 20 batches: 400 steps
        (4_931, 1, 10),  # never fewer than ten epochs
        (1_000_000, 256, 10),
        (100, 256, 400),
        (1, "null", 400),
        (4_931, "null", 400),
    ],
)
def test_auto_epochs_count_steps(n_train, batch_size, epochs):
    options = options_of("scheduler=cosine", "trainer.max_epochs=auto", f"batch_size={batch_size}")
    sized = with_sizes(options, n_train)
    assert sized.trainer.max_epochs == epochs
    assert sized.scheduler.arguments["T_max"] == epochs  # cosine ends where the training does
    assert sized.batch_size == (n_train if batch_size == "null" else batch_size)
    assert options.trainer.max_epochs == "auto"


@pytest.mark.parametrize(
    ("n_train", "smallest", "batch_size", "growth"),
    [
        (1, 256, 256, 1.0),
        (512 * 256, 256, 256, 1.0),  # 512 steps, and no more
        (512 * 256 + 1, 256, 512, 2**0.5),
        (1_000_000, 256, 2048, 8**0.5),
        (1_000_000, 8192, 8192, 1.0),
        (10_000_000, 8192, 32_768, 2.0),
        (10_000, 3, 24, 8**0.5),
    ],
)
def test_auto_batch_size_bounds_the_steps_and_scales_the_rate(
    n_train, smallest, batch_size, growth
):
    keys = ["model=mlp", "batch_size=auto", f"smallest_batch={smallest}", "optimizer.lr=0.01"]
    options = options_of(*keys)
    sized = with_sizes(options, n_train)
    assert sized.batch_size == batch_size
    assert math.ceil(n_train / batch_size) <= 512
    assert sized.optimizer.arguments["lr"] == pytest.approx(0.01 * growth)
    assert (options.batch_size, options.optimizer.arguments["lr"]) == ("auto", 0.01)


def test_a_chosen_size_leaves_the_rate():
    options = options_of("batch_size=64", "optimizer.lr=0.01", "trainer.max_epochs=7")
    sized = with_sizes(options, 10_000_000)
    assert (sized.batch_size, sized.trainer.max_epochs) == (64, 7)
    assert sized.optimizer.arguments["lr"] == 0.01


@pytest.mark.parametrize("n_train", [10, 10_000_000])
def test_exact_solvers_have_no_rate_to_scale(n_train):
    sized = with_sizes(options_of("optimizer=newton"), n_train)
    assert "lr" not in sized.optimizer.arguments
    assert sized.trainer.max_epochs == 100


@pytest.mark.parametrize("epochs", [0, -1, 2.5, "many", None, True])
def test_other_numbers_of_epochs_are_refused(epochs):
    options = options_of()
    options = replace(options, trainer=replace(options.trainer, max_epochs=epochs))
    with pytest.raises(InputError, match=r"^trainer\.max_epochs: expected a whole number above 0"):
        with_sizes(options, 1000)


@pytest.mark.parametrize("key", ["batch_size", "smallest_batch"])
@pytest.mark.parametrize("size", [0, -1, 2.5, "many", True])
def test_other_sizes_are_refused(key, size):
    with pytest.raises(InputError, match=rf"^{key}: expected a whole number above 0.*{size}"):
        with_sizes(replace(options_of(), **{key: size}), 1000)
