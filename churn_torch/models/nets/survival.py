"""Survival: when customers leave, as a hazard by period that a net moves."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from churn_torch.tables.labelled.lifetimes import LifetimeColumns

# Who is as likely to stay as to leave by then.
HALF = 0.5


class Hazard(nn.Module):
    """The chance to leave in each period, given that a customer has stayed until then.

    ``h_k = sigmoid(a_k + risk)`` in period k = 1, 2, ..., with one baseline a_k for each period, or
    for a few periods in a row where fewer customers leave, and the risk of a net (proportional
    odds). In periods in which nobody can leave it is 0. The chance to stay is
    ``S_k = prod(1 - h_j, j <= k)``. Beyond the last period its hazard goes on.
    Sources: Cox 1972, "Regression models and life-tables" (section 6, discrete time); Allison 1982,
    "Discrete-time methods for the analysis of event histories"; Gensheimer & Narasimhan 2019, "A
    scalable discrete-time survival model for neural networks".

    Args:
        columns: What a period is, where the baselines end, and the horizon.
        place: Where the number is that says how long a customer has stayed: 0 for the float32
            columns and 1 for the float64 ones, and the position there.
    """

    def __init__(self, columns: LifetimeColumns, place: tuple[int, int]) -> None:
        super().__init__()
        ends = torch.tensor(columns.ends)
        self.horizon, self.period, self.place = columns.horizon, columns.period, place
        self.n_periods, self.has_empty = columns.n_periods, bool(columns.empty)
        self.baseline = nn.Parameter(torch.zeros(len(ends)))
        starts = torch.cat([ends.new_zeros(1), ends[:-1]])
        # Names end in _, as those of `Preprocess`.
        self.register_buffer("starts_", starts.float(), persistent=False)
        self.register_buffer("ends_", ends.float(), persistent=False)
        possible = torch.ones(len(ends))
        possible[list(columns.empty)] = 0
        self.register_buffer("possible_", possible, persistent=False)
        group = torch.repeat_interleave(torch.arange(len(ends)), ends - starts)
        self.register_buffer("group_", group, persistent=False)

    def stayed(self, float32: Tensor, float64: Tensor) -> Tensor:
        """Return how many whole periods customers have stayed, ``[N]`` float32.

        A missing or infinite cell counts as 0.
        """
        column = (float32, float64)[self.place[0]][:, self.place[1]]
        finite = (column - column) == 0
        periods = torch.floor(torch.where(finite, column, 0.0) / self.period + 1e-6)
        return periods.clamp(0, self.n_periods).to(torch.float32)

    def survival(self, risk: Tensor, stayed: Tensor) -> Tensor:
        """Return the chance to stay for 1, 2, ... more periods, ``[N, n_periods]``.

        Args:
            risk: ``[N]``.
            stayed: ``[N]``, periods that the customers have stayed already.
        """
        return torch.exp(-self._cumulated(risk, stayed))

    def leaves_within(self, risk: Tensor, stayed: Tensor) -> Tensor:
        """Return the chance to leave in the next ``horizon`` periods, ``[N]``."""
        return -torch.expm1(-self._cumulated(risk, stayed)[:, self.horizon - 1])

    def _cumulated(self, risk: Tensor, stayed: Tensor) -> Tensor:
        """Return ``-log S`` of the next periods."""
        group = self.get_buffer("group_")
        baseline = self.baseline.index_select(0, group)
        ahead = torch.arange(self.n_periods, device=risk.device)
        period = (stayed.long().unsqueeze(1) + ahead).clamp(max=self.n_periods - 1)
        hazard = softplus(torch.take(baseline, period) + risk.unsqueeze(1))
        if self.has_empty:
            possible = self.get_buffer("possible_").index_select(0, group)
            hazard = hazard * torch.take(possible, period)
        return hazard.cumsum(1)

    @staticmethod
    def median(survival: Tensor) -> Tensor:
        """Return after how many more periods half of such customers have left, ``[N]`` float32.

        NaN where more than half stay for all periods.
        """
        stay = survival > HALF
        periods = stay.to(torch.float32).sum(1) + 1
        return torch.where(stay[:, -1], math.nan, periods)

    def exposure(self, stayed: Tensor, last: Tensor) -> Tensor:
        """Return in how many periods of each baseline customers were observed, ``[N, G]``.

        Args:
            stayed: ``[N]``, periods before the first one observed.
            last: ``[N]``, the last period observed.
        """
        starts, ends = self.get_buffer("starts_"), self.get_buffer("ends_")
        until = torch.minimum(last.unsqueeze(1), ends)
        periods = (until - torch.maximum(stayed.unsqueeze(1), starts)).clamp(min=0)
        return periods * self.get_buffer("possible_")

    def left_in(self, last: Tensor, event: Tensor) -> Tensor:
        """Return in periods of which baseline customers left, ``[N, G]`` of 0 and 1.

        Who left after the last period was still there in all of them.
        """
        starts, ends = self.get_buffer("starts_"), self.get_buffer("ends_")
        last = last.unsqueeze(1)
        here = ((last > starts) & (last <= ends)) * event.unsqueeze(1)
        return here * self.get_buffer("possible_")

    def loss(self, risk: Tensor, stayed: Tensor, last: Tensor, event: Tensor) -> Tensor:
        """Return the negative log-likelihood of each row, ``[N]``: of its person-periods in sum.

        Args:
            risk: ``[N]``, or ``[N, M]`` of a net with members, whose losses are averaged.
            stayed: As for `exposure`.
            last: As for `exposure`.
            event: ``[N]``, 1 for customers who left in the last period observed.
        """
        risk = risk if risk.ndim == 2 else risk.unsqueeze(1)
        logit = risk.unsqueeze(2) + self.baseline  # [N, M, G]
        exposure, left = self.exposure(stayed, last), self.left_in(last, event)
        loss = softplus(logit) * exposure.unsqueeze(1) - logit * left.unsqueeze(1)
        return loss.sum(2).mean(1)


class Survival(nn.Module):
    """A net and the hazard that its logits move, trained together.

    Args:
        net: ``[N, n_features]`` to the ``[N]`` log-odds that it adds to the hazard of every period.
        hazard: The baseline hazards.

    Shape:
        ``[N, n_features]`` float32 to ``[N]`` float32 risks.
    """

    def __init__(self, net: nn.Module, hazard: Hazard) -> None:
        super().__init__()
        self.net, self.hazard = net, hazard

    def forward(self, x: Tensor) -> Tensor:
        """Return the risks."""
        risk: Tensor = self.net(x)
        return risk
