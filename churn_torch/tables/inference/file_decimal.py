"""The sign of a decimal of a whole file, which decides where a column leaves it open."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from churn_torch.tables.values import cells, number_formats, plain_numbers
from churn_torch.tables.values.number_formats import body_pattern

_HEAD = 500
_OTHER = {".": ",", ",": "."}
# Numbers that cannot be groups of thousands.
_SURE_POINT = r"^\s*[+-]?(?:0\.[0-9]+|[0-9]*\.(?:[0-9]{1,2}|[0-9]{4,}))\s*$"
_GROUPED = r"^\s*[+-]?(?:0|[1-9][0-9]{0,2}(?:\.[0-9]{3})*)\s*$"
# So many different numbers like 1.234, and none like 1.2, are thousands and no decimals.
_SEVERAL = 10


def file_decimal(frame: pd.DataFrame) -> str | None:
    """Return the sign that the columns of text agree on in their first rows, None where in doubt.

    Where no column tells, the delimiter of a CSV file does (the reader leaves it in
    ``frame.attrs``): people who write a decimal comma part cells by semicolons or tabs.
    """
    signs = set()
    for name in frame.columns:
        series = frame[name]
        if isinstance(series.dtype, pd.StringDtype):
            signs.add(_sign(series.head(_HEAD).drop_duplicates()))
    signs -= {None}
    if signs:
        return signs.pop() if len(signs) == 1 else None
    return "," if frame.attrs.get("delimiter") in (";", "\t") else None


def _sign(text: pd.Series) -> str | None:
    """Return the sign of a decimal where the numbers of a column leave no doubt."""
    array = cells.arrow_text(text)
    if plain_numbers.numbers_at_once(text) is not None:
        point = pc.any(pc.match_substring_regex(array, _SURE_POINT), min_count=0).as_py()
        return "." if point else None
    body = number_formats.cut(number_formats.normalized(text)).body.drop_null()
    if len(body) < 0.5 * len(text):
        return None
    point, comma = readable(body, "."), readable(body, ",")
    return None if point == comma else "." if point > comma else ","


def readable(body: pa.Array, decimal: str) -> int:
    """Count the numbers that can be read with a sign of a decimal."""
    pattern = body_pattern(decimal, f"{_OTHER[decimal]} '")
    return int(pc.sum(pc.match_substring_regex(body, pattern), min_count=0).as_py())


def may_group(text: pd.Series, decimal: str | None) -> bool:
    """Tell whether full stops part thousands in a column of which every cell is a plain number.

    That is so where all stops do so (``950`` and ``1.200``) and either the file has a decimal
    comma or many numbers have a stop and some have none: decimals would have shorter ones.
    """
    head = text.head(_HEAD)
    if decimal == "." or not head.str.contains(".", regex=False).any() or not _all_grouped(head):
        return False
    different = text.dropna().drop_duplicates()
    stops = int(different.str.contains(".", regex=False).sum())
    if not _all_grouped(text):
        return False
    return decimal == "," or (stops >= _SEVERAL and stops < len(different))


def _all_grouped(text: pd.Series) -> bool:
    array = cells.arrow_text(text)
    grouped = pc.match_substring_regex(array, _GROUPED)
    return bool(pc.all(pc.or_(grouped, pc.equal(array, "")), min_count=0).as_py())
