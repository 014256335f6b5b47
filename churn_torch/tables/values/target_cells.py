"""What a cell of the target says: which class it is of, if any."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.errors import InputError, suggest
from churn_torch.tables.column_names import with_text_names
from churn_torch.tables.options import Label
from churn_torch.tables.schema import Schema
from churn_torch.tables.values.cells import (
    canonical_text,
    is_plain,
    number_as_text,
    numbers_as_text,
)
from churn_torch.tables.values.truth_words import truth_of, truths_of

_SHOWN = 6  # values that a message names, at most
_FORMULA = re.compile(r"=\s*[-+(\"]?\s*[A-Za-z_$]")

Counts = Mapping[str, int]


def shown(counts: Counts) -> str:
    """Write out values with their numbers of rows, the most frequent first."""
    words = [f"{label!r} {n:,}" for label, n in counts.items()]
    return ", ".join(words[:_SHOWN]) + (", ..." if len(words) > _SHOWN else "")


def is_formula(text: str) -> bool:
    """Tell whether a cell holds a spreadsheet's formula in place of its result."""
    return _FORMULA.match(text.strip()) is not None


def match_label(labels: Sequence[str], named: Label) -> str | None:
    """Return the label that the user means, None where it is none of them.

    YAML turns an unquoted yes into True, and DuckDB turns the Yes of a CSV file into True, so the
    label may be another word of the same truth.
    """
    position = _position(number_as_text(str(named)), labels)
    return None if position is None else labels[position]


def _position(text: str, labels: Sequence[str]) -> int | None:
    """Return which label a text is: exactly, else but for blanks and case, else by its truth.

    None where it is none of them, or could be two.
    """
    if text in labels:
        return labels.index(text)
    words = [label.strip().casefold() for label in labels]
    word = text.strip().casefold()
    if words.count(word) == 1:
        return words.index(word)
    truth, truths = truth_of(text), truths_of(labels)
    opposite = truth is not None and 1.0 - truth in truths
    return truths.index(truth) if opposite and truths.count(truth) == 1 else None


def without_words(series: pd.Series, words: Sequence[str]) -> pd.Series:
    """Return a target without the cells that ``data.missing`` names for it."""
    if not words:
        return series
    text = numbers_as_text(canonical_text(series)).str.strip()
    return series.mask(text.isin(list(map(number_as_text, words))).to_numpy())


class Target(NamedTuple):
    """The labels of rows.

    Attributes:
        label: ``[N]`` float32: 1.0 for churn, 0.0 for none, NaN for rows without a label.
        n_left_out: Rows of these that have a value which is none of the two classes.
    """

    label: npt.NDArray[np.float32]
    n_left_out: int


def parse_target(
    frame: pd.DataFrame, schema: Schema, *, first_row: int = 0
) -> npt.NDArray[np.float32]:
    """Return the labels: 1.0 for churn, 0.0 for none, NaN for missing or left out.

    A label may differ in case and in blanks around it from the training table's, or be another word
    of the same truth: True for yes.

    Shape:
        [N] float32.

    Raises:
        InputError: The target is not in the table, or holds a label that is of no class.
    """
    return read_target(frame, schema, first_row=first_row).label


def read_target(frame: pd.DataFrame, schema: Schema, *, first_row: int = 0) -> Target:
    """Do the work of `parse_target`, and count the rows whose value is of no class.

    Raises:
        InputError: As for `parse_target`.
    """
    frame = with_text_names(frame)
    if schema.target not in frame.columns:
        raise InputError(
            "table",
            expected=f"the target column {schema.target!r}",
            got=f"none of that name{suggest(schema.target, frame.columns)}",
            fix="add it",
        )
    words = [w for c in schema.columns if c.name == schema.target for w in c.missing_words]
    cells = without_words(frame[schema.target], words)
    if not is_plain(cells.dtype):  # such cells may not be comparable before they are text
        cells = numbers_as_text(canonical_text(cells))
    # The rest is done on the few different cells.
    positions, different = pd.factorize(cells, use_na_sentinel=False)
    levels = [*map(str, numbers_as_text(canonical_text(pd.Series(different))))]
    classes = [schema.positive, *(schema.negatives or [schema.negative])]
    values = np.array([_value(level, classes, schema) for level in levels], dtype=np.float32)
    of_no_class = values[positions] < 0
    if schema.other_labels == "refused" and of_no_class.any():
        counted = zip(levels, np.bincount(positions, minlength=len(levels)), strict=True)
        unknown = {level: int(n) for (level, n), v in zip(counted, values, strict=True) if v < 0}
        formula = any(map(is_formula, unknown))
        raise InputError(
            f"target column {schema.target!r}",
            expected=f"{schema.positive!r} or {schema.negative!r}",
            got=f"also {shown(unknown)}, first in row {first_row + int(of_no_class.argmax()) + 1:,}"
            + (", a spreadsheet's formula without its result" if formula else ""),
            fix="correct or drop those rows",
        )
    values[values < 0] = np.nan
    return Target(values[positions], int(of_no_class.sum()))


def _value(text: str, classes: Sequence[str], schema: Schema) -> float:
    """Return 1.0, 0.0, NaN for missing, or -1.0 for a label that is of no class."""
    if not text.strip():
        return float("nan")
    position = _position(text, classes)
    if position is None:
        return 0.0 if schema.other_labels == "negative" else -1.0
    return float(position == 0)
