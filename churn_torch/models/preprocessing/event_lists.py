"""The events of a customer as features: the cells of each event, preprocessed like those of a row.

Nets that read sequences (`churn_torch.models.nets.event_net`) get categories as codes and look them
up, so that a row of many events stays small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd
import torch
from torch import Tensor, nn

from churn_torch.models.preprocessing.statistics import (
    PreprocessOptions,
    Statistics,
    fit_statistics,
)
from churn_torch.tables.schema import Schema, SequenceGroup
from churn_torch.tables.sequences import events_of

if TYPE_CHECKING:
    from churn_torch.models.preprocessing.preprocess import Preprocess


@dataclass(frozen=True)
class SequenceLayout:
    """Where the events of a group stand in a row of model space.

    The row holds the number of events, then `width` numbers for each of `last` events, the first
    event first. What stands behind the last event is 0.

    Attributes:
        start: The position of the number of events.
        last: Events that the row has room for.
        numbers: For each column the positions of its numbers among those of an event.
        codes: For each column the position of its code, None for a column of numbers.
        n_codes: How many codes the columns have together; they are numbered through.
        days_before: Which column holds the time of an event, if any.
    """

    start: int
    last: int
    numbers: tuple[tuple[int, ...], ...]
    codes: tuple[int | None, ...]
    n_codes: int
    days_before: int | None

    @property
    def width(self) -> int:
        """How many numbers an event has."""
        return sum(map(len, self.numbers)) + sum(code is not None for code in self.codes)

    @property
    def stop(self) -> int:
        """The position behind the last event."""
        return self.start + 1 + self.last * self.width


class EventLists(nn.Module):
    """A group of sequences to its features, ``[N, 1 + C * last]`` to ``[N, 1 + last * width]``.

    Args:
        group: The group, its schema completed by `fit_events`.
        preprocess: The preprocessing of an event.
    """

    def __init__(self, group: SequenceGroup, preprocess: Preprocess) -> None:
        super().__init__()
        self.preprocess = preprocess
        self.last, self.raw_width = group.last, group.width
        self.names = [column.name for column in group.columns]
        self.days_before = group.days_before

    def layout(self, start: int) -> SequenceLayout:
        """Return where the features stand in a row in which they begin at ``start``."""
        events = self.preprocess
        of_numbers = events.feature_columns[: events.n_dense]
        numbers = tuple(
            tuple(i for i, column in enumerate(of_numbers) if column == name) for name in self.names
        )
        first_text = len(self.names) - events.n_text
        codes = tuple(
            None if i < first_text else events.n_dense + i - first_text
            for i in range(len(self.names))
        )
        return SequenceLayout(
            start=start,
            last=self.last,
            numbers=numbers,
            codes=codes,
            n_codes=events.text_starts[-1],
            days_before=None if self.days_before is None else self.names.index(self.days_before),
        )

    def named_features(self) -> list[tuple[str, str]]:
        """Return the column and the name of each feature; the length counts to the first column."""
        events = self.preprocess
        text = self.names[len(self.names) - events.n_text :]
        of_event = [
            *zip(events.feature_columns, events.feature_names, strict=True),
        ][: events.n_dense] + [(name, name) for name in text]
        return [
            (self.names[0], f"events in {self.names[0]}"),
            *(
                (column, f"{feature} of event {i + 1}")
                for i in range(self.last)
                for column, feature in of_event
            ),
        ]

    def forward(self, raw: Tensor) -> Tensor:
        """Return the number of events and the cells of each."""
        events, n_columns = self.preprocess, len(self.names)
        length = raw[:, :1]
        cells = raw[:, 1:].reshape(-1, n_columns, self.last).transpose(1, 2).flatten(0, 1)
        n_32, n_64 = events.n_float32, events.n_float64
        dense, codes = events.compact(
            cells[:, :n_32].to(torch.float32),
            cells[:, n_32 : n_32 + n_64],
            cells[:, n_32 + n_64 :].to(torch.int64),
        )
        features = torch.cat([dense, codes.to(torch.float32)], dim=1) if events.n_text else dense
        features = features.reshape(-1, self.last, features.shape[1])
        present = torch.arange(self.last, device=raw.device) < length
        features = torch.where(present.unsqueeze(2), features, features.new_zeros(()))
        return torch.cat([length.to(torch.float32), features.flatten(1)], dim=1)


def event_features(groups: Sequence[EventLists], raw: Tensor) -> list[Tensor]:
    """Return the features of all groups, of ``[N, S]`` (`Columns.sequences`)."""
    parts = torch.split(raw, [group.raw_width for group in groups], dim=1)
    return [group(part) for group, part in zip(groups, parts, strict=True)]


def fit_events(
    chunks: Callable[[], Iterable[pd.DataFrame]],
    schema: Schema,
    statistics: Statistics,
    options: PreprocessOptions,
) -> tuple[Schema, Statistics]:
    """Learn vocabularies and statistics of the events of the training rows, a pass for each group.

    Args:
        chunks: Starts a pass over the parsed training rows.
        schema: The schema, completed but for its sequences.
        statistics: The statistics of the rows.
        options: How to clean and scale.

    Returns:
        The completed schema, and the statistics with those of the events.
    """
    groups: list[SequenceGroup] = []
    of_events: list[Statistics] = []
    for group in schema.sequences:
        events = (events_of(parsed, group) for parsed in chunks())
        completed, of_group = fit_statistics(events, group.events, replace(options, bins=0))
        groups.append(replace(group, events=completed))
        of_events.append(of_group)
    return (
        replace(schema, sequences=tuple(groups)),
        replace(statistics, sequences=tuple(of_events)),
    )


def list_features(layouts: Sequence[SequenceLayout]) -> list[int]:
    """Return the positions of all features of sequences in a row of model space."""
    return [i for layout in layouts for i in range(layout.start, layout.stop)]
