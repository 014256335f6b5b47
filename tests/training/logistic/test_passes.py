"""Sums over chunks, threads and folds are those of all rows at once."""

from __future__ import annotations

import pytest
import torch

from churn_torch.training.logistic import passes, threads
from churn_torch.training.logistic.loss_sums import LogisticSums, hessian_sum
from churn_torch.training.logistic.passes import Passes, weight_sum
from churn_torch.training.logistic.threads import RowThreads
from churn_torch.training.rows.batches import RowRange
from tests.training.logistic.test_loss_sums import EXPANSION, ROWS, N, weights

WEIGHTED = ROWS._replace(weight=torch.linspace(0, 3, len(ROWS.label)))


@pytest.fixture(params=["whole", "cut"])
def made(request, monkeypatch):
    """Passes over one chunk in one thread, or over many chunks in three."""
    if request.param == "cut":
        monkeypatch.setattr(threads, "THREAD_CELLS", 0)
        monkeypatch.setattr(passes, "CHUNK_CELLS", 100)
    pool = RowThreads(1 if request.param == "whole" else 3)
    yield Passes(
        EXPANSION, positive_weight=2.0, n_models=3, n_folds=4, threads=pool,
        device=torch.device("cpu"),
    )  # fmt: skip
    pool.close()


@pytest.mark.parametrize("rows", [ROWS, WEIGHTED], ids=["plain", "weighted"])
@pytest.mark.parametrize("folds", [None, [-1, -1, -1], [-1, 0, 3]])
def test_sums_are_those_of_all_rows(made, rows, folds):
    """A row's fold goes by its position in the part, not in the block."""
    first_row = 70
    sums = made.zeros(3)
    made.add(sums, RowRange(rows.take(slice(first_row, 200)), first_row), weights(3), folds)
    expected = LogisticSums.zeros(N - 1, 3, torch.device("cpu"))
    held_out = None
    if folds == [-1, 0, 3]:
        held_out = (torch.arange(first_row, 200) % 4).unsqueeze(1) == torch.tensor(folds)
    expected.add(
        EXPANSION, rows.take(slice(first_row, 200)), weights(3), positive_weight=2.0,
        held_out=held_out,
    )  # fmt: skip
    torch.testing.assert_close(sums.flat(), expected.flat(), rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("rows", [ROWS, WEIGHTED], ids=["plain", "weighted"])
def test_the_curvature_is_of_the_mean_loss(made, rows):
    point = weights(1)[:, 0].double()
    total = hessian_sum(EXPANSION, rows, point.float(), positive_weight=2.0, chunk_rows=1000)
    expected = total / weight_sum(rows)
    torch.testing.assert_close(made.hessian(rows, point), expected, rtol=1e-5, atol=1e-7)
    diagonal = made.hessian_diagonal(rows, point)
    torch.testing.assert_close(diagonal, expected.diagonal(), rtol=1e-5, atol=1e-7)


def test_weight_sum_counts_rows_without_weights():
    assert weight_sum(ROWS) == 200
    assert weight_sum(WEIGHTED) == pytest.approx(300)
