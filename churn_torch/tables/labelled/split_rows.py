"""The split of labelled rows that are in memory, as the options say."""

from __future__ import annotations

import pandas as pd

from churn_torch.tables.encode import parse_time
from churn_torch.tables.labelled import splits
from churn_torch.tables.labelled.rows import Labels
from churn_torch.tables.labelled.time_choices import window_and_test
from churn_torch.tables.labelled.time_splits import by_time, by_time_and_group
from churn_torch.tables.labelled.twins import twin_groups
from churn_torch.tables.schema import Schema
from churn_torch.tables.split_options import SplitOptions


def split_rows(
    chosen: SplitOptions,
    schema: Schema,
    frame: pd.DataFrame,
    rows: splits.Positions,
    label: Labels,
    parsed: pd.DataFrame,
    *,
    with_test: bool,
    seed: int,
) -> tuple[splits.Split, splits.LeftOut]:
    """Split labelled raw rows.

    Args:
        chosen: How.
        schema: The columns.
        frame: N raw rows with the id, the time and the group.
        rows: ``[N]`` positions of the rows in the source.
        label: ``[N]`` of 1 and 0.
        parsed: Their features.
        with_test: Hold rows back for the test.
        seed: Decides the draw.

    Returns:
        The parts, and how many rows are in none.
    """
    sizes = {"validation": chosen.validation, "test": chosen.test if with_test else 0.0}
    if chosen.time_column is not None:
        column = schema[chosen.time_column]
        time, choices = parse_time(frame, column), window_and_test(chosen, column)
        if chosen.group_column is None:
            split = by_time(time, label, **sizes, **choices)
            return split, splits.LeftOut(len(label) - sum(map(len, split)))
        groups = frame[chosen.group_column]
        return by_time_and_group(time, groups, label, **sizes, **choices, seed=seed)
    if chosen.by_group:
        split = splits.by_group(groups_of(chosen, schema, frame, parsed), label, **sizes, seed=seed)
    elif chosen.by == "hash":
        split = splits.by_hash(splits.row_keys(frame, schema.id, rows), label, **sizes, seed=seed)
    else:
        split = splits.stratified(label, **sizes, seed=seed)
    return split, splits.NONE_LEFT_OUT


def groups_of(
    split: SplitOptions, schema: Schema, frame: pd.DataFrame, parsed: pd.DataFrame
) -> pd.Series:
    """Return the group of each row: of the column that the split names, or of its twins."""
    if split.group_column is not None:
        return frame[split.group_column]
    ids = None if schema.id is None else frame[schema.id]
    return pd.Series(twin_groups(parsed, schema, ids))
