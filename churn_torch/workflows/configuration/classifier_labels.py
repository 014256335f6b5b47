"""The labels of a classifier: which of the two means churn, found as in a training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from churn_torch.errors import InputError
from churn_torch.tables.labels import find_labels
from churn_torch.tables.options import Label
from churn_torch.tables.schema import Schema
from churn_torch.tables.values.cells import canonical_text, numbers_as_text
from churn_torch.tables.values.churn_words import sense_of
from churn_torch.tables.values.target_cells import shown


@dataclass(frozen=True)
class ClassLabels:
    """Two labels in scikit-learn's order, and which of them a model gives the probability of.

    Attributes:
        classes: The labels, sorted.
        modelled: The position of the modelled one.
        is_known: Whether it is known to mean churn.
        is_modelled: ``[N]``, 1 in the rows that have it, else 0.
        name: What the labels are called, ``""`` where nothing is known.
    """

    classes: npt.NDArray[Any]
    modelled: int
    is_known: bool
    is_modelled: npt.NDArray[np.int64]
    name: str

    @property
    def churn(self) -> Any:
        """The label that means churn, None where that is not known."""
        return self.classes.tolist()[self.modelled] if self.is_known else None

    def named_in(self, schema: Schema) -> Schema:
        """Return the schema of a table whose target is 1 and 0 with the labels themselves."""
        labels = _as_in_training(self.classes)
        positive, negative = labels[self.modelled], labels[1 - self.modelled]
        column = replace(schema[schema.target], note=f"target: {positive!r} is churn")
        schema = schema.with_columns({schema.target: column})
        return replace(schema, positive=positive, negative=negative)


def class_labels(y: Any, positive: Label | None) -> ClassLabels:
    """Return the labels of ``y``, whose churn is found by `find_labels`.

    Where nothing says which means churn, the second is modelled.

    Args:
        y: One of two labels in every row: an array, a list, a Series of any library.
        positive: The label that means churn; guessed where the two are an obvious pair.

    Raises:
        InputError: Labels are missing, there is one label, or ``positive`` is neither of the two.
        ValueError: They are not one column of two labels.
    """
    name = getattr(y, "name", None)
    name = name if isinstance(name, str) else ""
    y = _checked(y)
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise InputError(
            "y",
            expected="two classes",
            got=f"one class, {classes.tolist()[0]!r}",
            fix="add rows of the other",
        )
    found = _churn(classes, positive, name)
    modelled = 1 if found is None else found
    is_modelled = (codes == modelled).astype(np.int64)
    return ClassLabels(classes, modelled, found is not None, is_modelled, name)


def _checked(y: Any) -> npt.NDArray[Any]:
    y = column_or_1d(np.asarray(y), warn=True)
    missing = pd.isna(y)
    if y.dtype.kind in "OU":  # blanks are no label, as in a training
        text = canonical_text(pd.Series(y))
        missing = missing | (text.isna() | (text.str.strip() == "")).to_numpy()
    if missing.any():
        raise InputError(
            "y",
            expected="a label in every row",
            got=f"{int(missing.sum()):,} missing, the first in row {int(missing.argmax()) + 1:,}",
            fix="drop those rows",
        )
    if y.dtype == object:  # of nullable columns, which hold numbers or truth values
        y = pd.Series(y).infer_objects().to_numpy()
    check_classification_targets(y)
    kind = type_of_target(y, input_name="y")
    if kind != "binary":
        raise ValueError(
            f"Only binary classification is supported. The type of the target is {kind}."
            + (_how_to_make_two(y) if kind == "multiclass" else "")
        )
    return np.asarray(y)


def _how_to_make_two(y: npt.NDArray[Any]) -> str:
    """Name the labels, and say what makes two of them."""
    cells = pd.Series(y)
    counts: dict[Any, int] = cells.value_counts().to_dict()
    try:
        find_labels(cells, None)
    except InputError:
        example = next((label for label in counts if sense_of(str(label)) == "leaving"), None)
        of_one = "y == LABEL" if example is None else f"y == {example!r}"
        fix = f"fit {of_one}, or leave out the rows of the others"
    else:
        fix = "write each in one way, as with y.str.strip().str.lower()"
    return f" y has {len(counts):,} labels ({shown(counts)}); {fix}."


def _as_in_training(classes: npt.NDArray[Any]) -> list[str]:
    return [str(label).strip() for label in numbers_as_text(canonical_text(pd.Series(classes)))]


def _churn(classes: npt.NDArray[Any], positive: Label | None, name: str) -> int | None:
    labels = pd.Series(classes, name=name or "y")
    try:
        churn = find_labels(labels, positive)[0]
    except InputError:
        if positive is None:
            return None
        first, second = classes.tolist()
        raise InputError(
            "positive",
            expected=f"one of the two labels, {first!r} and {second!r}",
            got=repr(positive),
            fix="set it to the one that means churn",
        ) from None
    return _as_in_training(classes).index(churn)
