"""The names of a table's columns: text, and each different."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from churn_torch.errors import InputError

# Each column costs a training milliseconds and a line of the tables that are shown.
MOST_COLUMNS = 20_000


def check_number(n_columns: int) -> None:
    """Raise InputError when there are more columns than a training can take."""
    if n_columns > MOST_COLUMNS:
        raise InputError(
            "columns",
            expected=f"at most {MOST_COLUMNS:,}",
            got=f"{n_columns:,}",
            fix="read those that you need (data.source='SELECT a, b, ... FROM ...'), or put those "
            "that belong together into one",
        )


def check_names(names: Sequence[str]) -> None:
    """Raise InputError when two columns share a name, or there are too many."""
    check_number(len(names))
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise InputError(
            "columns",
            expected="a different name for each",
            got=f"{', '.join(map(repr, repeated[:6]))} more than once",
            fix="rename or drop the repeated columns",
        )


def with_text_names(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with its column names as text (they may be numbers), all distinct.

    Blanks around a name are left out, as all readers do.

    Raises:
        InputError: Two columns share a name.
    """
    names = [str(name).strip() for name in frame.columns]
    check_names(names)
    return frame.set_axis(names, axis=1)
