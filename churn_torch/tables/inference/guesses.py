"""Guesses: the kind of a column that the user said nothing about, from its cells and its name."""

from __future__ import annotations

import re

import numpy as np

from churn_torch.tables import cells, dates
from churn_torch.tables.inference.column_profile import ColumnProfile
from churn_torch.tables.inference.named_kinds import DATE_NOTE, date_column
from churn_torch.tables.schema import Column, Kind, Storage

_ID_TOKENS = frozenset({"id", "uuid", "guid"})
# Identifiers are called so, but house numbers are too.
_NUMBER_TOKENS = frozenset({"no", "nr", "number", "key"})
_ID_COMPOUND = re.compile(r"(row|user|cust|customer|client|account|member|subscriber)id")
_TIME_TOKENS = frozenset({"time", "timestamp", "date", "ts", "at", "epoch", "seconds", "unix"})
_TOKENS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")

# What pandas and `readers.header_rows` call a column without a name.
_NAMELESS = re.compile(r"Unnamed: \d+(\.\d+)*")
_ROWS_TO_JUDGE_IDS = 20
_ID_DIGITS = 6
# More different texts than this, in more than this share of the rows, are names or free text.
_FEW_TEXTS = 50
_FREE_TEXT_SHARE = 0.2


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
    why = _integer_id(profile)
    if why:
        return profile.as_column(Kind.IGNORED, f"left out: {why}")
    return profile.as_column(Kind.NUMERIC, "number")


def _integer_id(profile: ColumnProfile) -> str:
    """Say why whole numbers look like an identifier, or return ``""``.

    An identifier is never missing and has no fraction. In addition, it is called an id, or it never
    repeats and either counts the rows or has long values of one length.
    """
    levels, n_distinct = profile.levels, profile.n_distinct
    if profile.rows < _ROWS_TO_JUDGE_IDS or profile.missing:
        return ""
    if not np.isfinite(levels).all() or (levels % 1 != 0).any():
        return ""
    tokens = [token.lower() for token in _TOKENS.findall(profile.name)]
    last = tokens[-1] if tokens else ""
    is_named_id = last in _ID_TOKENS or _ID_COMPOUND.fullmatch(last) is not None
    if n_distinct < profile.rows:
        # A customer may have several rows; then a number called an id is judged like text.
        repeats = n_distinct > _FEW_TEXTS and n_distinct / profile.rows > _FREE_TEXT_SHARE
        if is_named_id and repeats:
            return f"looks like an identifier (named like one, {n_distinct:,} different numbers)"
        return ""
    if levels.max() - levels.min() + 1 == profile.rows:
        return "looks like a row number (consecutive whole numbers)"
    if is_named_id or last in _NUMBER_TOKENS:
        return "looks like an identifier (named like one, a different number in every row)"
    # Seconds since 1970 all have ten digits too, so a name about time decides.
    shortest, longest = (len(f"{size:.0f}") for size in (levels.abs().min(), levels.abs().max()))
    if shortest == longest >= _ID_DIGITS and not _TIME_TOKENS.intersection(tokens):
        return "looks like an identifier (a different long number in every row)"
    return ""


def _guess_text(profile: ColumnProfile) -> Column:
    if {str(level).casefold() for level in profile.levels[:99]} in cells.TRUTH_PAIRS:
        return profile.as_column(Kind.BOOLEAN, "yes/no")
    formats = dates.date_formats(profile.levels)
    if formats:
        return date_column(profile, formats)
    ratio = profile.n_distinct / profile.present
    if profile.rows >= _ROWS_TO_JUDGE_IDS and ratio >= 0.95:
        note = "left out: looks like an identifier (a different text in nearly every row)"
        return profile.as_column(Kind.IGNORED, note + _near_numbers(profile))
    if profile.n_distinct > _FEW_TEXTS and ratio > _FREE_TEXT_SHARE:
        note = f"left out: too many different texts ({profile.n_distinct:,} in {profile.present:,})"
        return profile.as_column(Kind.IGNORED, note + _near_numbers(profile))
    return profile.as_column(Kind.CATEGORICAL, "category" + _near_numbers(profile))


def _near_numbers(profile: ColumnProfile) -> str:
    """Say what keeps text that is nearly numbers from being numbers, for the user to fix."""
    if profile.stray_text is not None:
        return f"; would be a number but for {profile.stray_text[:40]!r}"
    sample = profile.levels[:99]
    if sample.str.fullmatch(r"\s*-?\d+,\d+\s*").all():
        return "; a decimal comma is not read as a number"
    if (
        sample.str.fullmatch(r"\s*\(?[-+$€£]?\s*\d[\d.,]*\s*[%€$£]?\)?\s*").all()
        and sample.str.contains(r"[,%$€£(]").any()
    ):
        return "; would be a number but for commas or signs such as % and $"
    return ""
