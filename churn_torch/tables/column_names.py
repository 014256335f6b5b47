"""The names of a table's columns: text, and each different."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from churn_torch.errors import InputError


def check_names(names: Sequence[str]) -> None:
    """Raise InputError when two columns share a name."""
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
