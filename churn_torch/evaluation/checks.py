"""What rows must be to be measured."""

from __future__ import annotations

from torch import Tensor

from churn_torch.errors import InputError


def check_rows(probability: Tensor, label: Tensor, *, first_row: int) -> None:
    """Refuse rows that are not one probability and one label each.

    Args:
        probability: between 0 and 1, shape ``[N]``.
        label: 0 or 1, shape ``[N]``.
        first_row: number of their first row, for the message.

    Raises:
        InputError: for unequal lengths, a probability that is NaN or outside 0..1, a label other
            than 0 and 1.
    """
    if probability.ndim != 1 or probability.shape != label.shape:
        raise InputError(
            "Expected one probability and one label a row, two vectors of the same length, "
            f"but got the shapes {tuple(probability.shape)} and {tuple(label.shape)}."
        )
    for values, bad, expected, mend in (
        (
            probability,
            ~((probability >= 0) & (probability <= 1)),
            "Expected probabilities between 0 and 1",
            "pass the churn probability, not the logit, and look for missing values in the inputs",
        ),
        (
            label,
            (label != 0) & (label != 1),
            "Expected labels of 0 or 1",
            "turn the target into 1 for churned and 0 for not, and drop rows without a label",
        ),
    ):
        if bad.any():
            row = int(bad.int().argmax())
            raise InputError(
                f"{expected}, but {int(bad.sum())} of {len(values)} are not "
                f"(the first is {values[row].item()} in row {first_row + row}): {mend}."
            )


def check_both_classes(n: int, n_positive: int) -> None:
    """Refuse a split without rows, or without one of the two classes.

    Raises:
        InputError: for no rows or one class only.
    """
    if n == 0:
        raise InputError(
            "Expected labelled rows to evaluate, but got none: give a table with rows."
        )
    if n_positive in (0, n):
        raise InputError(
            f"Expected churners and non-churners, but all {n} labels are {int(n_positive > 0)}: "
            "evaluate on rows of both classes (is data.positive right?)."
        )
