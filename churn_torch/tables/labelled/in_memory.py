"""A labelled table: read, its schema inferred, rows without a label dropped, the rest split."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.tables.encode import parse_time
from churn_torch.tables.fingerprint import fingerprint
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.labelled import splits
from churn_torch.tables.labelled.carried import (
    FOLDS,
    PREDICTED,
    CarriedColumns,
    choose_carried,
    noted,
)
from churn_torch.tables.labelled.inspection import Inspection
from churn_torch.tables.labelled.lifetimes import (
    LifetimeColumns,
    Lifetimes,
    censored,
    with_lifetimes,
)
from churn_torch.tables.labelled.rows import (
    PARTS,
    Labels,
    Rows,
    TimeSpan,
    check_test_source,
    names_of,
    read_rows,
    readable_span,
)
from churn_torch.tables.labelled.split_rows import split_rows
from churn_torch.tables.labelled.treatment import check_arms, rows_by_arm
from churn_torch.tables.labelled.weights import Weights, check_weights, weight_by_class
from churn_torch.tables.options import DataOptions
from churn_torch.tables.readers import sources
from churn_torch.tables.readers.arrow import Announce
from churn_torch.tables.readers.sources import READ_ROWS
from churn_torch.tables.schema import Schema


@dataclass(frozen=True)
class MemoryTable:
    """A `churn_torch.tables.labelled.rows.LabelledTable` whose rows are all in memory.

    Attributes:
        schema: Inferred from the main source; nothing is learned from its values yet.
        parsed: Feature columns of N labelled rows (`churn_torch.tables.encode.parse`), those of a
            test source last.
        label: ``[N]`` float32, 1 for churners.
        carried: The carried columns of the rows (`churn_torch.tables.labelled.carried`).
        carry: How they were taken from the raw rows.
        split: Positions of the training, validation and test rows.
        fingerprint: Names the content of the sources.
        n_dropped: Rows without a label, those left out for it included.
        n_left_out: Rows with a label of no class, which ``data.negative`` leaves out.
        left_out_of_parts: Labelled rows that a split by time leaves out of every part.
        weight: ``[N]`` float64, how much a row counts in the training loss; None where all count
            the same.
        treatment: ``[N]`` float32, 1 for customers who were contacted; None without
            ``data.treatment``.
        lifetime: ``[N, 2]`` float32, the periods in which the customers were observed; None without
            ``data.duration``.
        time_span: First and last time of the training rows, where the split goes by time.
    """

    schema: Schema
    parsed: pd.DataFrame
    label: Labels
    carried: pd.DataFrame
    carry: CarriedColumns
    split: splits.Split
    fingerprint: str
    n_dropped: int
    n_left_out: int = 0
    left_out_of_parts: splits.LeftOut = splits.NONE_LEFT_OUT
    weight: Weights | None = None
    treatment: Labels | None = None
    lifetime: Lifetimes | None = None
    time_span: TimeSpan | None = None
    sampled: None = None
    streamed: bool = False

    @property
    def n_rows(self) -> int:
        """Rows with and without a label."""
        return len(self.label) + self.n_dropped

    @property
    def counts(self) -> dict[str, int]:
        """Rows of each part."""
        return {part: len(rows) for part, rows in zip(PARTS, self.split, strict=True)}

    @property
    def n_positive(self) -> dict[str, int]:
        """Churners of each part."""
        return {
            part: int((self.label[rows] == 1).sum())
            for part, rows in zip(PARTS, self.split, strict=True)
        }

    @property
    def weight_by_class(self) -> dict[str, Weights]:
        """Sums of weights of each part's customers who stay and churners."""
        part = self._part
        in_a_part = part >= 0
        weight = None if self.weight is None else self.weight[in_a_part]
        sums = weight_by_class(part[in_a_part], self.label[in_a_part], weight, n_parts=len(PARTS))
        return dict(zip(PARTS, sums, strict=True))

    @property
    def arms(self) -> dict[str, npt.NDArray[np.int64]] | None:
        """Rows of each part by arm and class."""
        if self.treatment is None:
            return None
        part = self._part
        in_a_part = part >= 0
        treatment = self.treatment[in_a_part]
        arms = rows_by_arm(part[in_a_part], self.label[in_a_part], treatment, n_parts=len(PARTS))
        return dict(zip(PARTS, arms, strict=True))

    @property
    def _part(self) -> npt.NDArray[np.int8]:
        """Each row's position in ``PARTS``, -1 for those in none."""
        part = np.full(len(self.label), -1, dtype=np.int8)
        for position, rows in enumerate(self.split):
            part[rows] = position
        return part

    def rows_of(self, part: str) -> Rows:
        """Return the rows of a part that have a weight, all at once."""
        everything = (self.parsed, self.label, self.carried, self._part, self.weight)
        rows = Rows(*everything, self.treatment, self.lifetime).of(part)
        return rows if rows.weight is None else rows.take(np.flatnonzero(rows.weight > 0))

    def within_training(self, *, validation: float, seed: int) -> MemoryTable:
        """Return the training rows as a table of its own, split anew, at random and stratified.

        Args:
            validation: Share of the rows that the inner fit does not learn from.
            seed: Decides the draw.
        """
        train = self.split.train
        inner = splits.stratified(self.label[train], validation=validation, test=0.0, seed=seed)
        return replace(self, split=splits.Split(*(train[rows] for rows in inner)))

    def inspect(self) -> Inspection:
        """Return a sample of the training rows, and the twins of the test rows."""
        inspection, columns = Inspection(self.schema), LifetimeColumns.of(self.schema)
        for rows in self.chunks():
            inspection.add(rows if columns is None else rows.known_within(columns.horizon))
        return inspection

    def chunks(self) -> Iterator[Rows]:
        """Yield the rows in their order."""
        part = self._part
        for start in range(0, len(part), READ_ROWS):
            here = slice(start, start + READ_ROWS)
            yield Rows(
                self.parsed.iloc[here].reset_index(drop=True),
                self.label[here],
                self.carried.iloc[here].reset_index(drop=True),
                part[here],
                None if self.weight is None else self.weight[here],
                None if self.treatment is None else self.treatment[here],
                None if self.lifetime is None else self.lifetime[here],
            )


def read_into_memory(
    main: sources.Source,
    test: sources.Source | None,
    data: DataOptions,
    *,
    seed: int,
    with_test: bool = True,
    announce: Announce = sources.unheard,
) -> MemoryTable:
    """Read, infer, parse and split a table at once.

    Args:
        main: The table.
        test: A table of test rows, if there is one of its own.
        data: What the user named.
        seed: Seed of the split.
        with_test: Hold rows back for the test.
        announce: As for `sources.read`.

    Raises:
        InputError: The source, a named column, the target or the split cannot be used.
    """
    reading, split = data.reading, data.split
    frame = sources.read(main, reading=reading, announce=announce)
    schema = sources.note_absent_columns(infer(frame, data.roles), main, reading)
    carry = choose_carried(
        schema,
        data,
        test_columns=None if test is None else names_of(test, reading),
        reserved=PREDICTED if with_test else (*PREDICTED, *FOLDS),
    )
    schema = with_lifetimes(noted(schema, data), data)
    mark, n_rows = fingerprint(frame), len(frame)
    rows, labelled, n_left_out = read_rows(frame, schema, carry)
    used = (schema.id, split.time_column, split.group_column)
    named = [name for name in used if name in frame.columns]
    kept = frame[list(dict.fromkeys(named))].take(labelled)
    del frame
    in_folds, with_test = not with_test, with_test and test is None
    parts, left_out = split_rows(
        split, schema, kept, labelled, rows.label, rows.parsed, with_test=with_test, seed=seed
    )
    span = None
    if split.time_column is not None:
        column = schema[split.time_column]
        times = parse_time(kept, column)
        of_train = times[parts.train]
        span = readable_span(float(of_train.min()), float(of_train.max()), column)
        if split.censor and rows.lifetime is not None and not in_folds:
            observed = censored(rows.lifetime, rows.label, times, parts, float(data.period))
            rows = rows._replace(lifetime=observed[0], label=observed[1])
    if test is not None:
        given = sources.read(test, reading=reading, announce=announce)
        mark, n_rows = f"{mark}+{fingerprint(given)}", n_rows + len(given)
        more, _, n_more_left_out = read_rows(given, schema, carry)
        n_left_out += n_more_left_out
        parts = parts._replace(test=len(rows.label) + np.arange(len(more.label)))
        check_test_source(len(more.label), int(more.label.sum()))
        rows = Rows.joined([rows, more])
    table = MemoryTable(
        schema=schema,
        parsed=rows.parsed,
        label=rows.label,
        carried=rows.carried,
        carry=carry,
        split=parts,
        fingerprint=mark,
        n_dropped=n_rows - len(rows.label),
        n_left_out=n_left_out,
        left_out_of_parts=left_out,
        weight=rows.weight,
        treatment=rows.treatment,
        lifetime=rows.lifetime,
        time_span=span,
    )
    if schema.weight is not None:
        check_weights(schema.weight, table.weight_by_class)
    check_arms(schema, table.arms)
    return table
