"""One row of a source, found by what names it, while the source is streamed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn_torch.errors import InputError, suggest
from churn_torch.tables.encode import parse
from churn_torch.tables.even_sample import EvenSample
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers import sources
from churn_torch.tables.readers.arrow import Announce
from churn_torch.tables.readers.prefetch import prefetch
from churn_torch.tables.schema import Schema
from churn_torch.tables.values.cells import canonical_text

# Rows kept of a large source, drawn evenly.
MOST_ROWS = 50_000
# Ids kept to suggest one: those that begin alike, and the first of the source.
_MOST_IDS = 1_000
_NAME_AN_ID = "train with data.id=COLUMN to find customers by their id"


@dataclass(frozen=True)
class FoundRow:
    """A row, and rows around it.

    Attributes:
        raw: The row as it came.
        parsed: The same, parsed.
        sample: Parsed rows of the source, at most `MOST_ROWS`; None where none were asked for.
    """

    raw: pd.DataFrame
    parsed: pd.DataFrame
    sample: pd.DataFrame | None


def find_row(
    source: sources.Source,
    schema: Schema,
    name: str,
    *,
    with_sample: bool,
    reading: ReadOptions = sources.PLAINLY,
    announce: Announce = sources.unheard,
    progress: Callable[[int], object] = lambda n_rows: None,
) -> FoundRow:
    """Find a row by its id; where the schema names no id column, by its position from 0.

    Memory stays at a few chunks of the source, the sample and the row.

    Args:
        source: As for `sources.read`.
        schema: Of the model.
        name: The id, as text.
        with_sample: Return a sample of the rows too.
        reading: As for `sources.read`.
        announce: As for `sources.read`.
        progress: Called with the number of rows after each chunk.

    Raises:
        InputError: No row has the id, or several have it; or the source cannot be read.
    """
    name = name.strip()
    position = None if schema.id is not None else _position(name)
    found: list[tuple[int, pd.DataFrame]] = []
    ids = _NearIds(name)
    sample = _Sample(schema) if with_sample else None
    first_row = 0
    for frame in _chunks(source, schema, reading, announce):
        if schema.id is not None:
            text = _ids(frame, schema)
            here = np.flatnonzero((text == name).to_numpy())
            ids.add(text)
        else:
            here = np.flatnonzero(np.arange(first_row, first_row + len(frame)) == position)
        found += [
            (first_row + row, frame.iloc[[row]].reset_index(drop=True)) for row in here.tolist()
        ]
        if sample is not None:
            sample.add(frame, first_row)
        first_row += len(frame)
        progress(len(frame))
        if schema.id is None and found and sample is None:
            break
    if not found:
        raise _absent(name, schema, ids, first_row)
    if len(found) > 1:
        (first, _), (second, _), *more = found
        others = f" and {len(more):,} more" if more else ""
        raise InputError(
            "id",
            expected=f"an id that one row has in {schema.id!r}",
            got=f"{name!r} in rows {first + 1:,} and {second + 1:,}{others}",
            fix='keep one row a customer, such as the newest (source="SELECT ...")',
        )
    row, raw = found[0]
    parsed = parse(raw, schema, first_row=row)
    return FoundRow(raw, parsed, None if sample is None else sample.rows())


def row_names(frame: pd.DataFrame, schema: Schema) -> list[str]:
    """Return what names each row of a frame: its id, or its position from 0 where it has none."""
    if schema.id is None or schema.id not in frame.columns:
        return [str(row) for row in range(len(frame))]
    return [str(text).strip() for text in canonical_text(frame[schema.id])]


def _chunks(
    source: sources.Source, schema: Schema, reading: ReadOptions, announce: Announce
) -> Iterator[pd.DataFrame]:
    named = [] if schema.id is None else [schema.id]
    needed = list(dict.fromkeys([*named, *schema.read]))
    # Where one is absent, all are read, for a message that names the nearest.
    known = set(needed) <= set(sources.column_names(source, reading) or ())
    coded = [column.name for column in schema.text if column.name != schema.id]
    chunks = sources.read_chunks(
        source,
        reading=reading,
        columns=needed if known else None,
        coded=coded,
        announce=announce,
    )
    return prefetch(chunks, depth=1)


def _position(name: str) -> int:
    if not name.isascii() or not name.isdigit():
        raise InputError(
            "id",
            expected="a row number from 0, because the run names no id column",
            got=repr(name),
            fix=_NAME_AN_ID,
        )
    return int(name)


def _ids(frame: pd.DataFrame, schema: Schema) -> pd.Series:
    if schema.id not in frame.columns:
        raise InputError(
            "source",
            expected=f"the id column of the run, {schema.id!r}",
            got=f"none of that name{suggest(str(schema.id), frame.columns)}",
            fix="add or rename the column",
        )
    return canonical_text(frame[schema.id]).str.strip()


def _absent(name: str, schema: Schema, ids: _NearIds, n_rows: int) -> InputError:
    if schema.id is None:
        return InputError(
            "id",
            expected=f"a row number from 0 to {n_rows - 1:,}, because the run names no id column",
            got=name,
            fix=_NAME_AN_ID,
        )
    return InputError(
        "id",
        expected=f"an id that is in the column {schema.id!r}",
        got=f"{name!r}, which is in none of {n_rows:,} rows{suggest(name, ids.kept)}",
        fix="check the id and the source",
    )


class _NearIds:
    """Ids that a wrong id may have been meant to be."""

    def __init__(self, name: str) -> None:
        self._start = name[: max(1, len(name) - 2)].casefold()
        self._length = len(self._start)
        self._near: list[str] = []
        self._first: list[str] = []

    def add(self, ids: pd.Series) -> None:
        if len(self._first) < _MOST_IDS:
            self._first += ids.head(_MOST_IDS).tolist()
        if len(self._near) < _MOST_IDS:
            alike = ids[ids.str[: self._length].str.casefold() == self._start]
            self._near += alike.head(_MOST_IDS).tolist()

    @property
    def kept(self) -> list[str]:
        return list(dict.fromkeys([*self._near, *self._first]))


class _Sample:
    """Parsed rows drawn evenly from chunks."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._sample = EvenSample(MOST_ROWS, seed=0)
        self._kept: list[pd.DataFrame] = []

    def add(self, frame: pd.DataFrame, first_row: int) -> None:
        drawn = self._sample.drawn(len(frame))
        if len(drawn):
            self._kept.append(self._parsed(frame, drawn, first_row))
        if self._sample.is_full:
            self._kept = [self.rows()]

    def rows(self) -> pd.DataFrame:
        rows = pd.concat(self._kept, ignore_index=True)
        return rows.take(self._sample.kept()).reset_index(drop=True)

    def _parsed(self, frame: pd.DataFrame, drawn: np.ndarray, first_row: int) -> pd.DataFrame:
        try:
            return parse(frame.iloc[drawn], self._schema)
        except InputError:  # its row is that of the drawn rows, not of the source
            parse(frame, self._schema, first_row=first_row)
            raise
