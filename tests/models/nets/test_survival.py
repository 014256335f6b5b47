from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from churn_torch.models.nets.linear import Linear
from churn_torch.models.nets.survival import Hazard, Survival
from churn_torch.tables.labelled.lifetimes import LifetimeColumns

ENDS = (1, 3, 6)
GROUP = [0, 1, 1, 2, 2, 2]


def made_hazard(period: float = 1.0, horizon: int = 2) -> Hazard:
    torch.manual_seed(0)
    columns = LifetimeColumns("tenure", None, period, horizon, ends=ENDS)
    hazard = Hazard(columns, (0, 1))
    nn.init.normal_(hazard.baseline)
    return hazard


def slow_survival(hazard: Hazard, risk: float, stayed: int) -> list[float]:
    stay, curve = 1.0, []
    for ahead in range(6):
        period = min(stayed + ahead, 5)
        baseline = float(hazard.baseline[GROUP[period]])
        stay *= 1 - 1 / (1 + np.exp(-(baseline + risk)))
        curve.append(stay)
    return curve


@torch.no_grad()
def test_the_curve_is_the_product_of_the_chances_to_stay() -> None:
    hazard = made_hazard()
    risk, stayed = torch.tensor([0.3, -1.0, 2.0]), torch.tensor([0.0, 2.0, 6.0])
    curve = hazard.survival(risk, stayed)
    for row in range(3):
        expected = slow_survival(hazard, float(risk[row]), int(stayed[row]))
        np.testing.assert_allclose(curve[row], expected, rtol=1e-5)
    torch.testing.assert_close(hazard.leaves_within(risk, stayed), 1 - curve[:, 1])


@torch.no_grad()
def test_in_periods_in_which_nobody_can_leave_the_hazard_is_0() -> None:
    columns = LifetimeColumns("tenure", None, 1.0, 2, ends=ENDS, empty=(1,))
    hazard = Hazard(columns, (0, 1))
    nn.init.normal_(hazard.baseline)
    risk, stayed = torch.tensor([0.5, 0.5]), torch.tensor([0.0, 1.0])
    curve = hazard.survival(risk, stayed)
    chances = torch.sigmoid(hazard.baseline + 0.5)
    later = (1 - chances[2]) ** torch.arange(1, 5)
    expected = (1 - chances[0]) * torch.cat([torch.ones(3), later[:3]])
    torch.testing.assert_close(curve[0], expected)
    torch.testing.assert_close(curve[1], torch.cat([torch.ones(2), later]))
    loss = hazard.loss(risk, stayed, torch.tensor([3.0, 4.0]), torch.tensor([0.0, 1.0]))
    torch.testing.assert_close(loss, -torch.log(torch.stack([1 - chances[0], chances[2]])))


def test_the_median_is_the_first_period_by_which_half_have_left() -> None:
    curve = torch.tensor([[0.9, 0.5, 0.1], [0.4, 0.3, 0.2], [0.9, 0.8, 0.7]])
    median = Hazard.median(curve)
    assert median[:2].tolist() == [2.0, 1.0]
    assert median[2].isnan()


def test_how_long_a_customer_has_stayed_is_read_from_the_column() -> None:
    cells = torch.tensor(
        [[9.0, 65.0], [9.0, torch.nan], [9.0, torch.inf], [9.0, -4.0], [9.0, 1e30]]
    )
    stayed = made_hazard(period=30.0).stayed(cells, torch.empty(0))
    assert stayed.tolist() == [2.0, 0.0, 0.0, 0.0, 6.0]


@pytest.mark.parametrize("members", [1, 3])
def test_the_loss_is_the_cross_entropy_of_the_person_periods(members: int) -> None:
    hazard = made_hazard()
    rows = [(0, 4, 1), (2, 5, 0), (1, 2, 1), (0, 0, 0), (0, 9, 1), (3, 9, 0)]
    entry, last, event = torch.tensor(rows, dtype=torch.float32).unbind(1)
    risk = torch.randn(len(rows), members)
    loss = hazard.loss(risk if members > 1 else risk[:, 0], entry, last, event)
    for i, (begins, ends, left) in enumerate(rows):
        total = 0.0
        for period in range(begins + 1, min(ends, 6) + 1):
            for z in risk[i] + hazard.baseline[GROUP[period - 1]]:
                chance = torch.sigmoid(z)
                total += -torch.log(chance if left and period == ends else 1 - chance) / members
        torch.testing.assert_close(loss[i], torch.as_tensor(total).float(), rtol=1e-4, atol=1e-5)


def test_net_and_baselines_are_trained_together() -> None:
    survival = Survival(Linear(n_features=4), made_hazard())
    x = torch.randn(5, 4)
    torch.testing.assert_close(survival(x), survival.net(x))
    entry, last = torch.zeros(5), torch.full((5,), 6.0)
    survival.hazard.loss(survival(x), entry, last, torch.ones(5)).sum().backward()
    assert all(parameter.grad is not None for parameter in survival.parameters())
