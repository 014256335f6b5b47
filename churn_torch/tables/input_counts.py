"""Counts of a table's cells that are missing, unseen or out of range, beside those of training."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from churn_torch.errors import InputError
from churn_torch.tables.encode import MISSING_CODE, UNSEEN_CODE, Texts, text_codes
from churn_torch.tables.schema import Column, Schema

MISSING, UNSEEN, OUTSIDE = "missing", "unseen category", "outside the training range"
# A workbook stores 0.12 for a cell that it shows as 12 %; of text with a sign, 12 % is 12.
FRACTIONS = "at most 1, in a column where 12 % is 12"
_FEWEST_FRACTIONS = 10
# Cells of a kind are worth a word where chance gives so many only once in a thousand tables, and
# their share is above that of training by so much.
_RARELY = 1e-3
_SMALLEST_EXCESS = 0.005
# A share of cells that is 0 in training may be as large as this.
_FLOOR = 1e-3
_FLOOR_OF_UNSEEN = 0.01
# Different unseen categories that are counted, at most.
_COUNTED = 1_000


@dataclass(frozen=True)
class Unusual:
    """Cells of a column that are more often of one kind than in training.

    Attributes:
        column: The column's name.
        kind: ``missing``, ``unseen category``, ``outside the training range`` or `FRACTIONS`.
        n: Rows with such a cell.
        n_rows: All rows.
        expected: The share of such rows in training; NaN where that is not known.
        examples: The most frequent of the unseen categories.
    """

    column: str
    kind: str
    n: int
    n_rows: int
    expected: float
    examples: tuple[str, ...] = ()


@dataclass
class _Counts:
    missing: int = 0
    unseen: int = 0
    outside: int = 0
    largest: float = 0.0
    has_fractions: bool = False
    examples: Counter[str] = field(default_factory=Counter)


class InputCounts:
    """Counts cells by what `churn_torch.models.input_quality` calls them, chunk by chunk.

    Args:
        schema: Completed by training.
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.n_rows = 0
        self._of = {column.name: _Counts() for column in schema.features}
        self._codes = {
            column.name: {**text_codes(column), "": MISSING_CODE} for column in schema.text
        }

    def add(self, columns: Mapping[str, pd.Series | Texts]) -> None:
        """Count the cells of rows as `churn_torch.tables.encode.parse_columns` returns them."""
        n_rows = 0
        for column in self.schema.features:
            cells_of = columns[column.name]
            if isinstance(cells_of, pd.Series):
                n_rows = len(cells_of)
                if not Schema.is_text(column):
                    self._add_numbers(column, cells_of)
                    continue
                codes, values = pd.factorize(cells_of)
                cells_of = Texts(codes, pd.Series(values, dtype="str"))
            n_rows = len(cells_of.codes)
            self._add_texts(column, cells_of)
        self.n_rows += n_rows

    def _add_numbers(self, column: Column, numbers: pd.Series) -> None:
        values, counts = numbers.to_numpy(), self._of[column.name]
        n_missing = int(np.count_nonzero(np.isnan(values)))
        counts.missing += n_missing
        if _is_percent(column) and counts.largest <= 1:
            sizes = np.abs(values)
            counts.largest = max(counts.largest, float(np.fmax.reduce(sizes, initial=0.0)))
            counts.has_fractions |= bool(((sizes > 0) & (sizes < 1)).any())
        if column.minimum is None or column.maximum is None:  # no training row had a number
            counts.outside += len(values) - n_missing
            return
        low, high = column.minimum, column.maximum
        if not Schema.is_float64(column):  # the model compares float32, cells and ends alike
            low, high = min(low, float(np.float32(low))), max(high, float(np.float32(high)))
        if n_missing == len(values):
            return
        # The extremes are found several times as fast where no cell is NaN.
        first, last = (np.fmin, np.fmax) if n_missing else (np.minimum, np.maximum)
        if first.reduce(values) < low or last.reduce(values) > high:
            counts.outside += int(np.count_nonzero((values < low) | (values > high)))

    def _add_texts(self, column: Column, texts: Texts) -> None:
        if not len(texts.codes):
            return
        # Only the different texts are looked up.
        n_different = len(texts.values)
        n_of = np.bincount(texts.codes.astype(np.int64) + 1, minlength=n_different + 1)
        n_of[-1] += n_of[0]  # code -1 is the last of the texts
        n_of = n_of[1:]
        counts, code_of = self._of[column.name], self._codes[column.name]
        for text, n in zip(texts.values, n_of.tolist(), strict=True):
            code = code_of.get(text, UNSEEN_CODE) if isinstance(text, str) else MISSING_CODE
            if code == MISSING_CODE:
                counts.missing += n
            elif code == UNSEEN_CODE and n:
                counts.unseen += n
                if text in counts.examples or len(counts.examples) < _COUNTED:
                    counts.examples[text] += n

    def unusual(self) -> list[Unusual]:
        """Return what is clearly more frequent than in training, in the order of the columns."""
        found = []
        for column in self.schema.features:
            counts = self._of[column.name]
            examples = tuple(text for text, _ in counts.examples.most_common(2))
            for kind, n, expected, named in (
                (MISSING, counts.missing, column.missing_share, ()),
                (UNSEEN, counts.unseen, column.rare_share, examples),
                (OUTSIDE, counts.outside, 0.0, ()),
            ):
                if _is_more(n, self.n_rows, expected):
                    found.append(Unusual(column.name, kind, n, self.n_rows, expected, named))
            n = self.n_rows - counts.missing
            if counts.has_fractions and counts.largest <= 1 and n >= _FEWEST_FRACTIONS:
                found.append(Unusual(column.name, FRACTIONS, n, self.n_rows, math.nan))
        return found

    def check_seen(self) -> None:
        """Refuse a table with columns that hold nothing but categories unknown in training.

        Raises:
            InputError: There are such columns, and hardly by chance.
        """
        strange = []
        for column in self.schema.text:
            counts = self._of[column.name]
            present = self.n_rows - counts.missing
            share = min(max(column.rare_share, _FLOOR_OF_UNSEEN), 1.0)
            by_chance = present * math.log(share) >= math.log(_RARELY)
            if counts.unseen == present and not by_chance:
                strange.append(column)
        if not strange:
            return
        first, names = strange[0], ", ".join(repr(column.name) for column in strange)
        known = ", ".join(map(repr, (first.vocabulary or ())[:3])) or "none"
        counts = self._of[first.name]
        example = ", ".join(repr(text) for text, _ in counts.examples.most_common(2))
        raise InputError(
            f"column {names}" if len(strange) == 1 else f"columns {names}",
            expected=f"categories that training knows (of {first.name!r} such as {known})",
            got=f"only others in all {counts.unseen:,} filled cells, such as {example}",
            fix="correct the cells or their encoding, or set allow_unseen=true if they are right",
        )


def _is_percent(column: Column) -> bool:
    """Tell whether a column was learned from text with a percent sign, and numbers above 1."""
    form = column.number_format
    return form is not None and form.unit == "%" and (column.maximum or 0.0) > 1


def _is_more(n: int, n_rows: int, expected: float) -> bool:
    """Tell whether so many rows are more than a share of training lets expect."""
    if not n_rows or n / n_rows < expected + _SMALLEST_EXCESS:
        return False
    from scipy.special import bdtrc  # the chance of more than so many; imported where needed

    return bool(bdtrc(n - 1, n_rows, min(max(expected, _FLOOR), 1.0)) < _RARELY)
