"""Profit of a split of any size, from chunks of its rows, in bounded memory; without torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from churn_torch.decisions.offers import Payoffs
from churn_torch.decisions.profit import ProfitCurve
from churn_torch.decisions.profit_groups import (
    N_PROFIT_BINS,
    N_SUMS,
    Outcomes,
    ScoreGroups,
    add_to_bins,
    check_outcomes,
    exact_groups,
    groups_of_bins,
    outcome_blocks,
)
from churn_torch.errors import InputError

BLOCK_ROWS = 262_144  # rows added up at a time
EXACT_ROWS = 1_000_000
ROW_COLUMNS = 3  # probability, kept, cost


class ProfitSums:
    """The profit of rows that are added chunk by chunk.

    Rows are ranked by their probability in float32, as the ONNX file gives it. Up to ``exact_rows``
    rows each probability is a group of its own. Beyond, rows are added up in bins (6 MB, see
    `profit_groups`), and the rows of one bin are contacted together.

    Args:
        exact_rows: Rows that are kept one by one, 24 bytes each.
        threshold: A threshold at which the profit is wanted exactly, also in bins.

    Attributes:
        rows: Rows that are kept: arrays ``[n, 3]`` of probability, kept and cost.
        bins: The sums of all others, ``[6, N_PROFIT_BINS]``.
    """

    def __init__(self, *, exact_rows: int = EXACT_ROWS, threshold: float | None = None) -> None:
        self.exact_rows = exact_rows
        self.threshold = threshold
        self.rows: list[npt.NDArray[np.float64]] = []
        self.bins = np.zeros((N_SUMS, N_PROFIT_BINS))

    def update(
        self, probability: npt.NDArray[Any], label: npt.NDArray[Any], payoffs: Payoffs
    ) -> None:
        """Add all rows, or none if it raises.

        Args:
            probability: Probability of churn, ``[N]``.
            label: ``[N]``: 1 for customers who left, 0 for those who stayed; or the probability of
                leaving, for expected values.
            payoffs: Of each customer, or one number for all.

        Raises:
            InputError: A probability is NaN or outside 0..1, or as for `profit_groups.outcomes`.
        """
        probability, label = np.asarray(probability, np.float32), np.asarray(label)
        if probability.shape != label.shape:
            raise InputError(
                "probability", expected=f"shape {label.shape}", got=f"shape {probability.shape}"
            )
        check_outcomes(label, payoffs)
        if len(label) and not (probability.min() >= 0 and probability.max() <= 1):
            raise InputError("probability", expected="numbers between 0 and 1", got="others or NaN")
        blocks = outcome_blocks(label, payoffs, BLOCK_ROWS)
        for number, result in enumerate(blocks):
            start = number * BLOCK_ROWS
            # abs: a zero may have a sign
            self._add(np.abs(probability[start : start + BLOCK_ROWS]), result)

    def _add(self, probability: npt.NDArray[np.float32], result: Outcomes) -> None:
        if self.in_bins:
            add_to_bins(self.bins, probability, result, self.threshold)
            return
        self.rows.append(np.column_stack([probability, *result]))
        if sum(map(len, self.rows)) > self.exact_rows:
            self.spill()

    def spill(self) -> None:
        """Add the rows that are kept to the bins."""
        for rows in self.rows:
            probability, kept, cost = rows.T
            result = Outcomes(kept, cost)
            add_to_bins(self.bins, probability.astype(np.float32), result, self.threshold)
        self.rows.clear()

    @property
    def in_bins(self) -> bool:
        """Whether rows are in bins."""
        return bool(self.bins[0].any())

    def groups(self) -> ScoreGroups:
        """Return the groups of rows with one probability, or in one bin.

        Raises:
            InputError: No row was added.
        """
        if self.in_bins:
            self.spill()
            return groups_of_bins(self.bins, self.threshold)
        rows = np.concatenate([np.empty((0, ROW_COLUMNS)), *self.rows])
        probability, kept, cost = np.ascontiguousarray(rows.T)
        return exact_groups(probability.astype(np.float32), Outcomes(kept, cost))

    def choose_threshold(self, keep_rate: float) -> float:
        """Return the threshold from which on it is most profitable to contact customers.

        In bins it is an edge of a bin. If nobody is worth contacting it is 1.

        Args:
            keep_rate: The chance that a contacted leaver stays.

        Raises:
            InputError: No row was added.
        """
        curve = ProfitCurve.of(self.groups())
        threshold = curve.best(keep_rate).threshold
        if threshold is None:
            return 1.0
        if not self.in_bins:
            return threshold
        # Half-way to the next bin may be among the rows of that bin, so the bin's own edge counts.
        return float(curve.lowest[curve.last_from(threshold) - 1])
