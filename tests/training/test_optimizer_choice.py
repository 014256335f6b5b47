"""What optimizer=auto stands for."""

from __future__ import annotations

import pytest

from churn_torch.cli.compose import compose
from churn_torch.training.optimizer_choice import (
    ADAM,
    LINEAR_RATE,
    MOST_NEWTON_FEATURES,
    MOST_WITH_PIECES,
    SOLVER,
    is_exact,
    with_optimizer,
)
from churn_torch.training.options import FitOptions
from churn_torch.training.sizes import with_sizes
from churn_torch.workflows.configuration.options import train_options
from tests.training.conftest import options_of


def chosen(*overrides: str, n_features: int = 50, n_train: int = 5_000) -> FitOptions:
    """The options of a fit, without any auto."""
    options = options_of("optimizer=auto", *overrides)
    return with_sizes(with_optimizer(options, n_features), n_train)


@pytest.mark.parametrize("model", ["logreg", "scorecard"])
def test_a_linear_net_is_solved_to_its_optimum(model: str):
    options = chosen(f"model={model}", "optimizer.tolerance=1e-7")
    assert is_exact(options)
    assert options.optimizer.arguments == {"method": "newton", "tolerance": 1e-7, "memory": 10}
    assert options.trainer.max_epochs == 100
    wide = chosen(f"model={model}", n_features=MOST_WITH_PIECES + 1)
    assert wide.optimizer.arguments["method"] == "lbfgs"
    assert wide.trainer.max_epochs == 500


def test_one_hot_categories_are_left_to_lbfgs_sooner_than_correlated_pieces():
    for keys, method in (((), "lbfgs"), (("preprocess.bins=8",), "newton")):
        wide = chosen(*keys, n_features=MOST_NEWTON_FEATURES + 1)
        assert wide.optimizer.arguments["method"] == method


def test_the_default_is_auto():
    options = train_options(compose("train"))
    assert with_optimizer(options, 50).optimizer.target == SOLVER
    assert chosen("trainer.max_epochs=7").trainer.max_epochs == 7


@pytest.mark.parametrize(
    "key",
    ["optimizer.lr=0.01", "batch_size=256", "batch_size=null", "gradient_clip=1.0",
     "ema_decay=0.9", "compile=true", "trainer.precision=bf16-mixed", "ensemble=3",
     "debug=overfit"],
)  # fmt: skip
def test_a_choice_for_gradient_descent_asks_for_adam(key: str):
    adam = chosen(key)
    assert adam.optimizer.target == ADAM
    # Everything is then as with optimizer=adam.
    named = options_of("optimizer=adam", key)
    expected = with_sizes(with_optimizer(named, 50), 5_000)
    assert dict(adam.optimizer.arguments) == dict(expected.optimizer.arguments)
    assert adam.trainer == expected.trainer
    assert adam.scheduler == expected.scheduler


@pytest.mark.parametrize("model", ["mlp", "gam", "tabm", "wide_deep"])
def test_other_nets_are_trained_by_adam_as_it_was(model: str):
    adam = with_optimizer(options_of("optimizer=auto", f"model={model}"), 50).optimizer
    named = options_of("optimizer=adam", f"model={model}").optimizer
    assert (adam.target, dict(adam.arguments)) == (named.target, dict(named.arguments))


def test_the_rate_of_the_linear_nets_is_that_of_their_recipe():
    assert options_of("optimizer=adam").optimizer.arguments["lr"] == LINEAR_RATE


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "newton", "lbfgs"])
def test_an_optimizer_that_is_named_is_left_alone(optimizer: str):
    options = options_of(f"optimizer={optimizer}")
    assert with_optimizer(options, 50) is options
