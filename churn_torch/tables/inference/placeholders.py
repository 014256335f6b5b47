"""Placeholders: the few texts between numbers or dates that stand for "no value"."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.compute as pc

from churn_torch.tables.inference.column_profile import ColumnProfile, Counts
from churn_torch.tables.values import cells
from churn_torch.tables.values.missing_words import are_placeholders, are_signs

# Other texts may be missing where they are so few, in so few of the rows.
_FEW_TEXTS = 5
_FEW_ROWS = 0.05
# Texts such as 3+ say something about the number, so only slips may be missing.
_FEW_ROWS_OF_DIGITS = 0.005
# One odd cell is enough to tell in a table of so many rows.
_ROWS_FOR_ONE = 10
_SHOWN = 3
_FIRST_LOOK = 999
# Two groups of digits, or a month and a year.
_MAY_BE_DATE = r"\d\D+\d|[^\W\d_]{3}\W+\d{4}"


def missing_here(
    texts: pd.Series, counts: Counts, present: int, *, asked: bool = False
) -> tuple[str, ...] | None:
    """Return the texts that count as missing besides the usual words, None where some must not.

    Args:
        texts: The different texts that are no number or date.
        counts: Their rows.
        present: The rows of the column that are not missing.
        asked: The user named the kind, so that the number of different texts does not matter.
    """
    usual = are_placeholders(texts)
    signs = ~usual & are_signs(texts)
    others = ~usual & ~signs
    n_rows = int(counts[others].sum())
    few = n_rows <= _FEW_ROWS * present or (n_rows == 1 and present >= _ROWS_FOR_ONE)
    digits = others & texts.str.contains(r"\d", regex=True).to_numpy(dtype=bool)
    if not asked and counts[digits].sum() > max(_FEW_ROWS_OF_DIGITS * present, 1):
        return None
    if not few or (int(others.sum()) > _FEW_TEXTS and not asked):
        return None
    if counts[signs].sum() > 0.5 * present:
        return None
    own = texts[~usual].str.strip()
    return tuple(dict.fromkeys(map(str, own)))


def counted(texts: pd.Series, counts: Counts) -> str:
    """Say which texts are missing, and in how many cells."""
    order = np.argsort(-counts, kind="stable")
    shown = [repr(str(texts.iloc[i]).strip()[:40]) for i in order[:_SHOWN]]
    if len(order) > _SHOWN:
        more = len(order) - _SHOWN
        shown.append(f"{more:,} other {'text' if more == 1 else 'texts'}")
    *first, last = shown
    n = int(counts.sum())
    names = f"{', '.join(first)} and {last}" if first else last
    return f"{names} ({n:,} {'cell) counts' if n == 1 else 'cells) count'} as missing"


def _odd(texts: pd.Series) -> npt.NDArray[np.bool_]:
    digit = pc.match_substring_regex(cells.arrow_text(texts), "[0-9]|\\p{Nd}")
    return np.asarray(~digit.to_numpy(zero_copy_only=False) | are_placeholders(texts), dtype=bool)


def without_placeholders(profile: ColumnProfile) -> ColumnProfile:
    """Count the texts without a digit, and dates such as 0000-00-00, as missing where they may be.

    Dates are looked for in what remains. Where that finds none, the profile stays as it was.
    """
    levels, counts = profile.levels, profile.counts
    if counts is None or not len(levels):
        return profile
    first = levels[:_FIRST_LOOK]
    head = _odd(first)
    if head.mean() > 0.5 or not first[~head].str.contains(_MAY_BE_DATE, regex=True).all():
        return profile
    odd = head if len(levels) <= _FIRST_LOOK else _odd(levels)
    if not odd.any() or odd.all():
        return profile
    words = missing_here(levels[odd], counts[odd], profile.present)
    if words is None:
        return profile
    return replace(
        profile,
        levels=levels[~odd].reset_index(drop=True),
        counts=counts[~odd],
        n_distinct=int((~odd).sum()),
        missing=profile.missing + int(counts[odd].sum()),
        missing_words=(*profile.missing_words, *words),
        remarks=(*profile.remarks, counted(levels[odd], counts[odd])),
    )
