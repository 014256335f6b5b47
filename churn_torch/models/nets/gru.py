"""A recurrent net that reads the events of a customer, beside a linear model of the rest."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from churn_torch.models.nets.event_net import EventNet, EventReader, check_event_net
from churn_torch.models.preprocessing.event_lists import SequenceLayout


class GRU(EventNet):
    """Gated recurrent units over each group of sequences, oldest event first.

    The state after the last event of a customer becomes a logit, and the logits of all groups are
    added to that of a linear model of the plain columns.
    Source: Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder for
    statistical machine translation".

    Args:
        n_features: Width of the model-space row.
        columns: As for `EventNet`.
        sequences: Where the groups of sequences stand; without any the model is linear.
        width: Size of the state, and of the vector of an event.
        dropout: Share of the state dropped in training, in [0, 1).

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
        dropout: float = 0.1,
    ) -> None:
        check_event_net(width, dropout)
        readers = [RecurrentReader(layout, width, dropout) for layout in sequences]
        super().__init__(n_features, columns, readers, sequences)


class RecurrentReader(EventReader):
    """The state of gated recurrent units after the last event, to a logit.

    ``torch.gru`` is called as one operator, which the export turns into the operator GRU of ONNX
    (`churn_torch.export.torch_exporter`): torch's own translation has been wrong without a word.
    Events stand first in a row, so that what stands behind the last one comes too late to matter.

    Args:
        layout: Where the events stand in a row.
        width: Size of the state, and of the vector of an event.
        dropout: Share of the state dropped in training.
    """

    def __init__(self, layout: SequenceLayout, width: int, dropout: float) -> None:
        super().__init__(layout, width)
        self.units = nn.GRU(width, width, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, 1)

    def read(self, events: Tensor, length: Tensor) -> Tensor:
        """Return one logit a row; without events that of a state of zeros."""
        units = self.units
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        weights: list[Tensor] = [units.get_parameter(name) for name in names]
        start = events.new_zeros(1, events.shape[0], units.hidden_size)
        states, _ = torch.gru(events, start, weights, True, 1, 0.0, False, False, True)
        place = torch.arange(self.layout.last, device=events.device) + 1
        is_last = (place == length).to(events.dtype).unsqueeze(2)
        state = (states * is_last).sum(1)
        logit: Tensor = self.head(self.dropout(state)).squeeze(1)
        return logit
