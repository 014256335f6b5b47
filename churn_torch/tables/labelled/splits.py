"""Splits: which rows are training rows, which validation rows and which test rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.errors import InputError
from churn_torch.tables.hashing import Hashes, splitmix64, text_hashes
from churn_torch.tables.labelled.split_checks import check_classes, check_present, check_shares
from churn_torch.tables.values.cells import canonical_text

Positions = npt.NDArray[np.int64]
Parts = npt.NDArray[np.int8]

# Where a part stands in `Split`, and rows that a split by time leaves out of every part: their
# label reaches into the time of a later part, or their time is of one part, their group of another.
TRAIN, VALIDATION, TEST = range(3)
REACHES_LATER, OF_TWO_PARTS = -1, -2


class Split(NamedTuple):
    """Row positions of the three parts, each sorted; `test` is empty where its share is 0."""

    train: Positions
    validation: Positions
    test: Positions


class LeftOut(NamedTuple):
    """How many labelled rows a split leaves out of every part.

    Attributes:
        reaching_later: Their label looks into the time of a later part.
        of_two_parts: Their time is that of one part, their group of another.
    """

    reaching_later: int = 0
    of_two_parts: int = 0

    @classmethod
    def of(cls, part: Parts) -> LeftOut:
        """Count the rows of a split by their part."""
        return cls(int((part == REACHES_LATER).sum()), int((part == OF_TWO_PARTS).sum()))

    def plus(self, other: LeftOut) -> LeftOut:
        """Return the sums of both."""
        return LeftOut(*(a + b for a, b in zip(self, other, strict=True)))


NONE_LEFT_OUT = LeftOut()


def stratified(
    label: npt.ArrayLike, *, validation: float = 0.15, test: float = 0.15, seed: int
) -> Split:
    """Split at random with the same share of positives in each part.

    Each class is split on its own, with at least one row in every part: scikit-learn's
    train_test_split may leave a part without a rare class.

    Args:
        label: [N] of 1 and 0.
        validation: Share of the rows.
        test: Share of the rows; 0 when a test table is given.
        seed: Decides the draw.

    Raises:
        InputError: The shares do not add up, or a class has fewer rows than there are parts.
    """
    check_shares(validation, test)
    label = checked_label(label)
    n_parts = 3 if test else 2
    for value, name in ((1.0, "positive"), (0.0, "negative")):
        count = int((label == value).sum())
        if count < n_parts:
            raise InputError(
                "data.split",
                expected=f"at least {n_parts} {name} rows to split {len(label):,} rows into "
                f"{n_parts} parts",
                got=str(count),
                fix="add rows of that class",
            )
    generator = np.random.default_rng(seed)
    parts: tuple[list[Positions], list[Positions], list[Positions]] = ([], [], [])
    for value in (0.0, 1.0):
        rows = generator.permutation(np.flatnonzero(label == value))
        n_test = max(1, round(len(rows) * test)) if test else 0
        n_validation = max(1, round(len(rows) * validation))
        # With a handful of rows the training part must not be rounded away.
        n_test = min(n_test, len(rows) - n_validation - 1)
        for part, chosen in zip(
            parts,
            np.split(rows, [len(rows) - n_test - n_validation, len(rows) - n_test]),
            strict=True,
        ):
            part.append(chosen)
    return split_of(label, *(np.concatenate(part) for part in parts))


def by_hash(
    keys: Hashes,
    label: npt.ArrayLike,
    *,
    validation: float = 0.15,
    test: float = 0.15,
    seed: int,
) -> Split:
    """Split by a hash of each row's key: a row keeps its part when the table grows.

    Each row is drawn on its own, so the shares hold approximately.

    Args:
        keys: [N] hashes (`row_keys`).
        label: [N] of 1 and 0.
        validation: Share of the rows.
        test: Share of the rows; 0 when a test table is given.
        seed: Decides the draw.

    Raises:
        InputError: The shares do not add up, or a part lacks a class.
    """
    check_shares(validation, test)
    label = checked_label(label)
    part = hash_parts(keys, validation=validation, test=test, seed=seed)
    rows = [np.flatnonzero(part == i) for i in (TRAIN, VALIDATION, TEST)]
    return split_of(label, *rows, with_test=test > 0)


def hash_parts(keys: Hashes, *, validation: float, test: float, seed: int) -> Parts:
    """Return the part of each row, which depends on its key and the seed alone."""
    mixed = splitmix64(keys ^ splitmix64(np.array([seed])))
    share = (mixed >> np.uint64(11)) * 2.0**-53  # uniform in [0, 1)
    return np.select([share < test, share < test + validation], [TEST, VALIDATION], TRAIN).astype(
        np.int8
    )


def row_keys(frame: pd.DataFrame, id: str | None, rows: Positions) -> Hashes:
    """Return a hash of each row's id, or of its position where it has none.

    Args:
        frame: N raw rows.
        id: The id column, if any.
        rows: [N] positions of the rows in the source.
    """
    if id is None or id not in frame.columns:
        return splitmix64(rows)
    text = canonical_text(frame[id])
    return np.where(text == "", splitmix64(rows), text_hashes(text))


def group_keys(group: pd.Series) -> Hashes:
    """Return a hash of each row's group.

    Raises:
        InputError: A group is missing.
    """
    return text_hashes(group_names(group))


def by_group(
    group: npt.ArrayLike,
    label: npt.ArrayLike,
    *,
    validation: float = 0.15,
    test: float = 0.15,
    seed: int,
) -> Split:
    """Split groups (customers, households) at random, so that no group is in two parts.

    Groups are split like single rows, stratified by whether they have a positive row. The shares
    hold for groups, and approximately for rows unless a few groups hold most of them.

    Args:
        group: [N] of anything that tells groups apart.
        label: [N] of 1 and 0.
        validation: Share of the groups.
        test: Share of the groups; 0 when a test table is given.
        seed: Decides the draw.

    Raises:
        InputError: A group is missing, there are too few groups, or a part lacks a class.
    """
    check_shares(validation, test)
    label = checked_label(label)
    names = group_names(pd.Series(group))
    codes, levels = pd.factorize(names)
    group_label = np.zeros(len(levels))
    np.maximum.at(group_label, codes, label)
    try:
        groups = stratified(group_label, validation=validation, test=test, seed=seed)
    except InputError:
        raise InputError(
            "data.split.column",
            expected=f"at least {3 if test else 2} groups with and as many without a positive row",
            got=f"{int(group_label.sum())} and {int((1 - group_label).sum())}",
            fix="name another group column or split at random (data.split.by=random)",
        ) from None
    return split_of(label, *(np.flatnonzero(np.isin(codes, part)) for part in groups))


def group_names(group: pd.Series) -> pd.Series:
    """Return each row's group as text.

    Raises:
        InputError: A group is missing.
    """
    names = canonical_text(group)
    check_present("group", int((names == "").sum()), len(names))
    return names


def checked_label(label: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return labels as numbers.

    Raises:
        ValueError: One is neither 1 nor 0.
    """
    label = np.asarray(label, dtype=np.float64)
    if not np.isin(label, (0.0, 1.0)).all():
        raise ValueError("labels must be 1 or 0: drop the rows without a label first")
    return label


def split_of(
    label: npt.NDArray[Any],
    train: Positions,
    validation: Positions,
    test: Positions,
    *,
    with_test: bool = False,
) -> Split:
    """Sort the parts and check that each has both classes.

    Args:
        label: ``[N]`` of 1 and 0.
        train: Training rows.
        validation: Validation rows.
        test: Test rows.
        with_test: Refuse a test part without rows.

    Raises:
        InputError: A part lacks a class.
    """
    parts = [train, validation, test] if with_test or len(test) else [train, validation]
    check_classes([len(rows) for rows in parts], [int(label[rows].sum()) for rows in parts])
    return Split(*(np.sort(rows).astype(np.int64) for rows in (train, validation, test)))
