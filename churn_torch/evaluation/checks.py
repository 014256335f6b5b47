"""Checks of probabilities and labels before they are measured."""

from __future__ import annotations

from torch import Tensor

from churn_torch.errors import InputError


def check_rows(probability: Tensor, label: Tensor, *, first_row: int) -> None:
    """Check that every row has one probability and one label.

    Args:
        probability: Between 0 and 1, shape ``[N]``.
        label: 0 or 1, shape ``[N]``.
        first_row: Number of the first row, for the message.

    Raises:
        InputError: The lengths differ, a probability is NaN or outside 0..1, or a label is neither
            0 nor 1.
    """
    if probability.ndim != 1 or probability.shape != label.shape:
        raise InputError(
            "",
            expected="one probability and one label a row, two vectors of the same length",
            got=f"the shapes {tuple(probability.shape)} and {tuple(label.shape)}",
        )
    _check(
        probability,
        (probability >= 0) & (probability <= 1),
        first_row,
        expected="probabilities between 0 and 1",
        fix="pass the churn probability, not the logit, and look for missing inputs",
    )
    _check(
        label,
        (label == 0) | (label == 1),
        first_row,
        expected="labels of 0 or 1",
        fix="turn the target into 1 for churned and 0 for not, and drop rows without a label",
    )


def _check(values: Tensor, good: Tensor, first_row: int, *, expected: str, fix: str) -> None:
    """Raise an InputError that names the first row whose value is not good."""
    if not good.all():
        row = int((~good).int().argmax())
        raise InputError(
            "",
            expected=expected,
            got=(
                f"{int((~good).sum())} other values in {len(values)} rows, the first "
                f"{values[row].item()} in row {first_row + row}"
            ),
            fix=fix,
        )


def check_both_classes(n: int, n_positive: int) -> None:
    """Check that a split has rows of both classes.

    Raises:
        InputError: There are no rows, or rows of one class only.
    """
    if n == 0:
        raise InputError(
            "", expected="labelled rows to evaluate", got="none", fix="give a table with rows"
        )
    if n_positive in (0, n):
        raise InputError(
            "",
            expected="churners and non-churners",
            got=f"{n:,} labels that are all {int(n_positive > 0)}"
            if n > 1
            else f"one label, {int(n_positive > 0)}",
            fix="evaluate rows of both classes, and check data.positive",
        )
