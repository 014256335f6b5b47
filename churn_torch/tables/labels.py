"""The two labels of the target: which one means churn, and what a cell says."""

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
        positive: The label that means churn; found out when the two are an obvious pair.

    Raises:
        InputError: There are not two labels, or `positive` is none of them or not clear.
    """
    target = str(series.name)
    text = numbers_as_text(canonical_text(series))
    labels = sorted(map(str, text[text != ""].unique()))
    if len(labels) != 2:
        number = {0: "no value", 1: "one value"}.get(len(labels), f"{len(labels):,} values")
        shown = f" ({', '.join(map(repr, labels[:6]))}{', ...' if len(labels) > 6 else ''})"
        if len(labels) < 2:
            mend = "check the column and the rows of the source"
        else:
            mend = "make it binary (SELECT ... CASE WHEN ... END) or name another column"
        raise InputError(
            f"expected two classes in the target column {target!r}, however: it has "
            f"{number}{shown if labels else ''}; {mend}"
        )
    chosen = _obvious(labels, target) if positive is None else _match(labels, positive, target)
    return chosen, labels[1 - labels.index(chosen)]


def _obvious(labels: Sequence[str], target: str) -> str:
    for label, other in (labels, labels[::-1]):
        if label.casefold() in _POSITIVE_WORDS and other.casefold() in _NEGATIVE_WORDS:
            return label
    raise InputError(
        f"expected data.positive to say which value of {target!r} means churn, however: it is not "
        f"set, and {labels[0]!r} and {labels[1]!r} do not tell; set it to one of them"
    )


def _match(labels: Sequence[str], positive: Label, target: str) -> str:
    """Find the label the user means: exactly, else by number or case, else by its truth.

    The truth is asked because YAML turns an unquoted yes into True.
    """
    wanted = str(numbers_as_text(pd.Series([str(positive)], dtype="str")).iloc[0])
    if wanted in labels:
        return wanted
    alike = [label for label in labels if label.casefold() == wanted.casefold()]
    if not alike and isinstance(positive, bool):
        alike = [label for label in labels if TRUTH.get(label.casefold()) == float(positive)]
    if len(alike) != 1:
        raise InputError(
            f"expected data.positive to be a value of the target column {target!r}, however: got "
            f"{positive!r}, and its values are {labels[0]!r} and {labels[1]!r}; set it to one of "
            "them"
        )
    return alike[0]


def parse_target(
    frame: pd.DataFrame, schema: Schema, *, first_row: int = 0
) -> npt.NDArray[np.float32]:
    """Return the labels: 1.0 for the positive one, 0.0 for the other, NaN for missing.

    Labels may differ from the training table's in case, and True may stand for yes.

    Shape:
        [N] float32.

    Raises:
        InputError: The target is not in the table, or holds a label that is neither.
    """
    frame = with_text_names(frame)
    if schema.target not in frame.columns:
        raise InputError(
            f"expected the target column {schema.target!r} in the table, however: it is not there"
            f"{suggest(schema.target, frame.columns)}; add it"
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
            f"expected {schema.positive!r} or {schema.negative!r} in the target column "
            f"{schema.target!r}, however: it also holds {shown}, first in row {row:,}; "
            "mend or drop those rows"
        )
    return values[positions]


def _value(text: str, schema: Schema) -> float:
    """Return 1.0, 0.0, NaN for missing, or -1.0 for a label that is neither."""
    if text == "":
        return float("nan")
    positive, negative = schema.positive, schema.negative
    if text in (positive, negative):
        return float(text == positive)
    word, yes, no = text.casefold(), positive.casefold(), negative.casefold()
    if word in (yes, no) and yes != no:
        return float(word == yes)
    # A typed source has True where the text that was learned from says yes.
    truth = TRUTH.get(word)
    if truth is not None and {TRUTH.get(yes), TRUTH.get(no)} == {0.0, 1.0}:
        return float(truth == TRUTH[yes])
    return -1.0
