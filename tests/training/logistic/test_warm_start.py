"""Every model starts at the optimum of a sample, with what was learned there of the curvature."""

from __future__ import annotations

import pytest
import torch

from churn_torch.training.logistic import warm_start as module
from churn_torch.training.logistic.lbfgs import Lbfgs
from churn_torch.training.logistic.newton import Newton
from churn_torch.training.logistic.passes import Passes
from churn_torch.training.logistic.penalty_choice import PenaltyChoice
from churn_torch.training.logistic.threads import RowThreads
from churn_torch.training.logistic.warm_start import tell_mean, warm_start
from churn_torch.training.rows.batches import RowRange
from churn_torch.training.rows.store import Block, MemoryPart
from tests.training.logistic.test_loss_sums import EXPANSION, ROWS, N

CHOICE = PenaltyChoice(0.0, [0.1, 0.01], 3)


def start(method: str, rows: Block = ROWS):
    passes = Passes(
        EXPANSION, positive_weight=1.0, n_models=8, n_folds=3, threads=RowThreads(0),
        device=torch.device("cpu"),
    )  # fmt: skip
    make = Newton if method == "newton" else Lbfgs
    curvatures, problems = warm_start(
        MemoryPart(rows), passes, penalties=CHOICE.penalties, models=CHOICE.models,
        newton=method == "newton",
        make_problem=lambda *start: make(*start, tolerance=1e-12, memory=10),
    )  # fmt: skip
    return passes, curvatures, problems


def gradient_norm(passes: Passes, rows: Block, problem) -> float:
    """Of the mean loss of some rows and the penalty, at the problem's trial point."""
    sums = passes.zeros(1)
    passes.add(sums, RowRange(rows, 0), problem.trial.unsqueeze(1))
    tell_mean(problem, sums, 0)
    return problem.gradient_norm


@pytest.mark.parametrize("method", ["newton", "lbfgs"])
@pytest.mark.parametrize(("first", "sample"), [(50, 200), (1000, 1000)])
def test_all_rows_as_the_sample_give_the_optimum(monkeypatch, method, first, sample):
    monkeypatch.setattr(module, "FIRST_ROWS", first)
    monkeypatch.setattr(module, "SAMPLE_ROWS", sample)
    passes, curvatures, problems = start(method)
    shape = (N, N) if method == "newton" else (N,)
    assert [tuple(curvature.shape) for curvature in curvatures] == [shape] * 2
    assert len(problems) == len(CHOICE.models)
    for model, problem in zip(CHOICE.models, problems, strict=True):
        assert problem.penalty == CHOICE.penalties[model.penalty]
        assert gradient_norm(passes, ROWS, problem) < 1e-5


@pytest.mark.parametrize("method", ["newton", "lbfgs"])
def test_a_sample_is_solved_and_not_the_rest(monkeypatch, method):
    monkeypatch.setattr(module, "FIRST_ROWS", 20)
    monkeypatch.setattr(module, "SAMPLE_ROWS", 100)
    monkeypatch.setattr("churn_torch.training.rows.batches.PIECE_BYTES", 10**6)
    passes, _, problems = start(method)
    sample = ROWS.take(slice(0, 100))  # one piece
    assert gradient_norm(passes, sample, problems[0]) < 1e-5
    assert gradient_norm(passes, ROWS, start(method)[2][0]) > 1e-3


def test_a_sample_without_weight_counts_all_its_rows_alike():
    weightless = ROWS._replace(weight=torch.zeros(len(ROWS.label)))
    passes, _, problems = start("newton", weightless)
    assert gradient_norm(passes, ROWS, problems[0]) < 1e-5


def test_the_pairs_of_the_sample_are_kept():
    _, _, problems = start("lbfgs")
    assert all(len(problem.pairs) > 1 for problem in problems)
