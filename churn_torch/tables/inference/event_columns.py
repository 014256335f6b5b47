"""Columns of lists: what the entries of each are, as a column of a table of events."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from churn_torch.errors import InputError
from churn_torch.tables.inference.column_profile import ColumnProfile, profile_column
from churn_torch.tables.inference.named_kinds import named_kind
from churn_torch.tables.options import ColumnRoles
from churn_torch.tables.schema import Column, Kind, Schema, SequenceGroup, Storage
from churn_torch.tables.sequence_options import SequenceOptions
from churn_torch.tables.sequences import joined, lengths_of, lists_of


def infer_sequences(
    frame: pd.DataFrame, roles: ColumnRoles, decimal: str | None
) -> tuple[tuple[SequenceGroup, ...], dict[str, Column]]:
    """Infer the groups of sequences that the user named.

    Args:
        frame: The table, with columns that are in it (`check_roles`).
        roles: The columns that the user named.
        decimal: The sign of a decimal where numbers could be read two ways.

    Returns:
        The groups, and the table's columns of lists by name.

    Raises:
        InputError: A cell is no list, or the entries are neither numbers nor categories.
    """
    groups, columns = [], {}
    for group, options in roles.sequences.items():
        events = []
        for name in options.columns:
            event, columns[name] = _infer_lists(frame[name], group, options, roles, decimal)
            events.append(event)
        schema = Schema(tuple(events), target="", positive="", negative="")
        groups.append(SequenceGroup(group, options.last, schema, options.days_before))
    return tuple(groups), columns


def _infer_lists(
    cells: pd.Series,
    group: str,
    options: SequenceOptions,
    roles: ColumnRoles,
    decimal: str | None,
) -> tuple[Column, Column]:
    """Return the column of an event, and the column of lists that holds it."""
    name = str(cells.name)
    lists = lists_of(cells, name, last=options.last)
    lengths = lengths_of(lists)
    if not lengths.any():
        raise InputError(
            f"column {name!r}",
            expected=f"at least one event in the lists of data.sequences.{group}",
            got=f"{len(lists):,} empty lists",
            fix="leave it out",
        )
    entries = joined(lists).rename(name)
    profile = profile_column(entries, missing=roles.missing.of(name), decimal=decimal)
    event = named_kind(profile, _event_kind(profile, options, roles))
    if event.kind is Kind.IGNORED:
        raise InputError(
            f"column {name!r}",
            expected=f"values in the lists of data.sequences.{group}",
            got="nothing but missing entries",
            fix="leave it out",
        )
    what = "categories" if event.kind is Kind.CATEGORICAL else "numbers"
    if name == options.days_before:
        what = "days before the day of the row"
    in_table = Column(
        name=name,
        kind=Kind.SEQUENCE,
        storage=event.storage,
        missing_share=float((lengths == 0).mean()),
        n_distinct=event.n_distinct,
        note=f"lists of {what}, oldest first: at most the last {options.last} of {group} are read",
    )
    return replace(event, note=""), in_table


def _event_kind(profile: ColumnProfile, options: SequenceOptions, roles: ColumnRoles) -> Kind:
    """Return the kind of the entries: the user's word, else what they are stored as."""
    name = profile.name
    asked = roles.kinds.get(name)
    if asked is not None and asked not in (Kind.NUMERIC, Kind.CATEGORICAL):
        raise InputError(
            f"data.kinds.{name}",
            expected="numeric or categorical for the entries of lists",
            got=repr(str(asked)),
            fix="leave it out",
        )
    if profile.storage in (None, Storage.DATETIME):
        raise InputError(
            f"column {name!r}",
            expected="lists of numbers or text",
            got="lists of dates" if profile.storage else f"lists of {profile.other_cells}",
            fix="give the days from the event to the day of the row instead, and name the column "
            "as days_before",
        )
    if name == options.days_before or asked == Kind.NUMERIC:
        return Kind.NUMERIC
    if asked is not None or profile.storage is Storage.TEXT:
        return Kind.CATEGORICAL
    return Kind.NUMERIC
