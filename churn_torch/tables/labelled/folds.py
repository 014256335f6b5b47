"""The folds of a cross-validation: the table split again and again, until each row was tested."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.errors import InputError
from churn_torch.tables.encode import is_dated, parse_time
from churn_torch.tables.hashing import splitmix64
from churn_torch.tables.labelled import splits
from churn_torch.tables.labelled.carried import ROW
from churn_torch.tables.labelled.in_memory import MemoryTable
from churn_torch.tables.labelled.lifetimes import LifetimeColumns, censored
from churn_torch.tables.labelled.split_checks import check_classes, check_present
from churn_torch.tables.labelled.split_rows import groups_of, split_rows
from churn_torch.tables.labelled.weights import check_weights
from churn_torch.tables.split_options import SplitOptions


def folds(
    table: MemoryTable,
    split: SplitOptions,
    *,
    n_folds: int,
    seed: int,
    one_time_each: bool = False,
) -> Iterator[MemoryTable]:
    """Yield the table once a fold, with the fold as its test rows.

    The other rows are split into training and validation rows in the same way: at random and
    stratified, by group, or by hash; ``split.validation`` is the share of the validation rows. By
    time, the rows are cut into one block more than there are folds. Each block but the first is
    tested once, by a model of the blocks before it; later rows are in no part, nor are those whose
    label reaches into the block.

    Args:
        table: Read without test rows.
        split: How rows are assigned to parts.
        n_folds: 2 or more.
        seed: Decides the draw.
        one_time_each: By time, the blocks that are tested are the last ``n_folds`` times: cut-off
            dates are few, and all rows of one are scored together.

    Raises:
        InputError: There are too few rows, groups or times, or a part lacks a class.
    """
    # The id, the time and the group are carried as the source gives them.
    raw, rows = table.carried, _positions(table)
    time, window = None, 0.0
    if split.time_column is not None:
        column = table.schema[split.time_column]
        time, window = parse_time(raw, column), split.label_window(dated=is_dated(column))
    if time is None:
        fold = _fold_of(table, split, rows, n_folds=n_folds, seed=seed)
    elif one_time_each:
        fold = _last_times(time, n_folds) - 1
    else:
        fold = _blocks(time, n_folds + 1) - 1
    for number in range(n_folds):
        test = np.flatnonzero(fold == number)
        rest = np.flatnonzero(fold < number if split.by_time else fold != number)
        if time is not None:
            rest = rest[time[rest] + window <= time[test].min()]
        inner, _ = split_rows(
            split,
            table.schema,
            raw.take(rest),
            rows[rest],
            table.label[rest],
            table.parsed.take(rest),
            with_test=False,
            seed=seed,
        )
        parts = splits.Split(rest[inner.train], rest[inner.validation], test)
        check_classes(
            [len(part) for part in parts], [int(table.label[part].sum()) for part in parts]
        )
        fold_table = replace(table, split=parts)
        columns = LifetimeColumns.of(table.schema)
        if split.censor and columns is not None and time is not None:
            assert table.lifetime is not None
            observed = censored(table.lifetime, table.label, time, parts, columns.period)
            fold_table = replace(fold_table, lifetime=observed[0], label=observed[1])
        if table.schema.weight is not None:
            check_weights(table.schema.weight, fold_table.weight_by_class)
        yield fold_table


def _positions(table: MemoryTable) -> splits.Positions:
    """Return the positions in the source of rows without an id; others are numbered anew."""
    if table.carry.with_row:
        return table.carried[ROW].to_numpy()
    return np.arange(len(table.label))


def _fold_of(
    table: MemoryTable,
    split: SplitOptions,
    rows: splits.Positions,
    *,
    n_folds: int,
    seed: int,
) -> npt.NDArray[np.int64]:
    """Return the fold of each row: at random, by hash or by group."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    label, raw = table.label, table.carried
    if split.by == "hash":
        keys = splits.row_keys(raw, table.schema.id, rows)
        mixed = splitmix64(keys ^ splitmix64(np.array([seed])) ^ np.uint64(1))
        return (mixed % np.uint64(n_folds)).astype(np.int64)
    groups = None
    if split.by_group:
        named = groups_of(split, table.schema, raw, table.parsed)
        groups = pd.factorize(splits.group_names(named))[0]
        counts = [len(np.unique(groups[label == value])) for value in (0, 1)]
    else:
        counts = [int((label == value).sum()) for value in (0, 1)]
    if min(counts) < n_folds:
        what = "rows" if groups is None else "groups"
        raise InputError(
            "cv.folds",
            expected=f"at least {n_folds} {what} with and as many without churn for {n_folds} "
            "folds",
            got=f"{counts[1]} and {counts[0]}",
            fix="choose fewer folds",
        )
    splitter_type = StratifiedKFold if groups is None else StratifiedGroupKFold
    splitter = splitter_type(n_folds, shuffle=True, random_state=seed % 2**32)
    fold = np.empty(len(label), dtype=np.int64)
    for number, (_, test) in enumerate(splitter.split(label, label, groups)):
        fold[test] = number
    return fold


def _blocks(time: npt.NDArray[np.float64], n_blocks: int) -> npt.NDArray[np.int64]:
    """Return the block of each row, from 0 for the oldest: about equal, no time in two of them."""
    check_present("time", int(np.isnan(time).sum()), len(time))
    ordered = np.sort(time)
    # The first row of a time that is nearest to where equal blocks would begin.
    changes = np.flatnonzero(np.diff(ordered)) + 1
    wanted = len(ordered) * np.arange(1, n_blocks) / n_blocks
    near = np.abs(changes[:, None] - wanted).argmin(axis=0) if len(changes) else np.zeros(0, int)
    if len(np.unique(near)) < n_blocks - 1:
        raise InputError(
            "cv.folds",
            expected=f"enough different times to cut {n_blocks} blocks, for {n_blocks - 1} folds "
            "by time",
            got=str(len(changes) + 1),
            fix="choose fewer folds or another data.split.column",
        )
    return np.searchsorted(ordered[changes[near]], time, side="right").astype(np.int64)


def _last_times(time: npt.NDArray[np.float64], n_folds: int) -> npt.NDArray[np.int64]:
    """Return 1, 2, ... for the rows of the last times, a block each, and 0 for all before them."""
    times = np.unique(time)
    most = len(times) - 2  # a model learns from one time and is validated on another
    if n_folds > most:
        raise InputError(
            "cv.folds",
            expected=f"at most {most} folds, as each tests one of the last cut-offs and two must "
            "lie before them"
            if most > 1
            else "four cut-offs or more, of which each fold tests one and two lie before all tests",
            got=f"{n_folds} folds and {len(times)} cut-offs",
            fix="choose fewer folds, or more cut-offs (events.cutoffs.count)"
            if most > 1
            else "make more (events.cutoffs.count), or set cv.folds=0",
        )
    return np.maximum(np.searchsorted(times, time) - (most + 1 - n_folds), 0)
