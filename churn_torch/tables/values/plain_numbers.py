"""Plain numbers in text: those that Python and Arrow read, without units or signs for thousands."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from churn_torch.tables.values.cells import CODE

_FIRST_LOOK = 100


def leading_zero(text: pd.Series) -> pd.Series:
    """Tell which values are codes such as ``00123``: as numbers they would lose their zeros."""
    is_code = pc.match_substring_regex(pa.array(text, pa.large_string()), rf"^\s*{CODE}")
    return pd.Series(pc.fill_null(is_code, False).to_numpy(zero_copy_only=False), index=text.index)


def read_numbers(text: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Read text as float64.

    Returns:
        The numbers (NaN where missing or unreadable) and the mask of unreadable cells.
    """
    trimmed = pc.utf8_trim_whitespace(pa.array(text, pa.large_string()))
    try:
        values = pc.cast(trimmed, pa.float64()).to_numpy(zero_copy_only=False)
        numbers = pd.Series(values, index=text.index, name=text.name)
    except pa.ArrowInvalid:  # some cell is no number: the slower reader goes on to the others
        cells = trimmed.to_numpy(zero_copy_only=False)
        spelled_out = pd.Series(cells, index=text.index, name=text.name, dtype="str")
        numbers = pd.to_numeric(spelled_out, errors="coerce").astype("float64")
    return numbers, numbers.isna() & text.notna()


def numbers_at_once(text: pd.Series) -> pd.Series | None:
    """Read text as float64 if every cell is a plain number or missing, else return None.

    That is what `read_numbers` would return, without a look for spaces and words for missing.
    """
    array = pa.array(text, pa.large_string())
    try:
        # Most text is no number, which its first cells show in less time than all of it.
        pc.cast(array[:_FIRST_LOOK], pa.float64())
        numbers = pc.cast(array, pa.float64())
    except pa.ArrowInvalid:
        return None
    if pc.any(pc.is_nan(numbers)).as_py():  # some word for it
        return None
    return pd.Series(numbers.to_numpy(zero_copy_only=False), index=text.index, name=text.name)
