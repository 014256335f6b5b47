"""Guesses: the kind of a column that the user said nothing about, from its cells and its name."""

from __future__ import annotations

from churn_torch.tables import cells, dates
from churn_torch.tables.inference.column_profile import ColumnProfile
from churn_torch.tables.inference.formatted_numbers import as_numbers
from churn_torch.tables.inference.identifiers import (
    FEW_VALUES,
    FREE_TEXT_SHARE,
    ROWS_TO_JUDGE_IDS,
    code_note,
    integer_id,
    is_code_name,
    repeated_note,
)
from churn_torch.tables.inference.named_kinds import DATE_NOTE, date_column
from churn_torch.tables.inference.placeholders import without_placeholders
from churn_torch.tables.schema import Column, Kind, Storage


def guess(profile: ColumnProfile) -> Column:
    """Guess the kind of a column; its note says where the guess may be wrong."""
    if profile.storage is None:
        return profile.as_column(
            Kind.IGNORED, "left out: nested values, neither numbers nor text nor dates"
        )
    if profile.present == 0:
        return profile.as_column(Kind.IGNORED, "left out: empty")
    if len(profile.levels) == 1 and not profile.missing:
        return profile.as_column(Kind.IGNORED, "left out: constant")
    if profile.storage is Storage.DATETIME:
        return profile.as_column(Kind.DATETIME, DATE_NOTE)
    if profile.storage is Storage.NUMBER:
        return _guess_number(profile)
    return _guess_text(profile)


def _guess_number(profile: ColumnProfile) -> Column:
    if profile.is_bool or (len(profile.levels) == 2 and profile.levels.isin((0, 1)).all()):
        return profile.as_column(Kind.BOOLEAN, "yes/no as 1/0")
    if profile.is_category:
        return profile.as_column(Kind.CATEGORICAL, "category: stored as one")
    why = integer_id(profile)
    if why:
        return profile.as_column(Kind.IGNORED, f"left out: {why}{repeated_note(profile)}")
    is_code, note = code_note(profile)
    if is_code:
        return profile.as_column(Kind.CATEGORICAL, f"category: {note}")
    return profile.as_column(Kind.NUMERIC, f"number{note}")


def _guess_text(profile: ColumnProfile) -> Column:
    if {str(level).casefold() for level in profile.levels[:99]} in cells.TRUTH_PAIRS:
        return profile.as_column(Kind.BOOLEAN, "yes/no")
    dated = without_placeholders(profile)
    formats = dates.date_formats(dated.levels)
    if formats:
        return date_column(dated, formats)
    numbers = as_numbers(profile)
    if numbers.profile is not None:
        return _guess_number(numbers.profile)
    ratio = profile.n_distinct / profile.present
    if profile.rows >= ROWS_TO_JUDGE_IDS and ratio >= 0.95:
        note = "left out: looks like an identifier (a different text in nearly every row)"
        return profile.as_column(Kind.IGNORED, f"{note}{numbers.why_not}{repeated_note(profile)}")
    if profile.n_distinct > FEW_VALUES and ratio > FREE_TEXT_SHARE:
        if is_code_name(profile.name):
            return profile.as_column(Kind.CATEGORICAL, "category: named like a code")
        note = f"left out: too many different texts ({profile.n_distinct:,} in {profile.present:,})"
        return profile.as_column(Kind.IGNORED, note + numbers.why_not)
    return profile.as_column(Kind.CATEGORICAL, "category" + numbers.why_not)
