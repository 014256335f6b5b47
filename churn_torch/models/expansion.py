"""Expansion: compact rows to model space, and a linear map over them that skips the way there."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from churn_torch.models.preprocess import Preprocess


class Expansion(nn.Module):
    """What turns `Compact` rows into the rows that `Preprocess.forward` returns.

    Each text column has a table whose row for a code holds the column's one-hot features, centred
    as `Preprocess` centres them. A linear map of the features is then a sum of one looked-up value
    a column, and the sum of features over weighted rows follows from the weight of each code: both
    cost as much as the columns are, not as their one-hot features are many.

    Args:
        preprocess: With its statistics loaded.
    """

    def __init__(self, preprocess: Preprocess) -> None:
        super().__init__()
        self.n_dense, self.n_features = preprocess.n_dense, preprocess.n_features
        self.starts = preprocess.code_starts
        evident = preprocess.get_buffer("evident_").flatten()
        frequencies = preprocess.get_buffer("frequencies_")
        self.widths: list[int] = []
        feature = 0
        for i, (start, end) in enumerate(zip(self.starts, self.starts[1:], strict=False)):
            seen = evident[start:end]
            width = int(seen.sum())
            levels = seen.nonzero().flatten()
            hot = torch.zeros(end - start, width, device=seen.device)
            hot[levels, torch.arange(width, device=seen.device)] = 1
            hot -= seen.unsqueeze(1) * frequencies[feature : feature + width]
            self.register_buffer(f"table_{i}", hot, persistent=False)
            self.widths.append(width)
            feature += width

    @property
    def tables(self) -> list[Tensor]:
        """The table of each text column, ``[n_codes, n_onehot]`` float32."""
        return [self.get_buffer(f"table_{i}") for i in range(len(self.widths))]

    def forward(self, dense: Tensor, index: Tensor) -> Tensor:
        """Return model-space rows, ``[N, n_features]``."""
        if not self.widths:
            return dense
        parts = [
            table.index_select(0, index[:, i] - start)
            for i, (table, start) in enumerate(zip(self.tables, self.starts, strict=False))
        ]
        return torch.cat([dense, *parts], dim=1)

    def linear(self, dense: Tensor, index: Tensor, weight: Tensor) -> Tensor:
        """Return ``forward(dense, index) @ weight`` for weights ``[n_features, P]``."""
        result = dense @ weight[: self.n_dense]
        if self.widths:
            values = self._by_column(weight[self.n_dense :])
            of_code = torch.cat([t @ v for t, v in zip(self.tables, values, strict=True)])
            result = result + embedding_bag(index, of_code, mode="sum")
        return result

    def sums(self, dense: Tensor, index: Tensor, row_weight: Tensor) -> Tensor:
        """Return ``forward(dense, index).T @ row_weight`` for row weights ``[N, P]``."""
        result = dense.T @ row_weight
        if not self.widths:
            return result
        n_text = len(self.widths)
        codes = index.flatten()
        of_code = torch.stack(
            [
                torch.bincount(codes, weight.repeat_interleave(n_text), minlength=self.starts[-1])
                for weight in row_weight.T
            ],
            dim=1,
        )
        parts = of_code.split([end - start for start, end in self._ranges()])
        return torch.cat([result, *(t.T @ p for t, p in zip(self.tables, parts, strict=True))])

    def _ranges(self) -> list[tuple[int, int]]:
        return list(zip(self.starts, self.starts[1:], strict=False))

    def _by_column(self, weight: Tensor) -> tuple[Tensor, ...]:
        return weight.split(self.widths)
