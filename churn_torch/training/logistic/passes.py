"""Passes over rows: loss, gradient and curvature of many linear models at once."""

from __future__ import annotations

import torch
from torch import Tensor

from churn_torch.models.preprocessing.expansion import Expansion
from churn_torch.training.logistic.loss_sums import LogisticSums, curvature, hessian_sum
from churn_torch.training.logistic.threads import RowThreads
from churn_torch.training.rows.batches import RowRange, rows_to_expand
from churn_torch.training.rows.store import Block

# Numbers read at once on a CPU: they stay in its cache for the backward half of the pass.
CHUNK_CELLS = 2**21


class Passes:
    """Sum over rows what the solvers need to know of the models at one point each.

    Args:
        expansion: From compact rows to features, on the device of the sums.
        positive_weight: Weight of a positive row in the loss.
        n_models: Models solved side by side, for the size of a chunk.
        n_folds: Folds of the rows; a row's fold is its position in the part modulo this.
        threads: Share the rows.
        device: Where the rows are.
    """

    def __init__(
        self,
        expansion: Expansion,
        *,
        positive_weight: float,
        n_models: int,
        n_folds: int,
        threads: RowThreads,
        device: torch.device,
    ) -> None:
        self.expansion = expansion
        self.positive_weight = positive_weight
        self.n_models = n_models
        self.n_folds = n_folds
        self.threads = threads
        self.device = device

    def zeros(self, n_models: int) -> LogisticSums:
        """Return sums over no rows."""
        return LogisticSums.zeros(self.expansion.n_features, n_models, self.device)

    def add(
        self, sums: LogisticSums, rows: RowRange, points: Tensor, folds: list[int] | None = None
    ) -> None:
        """Add the rows to the sums.

        Args:
            sums: Of P models.
            rows: The rows to add.
            points: ``[n_features + 1, P]``, where the models are; the intercept is last.
            folds: For each model the fold that it does not learn from, -1 for none; None where no
                model has one.
        """
        weight = points.to(self.device, torch.float32)
        block = rows.block
        row_cells = block.dense.shape[1] + block.codes.shape[1] + self.n_models
        chunk_rows = max(CHUNK_CELLS // row_cells, 1)

        def sum_share(share: RowRange) -> LogisticSums:
            share_sums, first_row = self.zeros(weight.shape[1]), share.first_row
            for chunk in share.block.in_chunks(chunk_rows):
                self._add_chunk(share_sums, RowRange(chunk, first_row), weight, folds)
                first_row += len(chunk.label)
            return share_sums

        for share_sums in self.threads.map(rows, self.expansion.n_features, sum_share):
            sums += share_sums

    def _add_chunk(
        self, sums: LogisticSums, rows: RowRange, weight: Tensor, folds: list[int] | None
    ) -> None:
        held_out = None
        if folds is not None and max(folds) >= 0:
            position = torch.arange(len(rows.block.label), device=self.device) + rows.first_row
            fold = torch.tensor(folds, device=self.device)
            held_out = (position % self.n_folds).unsqueeze(1) == fold
        sums.add(
            self.expansion,
            rows.block,
            weight,
            positive_weight=self.positive_weight,
            held_out=held_out,
        )

    def hessian(self, block: Block, point: Tensor) -> Tensor:
        """Return the Hessian of the mean loss, ``[n_features + 1] * 2`` float64, on the CPU."""
        weight = point.to(self.device, torch.float32)
        chunk_rows = rows_to_expand(self.expansion.n_features)

        def sum_share(share: RowRange) -> Tensor:
            return hessian_sum(
                self.expansion,
                share.block,
                weight,
                positive_weight=self.positive_weight,
                chunk_rows=chunk_rows,
            )

        sums = self.threads.map(RowRange(block, 0), self.expansion.n_features, sum_share)
        return torch.stack(sums).sum(0).cpu() / weight_sum(block)

    def hessian_diagonal(self, block: Block, point: Tensor) -> Tensor:
        """Return the diagonal of the Hessian of the mean loss, ``[n_features + 1]`` float64."""
        weight = point.to(self.device, torch.float32)
        logit = self.expansion.linear(block.dense, block.codes, weight[:-1, None]) + weight[-1]
        row_weight = curvature(logit[:, 0], block, self.positive_weight).unsqueeze(1)
        squares = self.expansion.square_sums(block.dense, block.codes, row_weight)
        diagonal = torch.cat([squares[:, 0], row_weight.sum(0)])
        return diagonal.double().cpu() / weight_sum(block)


def weight_sum(block: Block) -> float:
    """Return the sum of the sample weights, or the number of rows where they have none."""
    return len(block.label) if block.weight is None else float(block.weight.double().sum())
