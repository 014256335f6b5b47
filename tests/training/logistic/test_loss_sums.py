from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import binary_cross_entropy_with_logits

from churn_torch.models.preprocessing.expansion import Expansion
from churn_torch.models.preprocessing.preprocess import Columns, Preprocess
from churn_torch.models.preprocessing.statistics import PreprocessOptions, fit_statistics
from churn_torch.tables.encode import encode
from churn_torch.tables.schema import Column, Kind, Schema, Storage
from churn_torch.training.logistic.loss_sums import LogisticSums, curvature, hessian_sum
from churn_torch.training.rows.store import Block
from tests.models.test_scorer import parsed

NUMBER = Column("usage", Kind.NUMERIC, Storage.NUMBER)
TEXT = Column("plan", Kind.CATEGORICAL, Storage.TEXT)
DATE = Column("since", Kind.DATETIME, Storage.DATETIME)


def made(n: int = 200, *columns: Column) -> tuple[Expansion, Block]:
    """Rows of a small mixed table, and the way from them to features."""
    schema = Schema(columns or (NUMBER, TEXT, DATE), "churn", "1", "0")
    schema, statistics = fit_statistics([parsed(200)], schema, PreprocessOptions())
    preprocess = Preprocess(schema, PreprocessOptions())
    preprocess.load_statistics(statistics)
    rows = preprocess.compact(*Columns.from_arrays(encode(parsed(n, 1), schema)))
    label = torch.from_numpy(np.random.default_rng(2).integers(0, 2, n).astype(np.float32))
    return Expansion(preprocess), Block(*rows, label)


EXPANSION, ROWS = made()
N = EXPANSION.n_features + 1


def weights(n_models: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(N, n_models, generator=torch.Generator().manual_seed(seed))


def reference(weight: torch.Tensor, learned: torch.Tensor, positive_weight: float):
    """Loss sum and gradient of one model, by autograd in float64."""
    point = weight.double().requires_grad_()
    logit = EXPANSION(ROWS.dense, ROWS.codes).double() @ point[:-1] + point[-1]
    loss = binary_cross_entropy_with_logits(
        logit[learned], ROWS.label[learned].double(), reduction="sum",
        pos_weight=torch.tensor(positive_weight, dtype=torch.float64),
    )  # fmt: skip
    (gradient,) = torch.autograd.grad(loss, point)
    return loss.item(), gradient, logit.detach()


@pytest.mark.parametrize("positive_weight", [1.0, 3.5, 0.25])
@pytest.mark.parametrize("n_models", [1, 3])
def test_sums_are_those_of_autograd(n_models, positive_weight):
    weight = weights(n_models)
    sums = LogisticSums.zeros(N - 1, n_models, weight.device)
    for chunk in ROWS.in_chunks(70):  # in blocks, the last one short
        sums.add(EXPANSION, chunk, weight, positive_weight=positive_weight)
    everyone = torch.ones(len(ROWS.label), dtype=torch.bool)
    for j in range(n_models):
        loss, gradient, logit = reference(weight[:, j], everyone, positive_weight)
        assert sums.loss[j].item() == pytest.approx(loss, rel=1e-6)
        torch.testing.assert_close(sums.gradient[:, j], gradient, rtol=1e-5, atol=1e-3)
        wrong = (logit > 0) != (ROWS.label == 1)
        assert sums.n_wrong[j] == wrong.sum()
    assert sums.n_rows.tolist() == [200] * n_models
    assert sums.n_held.tolist() == sums.held_loss.tolist() == [0] * n_models
    assert sums.gradient.dtype == sums.loss.dtype == torch.float64


@pytest.mark.parametrize("positive_weight", [1.0, 3.5])
def test_a_model_learns_from_all_folds_but_its_own(positive_weight):
    n_folds = 4
    weight = weights(n_folds + 1)
    own = torch.tensor([*range(n_folds), -1])  # the last one learns from all
    held_out = (torch.arange(200) % n_folds).unsqueeze(1) == own
    sums = LogisticSums.zeros(N - 1, n_folds + 1, weight.device)
    sums.add(EXPANSION, ROWS, weight, positive_weight=positive_weight, held_out=held_out)
    for j in range(n_folds + 1):
        loss, gradient, logit = reference(weight[:, j], ~held_out[:, j], positive_weight)
        assert sums.loss[j].item() == pytest.approx(loss, rel=1e-6)
        torch.testing.assert_close(sums.gradient[:, j], gradient, rtol=1e-5, atol=1e-3)
        wrong = ((logit > 0) != (ROWS.label == 1)) & ~held_out[:, j]
        assert sums.n_wrong[j] == wrong.sum()
        own_loss, *_ = reference(weight[:, j], held_out[:, j], 1.0)  # judged at the true base rate
        assert sums.held_loss[j].item() == pytest.approx(own_loss, rel=1e-6, abs=1e-12)
    assert sums.n_held.tolist() == [50] * n_folds + [0]
    assert sums.n_rows.tolist() == [150] * n_folds + [200]


@given(st.integers(1, 300), st.integers(1, 4))
def test_chunks_add_up(chunk_rows, n_models):
    weight = weights(n_models)
    whole, cut = (LogisticSums.zeros(N - 1, n_models, weight.device) for _ in range(2))
    whole.add(EXPANSION, ROWS, weight, positive_weight=2.0)
    for chunk in ROWS.in_chunks(chunk_rows):
        cut.add(EXPANSION, chunk, weight, positive_weight=2.0)
    torch.testing.assert_close(whole.flat(), cut.flat(), rtol=1e-6, atol=1e-4)


def test_sums_of_several_threads_add_up():
    weight = weights(2)
    whole = LogisticSums.zeros(N - 1, 2, weight.device)
    whole.add(EXPANSION, ROWS, weight, positive_weight=2.0)
    total = LogisticSums.zeros(N - 1, 2, weight.device)
    for chunk in ROWS.in_chunks(70):
        part = LogisticSums.zeros(N - 1, 2, weight.device)
        part.add(EXPANSION, chunk, weight, positive_weight=2.0)
        total += part
    torch.testing.assert_close(total.flat(), whole.flat(), rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("with_folds", [False, True])
def test_whole_weights_are_repeated_rows(with_folds):
    weight, times = weights(3), torch.arange(200) % 4
    copies = torch.repeat_interleave(torch.arange(200), times)
    weighted, repeated = ROWS._replace(weight=times.float()), ROWS.take(copies)
    held_out = (torch.arange(200) % 5).unsqueeze(1) == torch.tensor([0, 1, -1])
    totals = []
    for rows, held in ((weighted, held_out), (repeated, held_out[copies])):
        sums = LogisticSums.zeros(N - 1, 3, weight.device)
        held = held if with_folds else None
        sums.add(EXPANSION, rows, weight, positive_weight=2.0, held_out=held)
        sums.n_wrong[:] = 0  # rows on the wrong side are counted, not weighed
        totals.append(sums.flat())
    torch.testing.assert_close(*totals, rtol=1e-5, atol=1e-3)
    hessians = [
        hessian_sum(EXPANSION, rows, weight[:, 0], positive_weight=2.0, chunk_rows=70)
        for rows in (weighted, repeated)
    ]
    torch.testing.assert_close(*hessians, rtol=1e-5, atol=1e-3)


def test_flat_and_back():
    sums = LogisticSums(*(torch.rand(*size, 3) for size in ((), (4,), (), (), (), ())))
    again = LogisticSums.from_flat(sums.flat())
    assert sums.flat().shape == (9, 3)
    for name in ("loss", "gradient", "n_rows", "n_wrong", "held_loss", "n_held"):
        assert torch.equal(getattr(sums, name), getattr(again, name)), name


def test_logits_far_out_stay_finite():
    weight = weights(2) * 1e4
    sums = LogisticSums.zeros(N - 1, 2, weight.device)
    sums.add(EXPANSION, ROWS, weight, positive_weight=1.0)
    assert sums.flat().isfinite().all()
    loss, gradient, _ = reference(weight[:, 0], torch.ones(200, dtype=torch.bool), 1.0)
    assert sums.loss[0].item() == pytest.approx(loss, rel=1e-6)
    torch.testing.assert_close(sums.gradient[:, 0], gradient, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("columns", [(NUMBER,), (TEXT,), (NUMBER, TEXT, DATE)])
@pytest.mark.parametrize("positive_weight", [1.0, 3.5])
@pytest.mark.parametrize("chunk_rows", [1, 64, 1000])
def test_hessian_is_that_of_autograd(columns, positive_weight, chunk_rows):
    expansion, rows = made(100, *columns)
    weight = torch.linspace(-1, 1, expansion.n_features + 1)
    hessian = hessian_sum(
        expansion, rows, weight, positive_weight=positive_weight, chunk_rows=chunk_rows
    ) / len(rows.label)

    def loss(point: torch.Tensor) -> torch.Tensor:
        return binary_cross_entropy_with_logits(
            expansion(rows.dense, rows.codes).double() @ point[:-1] + point[-1],
            rows.label.double(),
            pos_weight=torch.tensor(positive_weight, dtype=torch.float64),
        )

    expected = torch.autograd.functional.hessian(loss, weight.double())
    assert hessian.dtype == torch.float64
    torch.testing.assert_close(hessian, expected, rtol=1e-5, atol=1e-6)


def test_the_diagonal_needs_no_features():
    """What L-BFGS starts from: the same numbers as the diagonal of Newton's matrix."""
    weight = weights(1)
    logit = EXPANSION.linear(ROWS.dense, ROWS.codes, weight[:-1]) + weight[-1]
    row_weight = curvature(logit[:, 0], ROWS, 2.0).unsqueeze(1)
    sums = EXPANSION.square_sums(ROWS.dense, ROWS.codes, row_weight)
    diagonal = torch.cat([sums[:, 0], row_weight.sum(0)]) / len(ROWS.label)
    full = hessian_sum(EXPANSION, ROWS, weight[:, 0], positive_weight=2.0, chunk_rows=1000)
    expected = full.diagonal() / len(ROWS.label)
    torch.testing.assert_close(diagonal.double(), expected, rtol=1e-5, atol=1e-6)
