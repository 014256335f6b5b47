"""Writing the rows of each cut-off to a Parquet file, one part of the customers after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from churn_torch.events.feature_sql import KNOWN
from churn_torch.events.feature_sql import TIME as EVENT_TIME
from churn_torch.events.lifetime_sql import FollowUp
from churn_torch.events.remarks import day
from churn_torch.events.row_sql import LogState, rows_sql
from churn_torch.events.specification import TARGET, TIME, EventSpecification
from churn_torch.events.staged_source import StagedSource, make_views, views_in_words
from churn_torch.tables.readers import arrow
from churn_torch.tables.readers.bounded_database import Database
from churn_torch.whole_files import in_bytes

# Called with the steps that are done, and those that there are.
Progress = Callable[[int, int], object]
# Work that takes longer in all is worth a sentence about what is to come.
_LONG_SECONDS = 10.0


@dataclass(frozen=True)
class CutoffFiles:
    """What was written.

    Attributes:
        files: One for each cut-off.
        rows: Their numbers of rows.
        churners: The churners among them, 0 without a label.
        sql: The queries, for reading.
    """

    files: tuple[Path, ...]
    rows: tuple[int, ...]
    churners: tuple[int, ...]
    sql: str


def write_cutoff_files(
    database: Database,
    specification: EventSpecification,
    staged: Mapping[str, StagedSource],
    cutoffs: tuple[datetime, ...],
    folder: Path,
    *,
    end: datetime | None,
    follow_up: FollowUp | None = None,
    progress: Progress,
    announce: arrow.Announce,
) -> CutoffFiles:
    """Write the rows of cut-offs to a folder that is there.

    Args:
        database: Where they are computed.
        specification: Whose shares by value name the values.
        staged: The sources.
        cutoffs: The cut-offs.
        folder: Where the files go.
        end: Until when it is known what happened; None for rows without a label.
        follow_up: As for `churn_torch.events.feature_tables.write_feature_tables`.
        progress: Called with the steps done and those there are.
        announce: Called with a sentence about the time that it takes.
    """
    parts = next(iter(staged.values())).parts
    files: list[Path] = []
    counts: list[tuple[int, int]] = []
    shown = [views_in_words(staged)]
    start, n_steps = time.monotonic(), len(cutoffs) * parts
    for number, cutoff in enumerate(cutoffs):
        states = {
            name: LogState(one.has_known, _begin(database, one, cutoff), one.dates)
            for name, one in staged.items()
        }
        days = None
        if follow_up is not None:
            days = 0 if end is None else follow_up.days(cutoff, end)
        query = rows_sql(specification, states, cutoff, labelled=end is not None, followed=days)
        file = folder / f"{TIME}_{day(cutoff).replace(' ', 'T').replace(':', '-')}.parquet"
        with _ParquetRows(file) as written:
            for part in range(parts):
                make_views(database, staged, part)
                written.add(*database.batches(query))
                progress(number * parts + part + 1, n_steps)
                if number + part == 0:
                    _estimate(announce, time.monotonic() - start, file.stat().st_size, n_steps)
        files.append(file)
        counts.append((written.rows, written.churners))
        shown.append(f"-- {file.name}\n{query};")
    rows, churners = zip(*counts, strict=True)
    return CutoffFiles(tuple(files), rows, churners, "\n\n".join(shown) + "\n")


def _estimate(announce: arrow.Announce, seconds: float, size: int, n_steps: int) -> None:
    """Say after the first step how much time and disk all will take, where that is much."""
    if n_steps > 1 and seconds * n_steps > _LONG_SECONDS:
        announce(
            f"The rows will take about {seconds * n_steps:,.0f} s and "
            f"{in_bytes(size * n_steps)} of disk, by the first of {n_steps:,} steps."
        )


def _begin(database: Database, log: StagedSource, cutoff: datetime) -> datetime | None:
    """Return the first event of anybody that is known before a cut-off."""
    if log.first is None or not log.is_log or not log.has_known:
        return log.first if log.first is not None and log.first < cutoff else None
    [(first,)] = database.rows(
        f"SELECT min({EVENT_TIME}) FROM {log.relation()} WHERE {EVENT_TIME} < $1 AND {KNOWN} < $1",
        [cutoff],
    )
    begin: datetime | None = first
    return begin


class _ParquetRows:
    """A Parquet file to which rows are added.

    Attributes:
        rows: How many it has.
        churners: How many of them churned.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pq.ParquetWriter | None = None
        self.rows = self.churners = 0

    def __enter__(self) -> _ParquetRows:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def add(self, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> None:
        """Write the rows of a query; the first one decides on the columns."""
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, schema)
        for batch in batches:
            self._writer.write_batch(batch)
            self.rows += batch.num_rows
            if TARGET in batch.schema.names:
                self.churners += batch.column(TARGET).true_count
