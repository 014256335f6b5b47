"""Expansion of compact rows to model space, and linear maps of them without expanding them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from churn_torch.models.preprocessing.preprocess import Preprocess


class Expansion(nn.Module):
    """Turn `Compact` rows into the rows that `Preprocess.forward` returns.

    Each text column (of a scorecard: each term) has a table with the features of each code. So a
    linear map of the features is a sum of one looked-up value for each column, and the sum of
    features over weighted rows follows from the total weight of each code. The cost of both grows
    with the number of columns, not with the number of their one-hot features.

    Args:
        preprocess: With its statistics loaded.
    """

    def __init__(self, preprocess: Preprocess) -> None:
        super().__init__()
        self.piecewise = preprocess.piecewise
        self.n_numbers = preprocess.n_dense + self.piecewise.n_pieces
        self.n_features = preprocess.n_features
        self.starts = preprocess.code_starts
        self.widths: list[int] = []
        for i, table in enumerate(preprocess.code_tables()):
            self.register_buffer(f"table_{i}", table, persistent=False)
            self.widths.append(table.shape[1])

    @property
    def tables(self) -> list[Tensor]:
        """The table of each column of codes, ``[n_codes, n_features]`` float32."""
        return [self.get_buffer(f"table_{i}") for i in range(len(self.widths))]

    def forward(self, dense: Tensor, codes: Tensor) -> Tensor:
        """Return model-space rows, ``[N, n_features]``."""
        numbers = self._numbers(dense)
        if not self.widths:
            return numbers
        parts = [
            table.index_select(0, codes[:, i] - start)
            for i, (table, start) in enumerate(zip(self.tables, self.starts, strict=False))
        ]
        return torch.cat([numbers, *parts], dim=1)

    def linear(self, dense: Tensor, codes: Tensor, weight: Tensor) -> Tensor:
        """Return ``forward(dense, codes) @ weight`` for weights ``[n_features, P]``."""
        result = self._numbers(dense) @ weight[: self.n_numbers]
        if self.widths:
            values = torch.split(weight[self.n_numbers :], self.widths)
            of_code = torch.cat([t @ v for t, v in zip(self.tables, values, strict=True)])
            result = result + embedding_bag(codes, of_code, mode="sum")
        return result

    def sums(self, dense: Tensor, codes: Tensor, row_weight: Tensor) -> Tensor:
        """Return ``forward(dense, codes).T @ row_weight`` for row weights ``[N, P]``."""
        return torch.cat(
            [
                self._numbers(dense).T @ row_weight,
                *(
                    t.T @ w
                    for t, w in zip(self.tables, self._of_codes(codes, row_weight), strict=True)
                ),
            ]
        )

    def square_sums(self, dense: Tensor, codes: Tensor, row_weight: Tensor) -> Tensor:
        """Return ``forward(dense, codes).square().T @ row_weight`` for ``[N, P]``."""
        return torch.cat(
            [
                self._numbers(dense).square().T @ row_weight,
                *(
                    t.square().T @ w
                    for t, w in zip(self.tables, self._of_codes(codes, row_weight), strict=True)
                ),
            ]
        )

    def _numbers(self, dense: Tensor) -> Tensor:
        """Return all features that are numbers, ``[N, n_numbers]``."""
        if not self.piecewise.n_pieces:
            return dense
        return torch.cat([dense, self.piecewise(dense[:, : self.piecewise.n_numbers])], dim=1)

    def _of_codes(self, codes: Tensor, row_weight: Tensor) -> list[Tensor]:
        """Return the weight of each code of each column, ``[n_codes, P]``."""
        if not self.widths:
            return []
        n_codes, n_text = self.starts[-1], len(self.widths)
        if codes.is_cpu:
            flat = codes.flatten()
            weights = [weight.repeat_interleave(n_text) for weight in row_weight.T]
            sums = [torch.bincount(flat, weight, minlength=n_codes) for weight in weights]
            of_code = torch.stack(sums, dim=1)
        else:
            # The same sums. bincount is twenty times faster on a CPU, but not deterministic on a
            # GPU.
            of_code = row_weight.new_zeros(n_codes, row_weight.shape[1])
            for column in codes.T:
                of_code.index_add_(0, column, row_weight)
        return [of_code[a:b] for a, b in zip(self.starts, self.starts[1:], strict=False)]
