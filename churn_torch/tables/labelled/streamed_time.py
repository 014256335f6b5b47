"""The split of a streamed table by time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.tables.encode import parse_target, parse_time
from churn_torch.tables.hashing import Hashes, splitmix64
from churn_torch.tables.labelled import splits, time_borders
from churn_torch.tables.labelled.rows import TimeSpan, readable_span
from churn_torch.tables.labelled.split_checks import check_present
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers import sources
from churn_torch.tables.readers.prefetch import prefetch
from churn_torch.tables.schema import Column, Schema

# The borders are computed from at most this many times. Of more rows at least half as many are
# drawn: the standard error of a border's share is then at most 0.07 % of the rows.
BORDER_ROWS = 1_000_000


@dataclass
class ByTime:
    """Assigns rows to parts by time, and remembers the first and last time of training rows.

    Attributes:
        column: The time.
        borders: Where the parts begin.
        of_group: The part of each raw row's group, where the split also goes by group.
        first: The first time of the training rows so far.
        last: The last one.
    """

    column: Column
    borders: time_borders.TimeBorders
    of_group: Callable[[pd.DataFrame], splits.Parts] | None = None
    first: float = np.inf
    last: float = -np.inf

    def __call__(
        self, frame: pd.DataFrame, rows: splits.Positions, parsed: pd.DataFrame
    ) -> splits.Parts:
        """Return the part of each raw row; positions and features do not matter."""
        time = parse_time(frame, self.column)
        part = self.borders.parts(time)
        if self.of_group is not None:
            part = time_borders.of_time_and_group(part, self.of_group(frame))
        training = time[part == splits.TRAIN]
        self.first = float(training.min(initial=self.first))
        self.last = float(training.max(initial=self.last))
        return part

    @property
    def span(self) -> TimeSpan:
        """The first and the last time of the training rows so far."""
        return readable_span(self.first, self.last, self.column)


def borders_of_source(
    source: sources.Source,
    reading: ReadOptions,
    schema: Schema,
    column: Column,
    *,
    validation: float,
    test: float,
    window: float = 0.0,
    test_from: float | None = None,
) -> time_borders.TimeBorders:
    """Compute the borders of a split by time in one pass over the times of labelled rows.

    Args:
        source: The table.
        reading: How the source is read.
        schema: Names the target.
        column: The time.
        validation: Share of the rows.
        test: Share of the rows; 0 when a test table is given.
        window: As for `churn_torch.tables.labelled.time_borders.time_borders`.
        test_from: As for `churn_torch.tables.labelled.time_borders.time_borders`.

    Raises:
        InputError: A time is missing or cannot be read, or there are too few distinct ones.
    """
    drawn: list[tuple[npt.NDArray[np.float64], Hashes]] = []
    limit, first_row, n_missing, n_labelled = np.uint64(2**64 - 1), 0, 0, 0
    columns = [schema.target, column.name]
    for frame in prefetch(sources.read_chunks(source, reading=reading, columns=columns)):
        labelled = np.flatnonzero(~np.isnan(parse_target(frame, schema, first_row=first_row)))
        time = parse_time(frame.take(labelled), column)
        n_missing += int(np.isnan(time).sum())
        n_labelled += len(time)
        # The rows with the lowest hashes: a uniform draw.
        drawn.append(_below(limit, time, splitmix64(first_row + labelled)))
        while sum(len(times) for times, _ in drawn) > BORDER_ROWS:
            limit //= np.uint64(2)
            drawn = [_below(limit, *one) for one in drawn]
        first_row += len(frame)
    check_present("time", n_missing, n_labelled)
    times = np.concatenate([times for times, _ in drawn])
    return time_borders.time_borders(
        times, validation=validation, test=test, window=window, test_from=test_from
    )


def _below(
    limit: np.uint64, times: npt.NDArray[np.float64], hashes: Hashes
) -> tuple[npt.NDArray[np.float64], Hashes]:
    chosen = hashes <= limit
    return times[chosen], hashes[chosen]
