"""Inference: look at a raw table and say what each column is and what is done with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from churn_torch.errors import InputError, suggest
from churn_torch.tables import cells
from churn_torch.tables.inference.column_profile import ColumnProfile, profile_column
from churn_torch.tables.labels import find_labels
from churn_torch.tables.options import ColumnRoles
from churn_torch.tables.schema import Column, Kind, Schema, Storage, with_text_names

_USER_KINDS = tuple(kind for kind in Kind if kind not in (Kind.TARGET, Kind.WEIGHT))

_ID_TOKENS = frozenset({"id", "uuid", "guid"})
# Said of identifiers, but of house numbers too.
_NUMBER_TOKENS = frozenset({"no", "nr", "number", "key"})
_ID_COMPOUND = re.compile(r"(row|user|cust|customer|client|account|member|subscriber)id")
_TIME_TOKENS = frozenset({"time", "timestamp", "date", "ts", "at", "epoch", "seconds", "unix"})
_TOKENS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")

_ROWS_TO_JUDGE_IDS = 20
_ID_DIGITS = 6
# More different texts than this, in more than this share of the rows, are names or free text.
_FEW_TEXTS = 50
_FREE_TEXT_SHARE = 0.2
_DATE_NOTE = "date: elapsed days and calendar parts"


def infer(frame: pd.DataFrame, roles: ColumnRoles, *, target_required: bool = True) -> Schema:
    """Infer the schema of a table: what the user named stands, the rest is read off the cells.

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
        raise InputError("expected a table with rows, however: it has none; check the source")
    if target_required and target not in frame.columns:
        raise InputError(
            f"expected the target column {target!r} in the table, however: it is not there"
            f"{suggest(target, frame.columns)}; the columns are {_listed(frame.columns)}"
        )
    _check_roles(frame.columns, roles)

    columns = []
    labels = ("" if roles.positive is None else str(roles.positive), "")
    for name in frame.columns:
        found = profile_column(frame[name])
        if name == target:
            labels = find_labels(frame[name], roles.positive)
            columns.append(_target_column(found, labels[0]))
        elif name == roles.weight:
            note = "weights the rows in the training loss; not learned from"
            columns.append(_column(found, Kind.WEIGHT, note))
        elif name in roles.ignore:
            columns.append(_column(found, Kind.IGNORED, "left out: asked for"))
        elif name in kinds:
            columns.append(_told(found, Kind(kinds[name])))
        elif name == roles.id:
            columns.append(_told(found, Kind.ID))
        elif name == roles.time:
            columns.append(_time_column(found))
        elif name == roles.group:
            note = "keeps groups together in the split; not learned from"
            columns.append(_column(found, Kind.IGNORED, note))
        else:
            columns.append(_guess(found))
    schema = Schema(tuple(columns), target, *labels)
    if not schema.features:
        left_out = [f"{column.name!r} {column.note}" for column in columns if column.name != target]
        raise InputError(
            "expected at least one column to learn from, however: none is left "
            f"({'; '.join(left_out[:6]) or 'the target is the only column'}); "
            "give a kind to one that should count (data.kinds.COLUMN=numeric or categorical)"
        )
    return schema


def _check_roles(columns: Iterable[str], roles: ColumnRoles) -> None:
    """Check every column and kind that the user named, before any cell is looked at."""
    target, id, weight = roles.target, roles.id, roles.weight
    ignore, kinds = roles.ignore, roles.kinds
    if isinstance(ignore, str):
        raise InputError(
            f"expected a list of columns to ignore, however: got {ignore!r}; write [{ignore}]"
        )
    named = [("id", id), ("time", roles.time), ("group", roles.group), ("weight", weight)]
    named += [("ignore", name) for name in ignore] + [("kinds", name) for name in kinds]
    names = list(columns)
    for role, name in named:
        if name is not None and name not in names:
            raise InputError(
                f"expected {role} to name a column of the table, however: {name!r} is not there"
                f"{suggest(name, names)}; the columns are {_listed(names)}"
            )
        if name == target:
            raise InputError(
                f"expected {role} to name another column than the target, however: got {name!r}; "
                "remove it there"
            )
    if weight is not None:
        uses = [("the id", id), ("the split's time", roles.time)]
        uses.append(("the split's group", roles.group))
        uses += [(f"of the kind {kind} in kinds", name) for name, kind in kinds.items()]
        for use, taken in uses:
            if taken == weight:
                raise InputError(
                    f"expected one use of column {weight!r}, however: it is the weight and also "
                    f"{use}; remove one of the two"
                )
    for name, kind in kinds.items():
        if kind not in _USER_KINDS:
            raise InputError(
                f"expected one of {', '.join(_USER_KINDS)} as the kind of column {name!r}, "
                f"however: got {kind!r}{suggest(str(kind), _USER_KINDS)}; write one of those"
            )
        other = None
        if name in ignore and kind != Kind.IGNORED:
            other = "in ignore"
        elif name == id and kind != Kind.ID:
            other = "the id"
        if other:
            raise InputError(
                f"expected one use of column {name!r}, however: kinds makes it {kind} and it is "
                f"also {other}; remove one of the two"
            )


def _listed(names: Iterable[str], most: int = 12) -> str:
    shown = [repr(name) for name in names]
    more = f", ... ({len(shown)} in all)" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more


def _column(
    found: ColumnProfile, kind: Kind, note: str, datetime_format: str | None = None
) -> Column:
    return Column(
        name=found.name,
        kind=kind,
        storage=found.storage or Storage.TEXT,
        datetime_format=datetime_format,
        missing_share=found.missing / found.rows,
        n_distinct=found.n_distinct,
        note=note,
    )


def _target_column(found: ColumnProfile, positive: str) -> Column:
    note = f"target: {positive!r} is churn"
    if found.missing:
        note += f"; rows without it ({found.missing:,}) are dropped"
    return _column(found, Kind.TARGET, note)


def _time_column(found: ColumnProfile) -> Column:
    note = "orders the split by time; not learned from"
    if found.storage is Storage.NUMBER and found.present:
        return _column(found, Kind.IGNORED, note)
    return replace(_told(found, Kind.DATETIME), kind=Kind.IGNORED, note=note)


# Columns of which the user said nothing


def _guess(found: ColumnProfile) -> Column:
    if found.storage is None:
        return _column(found, Kind.IGNORED, "left out: nested values, no numbers, text or dates")
    if found.present == 0:
        return _column(found, Kind.IGNORED, "left out: empty")
    if len(found.levels) == 1 and not found.missing:
        return _column(found, Kind.IGNORED, "left out: constant")
    if found.storage is Storage.DATETIME:
        return _column(found, Kind.DATETIME, _DATE_NOTE)
    if found.storage is Storage.NUMBER:
        return _guess_number(found)
    return _guess_text(found)


def _guess_number(found: ColumnProfile) -> Column:
    if found.is_bool or (len(found.levels) == 2 and found.levels.isin((0, 1)).all()):
        return _column(found, Kind.BOOLEAN, "yes/no as 1/0")
    if found.is_category:
        return _column(found, Kind.CATEGORICAL, "category: stored as one")
    why = _integer_id(found)
    if why:
        return _column(found, Kind.IGNORED, f"left out: {why}")
    return _column(found, Kind.NUMERIC, "number")


def _integer_id(found: ColumnProfile) -> str:
    """Say why whole numbers look like an identifier, or return ``""``.

    An identifier is never missing and has no fraction. Besides, it is called an id, or it never
    repeats and counts the rows or has long values of one length.
    """
    levels, n_distinct = found.levels, found.n_distinct
    if found.rows < _ROWS_TO_JUDGE_IDS or found.missing:
        return ""
    if not np.isfinite(levels).all() or (levels % 1 != 0).any():
        return ""
    tokens = [token.lower() for token in _TOKENS.findall(found.name)]
    last = tokens[-1] if tokens else ""
    is_named_id = last in _ID_TOKENS or _ID_COMPOUND.fullmatch(last) is not None
    if n_distinct < found.rows:
        # A customer may have several rows; a number called an id is then judged like text.
        repeats = n_distinct > _FEW_TEXTS and n_distinct / found.rows > _FREE_TEXT_SHARE
        if is_named_id and repeats:
            return f"identifier (named like one, {n_distinct:,} different numbers)"
        return ""
    if levels.max() - levels.min() + 1 == found.rows:
        return "row number (consecutive whole numbers)"
    if is_named_id or last in _NUMBER_TOKENS:
        return "identifier (named like one, a different number in every row)"
    # Seconds since 1970 all have ten digits too: a name that speaks of time is trusted.
    shortest, longest = (len(f"{size:.0f}") for size in (levels.abs().min(), levels.abs().max()))
    if shortest == longest >= _ID_DIGITS and not _TIME_TOKENS.intersection(tokens):
        return "identifier (a different long number in every row)"
    return ""


def _guess_text(found: ColumnProfile) -> Column:
    if {str(level).casefold() for level in found.levels[:99]} in cells.TRUTH_PAIRS:
        return _column(found, Kind.BOOLEAN, "yes/no")
    formats = cells.date_formats(found.levels)
    if formats:
        return _date_column(found, formats)
    ratio = found.n_distinct / found.present
    if found.rows >= _ROWS_TO_JUDGE_IDS and ratio >= 0.95:
        note = "left out: identifier (a different text in nearly every row)"
        return _column(found, Kind.IGNORED, note + _near_numbers(found))
    if found.n_distinct > _FEW_TEXTS and ratio > _FREE_TEXT_SHARE:
        note = f"left out: too many different texts ({found.n_distinct:,} in {found.present:,})"
        return _column(found, Kind.IGNORED, note + _near_numbers(found))
    return _column(found, Kind.CATEGORICAL, "category" + _near_numbers(found))


def _near_numbers(found: ColumnProfile) -> str:
    """Say what keeps text that is nearly numbers from being numbers, for the user to mend."""
    if found.stray_text is not None:
        return f"; would be a number but for {found.stray_text[:40]!r}"
    sample = found.levels[:99]
    if sample.str.fullmatch(r"\s*-?\d+,\d+\s*").all():
        return "; a decimal comma is not read as a number"
    if (
        sample.str.fullmatch(r"\s*\(?[-+$€£]?\s*\d[\d.,]*\s*[%€$£]?\)?\s*").all()
        and sample.str.contains(r"[,%$€£(]").any()
    ):
        return "; would be a number but for commas or signs such as % and $"
    return ""


def _date_column(found: ColumnProfile, formats: Sequence[str]) -> Column:
    note = _DATE_NOTE
    if len(formats) > 1:
        note += "; day and month could be either way round, taken day first"
    return _column(found, Kind.DATETIME, note, datetime_format=formats[0])


# Columns of which the user named the kind


def _told(found: ColumnProfile, kind: Kind) -> Column:
    """Give a column the kind the user named.

    Raises:
        InputError: The cells cannot be read as that kind.
    """
    if kind is Kind.IGNORED:
        return _column(found, kind, "left out: asked for")
    if kind is Kind.ID:
        return _column(found, kind, "names the row; not learned from")
    if found.storage is None:
        raise _misfit(found, kind, "its cells are nested values", "ignored")
    if found.present == 0:
        return _column(found, Kind.IGNORED, "left out: empty")
    if kind is Kind.DATETIME:
        return _told_date(found)
    if kind is Kind.CATEGORICAL:
        return _column(found, kind, "category: asked for")
    if found.storage is Storage.DATETIME:
        raise _misfit(found, kind, "it holds dates", "datetime")
    if kind is Kind.BOOLEAN:
        if len(found.levels) > 2:
            raise _misfit(found, kind, f"it has {found.n_distinct:,} values", "categorical")
        return _column(found, kind, "yes/no: asked for")
    if found.storage is Storage.TEXT:
        unreadable = cells.read_numbers(found.levels)[1]
        if unreadable.any():
            first = found.levels[unreadable].iloc[0]
            raise _misfit(found, kind, f"it holds {first!r}", "categorical")
        found = replace(found, storage=Storage.NUMBER)
    return _column(found, kind, "number: asked for")


def _told_date(found: ColumnProfile) -> Column:
    if found.storage is Storage.DATETIME:
        return _column(found, Kind.DATETIME, _DATE_NOTE)
    text = found.levels
    if found.storage is Storage.NUMBER:
        text = cells.canonical_text(text)
        if text.str.fullmatch(r"\d{8}").all() and not cells.read_dates(text, "%Y%m%d")[1].any():
            return _date_column(replace(found, storage=Storage.TEXT), ["%Y%m%d"])
        raise _misfit(found, Kind.DATETIME, f"it holds {text.iloc[0]!r}", "numeric")
    formats = cells.date_formats(text)
    if formats:
        return _date_column(found, formats)
    unreadable = cells.read_dates(text, cells.ISO)[1]
    first = text[unreadable].iloc[0] if unreadable.any() else text.iloc[0]
    raise _misfit(found, Kind.DATETIME, f"it holds {first!r}", "categorical")


def _misfit(found: ColumnProfile, kind: Kind, what: str, other: str) -> InputError:
    return InputError(
        f"expected column {found.name!r} to be readable as {kind}, however: {what}; "
        f"mend the values or say data.kinds.{found.name}={other}"
    )
