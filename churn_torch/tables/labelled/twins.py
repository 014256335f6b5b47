"""Twins: rows of one customer, or copies of one row, that stand in two parts of a split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.tables.hashing import Hashes, splitmix64, text_hashes
from churn_torch.tables.labelled.splits import TEST, TRAIN
from churn_torch.tables.schema import Schema
from churn_torch.tables.values.cells import canonical_text

# Twins are counted among about so many rows at most.
COUNTED_ROWS = 100_000
# Near copies are looked for in tables of so many cells at most.
NEAR_CELLS = 50_000_000
# Few different rows are alike by chance, so that twins say nothing.
_FEWEST_ROWS = 20
_MOST_COPIES = 50
# Columns that tell rows apart: those with the most different values, at most so many.
_TELLING = 3


@dataclass(frozen=True)
class Twins:
    """How many test rows have a twin among the training rows.

    Attributes:
        n_test: Test rows that were looked at.
        n_copies: Those of them that are alike a training row in every feature, and hardly by
            chance.
        n_same_id: Those with an id that a training row has too.
    """

    n_test: int
    n_copies: int
    n_same_id: int


def column_hashes(parsed: pd.DataFrame, names: Sequence[str]) -> npt.NDArray[np.uint64]:
    """Return a hash of every cell; equal cells of different columns differ.

    The sum of a row's hashes is a hash of the row, and without one of them a hash of the rest.

    Shape:
        [columns, N].
    """
    hashes = np.empty((len(names), len(parsed)), dtype=np.uint64)
    for position, (of_column, name) in enumerate(zip(hashes, names, strict=True)):
        cells = parsed[name]
        if isinstance(cells.dtype, pd.StringDtype) or cells.dtype == object:
            bits = text_hashes(cells)
        else:
            numbers = cells.to_numpy(dtype=np.float64) + 0.0  # -0.0 becomes 0.0
            numbers[np.isnan(numbers)] = np.nan  # one of the many
            bits = numbers.view(np.uint64)
        of_column[:] = splitmix64(bits ^ splitmix64(np.array([position])))
    return hashes


def telling_columns(schema: Schema) -> list[str]:
    """Return the features that tell rows apart best, and none where there are too few features.

    Rows that agree in these and are no copies differ in one of the others.
    """
    n_telling = min(_TELLING, len(schema.features) // 3)
    ordered = sorted(schema.features, key=lambda column: -column.n_distinct)
    return [column.name for column in ordered[:n_telling]]


def are_copies(rows: Hashes, telling: Hashes) -> npt.NDArray[np.bool_]:
    """Tell which rows are copies of another, and hardly by chance.

    By chance rows agree in the columns that tell rows apart and differ in another; of copies most
    that agree in these agree in all.

    Args:
        rows: ``[N]`` hashes of whole rows.
        telling: ``[N]`` hashes of their telling columns.
    """
    alike, agreeing = _sizes(rows), _sizes(telling)
    return (alike > 1) & (2 * alike >= agreeing)


def _sizes(hashes: Hashes) -> npt.NDArray[np.int64]:
    """Return how many rows have the hash of each row."""
    _, inverse, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    return np.asarray(counts[inverse])


class TwinCounter:
    """Counts twins in one pass over the rows, in bounded memory.

    Rows are sampled by what they hold, so that twins are kept or left out together.

    Args:
        schema: The columns of the table.
        with_ids: Whether rows of one id can be in different parts.
    """

    def __init__(self, schema: Schema, *, with_ids: bool = True) -> None:
        self._names = [column.name for column in schema.features]
        self._telling = telling_columns(schema)
        self._id = schema.id if with_ids else None
        self._rows = _Sampled(n_arrays=2)
        self._ids = _Sampled(n_arrays=1)

    def add(self, parsed: pd.DataFrame, carried: pd.DataFrame, part: npt.NDArray[np.int8]) -> None:
        """Look at rows and the parts that they are in."""
        in_parts = (part == TRAIN) | (part == TEST)
        if self._telling:
            telling = column_hashes(parsed, self._telling).sum(axis=0, dtype=np.uint64)
            kept = np.flatnonzero(in_parts & (telling <= self._rows.limit))
            whole = column_hashes(parsed.take(kept), self._names).sum(axis=0, dtype=np.uint64)
            self._rows.add(part[kept], telling[kept], whole)
        if self._id is not None and self._id in carried.columns:
            kept = np.flatnonzero(in_parts)
            ids = canonical_text(carried[self._id].take(kept))
            named = (ids != "").to_numpy()
            self._ids.add(part[kept][named], text_hashes(ids[named]))

    def count(self) -> Twins:
        """Return the twins of all rows seen."""
        part, ids = self._ids.arrays()
        _, n_same_id = _shared(part, ids)
        n_test_ids = int((part == TEST).sum())
        part, telling, rows = self._rows.arrays()
        n_different = len(np.unique(rows))
        n_copies = 0
        if n_different >= _FEWEST_ROWS and n_different * _MOST_COPIES >= len(rows):
            copies = are_copies(rows, telling)
            _, n_copies = _shared(part[copies], rows[copies])
        return Twins(max(n_test_ids, int((part == TEST).sum())), n_copies, n_same_id)


def _shared(part: npt.NDArray[np.int8], hashes: Hashes) -> tuple[int, int]:
    """Return the number of test rows, and how many of them share a hash with a training row."""
    test = hashes[part == TEST]
    return len(test), int(np.isin(test, hashes[part == TRAIN]).sum())


_Chunk = tuple[npt.NDArray[Any], ...]


class _Sampled:
    """Parts and hashes of the rows whose first hash is at most ``limit``."""

    def __init__(self, n_arrays: int) -> None:
        self.limit = np.uint64(2**64 - 1)
        self._chunks: list[_Chunk] = []
        self._empty = (np.empty(0, np.int8), *[np.empty(0, np.uint64)] * n_arrays)

    def add(self, part: npt.NDArray[np.int8], *hashes: Hashes) -> None:
        self._chunks.append(self._below((part, *hashes)))
        while sum(len(chunk[0]) for chunk in self._chunks) > COUNTED_ROWS and self.limit:
            self.limit //= np.uint64(2)
            self._chunks = [self._below(chunk) for chunk in self._chunks]

    def _below(self, chunk: _Chunk) -> _Chunk:
        inside = chunk[1] <= self.limit
        return chunk if inside.all() else tuple(array[inside] for array in chunk)

    def arrays(self) -> _Chunk:
        """Return the parts, and each array of hashes."""
        return tuple(map(np.concatenate, zip(self._empty, *self._chunks, strict=True)))


def twin_groups(
    parsed: pd.DataFrame, schema: Schema, ids: pd.Series | None
) -> npt.NDArray[np.int64]:
    """Group the rows that belong together: of one id, copies, and copies but for one column.

    Near copies count by the rule of `are_copies`, in tables of at most ``NEAR_CELLS`` cells.

    Args:
        parsed: N rows of features.
        schema: Their columns.
        ids: The id of each row, where one is named.

    Shape:
        [N], the number of each row's group.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n_rows, names = len(parsed), [column.name for column in schema.features]
    telling = telling_columns(schema)
    keys: list[tuple[Hashes, npt.NDArray[np.bool_]]] = []
    if ids is not None:
        text = canonical_text(ids)
        keys.append((text_hashes(text), (text != "").to_numpy()))
    near = len(telling) > 0 and n_rows * len(names) <= NEAR_CELLS
    hashes = column_hashes(parsed, names)
    rows = hashes.sum(axis=0, dtype=np.uint64)
    keys.append((rows, np.ones(n_rows, dtype=bool)))
    if near:
        tells = hashes[[name in telling for name in names]].sum(axis=0, dtype=np.uint64)
        for of_column, name in zip(hashes, names, strict=True):
            rest = rows - of_column
            keys.append((rest, are_copies(rest, tells - of_column if name in telling else tells)))
    links: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = []
    n_nodes = n_rows
    for key, counted in keys:
        members = np.flatnonzero(counted)
        _, inverse, counts = np.unique(key[members], return_inverse=True, return_counts=True)
        several = counts[inverse] > 1
        links.append((members[several], n_nodes + inverse[several]))
        n_nodes += len(counts)
    one, other = (np.concatenate(ends) for ends in zip(*links, strict=True))
    edges = coo_array((np.ones(len(one), dtype=bool), (one, other)), shape=(n_nodes, n_nodes))
    return np.asarray(connected_components(edges, directed=False)[1][:n_rows], dtype=np.int64)
