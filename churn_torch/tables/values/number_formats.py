"""Numbers as people write them: money, percent, units, thousands, a decimal comma, any digits.

A column has one `NumberFormat`, which inference chooses from all its values
(`churn_torch.tables.inference.formatted_numbers`) and the schema stores; here it is applied.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from churn_torch.tables.values import cells, plain_numbers
from churn_torch.tables.values.durations import (
    all_with_one_unit,
    has_durations,
    meant_by_m,
    with_one_unit,
)
from churn_torch.tables.values.number_units import Affix, conversion, read_affix, same_unit

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class NumberFormat:
    """How the numbers of a column are written.

    Negative numbers may have any minus, before or after, or parentheses; a number may always stand
    alone, without its unit.

    Attributes:
        decimal: ``.`` or ``,``.
        thousands: The signs that may part thousands, of ``,``, ``.``, a blank and an apostrophe.
        unit: The unit or currency that is left out, as `number_units` calls it; ``""`` for none.
            Numbers with another unit of its family are converted to it: MB to GB, thousands to 1.
    """

    decimal: str = "."
    thousands: str = ""
    unit: str = ""

    def __post_init__(self) -> None:
        """Refuse what a schema that was changed by hand may hold."""
        if self.decimal not in (".", ",") or self.decimal in self.thousands:
            raise ValueError(f"no number format: {self}")

    @classmethod
    def from_json(cls, entry: Mapping[str, Any] | None) -> NumberFormat | None:
        """Read an entry of a schema."""
        return None if entry is None else cls(**entry)

    def in_words(self) -> str:
        """Describe the format for a message: ``1.234,5 €``."""
        sign = self.thousands[:1]
        return f"1{sign}234{self.decimal}5 {self.unit}".strip()


PLAIN = NumberFormat()

# One blank, one minus and one apostrophe for all their kinds; the Arabic comma parts thousands.
_SPELLINGS = {
    " ": "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000",
    "-": "\u2010-\u2015\u2212\ufe63\uff0d",
    "'": "\u2018\u2019\u02bc\u02b9\u2032\u00b4`\u066c",
    ".": "\u066b\uff0e",
    ",": "\uff0c",
    "": "\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff",  # marks of writing direction
    "(": "\uff08",
    ")": "\uff09",
    "+": "\uff0b",
    "%": "\u066a\uff05",
    "$": "\uff04",
}
_ANY_SPELLING = f"[{''.join(_SPELLINGS.values())}]"
_CELL = (
    r"^(?P<before>[^0-9]*)(?P<body>[0-9](?:[0-9., ']*[0-9])?)"
    r"(?P<exponent>[eE][+-]?[0-9]+)?(?P<after>[^0-9]*(?:m[23])?)$"
)

_DIGIT = re.compile(r"\d")
_EMPTY, _ZERO, _APART = (pa.scalar(text, pa.large_string()) for text in ("", "0", "\x1f"))


def _ascii(digit: re.Match[str]) -> str:
    return str(unicodedata.decimal(digit[0]))


class Parts(NamedTuple):
    """Cells cut into digits and what stands around them.

    Attributes:
        body: The digits and what parts them; null where a cell is no number.
        exponent: ``e3`` or ``""``.
        affixes: The different texts around digits as `number_units` reads them; None is unreadable.
        codes: Which of them a cell has.
    """

    body: pa.Array
    exponent: pa.Array
    affixes: list[Affix | None]
    codes: npt.NDArray[np.intp]


def normalized(text: pd.Series) -> pa.Array:
    """Return cells trimmed, with ASCII digits and one spelling for blanks, minus and apostrophe."""
    return _normalized(cells.arrow_text(text))


def _normalized(text: pa.Array) -> pa.Array:
    if not pc.all(pc.string_is_ascii(text), min_count=0).as_py():
        if pc.any(pc.match_substring_regex(text, _ANY_SPELLING), min_count=0).as_py():
            for sign, letters in _SPELLINGS.items():
                text = pc.replace_substring_regex(text, f"[{letters}]", sign)
        without = pc.replace_substring_regex(text, "[0-9]+", "")
        if pc.any(pc.match_substring_regex(without, r"\p{Nd}"), min_count=0).as_py():
            cells_ = [
                cell if cell is None else _DIGIT.sub(_ascii, cell) for cell in text.to_pylist()
            ]
            text = pa.array(cells_, pa.large_string())
    return pc.utf8_trim_whitespace(text)


def cut(text: pa.Array) -> Parts:
    """Cut cells, as `normalized` returns them, into their parts."""
    found = pc.extract_regex(text, _CELL)
    before, body, exponent, after = (
        pc.struct_field(found, name) for name in ("before", "body", "exponent", "after")
    )
    around = pc.binary_join_element_wise(before, after, _APART).dictionary_encode()
    affixes = [read_affix(*pair.split("\x1f", 1)) for pair in around.dictionary.to_pylist()]
    affixes.append(None)  # for code -1
    codes = pc.fill_null(around.indices, -1).to_numpy(zero_copy_only=False).astype(np.intp)
    return Parts(body, exponent, affixes, codes)


def body_pattern(decimal: str, thousands: str) -> str:
    """Return the pattern of digits in a format; groups are of three, with commas also Indian."""
    groups = "".join(rf"|[1-9][0-9]{{0,2}}(?:{re.escape(sign)}[0-9]{{3}})+" for sign in thousands)
    indian = r"|[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}" if "," in thousands else ""
    return rf"^(?:[0-9]+{groups}{indian})(?:{re.escape(decimal)}[0-9]+)?$"


def numbers_of(parts: Parts, form: NumberFormat) -> npt.NDArray[np.float64]:
    """Return the numbers in a format, NaN where a cell is written in another."""
    factors = np.array([np.nan if a is None else _factor(a, form) for a in parts.affixes])
    negative = np.array([a is not None and a.negative for a in parts.affixes])
    fraction = [a.fraction if a is not None else "" for a in parts.affixes]
    body = parts.body
    is_fraction = np.array([sign == form.decimal for sign in fraction])[parts.codes]
    if is_fraction.any():
        led = pc.binary_join_element_wise(_ZERO, body, pa.scalar(form.decimal, pa.large_string()))
        body = pc.if_else(pa.array(is_fraction), led, body)
    ok = pc.match_substring_regex(body, body_pattern(form.decimal, form.thousands))
    ok = pc.and_(ok, pa.array(~np.isnan(factors)[parts.codes]))
    for sign in form.thousands:
        body = pc.replace_substring(body, sign, "")
    if form.decimal == ",":
        body = pc.replace_substring(body, ",", ".")
    spelled = pc.binary_join_element_wise(body, pc.fill_null(parts.exponent, ""), _EMPTY)
    read = pc.cast(pc.if_else(ok, spelled, None), pa.float64()).to_numpy(zero_copy_only=False)
    if (factors[parts.codes] != 1).any():
        read = read * factors[parts.codes]
    signed: npt.NDArray[np.float64] = np.where(negative[parts.codes], -read, read)
    return signed


def _factor(affix: Affix, form: NumberFormat) -> float:
    """Return by what the digits are multiplied; NaN where the text around them is of no format."""
    if affix.fraction not in ("", form.decimal):
        return math.nan
    if affix.unit in ("", form.unit):
        return 1.0
    if not affix.known:
        return 1.0 if form.unit and same_unit(affix.unit, form.unit) else math.nan
    return conversion(affix.unit, form.unit)


def read_numbers(text: pd.Series, form: NumberFormat | None) -> tuple[pd.Series, pd.Series]:
    """Read text as float64, as the column's format says.

    Args:
        text: The cells; NaN is missing.
        form: None where the column has plain numbers; then a cell may still have another minus or
            other digits, but nothing that could be read two ways.

    Returns:
        The numbers (NaN where missing or unreadable) and the mask of unreadable cells.
    """
    if form is None:
        numbers, unreadable = plain_numbers.read_numbers(text)
        if unreadable.any():
            others = _read(text[unreadable], PLAIN)
            numbers = numbers.fillna(others)
    else:
        numbers = _read(text, form)
    return numbers, numbers.isna() & text.notna()


def _read(text: pd.Series, form: NumberFormat) -> pd.Series:
    plain = normalized(text)
    if has_durations(form.unit):
        plain = all_with_one_unit(plain, meant_by_m(form.unit))
    numbers = numbers_of(cut(plain), form)
    return pd.Series(numbers, index=text.index, name=text.name)


def read_number(text: str, form: NumberFormat | None) -> float:
    """Do the work of `read_numbers` for a cell.

    Raises:
        ValueError: It is no such number.
    """
    number = _plain_number(text) if form is None else _number_of(text, form)
    if math.isnan(number):
        raise ValueError(f"no number: {text[:80]!r}")
    return number


def _plain_number(text: str) -> float:
    number = float(plain_numbers.read_numbers(pd.Series([text], dtype="str"))[0].iloc[0])
    return _number_of(text, PLAIN) if math.isnan(number) else number


def _number_of(text: str, form: NumberFormat) -> float:
    for sign, letters in _SPELLINGS.items():
        text = re.sub(f"[{letters}]", sign, text)
    text = _DIGIT.sub(_ascii, text).strip()
    if has_durations(form.unit):
        text = with_one_unit(text, meant_by_m(form.unit))
    found = re.fullmatch(_CELL, text)
    affix = read_affix(found["before"], found["after"]) if found else None
    if found is None or affix is None or math.isnan(factor := _factor(affix, form)):
        return math.nan
    body = f"0{affix.fraction}{found['body']}" if affix.fraction else found["body"]
    if not re.fullmatch(body_pattern(form.decimal, form.thousands), body):
        return math.nan
    for sign in form.thousands:
        body = body.replace(sign, "")
    number = float(body.replace(form.decimal, ".") + (found["exponent"] or "")) * factor
    return -number if affix.negative else number
