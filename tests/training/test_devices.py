"""Nothing on the way of a training step is made on the CPU: on torch's meta device that raises.

A GPU would stop for such a tensor, or refuse it. The meta device has shapes and no values, and no
machine lacks it.
"""

from __future__ import annotations

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from churn_torch.cli.keys import CONF
from churn_torch.evaluation.log_loss import LogLoss
from churn_torch.models.calibration import (
    Auto,
    Beta,
    Calibrator,
    Isotonic,
    Platt,
    Quadratic,
    Temperature,
)
from churn_torch.models.preprocessing.expansion import Expansion
from churn_torch.models.preprocessing.preprocess import Columns, Preprocess
from churn_torch.models.preprocessing.statistics import PreprocessOptions, fit_statistics
from churn_torch.models.scorer import Scorer
from churn_torch.tables.encode import encode
from churn_torch.training.components import maker_of
from churn_torch.training.logistic.loss_sums import LogisticSums, hessian_sum
from churn_torch.training.module import ChurnModule
from churn_torch.training.rows.store import Block
from tests.models.test_scorer import SCHEMA, parsed
from tests.training.conftest import options_of

META = torch.device("meta")
N_ROWS = 50
MODELS = sorted(path.stem for path in (CONF / "model").glob("*.yaml"))


def made_scorer(model: str = "logreg", calibrator: Calibrator | None = None) -> Scorer:
    """A scorer on the CPU, of every kind of column."""
    schema, statistics = fit_statistics([parsed(200)], SCHEMA, PreprocessOptions())
    preprocess = Preprocess(schema, PreprocessOptions())
    preprocess.load_statistics(statistics)
    net = maker_of("model", options_of(f"model={model}").own_net)(n_features=preprocess.n_features)
    effect = copy.deepcopy(net) if model == "uplift" else None
    return Scorer(preprocess, net, calibrator or Calibrator(), effect)


def columns_of(scorer: Scorer) -> Columns:
    schema, _ = fit_statistics([parsed(200)], SCHEMA, PreprocessOptions())
    return Columns.from_arrays(encode(parsed(N_ROWS), schema))


def rows_on_meta(scorer: Scorer, *, weighted: bool = False) -> Block:
    compact = scorer.preprocess.compact(*columns_of(scorer))
    ones = [torch.ones(N_ROWS)] * (2 if weighted else 1)  # labels, and weights
    rows = Block(*(array.to(META) for array in (*compact, *ones)))
    return rows if scorer.effect is None else rows._replace(treatment=rows.label)


def is_meta(*tensors: Tensor) -> bool:
    return all(tensor.device == META for tensor in tensors)


def test_a_tensor_of_the_cpu_is_found():
    """The other tests prove something."""
    with pytest.raises((RuntimeError, TypeError, NotImplementedError)):
        torch.zeros(3, device=META) + torch.zeros(3)


def test_expansion():
    scorer = made_scorer()
    expansion, rows = Expansion(scorer.preprocess).to(META), rows_on_meta(scorer)
    n = expansion.n_features
    features = expansion(rows.dense, rows.codes)
    logits = expansion.linear(rows.dense, rows.codes, torch.empty(n, 3, device=META))
    row_weight = torch.empty(N_ROWS, 3, device=META)
    sums = expansion.sums(rows.dense, rows.codes, row_weight)
    squares = expansion.square_sums(rows.dense, rows.codes, row_weight)
    assert is_meta(features, logits, sums, squares)
    assert features.shape == (N_ROWS, n)
    assert logits.shape == (N_ROWS, 3)
    assert sums.shape == squares.shape == (n, 3)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("with_folds", [False, True])
def test_logistic_sums_and_hessian(with_folds, weighted):
    scorer = made_scorer()
    expansion = Expansion(scorer.preprocess).to(META)
    rows = rows_on_meta(scorer, weighted=weighted)
    n = expansion.n_features + 1
    sums = LogisticSums.zeros(n - 1, 3, META)
    held_out = torch.empty(N_ROWS, 3, dtype=torch.bool, device=META) if with_folds else None
    weight = torch.empty(n, 3, device=META)
    sums.add(expansion, rows, weight, positive_weight=2.0, held_out=held_out)
    assert is_meta(sums.flat())
    assert sums.flat().shape == (5 + n, 3)
    hessian = hessian_sum(expansion, rows, weight[:, 0], positive_weight=2.0, chunk_rows=20)
    assert is_meta(hessian)
    assert hessian.shape == (n, n)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("model", MODELS)
def test_the_loss_forth_and_back(model, weighted):
    scorer = made_scorer(model)
    rows = rows_on_meta(scorer, weighted=weighted)
    module = ChurnModule(
        scorer, optimizer=torch.optim.SGD, scheduler=None, l1=0.1, l2=0.1, positive_weight=2.0,
        gradient_clip=1.0, ema_decay=0.98, compiled=False, seed=0,
    )  # fmt: skip
    module.trainer = SimpleNamespace(world_size=1)
    module._loss_sum = module._loss_sum.to(META)  # as at the start of an epoch
    module.to(META)
    # Parameters move from the CPU to a GPU in place; to the meta device they are made anew.
    module.weights = [p for p in module.learner.parameters() if p.ndim > 1]
    loss = module._loss(rows, N_ROWS)
    assert is_meta(loss)
    torch.autograd.backward(loss)
    gradients = [p.grad for p in module.learner.parameters()]
    assert is_meta(*gradients)
    assert is_meta(torch.nn.utils.clip_grad_norm_(scorer.net.parameters(), 1.0))


@pytest.mark.parametrize(
    "calibrator", [Calibrator, Temperature, Platt, Beta, Quadratic, Isotonic, Auto]
)
def test_scorer_and_calibrators(calibrator):
    made = calibrator()
    if isinstance(made, Isotonic):
        rng = np.random.default_rng(0)
        made.fit(rng.normal(size=300), (rng.random(300) < 0.3).astype(float))
    scorer = made_scorer("mlp", made).eval()
    columns = Columns(*(tensor.to(META) for tensor in columns_of(scorer)[:3]))
    scorer.to(META)
    assert is_meta(scorer(*columns), scorer.score(columns))
    assert is_meta(*scorer.preprocess.compact(*columns))
    assert is_meta(scorer.calibrated(torch.empty(N_ROWS, device=META)))


def test_the_loss_of_the_validation():
    metric = LogLoss().to(META)
    metric.update(torch.empty(N_ROWS, device=META), torch.empty(N_ROWS, device=META))
    assert is_meta(metric.total, metric.compute())
