"""Splits: which rows are learned from, which choose, and which are held back for the test."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.errors import InputError
from churn_torch.tables.cells import canonical_text

Rows = npt.NDArray[np.int64]


class Split(NamedTuple):
    """Row positions of the three parts, each sorted; `test` is empty when it was asked to be."""

    train: Rows
    validation: Rows
    test: Rows


def stratified(
    label: npt.ArrayLike, *, validation: float = 0.15, test: float = 0.15, seed: int
) -> Split:
    """Split at random with the same share of positives in each part.

    Each class is dealt out on its own, at least one row to every part: scikit-learn's
    train_test_split may leave a part without a rare class.

    Args:
        label: [N] of 1 and 0.
        validation: Share of the rows.
        test: Share of the rows; 0 when a test table is given.
        seed: Decides the draw.

    Raises:
        InputError: The shares do not add up, or a class has fewer rows than there are parts.
    """
    _check_shares(validation, test)
    label = _checked(label)
    n_parts = 3 if test else 2
    for value, name in ((1.0, "positive"), (0.0, "negative")):
        count = int((label == value).sum())
        if count < n_parts:
            raise InputError(
                f"expected at least {n_parts} {name} rows to split {len(label):,} rows into "
                f"{n_parts} parts, however: got {count}; give more rows of that class"
            )
    generator = np.random.default_rng(seed)
    parts: tuple[list[Rows], list[Rows], list[Rows]] = ([], [], [])
    for value in (0.0, 1.0):
        rows = generator.permutation(np.flatnonzero(label == value))
        n_test = max(1, round(len(rows) * test)) if test else 0
        n_validation = max(1, round(len(rows) * validation))
        # With a handful of rows the training part must not be rounded away.
        n_test = min(n_test, len(rows) - n_validation - 1)
        for part, dealt in zip(
            parts,
            np.split(rows, [len(rows) - n_test - n_validation, len(rows) - n_test]),
            strict=True,
        ):
            part.append(dealt)
    return _split(label, *(np.concatenate(part) for part in parts))


def by_time(
    time: npt.ArrayLike, label: npt.ArrayLike, *, validation: float = 0.15, test: float = 0.15
) -> Split:
    """Split by time: the training rows stand before the validation rows before the test rows.

    Rows of one time never part; each border moves to the nearest change of time.

    Args:
        time: [N] of numbers that grow with time.
        label: [N] of 1 and 0.
        validation: Share of the rows.
        test: Share of the rows; 0 when a test table is given.

    Raises:
        InputError: A time is missing, there are too few distinct times, or a part lacks a class.
    """
    _check_shares(validation, test)
    label = _checked(label)
    time = np.asarray(time, dtype=np.float64)
    missing = int(np.isnan(time).sum())
    if missing:
        raise InputError(
            f"expected a time in every row, however: {missing:,} of {len(time):,} are missing; "
            "drop those rows or split at random (data.split.by=random)"
        )
    order = np.argsort(time, kind="stable")
    borders = np.flatnonzero(np.diff(time[order])) + 1
    n_borders = 2 if test else 1
    if len(borders) < n_borders:
        raise InputError(
            f"expected at least {n_borders + 1} distinct times to split by, however: got "
            f"{len(borders) + 1}; name another time column or split at random"
        )
    n = len(time)
    first = _nearest(borders[: len(borders) - n_borders + 1], n * (1 - validation - test))
    second = _nearest(borders[borders > first], n * (1 - test)) if test else n
    return _split(label, order[:first], order[first:second], order[second:])


def by_group(
    group: npt.ArrayLike,
    label: npt.ArrayLike,
    *,
    validation: float = 0.15,
    test: float = 0.15,
    seed: int,
) -> Split:
    """Split groups (customers, households) at random, so that no group is in two parts.

    Groups are dealt out like single rows, those with a positive row apart from those without:
    the shares hold for groups, and nearly so for rows unless a few groups hold most of them.

    Args:
        group: [N] of anything that tells groups apart.
        label: [N] of 1 and 0.
        validation: Share of the groups.
        test: Share of the groups; 0 when a test table is given.
        seed: Decides the draw.

    Raises:
        InputError: A group is missing, there are too few groups, or a part lacks a class.
    """
    _check_shares(validation, test)
    label = _checked(label)
    names = canonical_text(pd.Series(group))
    missing = int((names == "").sum())
    if missing:
        raise InputError(
            f"expected a group in every row, however: {missing:,} of {len(names):,} are missing; "
            "drop those rows or split at random (data.split.by=random)"
        )
    codes, levels = pd.factorize(names)
    group_label = np.zeros(len(levels))
    np.maximum.at(group_label, codes, label)
    try:
        groups = stratified(group_label, validation=validation, test=test, seed=seed)
    except InputError:
        raise InputError(
            f"expected at least {3 if test else 2} groups with and as many without a positive row, "
            f"however: got {int(group_label.sum())} and {int((1 - group_label).sum())}; "
            "name another group column or split at random (data.split.by=random)"
        ) from None
    return _split(label, *(np.flatnonzero(np.isin(codes, part)) for part in groups))


def _nearest(borders: Rows, wanted: float) -> int:
    return int(borders[np.abs(borders - wanted).argmin()])


def _check_shares(validation: float, test: float) -> None:
    if not (0 < validation < 1 and 0 <= test < 1 and validation + test < 1):
        raise InputError(
            "expected shares with validation above 0, test at least 0 and both together below 1, "
            f"however: got validation={validation} and test={test}"
        )


def _checked(label: npt.ArrayLike) -> npt.NDArray[np.float64]:
    label = np.asarray(label, dtype=np.float64)
    if not np.isin(label, (0.0, 1.0)).all():
        raise ValueError("labels must be 1 or 0: drop the rows without a label first")
    return label


def _split(label: npt.NDArray[Any], train: Rows, validation: Rows, test: Rows) -> Split:
    """Sort the parts and check that each can be judged.

    Raises:
        InputError: A part (other than a test part that was not asked for) lacks a class.
    """
    for name, rows in (("training", train), ("validation", validation), ("test", test)):
        if name == "test" and len(rows) == 0:
            continue
        positives = int(label[rows].sum())
        if positives in (0, len(rows)):
            lacking = "positive" if positives == 0 else "negative"
            raise InputError(
                f"expected both classes in the {name} part, however: its {len(rows):,} rows hold "
                f"no {lacking} one (of {int(label.sum()):,} positive rows in {len(label):,}); "
                "give more rows or choose a larger share for it"
            )
    return Split(*(np.sort(rows).astype(np.int64) for rows in (train, validation, test)))
