"""The start of an exact fit: a sample of the rows is solved first, which saves passes over all."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from churn_torch.errors import InputError
from churn_torch.training.logistic.loss_sums import LogisticSums
from churn_torch.training.logistic.passes import Passes
from churn_torch.training.logistic.penalty_choice import LinearModel
from churn_torch.training.logistic.problem import Penalty, Problem
from churn_torch.training.rows.batches import RowRange, spread_sample
from churn_torch.training.rows.store import Block, Part

# Rows of the two samples: the small one leads from zero to near the optimum, the large one gives
# the curvature there.
FIRST_ROWS, SAMPLE_ROWS = 8_192, 65_536
# Newton's Hessian is computed again after this many steps that did not end at the optimum.
NEWTON_STEPS, NEWTON_ROUNDS = 4, 12
LBFGS_STEPS = 500

MakeProblem = Callable[[Tensor, Penalty, Tensor], Problem]


def warm_start(
    part: Part,
    passes: Passes,
    *,
    penalties: Sequence[Penalty],
    models: Sequence[LinearModel],
    newton: bool,
    make_problem: MakeProblem,
) -> tuple[list[Tensor], list[Problem]]:
    """Solve a sample of the rows for every penalty.

    Args:
        part: All training rows.
        passes: Sums over rows.
        penalties: From the strongest to the weakest: each starts where the one before it ended.
        models: The models to be solved on all rows.
        newton: Whether the method needs the whole Hessian, or only its diagonal.
        make_problem: From a point, a penalty and the curvature there to a problem.

    Returns:
        The curvature for each penalty, and a problem for each model, started at the optimum of the
        sample.

    Raises:
        InputError: The loss or its curvature is not finite.
    """
    first, sample = (
        _with_some_weight(spread_sample(part, n_rows)).each(lambda array: array.to(passes.device))
        for n_rows in (min(FIRST_ROWS, part.n_rows), min(SAMPLE_ROWS, part.n_rows))
    )
    point = torch.zeros(passes.expansion.n_features + 1, dtype=torch.float64)
    curvatures, solved = [], []
    for penalty in penalties:
        if len(first.label) < len(sample.label):
            point = _solve(first, point, penalty, passes, newton, make_problem)[1].point
        curvature, problem = _solve(sample, point, penalty, passes, newton, make_problem)
        point = problem.point
        curvatures.append(curvature)
        solved.append(problem)
    problems = []
    for model in models:
        of_sample, curvature = solved[model.penalty], curvatures[model.penalty]
        problem = make_problem(of_sample.point, penalties[model.penalty], curvature)
        problem.pairs.extend(of_sample.pairs)
        problems.append(problem)
    return curvatures, problems


def _solve(
    block: Block,
    point: Tensor,
    penalty: Penalty,
    passes: Passes,
    newton: bool,
    make_problem: MakeProblem,
) -> tuple[Tensor, Problem]:
    """Solve the rows of a sample; return the last curvature that was used, and the problem."""
    rounds, steps = (NEWTON_ROUNDS, NEWTON_STEPS) if newton else (1, LBFGS_STEPS)
    for _ in range(rounds):
        curvature = (passes.hessian if newton else passes.hessian_diagonal)(block, point)
        with _finite():
            problem = make_problem(point, penalty, curvature)
        for _ in range(steps):
            sums = passes.zeros(1)
            passes.add(sums, RowRange(block, 0), problem.trial.unsqueeze(1))
            tell_mean(problem, sums, 0)
            if problem.done:
                return curvature, problem
        point = problem.point
    return curvature, problem


def tell_mean(problem: Problem, sums: LogisticSums, model: int) -> None:
    """Tell a problem the mean loss and gradient of one of the models in the sums.

    Raises:
        InputError: The loss is not finite.
    """
    n_rows = sums.n_rows[model].cpu()
    with _finite():
        problem.tell(float(sums.loss[model] / n_rows), sums.gradient[:, model].cpu() / n_rows)


@contextlib.contextmanager
def _finite() -> Iterator[None]:
    """Say what the user can do about a loss that is not finite."""
    try:
        yield
    except FloatingPointError as error:
        raise InputError(
            "training",
            expected="a finite loss",
            got=f"none: {error}",
            fix="set preprocess.outliers=quantile",
        ) from error


def _with_some_weight(block: Block) -> Block:
    """Return the rows of a sample, all with the same weight if the sample's weights are all 0."""
    return block if block.weight is None or block.weight.any() else block._replace(weight=None)
