"""Categories that differ only in case or in blanks around them: a note says so."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

# What is in fewer rows may say something of one customer.
_QUOTED_ROWS = 5


def spelled_alike(levels: pd.Series, counts: npt.NDArray[np.int64]) -> str:
    """Say that categories differ only in case or blanks, with an example; ``""`` where none do.

    Args:
        levels: The distinct texts of a column.
        counts: How many rows have each.
    """
    words = levels.str.strip().str.lower()
    alike = words.duplicated(keep=False)
    if not alike.any():
        return ""
    rows = pd.Series(counts, levels.index)[alike].sort_values(ascending=False, kind="stable")
    first = rows.index[0]
    example = ""
    if rows[first] >= _QUOTED_ROWS:
        second = next(at for at in rows.index[1:] if words[at] == words[first])
        example = f" (such as {levels[first]!r} and {levels[second]!r})"
    return (
        f"{len(rows):,} categories differ from another one only in case or blanks{example}, and "
        "stay apart: write them alike in the source if they mean the same"
    )
