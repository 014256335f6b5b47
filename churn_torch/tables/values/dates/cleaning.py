"""Text before it is read as a date: without blanks around it, and told from words for no date."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

Bool = npt.NDArray[np.bool_]
_BLANKS = " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000"
_BLANKS += "".join(map(chr, range(0x2000, 0x200B)))
# Dates of zeros stand for no date. Words for it are in `churn_torch.tables.values.missing_words`.
_NOTHING = r"^(?:0{1,4}[-/.]0{1,2}[-/.]0{1,4}(?:[T ][0:.]+Z?)?|0+(?:\.0+)?)$"
_IS_NOTHING = re.compile(_NOTHING)


def clean(text: str) -> str:
    """Do the work of `cleaned` for one text."""
    text = text.strip(_BLANKS)
    return text if text.isascii() else unicodedata.normalize("NFKC", text).strip(_BLANKS)


def cleaned(text: pd.Series) -> pa.Array:
    """Return text without blanks around it, with one character for what looks alike."""
    array = pa.array(text, pa.large_string())
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    array = pc.utf8_trim(array, _BLANKS)
    if not pc.all(pc.string_is_ascii(array), min_count=0).as_py():
        array = pc.utf8_trim(pc.utf8_normalize(array, form="NFKC"), _BLANKS)
    return array


def is_nothing(text: str) -> bool:
    """Tell whether a text stands for no date."""
    return _IS_NOTHING.match(clean(text)) is not None


def are_nothing_in(array: pa.Array) -> Bool:
    """Do the work of `is_nothing` for cleaned text."""
    return as_mask(pc.match_substring_regex(array, _NOTHING))


def as_mask(array: pa.Array) -> Bool:
    """Return Arrow's truth values for NumPy; null is False."""
    mask: Bool = pc.fill_null(array, False).to_numpy(zero_copy_only=False)
    return mask
