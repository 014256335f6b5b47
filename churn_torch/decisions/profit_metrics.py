"""Measures of profit as torchmetrics, for training loops: exact up to a million rows, then in bins.

They compute what `churn_torch.decisions.profit` does, where formulas and sources stand.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torchmetrics import Metric

from churn_torch.decisions.offer_profit import one_keep_rate
from churn_torch.decisions.offers import BetaRate, Offer, mean_rate, payoffs
from churn_torch.decisions.profit import ProfitCurve
from churn_torch.decisions.profit_groups import N_PROFIT_BINS, N_SUMS
from churn_torch.decisions.profit_sums import EXACT_ROWS, ROW_COLUMNS, ProfitSums
from churn_torch.errors import InputError


class MaximumProfit(Metric):
    """MPC: the maximum over thresholds of the profit per customer, at the expected keep rate.

    The state is summed up and joined over processes by torchmetrics (``dist_reduce_fx``).

    Args:
        offer: Its keep rate is a number or a Beta distribution.
        exact_rows: Rows that a process keeps one by one, 24 bytes each.
        keywords: As for `torchmetrics.Metric`.

    Raises:
        InputError: The keep rate is a column.
    """

    full_state_update = False
    higher_is_better = True
    is_differentiable = False
    rows: list[Tensor]
    bins: Tensor

    def __init__(self, offer: Offer, *, exact_rows: int = EXACT_ROWS, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.offer, self.exact_rows = offer, exact_rows
        self.keep_rate = one_keep_rate(offer)
        self.add_state("rows", default=[], dist_reduce_fx="cat")
        zeros = torch.zeros(N_SUMS, N_PROFIT_BINS, dtype=torch.float64)
        self.add_state("bins", default=zeros, dist_reduce_fx="sum")

    def update(self, probability: Tensor, label: Tensor, value: Tensor | float) -> None:
        """Add rows.

        Args:
            probability: Probability of churn, ``[N]``.
            label: 1 for churners and 0 for the others, ``[N]``.
            value: What each customer is worth, ``[N]``, or one number for all.

        Raises:
            InputError: As for `ProfitSums.update`.
        """
        worth = _array(value).astype(np.float64) if isinstance(value, Tensor) else value
        own = self._sums()
        room = 0 if own.in_bins else self.exact_rows - sum(map(len, own.rows))
        added = ProfitSums(exact_rows=room)
        added.update(_array(probability), _array(label), payoffs(self.offer, worth))
        if added.in_bins:
            own.spill()
            # Not an empty list: processes that have none would not take part in the gathering.
            self.rows = [torch.empty(0, ROW_COLUMNS, dtype=torch.float64, device=self.device)]
            self.bins = torch.from_numpy(added.bins + own.bins).to(self.bins)
        else:
            self.rows += [torch.from_numpy(rows).to(self.device) for rows in added.rows]

    def compute(self) -> Tensor:
        """Return the measure of all rows, a float64 number.

        Raises:
            InputError: There is no row.
        """
        curve = ProfitCurve.of(self._sums().groups())
        return torch.tensor(self._measure(curve), dtype=torch.float64, device=self.device)

    def _measure(self, curve: ProfitCurve) -> float:
        return curve.best(mean_rate(self.keep_rate)).profit

    def _sums(self) -> ProfitSums:
        sums = ProfitSums(exact_rows=self.exact_rows)
        # After a synchronisation the rows of all processes are one tensor.
        joined: list[Tensor] | Tensor = self.rows
        rows = [joined] if isinstance(joined, Tensor) else joined
        sums.rows = [_array(one) for one in rows]
        sums.bins = _array(self.bins).copy()
        return sums


class ExpectedMaximumProfit(MaximumProfit):
    """EMPC: the mean over the offer's keep rate of the maximum profit per customer.

    Args:
        offer: Its keep rate is a Beta distribution.
        exact_rows: As for `MaximumProfit`.
        keywords: As for `torchmetrics.Metric`.

    Raises:
        InputError: The keep rate is none.
    """

    def __init__(self, offer: Offer, *, exact_rows: int = EXACT_ROWS, **keywords: Any) -> None:
        super().__init__(offer, exact_rows=exact_rows, **keywords)
        if not isinstance(self.keep_rate, BetaRate):
            raise InputError(
                "keep_rate",
                expected="a Beta distribution, over which EMPC is the mean",
                got=str(self.keep_rate),
                fix="use MaximumProfit",
            )

    def _measure(self, curve: ProfitCurve) -> float:
        assert isinstance(self.keep_rate, BetaRate)
        return curve.expected_best(self.keep_rate).profit


def _array(tensor: Tensor) -> npt.NDArray[Any]:
    array: npt.NDArray[Any] = tensor.detach().cpu().numpy()
    return array
