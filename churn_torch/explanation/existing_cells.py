"""Which cells occur together in the rows of a table, so that no impossible customer is made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.tables.schema import Schema

# Rows that chance alone would give a pair of cells which never occurs, for it to be impossible:
# the usual bound of a chi-square test, under which 0 rows have a probability of 1 %.
EXPECTED_ROWS = 5
# Categories of a column that are tried, the most frequent ones, and values of a number.
MOST_CATEGORIES, MOST_VALUES = 256, 32

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Cells = npt.NDArray[Any]


class _Text(NamedTuple):
    """A column of text: ``words[codes]`` are its cells."""

    codes: Codes
    words: pd.Index


class ExistingCells:
    """The cells of rows, asked about changes of one customer.

    A new cell of a text column is the position of its word in `words`, that of a number or date is
    its parsed value.

    Args:
        rows: N parsed rows.
        schema: What the columns mean.
        actionable: The columns that may change.
    """

    def __init__(self, rows: pd.DataFrame, schema: Schema, actionable: Sequence[str]) -> None:
        self.n_rows = len(rows)
        self._schema = schema
        self._texts = {}
        for column in schema.text:
            codes, words = pd.factorize(rows[column.name])
            self._texts[column.name] = _Text(codes.astype(np.int64), pd.Index(words, dtype=object))
        self._numbers = {c.name: _finite(rows[c.name]) for c in schema.numbers}
        self._sorted = {
            name: np.sort(values[~np.isnan(values)]) for name, values in self._numbers.items()
        }
        self._changing = [name for name in actionable if name in self._texts]
        self._together = _distinct([self._texts[name].codes for name in self._changing])

    def words(self, name: str) -> pd.Index:
        """Return the words of a text column."""
        return self._texts[name].words

    def is_text(self, name: str) -> bool:
        """Tell whether a column is text."""
        return name in self._texts

    def new_cells(self, name: str, cell: Any) -> Cells:
        """Return the cells that a column may change to: seen in training and in the rows.

        Args:
            name: The column.
            cell: The customer's parsed cell.
        """
        column = self._schema[name]
        if name in self._texts:
            codes, words = self._texts[name]
            known = set(column.vocabulary or ()) - {cell}
            there = np.flatnonzero([word in known for word in words])
            frequent = np.argsort(-np.bincount(codes, minlength=len(words))[there], kind="stable")
            return np.asarray(np.sort(there[frequent[:MOST_CATEGORIES]]))
        values = np.unique(self._sorted[name])
        values = values[self.in_training_range(name, values) & (values != cell)]
        if len(values) > MOST_VALUES:
            places = np.linspace(0, len(values) - 1, MOST_VALUES).round().astype(int)
            values = values[places]
        return np.asarray(values)

    def in_training_range(self, name: str, values: Floats) -> Mask:
        """Tell which values lie in the range of the training rows."""
        column = self._schema[name]
        kind = np.float64 if Schema.is_float64(column) else np.float32  # as the model rounds them
        low = kind(-np.inf if column.minimum is None else column.minimum)
        high = kind(np.inf if column.maximum is None else column.maximum)
        rounded = values.astype(kind)
        return np.asarray((rounded >= low) & (rounded <= high))

    def digits(self, name: str) -> int:
        """Return to how many decimals the numbers of a column are written, at most 6."""
        values = self._sorted[name]
        tolerance = 1e-6 * np.maximum(np.abs(values), 1e-6)
        fitting = (d for d in range(6) if (np.abs(values.round(d) - values) <= tolerance).all())
        return next(fitting, 6)

    def goes_with(self, name: str, cells: Cells, kept: str, cell: Any) -> Mask:
        """Tell which new cells of a column may stand beside a cell that is kept.

        Two categories may not where no row has both, though chance alone would give
        `EXPECTED_ROWS` rows. A number may not stand beside a category beyond the range of its rows,
        if chance alone would give `EXPECTED_ROWS` of them numbers beyond that end. Two numbers may
        always stand together, and so may what is missing or in no row.

        Args:
            name: The column.
            cells: ``[n]`` its new cells.
            kept: Another column.
            cell: The customer's parsed cell there.

        Returns:
            ``[n]``.
        """
        everything = np.ones(len(cells), bool)
        if kept in self._texts:
            has = self._having(kept, cell)
            if has is None:
                return everything
            if name in self._texts:
                codes, words = self._texts[name]
                n_cell = np.bincount(codes, minlength=len(words))[cells]
                both = np.bincount(codes[has], minlength=len(words))[cells]
                return np.asarray((both > 0) | (n_cell * has.sum() < EXPECTED_ROWS * self.n_rows))
            values = self._numbers[name][has]
            values = values[~np.isnan(values)]
            if not len(values):
                return everything
            return self._reached(name, cells, values.min(), values.max(), np.array(len(values)))
        if name not in self._texts or not np.isfinite(cell):
            return everything
        low, high, n = self._ranges(name, kept)
        at = np.full(len(cells), float(cell))
        return self._reached(kept, at, low[cells], high[cells], n[cells])

    def occur_together(self, chosen: Mapping[str, Cells]) -> Mask:
        """Tell which combinations of new cells occur.

        Categories must stand together in some row, and each number must lie within the range of
        the rows with these categories.

        Args:
            chosen: ``[n]`` new cells by column.

        Returns:
            ``[n]``.
        """
        names = [name for name in chosen if name in self._texts]
        if not names:
            return np.ones(len(next(iter(chosen.values()))), bool)
        first, of_row = self._together
        both = [
            np.concatenate([first[:, self._changing.index(name)], chosen[name].astype(np.int64)])
            for name in names
        ]
        group = _numbered(both)
        there, wanted = group[: len(first)], group[len(first) :]
        n_there = there.max() + 1  # later numbers are of what no row has
        found = np.asarray(wanted < n_there)
        for name in chosen.keys() - set(names):
            low, high, _ = _group_ranges(there[of_row], self._numbers[name], int(group.max()) + 1)
            found &= (chosen[name] >= low[wanted]) & (chosen[name] <= high[wanted])
        return found

    def _having(self, name: str, cell: Any) -> Mask | None:
        """Return which rows have a text; None for none of them, or a text that is missing."""
        codes, words = self._texts[name]
        place = words.get_indexer(pd.Index([cell], dtype=object))[0]
        return None if place < 0 or not cell else np.asarray(codes == place)

    def _ranges(self, name: str, number: str) -> tuple[Floats, Floats, Codes]:
        codes, words = self._texts[name]
        return _group_ranges(codes, self._numbers[number], len(words))

    def _reached(self, name: str, at: Cells, low: Any, high: Any, n: Codes) -> Mask:
        """Tell which numbers are within the range of n rows, where its ends mean something."""
        known = self._sorted[name]
        n_below = np.searchsorted(known, low, side="left")
        n_above = len(known) - np.searchsorted(known, high, side="right")
        enough = EXPECTED_ROWS * max(len(known), 1)
        below = (at < low) & (n * n_below >= enough)
        above = (at > high) & (n * n_above >= enough)
        return np.asarray(~(below | above))


def _finite(values: pd.Series) -> Floats:
    numbers = values.to_numpy(np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _distinct(columns: Sequence[Codes]) -> tuple[Codes, Codes]:
    """Return the different rows of some columns, and which of them each row is."""
    if not columns:
        return np.empty((0, 0), np.int64), np.empty(0, np.int64)
    of_row = _numbered(columns)
    _, first = np.unique(of_row, return_index=True)
    return np.column_stack([codes[first] for codes in columns]), of_row


def _numbered(columns: Sequence[Codes]) -> Codes:
    """Number the rows of some columns, equal rows alike, in the order in which they first come."""
    number = np.zeros(len(columns[0]), np.int64)
    for codes in columns:  # numbered anew after each column, so that no number grows too large
        number = pd.factorize(number * (codes.max(initial=0) + 1) + codes)[0].astype(np.int64)
    return number


def _group_ranges(group: Codes, values: Floats, n_groups: int) -> tuple[Floats, Floats, Codes]:
    """Return the smallest and the largest number of each group, and how many it has."""
    there = ~np.isnan(values)
    group, values = group[there], values[there]
    n = np.bincount(group, minlength=n_groups)
    low, high = np.full(n_groups, np.inf), np.full(n_groups, -np.inf)
    np.minimum.at(low, group, values)
    np.maximum.at(high, group, values)
    return low, high, n
