"""What ``optimizer=auto`` stands for: the optimum of a logistic regression, Adam for other nets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from churn_torch.training.options import Component, FitOptions

AUTO = "auto"
SOLVER = "churn_torch.training.logistic.exact_module.ExactSolver"
ADAM = "torch.optim.Adam"
LOGISTIC = "churn_torch.models.nets.linear.Linear"
SCORECARD = "churn_torch.models.nets.scorecard.Scorecard"
LINEAR_NETS = (LOGISTIC, SCORECARD)

# Up to so many features Newton's matrix of all their pairs pays. Beyond, most features are one-hot
# categories, on which L-BFGS takes a few passes (benchmarks/default_fit.py). Numbers in pieces are
# strongly correlated, and on them L-BFGS takes hundreds.
MOST_NEWTON_FEATURES, MOST_WITH_PIECES = 1_000, 3_000
# Adam's learning rate for the linear nets, as in conf/recipe/logreg.yaml.
LINEAR_RATE = 0.2
# Passes over the rows of a solver, at most, with `trainer.max_epochs=auto`.
SOLVER_EPOCHS = {"newton": 100, "lbfgs": 500}
_SOLVER_ARGUMENTS = ("tolerance", "memory")


def is_exact(options: FitOptions) -> bool:
    """Return whether the optimizer is an exact solver of logistic regression."""
    return options.optimizer.target == SOLVER


def with_optimizer(options: FitOptions, n_features: int) -> FitOptions:
    """Return the options with ``optimizer=auto`` made the optimizer that suits the fit.

    One linear net is solved to its optimum, by Newton's method or, with very many features, by
    L-BFGS. Other nets are trained by Adam; so is a linear net where a choice asks for steps of
    gradient descent (`wants_steps`), or where an ensemble asks for nets that differ.

    Args:
        options: Of the fit.
        n_features: Width of the rows in model space.
    """
    optimizer = options.optimizer
    if optimizer.target != AUTO:
        return options
    arguments = dict(optimizer.arguments)
    of_solver = {name: arguments.pop(name) for name in _SOLVER_ARGUMENTS if name in arguments}
    survival = options.learns_survival
    is_linear = (options.own_net if survival else options.model).target in LINEAR_NETS
    if is_linear and options.ensemble == 1 and not wants_steps(options):
        has_pieces = options.preprocess.bins > 0 or options.own_net.target == SCORECARD
        most = MOST_WITH_PIECES if has_pieces else MOST_NEWTON_FEATURES
        method = "newton" if n_features <= most else "lbfgs"
    else:
        method = None
    if method is not None and not (survival and method == "lbfgs"):
        return replace(
            options, optimizer=Component(target=SOLVER, arguments={"method": method, **of_solver})
        )
    if arguments.get("lr") is None:
        arguments["lr"] = LINEAR_RATE
    return replace(
        options, optimizer=Component(target=ADAM, arguments={"fused": True, **arguments})
    )


def _rate_of_recipe(options: FitOptions) -> float | None:
    """Return the rate that a linear net brings into ``model=survival``, whoever wants steps.

    The recipe of such a net alone has none with ``optimizer=auto``; one that is wrapped has its
    recipe for gradient descent.
    """
    wrapped = options.learns_survival and options.own_net.target in LINEAR_NETS
    return LINEAR_RATE if wrapped else None


def wants_steps(options: FitOptions) -> bool:
    """Return whether a choice has a meaning for gradient descent only."""
    chosen: tuple[Any, ...] = (
        options.loss == "profit",
        options.optimizer.arguments.get("lr") not in (None, _rate_of_recipe(options)),
        options.batch_size != "auto",
        options.gradient_clip is not None,
        options.ema_decay > 0,
        options.compile,
        options.learns_survival and options.penalty.l1 > 0,
        options.trainer.precision not in ("32-true", 32, "32"),
    )
    return any(chosen)
