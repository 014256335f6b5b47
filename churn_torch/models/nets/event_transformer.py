"""A small transformer that reads the events of a customer, beside a linear model of the rest."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from churn_torch.errors import InputError
from churn_torch.models.nets.event_net import EventNet, EventReader, check_event_net
from churn_torch.models.preprocessing.event_lists import SequenceLayout

_FAR_BELOW = -1e9  # a score that attention takes for none


class EventTransformer(EventNet):
    """A few layers of attention over each group of sequences, added to a linear model of the rest.

    The times of the events enter as waves (`EventEmbedding`); without times only the last event is
    known by its place. The mean of the events and the last one become a logit.
    Source: Vaswani et al. 2017, "Attention is all you need", with normalisation before each block.

    Args:
        n_features: Width of the model-space row.
        columns: As for `EventNet`.
        sequences: Where the groups of sequences stand; without any the model is linear.
        width: Size of the vector of an event; a multiple of ``heads``.
        depth: Layers; with 0 the events are averaged as they are.
        heads: Heads of attention.
        dropout: Share of units dropped in training, in [0, 1).

    Shape:
        ``[N, n_features]`` float32 to ``[N]`` float32 logits.

    Raises:
        InputError: A size is out of range.
    """

    def __init__(
        self,
        *,
        n_features: int,
        columns: Sequence[Sequence[int]] | None = None,
        sequences: Sequence[SequenceLayout] = (),
        width: int = 32,
        depth: int = 2,
        heads: int = 4,
        dropout: float = 0.1,
    ) -> None:
        check_event_net(width, dropout)
        if depth < 0 or heads < 1 or width % heads:
            raise InputError(
                "model",
                expected="depth >= 0, and width a multiple of heads",
                got=f"depth={depth}, width={width}, heads={heads}",
            )
        readers = [AttentionReader(layout, width, depth, heads, dropout) for layout in sequences]
        super().__init__(n_features, columns, readers, sequences)


class AttentionReader(EventReader):
    """Layers of attention over the events, to a logit.

    Args:
        layout: Where the events stand in a row.
        width: Size of the vector of an event.
        depth: Layers.
        heads: Heads of attention.
        dropout: Share of units dropped in training.
    """

    def __init__(
        self, layout: SequenceLayout, width: int, depth: int, heads: int, dropout: float
    ) -> None:
        super().__init__(layout, width)
        self.layers = nn.ModuleList(_Layer(width, heads, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(2 * width, 1)

    def read(self, events: Tensor, length: Tensor) -> Tensor:
        """Return one logit a row; without events that of vectors of zeros."""
        place = torch.arange(self.layout.last, device=events.device)
        present = (place < length).to(events.dtype)  # [N, last]
        hidden = events
        for layer in self.layers:
            hidden = layer(hidden, present)
        hidden = self.norm(hidden) * present.unsqueeze(2)
        mean = hidden.sum(1) / length.clamp(min=1)
        last = (hidden * (place + 1 == length).to(events.dtype).unsqueeze(2)).sum(1)
        logit: Tensor = self.head(torch.cat([mean, last], dim=1)).squeeze(1)
        return logit


class _Layer(nn.Module):
    """Attention among the events of a row, then a perceptron, each added to its input."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.width, self.heads = width, heads
        self.scale = (width // heads) ** -0.5
        self.before_attention, self.before_units = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project = nn.Linear(width, 3 * width)
        self.merge = nn.Linear(width, width)
        self.units = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, events: Tensor, present: Tensor) -> Tensor:
        """Return the new vectors ``[N, last, width]``; ``present`` is 1 for events, else 0."""
        projected = self.project(self.before_attention(events))
        each = self.width // self.heads
        projected = projected.unflatten(2, (3 * self.heads, each)).transpose(1, 2)
        query, key, value = projected.chunk(3, dim=1)  # each [N, heads, last, width / heads]
        score = (query @ key.transpose(2, 3)) * self.scale
        score = score + (1 - present).unsqueeze(1).unsqueeze(1) * _FAR_BELOW
        mixed = (torch.softmax(score, dim=3) @ value).transpose(1, 2).reshape(events.shape)
        events = events + self.dropout(self.merge(mixed))
        added: Tensor = events + self.dropout(self.units(self.before_units(events)))
        return added
