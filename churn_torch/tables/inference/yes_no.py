"""Columns of yes and no in text, however the two are spelled."""

from __future__ import annotations

from dataclasses import replace

from churn_torch.tables.inference.column_profile import ColumnProfile
from churn_torch.tables.schema import Column, Kind
from churn_torch.tables.values.truth_words import folded, is_pair, words_by_truth

_MOST_SPELLINGS = 50


def yes_no(profile: ColumnProfile) -> Column | None:
    """Return a column of text as yes/no, None if it holds anything else.

    Where a table spells an answer in several ways (``Yes``, ``YES``), the most frequent one stands
    for all of them: it is in the column's vocabulary before the statistics learn that.
    """
    if len(profile.levels) > _MOST_SPELLINGS:
        return None
    levels = [str(level) for level in profile.levels]
    answers = {folded(level) for level in levels}
    if not is_pair(answers) or answers == {"1", "0"}:  # numbers
        return None
    if len(levels) == 2:
        return profile.as_column(Kind.BOOLEAN, "yes/no")
    counts = [0] * len(levels) if profile.counts is None else profile.counts.tolist()
    words: dict[str, str] = {}
    for _, level in sorted(zip(counts, levels, strict=True), key=lambda pair: -pair[0]):
        words.setdefault(folded(level), level.strip())
    meant = words_by_truth(words.values())
    note = f"yes/no: {len(levels)} spellings read as {meant[1.0]!r} and {meant[0.0]!r}"
    column = profile.as_column(Kind.BOOLEAN, note)
    return replace(column, vocabulary=(meant[0.0], meant[1.0]))
