"""Quality: whether each input of a row can be trusted, as tensor arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from churn_torch.tables.encode import FIRST_CATEGORY
from churn_torch.tables.schema import Column, Schema

FINE, MISSING, UNSEEN, OUTSIDE = range(4)
QUALITY_MEANING = {
    FINE: "fine",
    MISSING: "missing",
    UNSEEN: "unseen category",
    OUTSIDE: "outside the training range",
}


class Quality(nn.Module):
    """Tell cells that are missing, unseen in training, or outside the training range.

    An infinite number counts as missing, as it does for the model. A category too rare in training
    for the vocabulary counts as unseen: the model knows no more of it.

    Args:
        schema: Completed.

    Shape:
        Columns of N rows to ``[N, F]`` int64, keys of `QUALITY_MEANING`.
    """

    def __init__(self, schema: Schema) -> None:
        super().__init__()
        for name, columns, dtype in (
            ("numeric", schema.numeric, np.float32),
            ("wide", schema.wide, np.float64),
        ):
            for end in ("minimum", "maximum"):
                self.register_buffer(f"{name}_{end}", _limits(columns, end, dtype))
        self.register_buffer("of_code", torch.tensor([[MISSING], [UNSEEN], [FINE]]))

    def forward(self, numeric: Tensor, wide: Tensor, codes: Tensor) -> Tensor:
        """Return the quality of each cell; a group without columns is not looked at."""
        parts = []
        for name, x in (("numeric", numeric), ("wide", wide)):
            low, high = self.get_buffer(f"{name}_minimum"), self.get_buffer(f"{name}_maximum")
            if len(low):
                inside = torch.where((x >= low) & (x <= high), FINE, OUTSIDE)
                parts.append(torch.where((x - x) == 0, inside, MISSING))
        if codes.ndim == 2:
            known = codes.clamp(max=FIRST_CATEGORY)
            parts.append(embedding(known, self.get_buffer("of_code")).squeeze(2))
        return torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]


def _limits(columns: tuple[Column, ...], end: str, dtype: Any) -> Tensor:
    """Return an end of the training range of each column, rounded as its cells are."""
    empty = np.inf if end == "minimum" else -np.inf  # no training row had a number
    values = [getattr(column, end) for column in columns]
    return torch.from_numpy(np.array([empty if v is None else v for v in values], dtype))
