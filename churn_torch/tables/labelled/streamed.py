"""A labelled table that is read anew on every pass, so that it may be larger than memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.errors import InputError
from churn_torch.tables.fingerprint import fingerprint, hash_files
from churn_torch.tables.inference.sampled import infer_from_sample
from churn_torch.tables.labelled import splits
from churn_torch.tables.labelled.carried import CarriedColumns, choose_carried, noted
from churn_torch.tables.labelled.inspection import Inspection
from churn_torch.tables.labelled.rows import (
    PARTS,
    Rows,
    TimeSpan,
    check_test_source,
    names_of,
    read_rows,
)
from churn_torch.tables.labelled.split_checks import check_classes, check_shares
from churn_torch.tables.labelled.streamed_parts import Assign, all_test, assignment
from churn_torch.tables.labelled.streamed_time import ByTime
from churn_torch.tables.labelled.streamed_totals import Totals
from churn_torch.tables.labelled.treatment import check_arms
from churn_torch.tables.labelled.unchanged_files import check_unchanged, sizes_of, unchanged
from churn_torch.tables.labelled.weights import Weights, check_weights
from churn_torch.tables.options import DataOptions, ReadOptions
from churn_torch.tables.readers import sources
from churn_torch.tables.readers.arrow import Announce
from churn_torch.tables.readers.prefetch import prefetch
from churn_torch.tables.readers.sources import READ_ROWS
from churn_torch.tables.schema import Schema

# Cells of a chunk: a wide table comes in fewer rows at a time, so that memory stays bounded.
CHUNK_CELLS = 1 << 21


class _Source(NamedTuple):
    """A source, the columns to read, and the function that assigns raw rows to parts.

    Columns in ``only_carried`` are read to be carried alone: no part of the fingerprint.
    """

    source: sources.Source
    columns: Sequence[str]
    only_carried: Sequence[str]
    assign: Assign


class StreamedTable:
    """A labelled table of any size (`churn_torch.tables.labelled.rows.LabelledTable`).

    The schema is inferred from a sample of ``sampled`` rows. The counts and the fingerprint are
    known at the end of the first pass over `chunks`, which also checks that every part has both
    classes.
    """

    streamed = True

    def __init__(
        self,
        given: Sequence[_Source],
        reading: ReadOptions,
        schema: Schema,
        carry: CarriedColumns,
        sampled: int,
        *,
        ids_can_part: bool,
        inspected: bool,
    ) -> None:
        self.schema = schema
        self.carry = carry
        self.sampled = sampled
        self._sources = given
        self._sizes = [sizes_of(one.source, reading) for one in given]
        self._reading = reading
        self._totals: Totals | None = None
        self._ids_can_part, self._inspected = ids_can_part, inspected
        self._inspection: Inspection | None = None
        self._fingerprint = ""
        counts = [sources.count_rows(one.source, reading) for one in given]
        self._n_rows = None if None in counts else sum(count or 0 for count in counts)

    @property
    def fingerprint(self) -> str:
        """Name the content of the sources: of files by their sizes, first and last bytes."""
        self._known()
        return self._fingerprint

    @property
    def n_rows(self) -> int | None:
        """Rows with and without a label."""
        return self._n_rows if self._totals is None else self._totals.n_read

    @property
    def n_dropped(self) -> int:
        """Rows without a label, those left out for it included."""
        totals = self._known()
        return totals.n_read - int(totals.counts.sum()) - sum(totals.left_out)

    @property
    def n_left_out(self) -> int:
        """Rows with a label of no class, which ``data.negative`` leaves out."""
        return self._known().n_left_out

    @property
    def left_out_of_parts(self) -> splits.LeftOut:
        """Labelled rows that the split leaves out."""
        return self._known().left_out

    @property
    def counts(self) -> dict[str, int]:
        """Rows of each part."""
        return dict(zip(PARTS, self._known().counts.tolist(), strict=True))

    @property
    def n_positive(self) -> dict[str, int]:
        """Churners of each part."""
        return dict(zip(PARTS, self._known().n_positive.tolist(), strict=True))

    @property
    def weight_by_class(self) -> dict[str, Weights]:
        """Sums of weights of each part's customers who stay and churners."""
        return dict(zip(PARTS, self._known().weights, strict=True))

    @property
    def arms(self) -> dict[str, npt.NDArray[np.int64]] | None:
        """Rows of each part by arm and class."""
        arms = dict(zip(PARTS, self._known().arms, strict=True))
        return None if self.schema.treatment is None else arms

    @property
    def time_span(self) -> TimeSpan | None:
        """First and last time of the training rows, where the split goes by time."""
        self._known()
        assign = self._sources[0].assign
        return assign.span if isinstance(assign, ByTime) else None

    def _known(self) -> Totals:
        if self._totals is None:
            raise RuntimeError("go through chunks() to its end first: nothing is counted yet")
        return self._totals

    def inspect(self) -> Inspection:
        """Return a sample of the training rows, and the twins of the test rows."""
        self._known()
        if self._inspection is None:
            raise RuntimeError("read the table with inspected=True")
        return self._inspection

    def chunks(self) -> Iterator[Rows]:
        """Yield the labelled rows; a thread reads and parses ahead.

        Raises:
            InputError: A cell cannot be read; a part lacks a class (raised at the end of the first
                pass); a file has changed, or the rows are not those of the first pass.
        """
        totals, digest = Totals(), hashlib.blake2b(digest_size=8)
        inspection = None
        if self._totals is None and self._inspected:
            inspection = Inspection(self.schema, with_ids=self._ids_can_part)
        for n_read, n_left_out, rows in prefetch(
            self._read(digest if self._totals is None else None)
        ):
            totals.add(n_read, n_left_out, rows)
            # Before rows that the first pass did not count meet arrays that have no room for them.
            if self._totals is not None and (totals.counts > self._totals.counts).any():
                raise self._other_rows(totals)
            if len(rows.label):
                if inspection is not None:
                    inspection.add(rows)
                yield rows
        if self._totals is None:
            n_split = len(PARTS) - (len(self._sources) - 1)  # a test source is not split
            check_classes(totals.counts.tolist()[:n_split], totals.n_positive.tolist())
            if n_split < len(PARTS):
                check_test_source(int(totals.counts[-1]), int(totals.n_positive[-1]))
            if self.schema.weight is not None:
                check_weights(self.schema.weight, dict(zip(PARTS, totals.weights, strict=True)))
            check_arms(self.schema, dict(zip(PARTS, totals.arms, strict=True)))
            self._totals, self._fingerprint = totals, digest.hexdigest()
            self._inspection = inspection
        elif (totals.n_read, totals.order) != (self._totals.n_read, self._totals.order):
            raise self._other_rows(totals)

    def _other_rows(self, totals: Totals) -> InputError:
        for given, sizes in zip(self._sources, self._sizes, strict=True):
            check_unchanged(given.source, self._reading, sizes)
        return InputError(
            "data.source",
            expected="the same rows in every pass",
            got=f"{self._known().n_read:,} rows before and {totals.n_read:,} now, or the same "
            "rows in another order",
            fix="let a query give the same rows each time (ORDER BY a column without ties), "
            "or set data.streaming=false",
        )

    def _read(self, digest: Any) -> Iterator[tuple[int, int, Rows]]:
        """Yield how many rows were read, how many of no class, and the labelled ones.

        The sources are hashed into ``digest``, where it is given.
        """
        for given, sizes in zip(self._sources, self._sizes, strict=True):
            with unchanged(given.source, self._reading, sizes):
                yield from self._read_one(given, digest)

    def _read_one(self, given: _Source, digest: Any) -> Iterator[tuple[int, int, Rows]]:
        source, columns, only_carried, assign = given
        paths = sources.files(source, self._reading)
        if digest is not None and paths is not None:
            hash_files(paths, digest)
        first_row = 0
        rows_a_chunk = max(1, min(READ_ROWS, CHUNK_CELLS // len(columns)))
        for frame in sources.read_chunks(
            source, reading=self._reading, rows=rows_a_chunk, columns=columns
        ):
            if digest is not None and paths is None:
                learned = frame.drop(columns=list(only_carried))
                digest.update(fingerprint(learned).encode())
            rows, labelled, n_left_out = self._parse(frame, first_row)
            raw = frame if len(labelled) == len(frame) else frame.take(labelled)
            part = assign(raw, first_row + labelled, rows.parsed)
            yield len(frame), n_left_out, rows._replace(part=part)
            first_row += len(frame)

    def _parse(self, frame: pd.DataFrame, first_row: int) -> tuple[Rows, splits.Positions, int]:
        try:
            return read_rows(frame, self.schema, self.carry, first_row=first_row)
        except InputError as error:
            for column in self.schema.features:
                if f"column {column.name!r}" in str(error):
                    raise InputError(
                        f"data.kinds.{column.name}",
                        expected=f"a kind that fits every cell ({column.kind} was inferred from "
                        f"{self.sampled:,} rows)",
                        got=f"this: {str(error).rstrip('.')}",
                        fix=f"data.kinds.{column.name}=categorical takes any value",
                    ) from None
            raise


def open_streamed(
    main: sources.Source,
    test: sources.Source | None,
    data: DataOptions,
    *,
    seed: int,
    inspected: bool = False,
    announce: Announce = sources.unheard,
) -> StreamedTable:
    """Infer the schema from a sample, and choose how rows are assigned to parts.

    Args:
        main: The table.
        test: A table of test rows, if there is one of its own.
        data: What the user named. Splits ``random`` and ``hash`` go by a hash of the id or the row
            number, ``group`` by one of the group; ``time`` costs a pass over that column.
        seed: Seed of the split.
        inspected: Keep what `StreamedTable.inspect` returns, which the first pass pays for.
        announce: As for `sources.read`.

    Raises:
        InputError: A source, a named column, the target or the shares cannot be used.
    """
    reading, roles, split = data.reading, data.roles, data.split
    held = split.test if test is None else 0.0
    check_shares(split.validation, held)
    schema, sampled = infer_from_sample(main, reading, roles, announce)
    schema = sources.note_absent_columns(schema, main, reading)
    test_columns = None if test is None else names_of(test, reading)
    carry = choose_carried(schema, data, test_columns=test_columns)
    schema = noted(schema, data)
    assign = assignment(split, main, reading, schema, test=held, seed=seed)
    wanted = {schema.target, schema.id, schema.weight, roles.time, roles.group}
    wanted |= {schema.treatment, schema.treatment_probability}
    wanted |= {*schema.read}
    only_carried = sorted(carry.needed - wanted)
    wanted |= carry.needed
    columns = [column.name for column in schema.columns if column.name in wanted]
    given = [_Source(main, columns, only_carried, assign)]
    if test is not None and test_columns is not None:
        # A test source needs none of these.
        wanted -= {schema.id, schema.weight, roles.time, roles.group, schema.spend} - {
            *test_columns
        }
        names = [name for name in columns if name in wanted]
        given.append(_Source(test, names, only_carried, all_test))
    # Rows of one id have one hash.
    ids_can_part = split.by_time or split.by_group or test is not None
    return StreamedTable(
        given, reading, schema, carry, sampled, ids_can_part=ids_can_part, inspected=inspected
    )
