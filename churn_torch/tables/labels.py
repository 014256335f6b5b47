"""The two labels of the target: which one means churn, and which one a cell holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.errors import InputError, suggest
from churn_torch.tables.cells import TRUTH, canonical_text, is_plain, numbers_as_text
from churn_torch.tables.options import Label
from churn_torch.tables.schema import Schema, with_text_names

_POSITIVE_WORDS = frozenset(
    {"1", "yes", "true", "y", "t", "churn", "churned", "left", "exited", "lost", "cancelled"}
)
_NEGATIVE_WORDS = frozenset(
    {"0", "-1", "no", "false", "n", "f", "not churned", "no churn", "stayed", "active", "retained"}
)


def find_labels(series: pd.Series, positive: Label | None) -> tuple[str, str]:
    """Return the positive and the negative label of a target column as canonical text.

    Args:
        series: The target column; missing cells do not count.
        positive: The label that means churn; guessed where the two are an obvious pair.

    Raises:
        InputError: There are not two labels, or ``positive`` is neither of them, or it is not given
            and cannot be guessed.
    """
    target = str(series.name)
    text = numbers_as_text(canonical_text(series))
    labels = sorted(map(str, text[text != ""].unique()))
    if len(labels) != 2:
        count = {0: "no value", 1: "one value"}.get(len(labels), f"{len(labels):,} values")
        shown = f" ({', '.join(map(repr, labels[:6]))}{', ...' if len(labels) > 6 else ''})"
        if len(labels) < 2:
            fix = "check the column and the rows of the source"
        else:
            fix = "make it binary (SELECT ... CASE WHEN ... END) or name another column"
        raise InputError(
            f"target column {target!r}",
            expected="two different values",
            got=f"{count}{shown if labels else ''}",
            fix=fix,
        )
    chosen = _guess_positive(labels, target) if positive is None else _match(labels, positive)
    if chosen is None:
        raise InputError(
            "data.positive",
            expected=f"one of the two values of the target column {target!r}, {labels[0]!r} and "
            f"{labels[1]!r}",
            got=repr(positive),
            fix="set it to the one that means churn",
        )
    return chosen, labels[1 - labels.index(chosen)]


def _guess_positive(labels: Sequence[str], target: str) -> str:
    for label, other in (labels, labels[::-1]):
        if label.casefold() in _POSITIVE_WORDS and other.casefold() in _NEGATIVE_WORDS:
            return label
    raise InputError(
        "data.positive",
        expected=f"the value of the target column {target!r} that means churn",
        got=f"no value, and we cannot guess it from {labels[0]!r} and {labels[1]!r}",
        fix="set it to one of the two",
    )


def _match(labels: Sequence[str], positive: Label) -> str | None:
    """Return the label that the user means, None where it is neither.

    YAML turns an unquoted yes into True, and DuckDB turns the Yes of a CSV file into True, so the
    label may be another word of the same truth.
    """
    wanted = str(numbers_as_text(pd.Series([str(positive)], dtype="str")).iloc[0])
    position = _position(wanted, labels)
    return None if position is None else labels[position]


def _position(text: str, labels: Sequence[str]) -> int | None:
    """Return which of two labels a text is: exactly, else but for case, else by its truth.

    None where it is neither, or could be both.
    """
    if text in labels:
        return labels.index(text)
    words = [label.casefold() for label in labels]
    if words.count(text.casefold()) == 1:
        return words.index(text.casefold())
    truths = [TRUTH.get(word) for word in words]
    truth = TRUTH.get(text.casefold())
    return truths.index(truth) if truth is not None and set(truths) == {0.0, 1.0} else None


def parse_target(
    frame: pd.DataFrame, schema: Schema, *, first_row: int = 0
) -> npt.NDArray[np.float32]:
    """Return the labels: 1.0 for the positive one, 0.0 for the other, NaN for missing.

    A label may differ in case from the training table's, or be another word of the same truth: True
    for yes.

    Shape:
        [N] float32.

    Raises:
        InputError: The target is not in the table, or holds a label that is neither.
    """
    frame = with_text_names(frame)
    if schema.target not in frame.columns:
        raise InputError(
            "table",
            expected=f"the target column {schema.target!r}",
            got=f"none of that name{suggest(schema.target, frame.columns)}",
            fix="add it",
        )
    cells = frame[schema.target]
    if not is_plain(cells.dtype):  # such cells may not be comparable before they are text
        cells = numbers_as_text(canonical_text(cells))
    # The rest is done on the few different cells.
    positions, different = pd.factorize(cells, use_na_sentinel=False)
    levels = numbers_as_text(canonical_text(pd.Series(different)))
    values = np.array([_value(str(level), schema) for level in levels], dtype=np.float32)
    unknown = [str(level) for level, value in zip(levels, values, strict=True) if value < 0]
    if unknown:
        row = first_row + int((values[positions] < 0).argmax()) + 1
        shown = ", ".join(map(repr, unknown[:6])) + (", ..." if len(unknown) > 6 else "")
        raise InputError(
            f"target column {schema.target!r}",
            expected=f"{schema.positive!r} or {schema.negative!r}",
            got=f"also {shown}, first in row {row:,}",
            fix="correct or drop those rows",
        )
    return values[positions]


def _value(text: str, schema: Schema) -> float:
    """Return 1.0, 0.0, NaN for missing, or -1.0 for a label that is neither."""
    if text == "":
        return float("nan")
    position = _position(text, (schema.positive, schema.negative))
    return -1.0 if position is None else float(position == 0)
