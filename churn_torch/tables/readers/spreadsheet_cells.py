"""Cells that a spreadsheet would run as a formula, written so that it shows them."""

from __future__ import annotations

import pandas as pd
import pyarrow.compute as pc

from churn_torch.tables.values import cells

# How a spreadsheet recognises a formula: by the first character of a cell. Some pass over blanks
# and what has no width, and some take the wide signs of East Asian fonts.
_BLANK = "[ \\v\\f\u00a0\u1680\u2000-\u200f\u2028\u2029\u202f\u205f\u2060\u3000\ufeff]*"
FORMULA = rf"^{_BLANK}[=+\-@\t\r\n＝＋－＠]"  # noqa: RUF001
# Numbers below 0 begin with such a character, too.
_NUMBER = r" *[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"


def defused(frame: pd.DataFrame) -> pd.DataFrame:
    """Return rows for a CSV file: an apostrophe stands before texts that would be formulas.

    So it is with the names of columns. Numbers and dates stay as they are.
    """
    columns = {_defused_text(str(name)): _defused_cells(frame[name]) for name in frame.columns}
    return pd.DataFrame(columns, copy=False)


def _defused_cells(series: pd.Series) -> pd.Series:
    is_text = isinstance(series.dtype, pd.StringDtype | pd.CategoricalDtype)
    if not is_text and not pd.api.types.is_object_dtype(series.dtype):
        return series
    text = series.astype("str")
    # Most columns have no such cell, and this is the fast way to see it.
    if not pc.any(pc.match_substring_regex(cells.arrow_text(text), f"{FORMULA}|\r")).as_py():
        return series
    risky = text.str.contains(FORMULA).fillna(False) & ~text.str.fullmatch(_NUMBER).fillna(False)
    if pd.api.types.is_object_dtype(series.dtype):  # numbers beside texts stay numbers
        risky &= series.map(lambda cell: isinstance(cell, str))
    # A carriage return without a quote around it would end the row for some readers.
    return text.mask(risky, "'" + text).str.replace("\r", " ", regex=False)


def _defused_text(text: str) -> str:
    return str(_defused_cells(pd.Series([text], dtype="str"))[0])
