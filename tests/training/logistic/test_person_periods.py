from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from churn_torch.errors import InputError
from churn_torch.models.calibration import Calibrator
from churn_torch.models.nets.linear import Linear
from churn_torch.models.nets.mlp import MLP
from churn_torch.models.nets.survival import Hazard
from churn_torch.models.preprocessing.preprocess import Preprocess
from churn_torch.models.preprocessing.statistics import PreprocessOptions
from churn_torch.models.scorer import Scorer
from churn_torch.tables.labelled.lifetimes import LifetimeColumns
from churn_torch.tables.schema import Column, Kind, Schema
from churn_torch.tables.values.cells import Storage
from churn_torch.training.logistic.exact_module import ExactSolver
from churn_torch.training.logistic.person_periods import PersonPeriods
from churn_torch.training.rows.batches import RowRange
from churn_torch.training.rows.store import Block
from tests.reference.survival import newton_logit, person_periods

ENDS = (1, 2, 4, 6)


def made_module(net: Any = Linear, *, l1: float = 0.0, l2: Any = (0.05,), method: str = "newton"):
    columns = tuple(Column(name, Kind.NUMERIC, Storage.NUMBER) for name in "ab")
    preprocess = Preprocess(Schema(columns, "left", "yes", "no"), PreprocessOptions())
    hazard = Hazard(LifetimeColumns("t", "a", 1, 2, ENDS), (0, 0))
    scorer = Scorer(preprocess, net(n_features=2), Calibrator(), hazard=hazard)

    def make(params: Any) -> ExactSolver:
        return ExactSolver(params, method=method, tolerance=1e-12, memory=5)

    return PersonPeriods(scorer, optimizer=make, l1=l1, l2=list(l2))


def made_rows(n: int = 120) -> Block:
    rng = np.random.default_rng(0)
    entry = rng.integers(0, 3, n)
    last = entry + rng.integers(1, 5, n)
    x, event, weight = rng.normal(size=(n, 2)), rng.integers(0, 2, n), rng.integers(1, 3, n)
    numbers = (torch.from_numpy(np.asarray(a)).float() for a in (x, event, weight, entry, last))
    dense, label, weights, begins, ends = numbers
    codes = torch.zeros(n, 0, dtype=torch.int32)
    return Block(dense, codes, label, weight=weights, entry=begins, last=ends)


def solved(module: PersonPeriods, rows: Block) -> int:
    """Do what the trainer does, and return the passes that it took."""
    module._trainer = SimpleNamespace(should_stop=False, world_size=1)  # type: ignore[assignment]
    module.configure_optimizers()
    module.keep_losses = lambda loss: module.history.append({"train_loss": loss})  # type: ignore[method-assign]
    module.on_train_start()
    while not module.converged:
        module.on_train_epoch_start()
        module.training_step(RowRange(rows.take(slice(0, 50)), 0), 0)
        module.training_step(RowRange(rows.take(slice(50, None)), 50), 1)
        module.on_train_epoch_end()
        assert len(module.history) < 50
    return len(module.history)


def test_it_finds_the_penalised_optimum_of_the_expanded_rows() -> None:
    module, rows = made_module(), made_rows()
    assert solved(module, rows) < 12
    assert rows.weight is not None
    often = rows.weight.int()
    x, label, entry, last = (
        torch.repeat_interleave(array, often, dim=0).numpy()
        for array in (rows.dense, rows.label, rows.entry, rows.last)  # type: ignore[arg-type]
    )
    design, outcome = person_periods(x, entry, last, label, ENDS)
    l2 = np.array([0.05, 0.05, *[0.0] * len(ENDS)])
    expected = newton_logit(design, outcome, l2=l2, n_rows=int(often.sum()))
    np.testing.assert_allclose(module.point, expected, atol=1e-8)
    linear, hazard = module.scorer.net.linear, module.hazard
    np.testing.assert_allclose(linear.weight[0].detach(), expected[:2], atol=1e-6)  # type: ignore[union-attr]
    np.testing.assert_allclose(hazard.baseline.detach(), expected[2:], atol=1e-6)


def test_a_step_that_is_too_long_is_halved() -> None:
    module, rows = made_module(), made_rows()
    solved(module, rows)
    best = module.point.clone()
    module.converged = False
    module.move = 400 * torch.ones_like(module.point)
    module.on_train_epoch_start()
    module.training_step(RowRange(rows, 0), 0)
    module.on_train_epoch_end()
    assert module.length == 0.5
    torch.testing.assert_close(module.point, best)


def test_a_resumed_fit_goes_on_at_its_point() -> None:
    module, rows = made_module(), made_rows()
    solved(module, rows)
    again = made_module()
    again.set_extra_state(module.get_extra_state())
    assert again.converged
    torch.testing.assert_close(again.point, module.point)
    assert again.outcome["passes"] == len(module.history)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"net": MLP}, r"^optimizer: expected a linear net .* got MLP"),
        ({"l1": 0.1}, r"^penalty\.l1: expected 0 with model=survival"),
        ({"l2": (0.1, 0.01)}, r"^penalty\.l2: expected one number"),
    ],
)
def test_what_newton_does_not_take_here_is_refused(choices: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        made_module(**choices)


def test_lbfgs_is_refused() -> None:
    with pytest.raises(InputError, match=r"^optimizer: .* got lbfgs"):
        made_module(method="lbfgs").configure_optimizers()
