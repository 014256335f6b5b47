"""Labelled rows in chunks: what every labelled table yields."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.errors import InputError, keyed
from churn_torch.tables.encode import is_dated, parse
from churn_torch.tables.labelled.carried import CarriedColumns
from churn_torch.tables.labelled.lifetimes import (
    LifetimeColumns,
    Lifetimes,
    left_within,
    read_lifetimes,
)
from churn_torch.tables.labelled.splits import LeftOut
from churn_torch.tables.labelled.treatment import read_chances, read_treatment
from churn_torch.tables.labelled.weights import Weights, read_weights
from churn_torch.tables.labels import read_target
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers import sources
from churn_torch.tables.schema import Column, Schema

if TYPE_CHECKING:
    from churn_torch.tables.labelled.inspection import Inspection

Labels = np.ndarray[Any, np.dtype[np.float32]]

TimeSpan = tuple[str | float, str | float]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

PARTS = ("train", "validation", "test")


class Rows(NamedTuple):
    """Labelled rows of one chunk.

    Attributes:
        parsed: Feature columns (`churn_torch.tables.encode.parse`).
        label: ``[N]`` float32, 1 for churners.
        carried: The carried columns (`churn_torch.tables.labelled.carried`); the first is the id,
            or ``row``, the position in the source from 0.
        part: ``[N]`` positions in ``PARTS``, below 0 for rows of no part.
        weight: ``[N]`` float64, how much a row counts in the training loss; None where all count
            the same. Where customers had different chances of being contacted, a row also counts
            as 1 / chance of having been treated as it was.
        treatment: ``[N]`` float32, 1 for customers who were contacted; None without
            ``data.treatment``.
        lifetime: ``[N, 2]`` float32, the periods in which the customers were observed
            (`churn_torch.tables.labelled.lifetimes`); None without ``data.duration``.
    """

    parsed: pd.DataFrame
    label: Labels
    carried: pd.DataFrame
    part: npt.NDArray[np.int8]
    weight: Weights | None = None
    treatment: Labels | None = None
    lifetime: Lifetimes | None = None

    def of(self, part: str) -> Rows:
        """Return only the rows of one part."""
        chosen = self.part == PARTS.index(part)
        return self if chosen.all() else self.take(np.flatnonzero(chosen))

    def untreated(self) -> Rows:
        """Return the rows of customers who were not contacted; all, where that is not known."""
        return self if self.treatment is None else self.take(np.flatnonzero(self.treatment == 0))

    def known_within(self, horizon: int) -> Rows:
        """Return the rows of whom it is known whether they left within so many periods.

        Their label is whether they did; rows without lifetimes stay as they are. Who was observed
        for longer has more often left meanwhile, whatever the columns say.
        """
        if self.lifetime is None:
            return self
        label = left_within(self.lifetime, self.label, horizon)
        return self._replace(label=label).take(np.flatnonzero(~np.isnan(label)))

    def take(self, rows: npt.NDArray[np.int64]) -> Rows:
        """Return the rows at the given positions."""
        return Rows(
            self.parsed.take(rows).reset_index(drop=True),
            self.label[rows],
            self.carried.take(rows).reset_index(drop=True),
            self.part[rows],
            None if self.weight is None else self.weight[rows],
            None if self.treatment is None else self.treatment[rows],
            None if self.lifetime is None else self.lifetime[rows],
        )

    @classmethod
    def joined(cls, chunks: Sequence[Rows]) -> Rows:
        """Return the rows of all chunks; the result has weights if every chunk has them."""
        weights = [rows.weight for rows in chunks if rows.weight is not None]
        treatments = [rows.treatment for rows in chunks if rows.treatment is not None]
        lifetimes = [rows.lifetime for rows in chunks if rows.lifetime is not None]
        return cls(
            pd.concat([rows.parsed for rows in chunks], ignore_index=True),
            np.concatenate([rows.label for rows in chunks]),
            pd.concat([rows.carried for rows in chunks], ignore_index=True),
            np.concatenate([rows.part for rows in chunks]),
            np.concatenate(weights) if len(weights) == len(chunks) else None,
            np.concatenate(treatments) if len(treatments) == len(chunks) else None,
            np.concatenate(lifetimes) if len(lifetimes) == len(chunks) else None,
        )


class LabelledTable(Protocol):
    """A table that is read, its schema inferred, its labelled rows split into parts.

    A streamed table knows its fingerprint and its numbers of rows once `chunks` has run to its
    end; before that they raise RuntimeError.

    Attributes:
        schema: Inferred from the main source; nothing is learned from its values yet.
        carry: The columns that travel with the rows.
        sampled: The number of rows the schema was inferred from, None for all of them.
        fingerprint: Names the content of the sources.
        n_dropped: Rows without a label, those left out for it included.
        n_left_out: Rows with a label of no class, which ``data.negative`` leaves out.
        left_out_of_parts: Labelled rows that a split by time leaves out of every part.
        counts: Rows of each part.
        n_positive: Churners of each part.
        weight_by_class: Sums of weights of each part's customers who stay and churners; without
            weights their numbers.
        arms: Rows of each part by arm (not contacted, contacted) and class (stays, churns),
            ``[2, 2]``; None without ``data.treatment``.
        time_span: First and last time of the training rows, where the split goes by time.
        n_rows: Rows of the sources, with and without a label; None where that is not known yet.
        streamed: Whether the rows are read anew on every pass.
    """

    @property
    def schema(self) -> Schema: ...  # noqa: D102

    @property
    def carry(self) -> CarriedColumns: ...  # noqa: D102

    @property
    def sampled(self) -> int | None: ...  # noqa: D102

    @property
    def fingerprint(self) -> str: ...  # noqa: D102

    @property
    def n_dropped(self) -> int: ...  # noqa: D102

    @property
    def n_left_out(self) -> int: ...  # noqa: D102

    @property
    def left_out_of_parts(self) -> LeftOut: ...  # noqa: D102

    @property
    def counts(self) -> dict[str, int]: ...  # noqa: D102

    @property
    def n_positive(self) -> dict[str, int]: ...  # noqa: D102

    @property
    def weight_by_class(self) -> dict[str, Weights]: ...  # noqa: D102

    @property
    def arms(self) -> dict[str, npt.NDArray[np.int64]] | None: ...  # noqa: D102

    @property
    def time_span(self) -> TimeSpan | None: ...  # noqa: D102

    @property
    def n_rows(self) -> int | None: ...  # noqa: D102

    @property
    def streamed(self) -> bool: ...  # noqa: D102

    def inspect(self) -> Inspection:
        """Return a sample of the training rows, and the twins of the test rows.

        A streamed table has them where it was read with ``inspected``.
        """
        ...

    def chunks(self) -> Iterator[Rows]:
        """Yield every labelled row once, in source order, those of the test source last.

        A chunk has at most ``READ_ROWS`` rows. Every call starts anew.
        """
        ...


def read_rows(
    frame: pd.DataFrame, schema: Schema, carry: CarriedColumns, *, first_row: int = 0
) -> tuple[Rows, npt.NDArray[np.int64], int]:
    """Parse raw rows and drop those without a label.

    Args:
        frame: Raw rows.
        schema: What the columns mean.
        carry: The columns that travel with the rows.
        first_row: How many rows stand before them in the source.

    Returns:
        The labelled rows, not yet split (all are in the first part), and their positions in
        ``frame``; and how many rows have a label of no class.

    Raises:
        InputError: A column is missing, or a cell cannot be read.
    """
    parsed = parse(frame, schema, first_row=first_row)
    label, n_left_out = read_target(frame, schema, first_row=first_row)
    has_label = ~np.isnan(label)
    labelled = np.flatnonzero(has_label)
    weight = None
    if schema.weight is not None and schema.weight in frame.columns:
        form = schema[schema.weight].number_format
        weight = read_weights(
            frame[schema.weight], has_label, first_row=first_row, number_format=form
        )
    elif schema.weight is not None:  # a test source needs no weights
        weight = np.ones(len(frame))
    treatment = None
    if schema.treatment is not None:
        treatment = read_treatment(frame, schema, has_label, first_row=first_row)
    if treatment is not None and schema.treatment_probability is not None:
        chance = read_chances(frame, schema, has_label, first_row=first_row)
        own = np.where(treatment == 1, chance, 1.0 - chance)
        weight = (1.0 if weight is None else weight) / np.where(has_label, own, 1.0)
    lifetime = read_lifetimes(frame, schema, label, first_row=first_row)
    columns = LifetimeColumns.of(schema)
    if columns is not None and columns.entry is None and columns.duration in parsed:
        # What is an input of the file: customers are observed from their start.
        parsed = parsed.assign(**{columns.duration: 0.0})
    if len(labelled) < len(frame):
        needed = [name for name in frame.columns if name in carry.needed]
        frame, parsed = frame[needed].take(labelled), parsed.take(labelled).reset_index(drop=True)
        label, weight = label[labelled], None if weight is None else weight[labelled]
        treatment = None if treatment is None else treatment[labelled]
        lifetime = None if lifetime is None else lifetime[labelled]
    carried = carry.take(frame, first_row + labelled)
    part = np.zeros(len(labelled), dtype=np.int8)
    rows = Rows(parsed, label, carried, part, weight, treatment, lifetime)
    return rows, labelled, n_left_out


def readable_span(first: float, last: float, column: Column) -> TimeSpan:
    """Return two times (`churn_torch.tables.encode.parse_time`) as people write them.

    Dates become ISO text in UTC, without the time of day at midnight; numbers stay numbers.
    """
    return _readable(first, column), _readable(last, column)


def _readable(time: float, column: Column) -> str | float:
    if not is_dated(column):
        return int(time) if time.is_integer() else time
    try:
        moment = _EPOCH + timedelta(seconds=round(time * 86_400))
    except OverflowError:  # beyond the years that Python knows
        return time
    return (moment.date() if time.is_integer() else moment).isoformat()


def names_of(source: sources.Source, reading: ReadOptions) -> list[str]:
    """Return the names of the columns of a test source, for which a row is read."""
    with keyed("data.test_source"):
        return list(sources.read_sample(source, rows=1, reading=reading)[0].columns)


def check_test_source(n_rows: int, n_positive: int) -> None:
    """Raise InputError when a test source lacks a class."""
    if n_positive in (0, n_rows):
        raise InputError(
            "data.test_source",
            expected="labelled rows of both classes",
            got=f"{n_positive} churners and {n_rows - n_positive} others",
            fix="name a larger table",
        )


def mean_weight_of(table: LabelledTable) -> float:
    """Return the mean weight of a table's training rows."""
    return float(table.weight_by_class["train"].sum() / table.counts["train"])
