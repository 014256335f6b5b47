"""Input quality: whether each cell of a row is missing, unseen or outside the training range."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.tables.encode import FIRST_CATEGORY
from churn_torch.tables.schema import Column, Schema, SequenceGroup

FINE, MISSING, UNSEEN, OUTSIDE = range(4)
QUALITY_MEANING = {
    FINE: "fine",
    MISSING: "missing",
    UNSEEN: "unseen category",
    OUTSIDE: "outside the training range",
}


class InputQuality(nn.Module):
    """Classify cells as fine, missing, unseen in training, or outside the training range.

    An infinite number counts as missing, as it does for the model. A category that was too rare in
    training for the vocabulary counts as unseen, because the model treats it as unseen. A column of
    lists is unseen or outside if an event that the model reads is, and missing if none has a value.

    Args:
        schema: Completed.

    Shape:
        Columns of N rows to ``[N, F]`` int64, keys of `QUALITY_MEANING`.
    """

    def __init__(self, schema: Schema) -> None:
        super().__init__()
        self.n_numbers, self.n_text = len(schema.float32) + len(schema.float64), len(schema.text)
        for end in ("minimum", "maximum"):
            float32 = _limits(schema.float32, end, np.float32)
            float64 = _limits(schema.float64, end, np.float64)
            self.register_buffer(end, torch.cat([float32, float64]) if len(float64) else float32)
        # Looked up by how many of "finite" and "inside" are true: cheaper than two selections.
        self.register_buffer("of_number", torch.tensor([MISSING, OUTSIDE, FINE]))
        self.register_buffer("of_code", torch.tensor([MISSING, UNSEEN, FINE]))
        self.of_events = nn.ModuleList(EventQuality(group) for group in schema.sequences)
        self.widths = [group.width for group in schema.sequences]

    def forward(
        self, float32: Tensor, float64: Tensor, codes: Tensor, sequences: Tensor | None = None
    ) -> Tensor:
        """Return the quality of each cell; a group without columns is ignored."""
        parts = []
        if self.n_numbers:
            x = Columns(float32, float64, codes).numbers()
            inside = torch.logical_and(  # the exporter would have to decompose &
                x >= self.get_buffer("minimum"), x <= self.get_buffer("maximum")
            )
            n_true = ((x - x) == 0).long() + inside.long()
            parts.append(torch.take(self.get_buffer("of_number"), n_true))
        if self.n_text:
            known = codes.clamp(max=FIRST_CATEGORY)
            parts.append(torch.take(self.get_buffer("of_code"), known))
        if sequences is not None:
            groups = torch.split(sequences, self.widths, dim=1)
            parts += [flags(raw) for flags, raw in zip(self.of_events, groups, strict=True)]
        return torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]


class EventQuality(nn.Module):
    """The quality of the columns of a group of sequences.

    Args:
        group: Its schema is completed.

    Shape:
        ``[N, 1 + C * last]`` (`churn_torch.tables.sequences.encode_lists`) to ``[N, C]`` int64.
    """

    def __init__(self, group: SequenceGroup) -> None:
        super().__init__()
        self.quality = InputQuality(group.events)
        self.last, self.n_columns = group.last, len(group.columns)
        self.n_float32 = len(group.events.float32)
        self.n_float64 = len(group.events.float64)

    def forward(self, raw: Tensor) -> Tensor:
        """Return the worst flag of the events of each row, and missing where none has a value."""
        cells = raw[:, 1:].reshape(-1, self.n_columns, self.last).transpose(1, 2).flatten(0, 1)
        n_numbers = self.n_float32 + self.n_float64
        of_event: Tensor = self.quality(
            cells[:, : self.n_float32].to(torch.float32),
            cells[:, self.n_float32 : n_numbers],
            cells[:, n_numbers:].to(torch.int64),
        ).reshape(-1, self.last, self.n_columns)
        present = torch.arange(self.last, device=raw.device) < raw[:, :1]
        # MISSING takes no part in the maximum: it is the answer where no event has a value.
        has_value = torch.logical_and(present.unsqueeze(2), of_event != MISSING).to(torch.int64)
        worst = (of_event * has_value).amax(1)
        return worst + MISSING * (1 - has_value.amax(1))


def _limits(columns: tuple[Column, ...], end: str, dtype: Any) -> Tensor:
    """Return an end of the training range of each column, rounded like its cells."""
    empty = np.inf if end == "minimum" else -np.inf  # no training row had a number
    values = [getattr(column, end) for column in columns]
    return torch.from_numpy(np.array([empty if v is None else v for v in values], dtype))
