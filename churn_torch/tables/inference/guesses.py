"""Guesses: the kind of a column that the user said nothing about, from its cells and its name."""

from __future__ import annotations

import re

from churn_torch.tables.inference.column_profile import ColumnProfile, override
from churn_torch.tables.inference.dated import (
    DATE_NOTE,
    as_dates,
    compact_dates,
    dates_by_name,
    hint,
    text_hint,
)
from churn_torch.tables.inference.formatted_numbers import as_numbers
from churn_torch.tables.inference.identifiers import (
    FEW_VALUES,
    FREE_TEXT_SHARE,
    ROWS_OF_NAMED_IDS,
    ROWS_TO_JUDGE_IDS,
    code_note,
    integer_id,
    is_code_name,
    is_id_name,
    names_customers,
    repeated_note,
)
from churn_torch.tables.inference.yes_no import yes_no
from churn_torch.tables.schema import Column, Kind, Storage

# The cell that a note quotes. A word of a column that is left out is quoted only where so many rows
# have it: what is in fewer may say something of one customer.
_CELL = re.compile(r"(?<=but for )(['\"]).*\1(?= and [\d,]+ other texts?$|$)", re.DOTALL)
_QUOTED_ROWS = 5
# Categories in fewer rows are rare (preprocess.min_count).
_FEWEST_ROWS = 5
_ONE_WORD = re.compile(r"but for '([^\W\d_]+(?:[ -][^\W\d_]+)*)'$")
# What pandas and `readers.header_rows` call a column without a name.
_NAMELESS = re.compile(r"Unnamed: \d+(\.\d+)*")


def guess(profile: ColumnProfile) -> Column:
    """Guess the kind of a column; its note says where the guess may be wrong."""
    if profile.storage is None:
        return profile.as_column(
            Kind.IGNORED, f"left out: {profile.other_cells}, neither numbers nor text nor dates"
        )
    if profile.present == 0:
        return profile.as_column(Kind.IGNORED, "left out: empty")
    if len(profile.levels) == profile.n_distinct == 1 and not profile.missing:
        return profile.as_column(Kind.IGNORED, "left out: constant")
    if _is_nameless_index(profile):
        return profile.as_column(Kind.IGNORED, "left out: an index without a name")
    if profile.storage is Storage.DATETIME:
        return profile.as_column(Kind.DATETIME, DATE_NOTE)
    if profile.storage is Storage.NUMBER:
        return _guess_number(profile)
    return _guess_text(profile)


def _is_nameless_index(profile: ColumnProfile) -> bool:
    """Tell whether a column without a name has a different whole number in every row."""
    if not _NAMELESS.fullmatch(profile.name) or profile.storage is not Storage.NUMBER:
        return False
    is_full = profile.n_distinct == profile.rows and not profile.missing
    return is_full and bool((profile.levels % 1 == 0).all())


def _guess_number(profile: ColumnProfile) -> Column:
    if profile.is_bool or (len(profile.levels) == 2 and profile.levels.isin((0, 1)).all()):
        return profile.as_column(Kind.BOOLEAN, "yes/no as 1/0")
    if profile.is_category:
        return profile.as_column(Kind.CATEGORICAL, "category: stored as one")
    dated = dates_by_name(profile)
    if dated is None and not is_id_name(profile.name):
        dated = compact_dates(profile)
    if dated is not None:
        return dated
    why = integer_id(profile)
    if why:
        note = f"left out: {why}{hint(profile)}{repeated_note(profile)}"
        return profile.as_column(Kind.IGNORED, note)
    is_code, note = code_note(profile)
    if is_code:
        return profile.as_column(Kind.CATEGORICAL, f"category: {note}")
    what = "number of days" if profile.is_duration else "number"
    return profile.as_column(Kind.NUMERIC, f"{what}{note}{hint(profile)}")


def _guess_text(profile: ColumnProfile) -> Column:
    answers = yes_no(profile)
    if answers is not None:
        return answers
    dated = as_dates(profile)
    if dated.column is not None:
        return dated.column
    numbers = as_numbers(profile)
    if numbers.profile is not None:
        return _guess_number(numbers.profile)
    why_not = text_hint(profile.levels) or numbers.why_not
    remedy = _remedy(profile.name, why_not)
    is_word = bool(remedy) and _rows_with(profile, why_not) >= _QUOTED_ROWS
    left_out = why_not + remedy if is_word else _CELL.sub(lambda cell: _shape(cell[0]), why_not)
    why_not += remedy
    ratio = profile.n_distinct / profile.present
    is_id = is_id_name(profile.name)
    if profile.rows >= (ROWS_OF_NAMED_IDS if is_id else ROWS_TO_JUDGE_IDS) and ratio >= 0.95:
        note = "left out: looks like an identifier (a different text in nearly every row)"
        # Money or names that nearly never repeat are no customers with several rows.
        return profile.as_column(
            Kind.IGNORED, f"{note}{left_out}{repeated_note(profile) if is_id else ''}"
        )
    many = profile.n_distinct > FEW_VALUES and ratio > FREE_TEXT_SHARE
    if (is_id and many) or names_customers(profile):
        note = f"named like one, {profile.n_distinct:,} different texts"
        note = f"left out: looks like an identifier ({note}){repeated_note(profile)}"
        return profile.as_column(Kind.IGNORED, note)
    if many:
        if is_code_name(profile.name):
            return profile.as_column(Kind.CATEGORICAL, "category: named like a code")
        note = f"left out: too many different texts ({profile.n_distinct:,} in {profile.present:,})"
        return profile.as_column(Kind.IGNORED, note + left_out)
    if profile.counts is not None and profile.rows >= ROWS_TO_JUDGE_IDS:
        most = int(profile.counts.max())
        if most < _FEWEST_ROWS:
            why_not = f"; no text is in more than {most} rows{why_not}"
    return profile.as_column(Kind.CATEGORICAL, "category" + why_not)


def _rows_with(profile: ColumnProfile, why_not: str) -> int:
    """Return in how many rows the one word is that keeps a column from being numbers or dates."""
    word = _ONE_WORD.search(why_not)
    if word is None or profile.counts is None:
        return 0
    return int(profile.counts[(profile.levels.str.strip() == word[1]).to_numpy(bool)].sum())


def _shape(cell: str) -> str:
    """Return the shape of a cell, in place of what only who has the table may know."""
    return re.sub(r"[^\W\d_]", "x", re.sub(r"\d", "9", cell))


def _remedy(name: str, why_not: str) -> str:
    """Name the key that takes the one word between numbers or dates as missing."""
    word = _ONE_WORD.search(why_not)
    if word is None:
        return ""
    key = override(f"data.missing.{name}=[{word[1]}]")
    return f": {key} if it means missing"
