from __future__ import annotations

import numpy as np
import pytest
import torch

from churn_torch.models.nets.survival import Hazard, Survival
from churn_torch.tables.labelled.lifetimes import LifetimeColumns
from churn_torch.training.rows.store import Block, MemoryPart
from churn_torch.training.survival_module import LifetimeLoss, row_losses, start_baseline


def made_rows(n: int = 500) -> Block:
    rng = np.random.default_rng(0)
    last = torch.from_numpy(rng.integers(1, 7, n)).float()
    event = torch.from_numpy(rng.integers(0, 2, n)).float()
    return Block(
        torch.zeros(n, 1), torch.zeros(n, 0, dtype=torch.int32), event,
        weight=torch.from_numpy(rng.uniform(0.5, 1.5, n)).float(),
        entry=torch.zeros(n), last=last,
    )  # fmt: skip


@torch.no_grad()
def test_the_baselines_start_at_the_optimum_without_features() -> None:
    rows, hazard = made_rows(), Hazard(LifetimeColumns("t", None, 1, 2, (2, 4, 6)), (0, 0))
    start_baseline(hazard, MemoryPart(rows))
    risk = torch.zeros(len(rows.label))
    assert rows.weight is not None
    assert rows.last is not None
    events = rows.weight[(rows.label == 1) & (rows.last <= 2)].sum()
    exposure = (rows.weight * rows.last.clamp(max=2)).sum()
    assert torch.sigmoid(hazard.baseline[0]) == pytest.approx(float(events / exposure), rel=1e-5)
    best = (row_losses(hazard, risk, rows) * rows.weight).sum()
    for moved in (-0.05, 0.05):
        for group in range(3):
            hazard.baseline[group] += moved
            assert (row_losses(hazard, risk, rows) * rows.weight).sum() > best
            hazard.baseline[group] -= moved


def test_the_validation_loss_is_a_weighted_mean_over_blocks() -> None:
    loss, values = LifetimeLoss(), torch.tensor([1.0, 2.0, 6.0])
    loss.update(values[:2], torch.zeros(2), torch.tensor([1.0, 3.0]))
    loss.update(values[2:], torch.zeros(1))
    assert float(loss.compute()) == pytest.approx((1 + 6 + 6) / 5)


def test_a_survival_net_is_what_is_saved_and_restored() -> None:
    hazard = Hazard(LifetimeColumns("t", None, 1, 2, (2, 4)), (0, 0))
    names = set(Survival(torch.nn.Linear(2, 1), hazard).state_dict())
    assert names == {"net.weight", "net.bias", "hazard.baseline"}
