"""The treatment: which customers were contacted in an earlier campaign, and with what chance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.errors import InputError
from churn_torch.tables.labelled.role_cells import refuse_cells, role_column, role_numbers
from churn_torch.tables.schema import Schema
from churn_torch.tables.values import cells
from churn_torch.tables.values.truth_words import truths_of

ARMS = ("not contacted", "contacted")
CLASSES = ("stay", "churn")
# An arm with a smaller share of the rows decides how sure an effect is.
UNEVEN = 0.2


def read_treatment(
    frame: pd.DataFrame, schema: Schema, labelled: npt.NDArray[np.bool_], *, first_row: int = 0
) -> npt.NDArray[np.float32]:
    """Return 1 for customers who were contacted and 0 for the others.

    Args:
        frame: N raw rows.
        schema: It has a treatment.
        labelled: ``[N]``, which rows have a label; the treatment of others may be anything.
        first_row: How many rows stand before these in the source.

    Shape:
        [N] float32.

    Raises:
        InputError: The column is not there, or a cell of a labelled row is missing or means neither
            yes nor no.
    """
    series = role_column(frame, schema.treatment, "data.treatment")
    text = cells.numbers_as_text(cells.canonical_text(series))
    positions, levels = pd.factorize(text.str.strip())
    words = [str(level) for level in levels if level]
    truths = dict(zip(words, truths_of(words), strict=True))
    of_level = np.array([truths.get(str(level)) for level in levels], dtype=np.float32)
    treatment = of_level[positions]  # NaN where it is neither
    refuse_cells(
        series,
        labelled & np.isnan(treatment),
        "data.treatment",
        expected=f"1 or yes (contacted), 0 or no, in every row of column {series.name!r}",
        first_row=first_row,
    )
    return treatment


def read_chances(
    frame: pd.DataFrame, schema: Schema, labelled: npt.NDArray[np.bool_], *, first_row: int = 0
) -> npt.NDArray[np.float64]:
    """Return each customer's chance of having been contacted.

    Args:
        frame: As for `read_treatment`.
        schema: It has a column of chances.
        labelled: As for `read_treatment`.
        first_row: As for `read_treatment`.

    Shape:
        [N] float64.

    Raises:
        InputError: The column is not there, or a cell of a labelled row is no number between 0 and
            1. Where all or none are contacted, nothing can be learned of the other arm.
    """
    name = schema.treatment_probability
    series = role_column(frame, name, "data.treatment_probability")
    chance = role_numbers(series, schema[str(name)])
    refuse_cells(
        series,
        labelled & ~((chance > 0) & (chance < 1)),
        "data.treatment_probability",
        expected="a chance between 0 and 1 (neither of them), in every row of column "
        f"{series.name!r}",
        first_row=first_row,
    )
    return chance


def rows_by_arm(
    part: npt.NDArray[np.int8],
    label: npt.NDArray[Any],
    treatment: npt.NDArray[Any],
    *,
    n_parts: int,
) -> npt.NDArray[np.int64]:
    """Count rows by part, arm and class.

    Returns:
        ``[n_parts, 2, 2]``: not contacted and contacted, who stay and who churn.
    """
    cell = 4 * part + 2 * (treatment == 1) + (label == 1)
    return np.bincount(cell, minlength=4 * n_parts).reshape(n_parts, 2, 2)


def check_arms(schema: Schema, arms: Mapping[str, npt.NDArray[np.int64]] | None) -> None:
    """Refuse parts without customers of both arms, each with both classes.

    Args:
        schema: It has a treatment.
        arms: `rows_by_arm` of each part that has rows; None without a treatment.

    Raises:
        InputError: Nobody or everybody was contacted, or an arm has one class only.
    """
    for part, counts in (arms or {}).items():
        if not counts.sum():
            continue
        for arm, of_class in zip(ARMS, counts, strict=True):
            lacking = [word for word, n in zip(CLASSES, of_class, strict=True) if not n]
            if lacking:
                who = "customers" if len(lacking) == 2 else f"customers who {lacking[0]}"
                raise InputError(
                    "data.treatment",
                    expected=f"{part} rows of customers who were contacted and who were not, some "
                    f"of whom churn and some stay (column {schema.treatment!r})",
                    got=f"no {who} who were {arm}"
                    if len(lacking) == 2
                    else f"no {who} among those {arm}",
                    fix="check the column; an effect shows only beside customers who were left "
                    "alone",
                )


def arms_sentence(arms: Mapping[str, npt.NDArray[np.int64]]) -> str:
    """Return a sentence about the arms of the training rows, and how uneven they are."""
    counts = arms["train"]
    n = counts.sum(1)
    rate = counts[:, 1] / n
    sentence = (
        f"{n[1]:,} of the {n.sum():,} training customers were contacted ({n[1] / n.sum():.1%}); "
        f"{rate[1]:.1%} of them churned, of the others {rate[0]:.1%}."
    )
    if n.min() < UNEVEN * n.sum():
        sentence += f" Few were {ARMS[n.argmin()]}: their number limits how sure an effect is."
    return sentence
