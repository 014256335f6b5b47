"""Inference: what each column of a raw table is, and what is done with it."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from churn_torch.errors import InputError, suggest
from churn_torch.tables.column_names import with_text_names
from churn_torch.tables.inference.column_profile import ColumnProfile, profile_column
from churn_torch.tables.inference.event_columns import infer_sequences
from churn_torch.tables.inference.file_decimal import file_decimal
from churn_torch.tables.inference.formatted_numbers import written_numbers
from churn_torch.tables.inference.guesses import guess
from churn_torch.tables.inference.named_kinds import ID_NOTE, named_kind
from churn_torch.tables.inference.roles import check_roles, listed
from churn_torch.tables.labels import Classes, find_classes, without_words
from churn_torch.tables.options import ColumnRoles
from churn_torch.tables.schema import Column, Kind, Schema, Storage


def infer(frame: pd.DataFrame, roles: ColumnRoles, *, target_required: bool = True) -> Schema:
    """Infer the schema of a table: the user's word counts, the rest is guessed from the cells.

    Args:
        frame: The table as `sources.read` returns it, or any DataFrame.
        roles: The columns that the user named.
        target_required: Whether the table must hold the target.

    Raises:
        InputError: A named column or kind is unknown or named for two things, the target does
            not hold two classes, or no column is left to learn from.
    """
    target, kinds = roles.target, roles.kinds
    frame = with_text_names(frame)
    if len(frame) == 0:
        raise InputError("table", expected="at least one row", got="none", fix="check the source")
    if target_required and target not in frame.columns:
        raise InputError(
            "data.target",
            expected="a column of the table",
            got=f"{target!r}{suggest(target, frame.columns)}",
            fix=f"name one of {listed(frame.columns)}",
        )
    check_roles(frame.columns, roles)

    columns = []
    classes = Classes("" if roles.positive is None else str(roles.positive), "")
    lists = {name for group in roles.sequences.values() for name in group.columns}
    decimal = roles.decimal or file_decimal(frame.drop(columns=[*lists]))
    sequences, of_lists = infer_sequences(frame, roles, decimal)
    for name in frame.columns:
        if name in of_lists:
            columns.append(of_lists[name])
            continue
        if name == target:
            words = roles.missing.of_target(name)
            labels = without_words(frame[name], words)
            classes = find_classes(labels, roles.positive, roles.negative)
            column = _target_column(profile_column(labels, decimal=decimal), classes.note)
            columns.append(replace(column, missing_words=words))
            continue
        profile = profile_column(frame[name], missing=roles.missing.of(name), decimal=decimal)
        if name == roles.weight:
            note = "weights the rows in the training loss; not learned from"
            read = written_numbers(profile)
            columns.append(read.as_column(Kind.WEIGHT, note))
        elif name == roles.treatment:
            note = "who was contacted; not learned from"
            columns.append(profile.as_column(Kind.TREATMENT, note))
        elif name == roles.treatment_probability:
            note = "the chance of having been contacted; not learned from"
            columns.append(written_numbers(profile).as_column(Kind.TREATMENT_PROBABILITY, note))
        elif name == roles.spend:
            note = "what a customer spent afterwards; only the expected spend is learned from it"
            columns.append(written_numbers(profile).as_column(Kind.SPEND, note))
        elif name == roles.duration:
            note = "how long customers were observed; not learned from"
            columns.append(written_numbers(profile).as_column(Kind.DURATION, note))
        elif name == roles.entry:
            columns.append(_entry_column(profile, roles))
        elif name in roles.ignore and name != roles.time:
            column = profile.as_column(Kind.IGNORED, "left out: asked for")
            guessed = guess(profile)
            # A date may still be carried, and its quarters compared.
            if guessed.kind is Kind.DATETIME:
                column = replace(guessed, kind=Kind.IGNORED, note=column.note)
            columns.append(column)
        elif name in kinds:
            columns.append(named_kind(profile, Kind(kinds[name])))
        elif name == roles.id:
            column = named_kind(profile, Kind.ID)
            # By group or time, rows of one customer are dealt out as the user wants it.
            split = name == roles.group or roles.time is not None
            columns.append(replace(column, note=ID_NOTE) if split else column)
        elif name == roles.time:
            columns.append(_time_column(profile))
        elif name == roles.group:
            note = "keeps groups together in the split; not learned from"
            columns.append(profile.as_column(Kind.IGNORED, note))
        else:
            columns.append(guess(profile))
    schema = Schema(
        tuple(columns),
        target,
        classes.positive,
        classes.negative,
        negatives=classes.negatives,
        other_labels=classes.other_labels,
        sequences=sequences,
    )
    if not schema.features:
        left_out = [f"{column.name!r} {column.note}" for column in columns if column.name != target]
        raise InputError(
            "table",
            expected="at least one column to learn from",
            got=f"none ({'; '.join(left_out[:6]) or 'the target is the only column'})",
            fix="set data.kinds.COLUMN=numeric or categorical for one that should be learned from",
        )
    return schema


def _entry_column(profile: ColumnProfile, roles: ColumnRoles) -> Column:
    note, key = "how long a customer had stayed when observed first", "data.entry"
    if roles.duration is None:
        key = "data.duration"
        note = (
            "how long customers were observed; not learned from, and 0 in training; for new rows "
            "how long a customer has stayed so far"
        )
    try:
        column = named_kind(profile, Kind.NUMERIC)
    except InputError as error:
        raise InputError(
            key,
            expected=f"numbers in column {profile.name!r}",
            got=error.got,
            fix="correct the cells, or name another column",
        ) from error
    if column.kind is not Kind.NUMERIC:
        raise InputError(
            key, expected=f"numbers in column {profile.name!r}", got="none: it is empty"
        )
    return replace(column, note=note)


def _target_column(profile: ColumnProfile, note: str) -> Column:
    if profile.missing:
        note += f"; rows without it ({profile.missing:,}) are dropped"
    return profile.as_column(Kind.TARGET, note)


def _time_column(profile: ColumnProfile) -> Column:
    note = "orders the split by time; not learned from"
    if profile.storage is Storage.NUMBER and profile.present:
        return profile.as_column(Kind.IGNORED, note)
    return replace(named_kind(profile, Kind.DATETIME), kind=Kind.IGNORED, note=note)
