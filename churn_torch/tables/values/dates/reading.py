"""Dates from text, one or a column: by the form of the column, or as ISO dates."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from churn_torch.tables.values.dates.cleaning import Bool, are_nothing_in, as_mask, clean, cleaned
from churn_torch.tables.values.dates.days import Int, Parts, as_dates, as_day, moment, moments
from churn_torch.tables.values.dates.forms import ISO, ZONES, expression, pivot, plain_expression
from churn_torch.tables.values.dates.month_names import WEEKDAYS, key, month_of
from churn_torch.tables.values.dates.serials import NUMBER_FORMS, micros_of_numbers

_PYTHON_LETTERS, _ARROW_LETTERS = r"[^\W\d_]+", r"\p{L}+"
_NUMBER = r"^[+-]?[0-9]+(?:\.[0-9]*)?(?:e[+-]?[0-9]{1,3})?$"
_IS_NUMBER = re.compile(_NUMBER, re.IGNORECASE)


def read_day(text: str, form: str | None) -> float:
    """Read one date: days since 1970-01-01 UTC, by the rules of `read_dates`.

    Args:
        text: The date.
        form: The form of the column; None is ISO.

    Raises:
        ValueError: The text is no such date.
    """
    text = clean(text)
    try:
        return as_day(_one(text, form or ISO))
    except ValueError:
        if form in (None, ISO):
            raise
    return as_day(_one(text, ISO))


def read_dates(text: pd.Series, form: str) -> tuple[pd.Series, pd.Series]:
    """Read text as UTC timestamps in a form; ISO dates and words for no date are read in any form.

    Returns:
        The timestamps (NaT where missing or unreadable) and the mask of unreadable cells.
    """
    # Dates repeat, so the different ones are few.
    codes, levels = pd.factorize(text)
    array = cleaned(pd.Series(levels, dtype="str"))
    micros, good = _many(array, form)
    bad = ~good
    if bad.any() and form != ISO:
        micros[bad], good[bad] = _many(_those(array, bad), ISO)
        bad = ~good
    if bad.any():
        bad[bad] = ~are_nothing_in(_those(array, bad))
    # Code -1, missing, is the last of these.
    micros, good, bad = np.append(micros, 0), np.append(good, False), np.append(bad, False)
    return as_dates(micros[codes], good[codes], text.index), pd.Series(bad[codes], text.index)


def read_strictly(text: pd.Series, form: str) -> tuple[Int, Bool]:
    """Read text in one form only: microseconds since 1970 in UTC, and which of them are dates."""
    return _many(cleaned(text), form)


def fits(text: str, form: str) -> bool:
    """Tell whether a text is a date in one form."""
    try:
        _one(clean(text), form)
    except ValueError:
        return False
    return True


def match_of(text: str, form: str) -> re.Match[str] | None:
    """Return the match of a form's expression, with the parts of the date as its groups."""
    return None if form in NUMBER_FORMS else _compiled(form).match(text)


@lru_cache(maxsize=256)
def _compiled(form: str) -> re.Pattern[str]:
    return re.compile(expression(form, _PYTHON_LETTERS).replace("$", r"\Z"))


def _one(text: str, form: str) -> int:
    """Return the microseconds since 1970 of one clean text.

    Raises:
        ValueError: It is no date in this form.
    """
    if form in NUMBER_FORMS:
        if not _IS_NUMBER.match(text):
            raise ValueError(text)
        micros, good = micros_of_numbers(np.array([float(text)]), form)
        if not good[0]:
            raise ValueError(text)
        return int(micros[0])
    match = _compiled(form).match(text)
    if match is None:
        raise ValueError(text)
    groups: dict[str, str] = {}
    for name, group in match.groupdict().items():
        if group:
            groups[name[0]] = group
    number = {name: int(group) for name, group in groups.items() if name in "YymdqVuHMS"}
    if "a" in groups and key(groups["a"]) not in WEEKDAYS:
        raise ValueError(text)
    parts = Parts(
        year=number["Y"] if "Y" in number else _century(number["y"], form),
        month=month_of(groups["b"]) if "b" in groups else number.get("m", 1),
        day=number.get("d", 1),
        quarter=number.get("q", 0),
        week=number.get("V", 0),
        weekday=number.get("u", 0),
        hour=number.get("H", 0),
        minute=number.get("M", 0),
        second=number.get("S", 0),
        micro=int(groups.get("f", "")[:6].ljust(6, "0")),
        half=_half(groups.get("p", "")),
        zone=_zone(groups.get("z", "")),
    )
    return moment(parts)


def _many(array: pa.Array, form: str) -> tuple[Int, Bool]:
    """Do the work of `_one` for many texts; the mask says which are dates in this form."""
    if form in NUMBER_FORMS:
        spelled = as_mask(pc.match_substring_regex(array, _NUMBER, ignore_case=True))
        numbers = np.full(len(array), np.nan)
        numbers[spelled] = pc.cast(_those(array, spelled), pa.float64()).to_numpy()
        return micros_of_numbers(numbers, form)
    if form == ISO and (micros := _plain_iso(array)) is not None:
        return micros, np.ones(len(array), dtype=bool)
    micros, good = np.zeros(len(array), np.int64), np.zeros(len(array), bool)
    left = np.ones(len(array), bool)
    for pattern in (plain_expression(form), expression(form, _ARROW_LETTERS)):
        found = pc.extract_regex(_those(array, left), pattern)
        matched = as_mask(pc.is_valid(found))
        if matched.any():
            positions = np.flatnonzero(left)[matched]
            micros[positions], good[positions] = _matched(_those(found, matched), form)
            left[positions] = False
        if not left.any():
            break
    return micros, good


def _matched(found: pa.StructArray, form: str) -> tuple[Int, Bool]:
    """Return the moments of texts that match the form's expression, and which of them there are."""
    groups = _Groups(found)
    year = groups.number("Y", 0)
    if groups.has("y"):
        years = np.array([_century(short, form) for short in range(100)])
        year = np.where(year > 0, year, years[groups.number("y", 0)])
    zone = groups.word("z", zone_or_none)
    parts = Parts(
        year=year,
        month=groups.word("b", month_of) if groups.has("b") else groups.number("m", 1),
        day=groups.number("d", 1),
        quarter=groups.number("q", 0),
        week=groups.number("V", 0),
        weekday=groups.number("u", 0),
        hour=groups.number("H", 0),
        minute=groups.number("M", 0),
        second=groups.number("S", 0),
        micro=groups.word("f", lambda text: int(text[:6].ljust(6, "0"))),
        half=groups.word("p", _half),
        zone=zone,
    )
    micros, good = moments(parts)
    return micros, good & (zone != NO_ZONE) & (groups.word("a", _weekday) == 0)


class _Groups:
    """The groups of a regular expression in many texts, which all match it."""

    def __init__(self, found: pa.StructArray) -> None:
        self._found = found
        names = [field.name for field in found.type]
        self._named = {name[0]: [n for n in names if n[0] == name[0]] for name in names}

    def has(self, name: str) -> bool:
        return name in self._named

    def number(self, name: str, absent: int) -> Int | int:
        """Return a group as numbers; `absent` if the expression has no such group."""
        if name not in self._named:
            return absent
        total: Int = np.zeros(len(self._found), np.int64)
        for spelled in self._named[name]:  # one of them at most is not empty
            digits = self._found.field(spelled)
            if pc.any(empty := pc.equal(digits, "")).as_py():
                digits = pc.if_else(empty, "0", digits)
            total = total + pc.cast(digits, pa.int64()).to_numpy()
        return total

    def word(self, name: str, meaning: Any) -> Int:
        """Return what the different texts of a group mean as numbers; an empty one means 0."""
        if name not in self._named:
            return np.zeros(len(self._found), np.int64)
        total: Int = np.zeros(len(self._found), np.int64)
        for spelled in self._named[name]:
            coded = self._found.field(spelled).dictionary_encode()
            meanings = np.array([meaning(text) for text in coded.dictionary.to_pylist()], np.int64)
            total = total + meanings[coded.indices.to_numpy()]
        return total


def _plain_iso(array: pa.Array) -> Int | None:
    """Read ISO dates at once if all are written as Arrow reads them, else return None."""
    if not pc.all(pc.match_substring_regex(array, expression(ISO, "")), min_count=0).as_py():
        return None
    for zone in (None, "UTC"):
        try:
            stamps = pc.cast(array, pa.timestamp("us", zone))
        except pa.ArrowInvalid:
            continue
        micros: Int = pc.cast(stamps, pa.int64()).to_numpy(zero_copy_only=False).copy()
        return micros
    return None


def _those(array: pa.Array, chosen: Bool) -> pa.Array:
    return array if chosen.all() else array.filter(pa.array(chosen))


def _century(short: int, form: str) -> int:
    return short + (2000 if short <= pivot(form) else 1900)


_HALVES = {"": 0, "a": 1, "p": 2, "上午": 1, "午前": 1, "오전": 1, "下午": 2, "午後": 2, "오후": 2}


def _half(text: str) -> int:
    return _HALVES[text.lower()]


def _weekday(text: str) -> int:
    return int(text != "" and key(text) not in WEEKDAYS)


NO_ZONE = 10**6


def _zone(text: str) -> int:
    """Return the minutes to the east of UTC.

    Raises:
        ValueError: There is no such zone.
    """
    text = text.upper()
    if text in ZONES:
        return 60 * ZONES[text]
    digits = text.removeprefix("UTC").removeprefix("GMT").replace(":", "")
    hours, minutes = int(digits[1:3]), int(digits[3:] or 0)
    if hours > 23 or minutes > 59:
        raise ValueError(text)
    return (60 * hours + minutes) * (-1 if digits[0] == "-" else 1)


def zone_or_none(text: str) -> int:
    """Return the minutes to the east of UTC, ``NO_ZONE`` where there is no such zone."""
    try:
        return _zone(text)
    except ValueError:
        return NO_ZONE
