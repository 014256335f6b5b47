"""The base of nets that read events: the sum of a linear model and of a net of each sequence."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from churn_torch.errors import InputError
from churn_torch.models.preprocessing.event_lists import SequenceLayout, list_features

# Waves of the time of an event, from one in twelve standard deviations of it to five in one.
_N_WAVES = 8
_SLOWEST, _FASTEST = 0.5, 32.0


class EventEmbedding(nn.Module):
    """The cells of events as vectors, one for each column; an event is the sum of its vectors.

    A number and its missing flag are mapped linearly, a category is looked up. The time of an event
    also enters as sine and cosine waves, of the time itself and of the time since the event before
    (after Kazemi et al. 2019, "Time2Vec").

    Args:
        layout: Where the cells stand.
        width: Size of a vector.

    Shape:
        ``[N, last, n]`` cells to ``[C, N, last, width]``.
    """

    def __init__(self, layout: SequenceLayout, width: int) -> None:
        super().__init__()
        self.layout, self.width = layout, width
        n_waves = 0 if layout.days_before is None else 4 * _N_WAVES
        self.maps = nn.ModuleList(
            nn.Linear(len(own) + (n_waves if i == layout.days_before else 0), width, bias=False)
            for i, own in enumerate(layout.numbers)
            if own
        )
        # Codes that no training event has keep the vector zero.
        self.table = nn.Parameter(torch.zeros(layout.n_codes, width))
        spread = torch.linspace(math.log(_SLOWEST), math.log(_FASTEST), _N_WAVES)
        self.frequency = nn.Parameter(spread.exp())

    def forward(self, cells: Tensor) -> Tensor:
        """Return the vectors of each column."""
        vectors, maps = [], iter(self.maps)
        for i, (own, code) in enumerate(zip(self.layout.numbers, self.layout.codes, strict=True)):
            if own:
                numbers = cells[:, :, own[0] : own[-1] + 1] if _adjacent(own) else cells[:, :, own]
                if i == self.layout.days_before:
                    numbers = torch.cat([numbers, self._waves(numbers[:, :, :1])], dim=2)
                vectors.append(next(maps)(numbers))
            else:
                assert code is not None
                vectors.append(nn.functional.embedding(cells[:, :, code].long(), self.table))
        return torch.stack(vectors)

    def _waves(self, time: Tensor) -> Tensor:
        """Return waves of times ``[N, last, 1]``, and of the steps between them."""
        before = torch.cat([time[:, :1], time[:, :-1]], dim=1)
        angles = torch.cat([time, before - time], dim=2).unsqueeze(3) * self.frequency
        angles = angles.reshape(-1, self.layout.last, 2 * _N_WAVES)
        return torch.cat([torch.sin(angles), torch.cos(angles)], dim=2)


def _adjacent(positions: Sequence[int]) -> bool:
    return list(positions) == list(range(positions[0], positions[-1] + 1))


class EventReader(nn.Module):
    """One group of sequences to a logit; what reads the vectors of its events is left open.

    ``typical`` is the mean logit of the training rows. A row with a length below 0 stands for the
    average customer and has this logit.

    Args:
        layout: Where the events stand in a row.
        width: Size of the vector of an event.
    """

    typical: Tensor

    def __init__(self, layout: SequenceLayout, width: int) -> None:
        super().__init__()
        self.layout = layout
        self.embedding = EventEmbedding(layout, width)
        self.register_buffer("typical", torch.zeros(()))
        n_columns, time = len(layout.codes), layout.days_before
        share = [1 / n_columns if time is None else float(i == time) for i in range(n_columns)]
        self.register_buffer("share", torch.tensor(share).unsqueeze(1), persistent=False)

    def read(self, events: Tensor, length: Tensor) -> Tensor:
        """Return one logit a row.

        Args:
            events: ``[N, last, width]`` the vectors of the events.
            length: ``[N, 1]`` how many of them there are.
        """
        raise NotImplementedError

    def split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the lengths ``[N, 1]`` and the cells ``[N, last, n]`` of rows of model space."""
        length = x[:, self.layout.start : self.layout.start + 1]
        cells = x[:, self.layout.start + 1 : self.layout.stop]
        return length, cells.reshape(-1, self.layout.last, self.layout.width)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logit of each row of model space, ``[N]``."""
        length, cells = self.split(x)
        logit = self.read(self.embedding(cells).sum(0), length)
        return torch.where(length.squeeze(1) < 0, self.typical, logit)

    def contributions(self, x: Tensor) -> Tensor:
        """Return what each column adds to the logit, ``[N, C]``; together logit minus `typical`.

        A column is taken away by setting its vectors to zero: an average number, a category that
        training did not know. The columns are taken away one by one in their order and in the
        reverse order, and the two changes of the logit are averaged: Shapley's value where columns
        interact in pairs only (Shapley 1953, "A value for n-person games"). What the number of
        events alone tells counts to the column of their times, or is divided evenly.
        """
        length, cells = self.split(x)
        vectors = self.embedding(cells)
        n_columns = len(self.layout.codes)
        nothing = vectors[0] * 0  # not `zeros_like`, whose rows would be counted at an export
        first = [nothing]  # the vectors of the first k columns
        last = [nothing]  # and of the last k
        for k in range(n_columns):
            first.append(first[-1] + vectors[k])
            last.append(last[-1] + vectors[n_columns - 1 - k])
        subsets = [*first, *last[1:-1]]
        lengths = torch.cat([length] * len(subsets))
        value = self.read(torch.cat(subsets), lengths).reshape(len(subsets), -1)
        of_first = value[: n_columns + 1]
        of_last = torch.cat([value[:1], value[n_columns + 1 :], value[n_columns : n_columns + 1]])
        steps = (of_first[1:] - of_first[:-1] + (of_last[1:] - of_last[:-1]).flip(0)) / 2
        added = steps + self.get_buffer("share") * (value[0] - self.typical)
        return torch.where(length < 0, length * 0, added.transpose(0, 1))

    def steps(self, x: Tensor) -> Tensor:
        """Return by how much each event changes the logit when it comes, ``[N, last]``.

        It is the logit of the events up to this one, minus that of those before it; 0 behind the
        last event. Together they are the logit minus that of a customer without events.
        """
        length, cells = self.split(x)
        events = self.embedding(cells).sum(0)
        values = [
            self.read(events, length.clamp(max=n_events))
            for n_events in range(self.layout.last + 1)
        ]
        return torch.stack(values, dim=1).diff(dim=1)


class EventNet(nn.Module):
    """A linear model of the plain features, plus a net of each group of sequences.

    The logits are added up, so the reasons of plain columns are exact, and those of the columns of
    lists are the `contributions` of their group.

    Args:
        n_features: Width of the model-space row.
        columns: The positions of the features of each column, those of lists last; None makes each
            feature a column.
        readers: What reads each group.
        layouts: Where the groups stand.

    Shape:
        ``[N, n_features]`` float32 to ``[N]`` float32 logits.
    """

    def __init__(
        self,
        n_features: int,
        columns: Sequence[Sequence[int]] | None,
        readers: Sequence[EventReader],
        layouts: Sequence[SequenceLayout],
    ) -> None:
        super().__init__()
        of_lists = set(list_features(layouts))
        self.first, self.stop = (layouts[0].start, layouts[-1].stop) if layouts else (0, 0)
        plain = [i for i in range(n_features) if i not in of_lists]
        every = [[i] for i in plain] if columns is None else columns
        own = [column for column in every if not of_lists & set(column)]
        share = torch.zeros(len(plain), len(own))
        for i, column in enumerate(own):
            for feature in column:
                share[plain.index(feature), i] = 1
        self.register_buffer("of_column", share, persistent=False)
        self.linear = nn.Linear(len(plain), 1)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        self.readers = nn.ModuleList(readers)

    def plain(self, x: Tensor) -> Tensor:
        """Return the features that are not of lists, ``[N, n_plain]``."""
        return torch.cat([x[:, : self.first], x[:, self.stop :]], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return one logit a row."""
        logit: Tensor = self.linear(self.plain(x)).squeeze(1)
        for reader in self.readers:
            logit = logit + reader(x)
        return logit

    def contributions(self, x: Tensor) -> Tensor:
        """Return what each column adds to the logit, ``[N, F]``."""
        of_plain = (self.plain(x) * self.linear.weight) @ self.get_buffer("of_column")
        return torch.cat([of_plain, *(reader.contributions(x) for reader in self.readers)], dim=1)  # type: ignore[operator]


def check_event_net(width: int, dropout: float) -> None:
    """Refuse sizes that are out of range.

    Raises:
        InputError: Naming them.
    """
    if width < 1 or not 0 <= dropout < 1:
        raise InputError(
            "model",
            expected="width >= 1 and 0 <= dropout < 1",
            got=f"width={width}, dropout={dropout}",
        )
