"""Durations of several parts, rewritten with one unit: ``1:23:45`` as seconds, ``2 yrs 3 mos``.

`number_formats` then reads them like other numbers with a unit. ``h:mm:ss`` is seconds, whether it
is a duration or a time of day (since midnight). Two parts (``12:30``) could be hours and minutes,
minutes and seconds or a ratio, so they are not read.
"""

from __future__ import annotations

import re
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from churn_torch.tables.values.number_units import conversion, read_affix, scale_of

_CLOCK = re.compile(r"(-?)([0-9]{1,6}):([0-5][0-9]):([0-5][0-9])")
_PART = re.compile(r"([0-9]{1,9}) ?([^\W\d_]+\.?)")
_PARTS = re.compile(
    rf"(-?)({_PART.pattern}(?:,? ?(?:(?:and|und|et|y|e|i) )?{_PART.pattern}){{1,3}})"
)
_ANY = (
    r"^\s*-?[0-9]{1,9}(?::[0-5][0-9]:[0-5][0-9]"
    r"| ?\pL+\.?(?:,? ?(?:\pL+ )?[0-9]{1,9} ?\pL+\.?){1,3})\s*$"
)
_ALONE = re.compile(r"(-?[0-9]+(?:[.,][0-9]+)?) ?[mM]")
_ALONE_IN_ARROW = rf"^\s*{_ALONE.pattern}\s*$"
_BARE_M = re.compile(r"[0-9] ?[mM](?![^\W\d_])")
# What m is beside another unit.
_MEANT_BY_M = {"year": "month", "day": "min", "hour": "min", "s": "min"}
# The families of seconds and of months, each by its smallest unit.
_FAMILIES = ("ms", "month")


def has_durations(unit: str) -> bool:
    """Tell whether numbers with a unit may be written in several parts."""
    return scale_of(unit)[0] in _FAMILIES


def with_one_unit(text: str, m: str = "") -> str:
    """Rewrite a duration: ``5025 s`` for ``1:23:45``; all other text stays.

    Args:
        text: The cell.
        m: What a number followed by ``m`` alone is in this column: ``min`` or ``month``; ``""``
            where that is not known.
    """
    trimmed = text.strip()
    if clock := _CLOCK.fullmatch(trimmed):
        hours, minutes, seconds = map(int, clock.groups()[1:])
        return f"{clock[1]}{3600 * hours + 60 * minutes + seconds} s"
    if m and (alone := _ALONE.fullmatch(trimmed)):
        return f"{alone[1]} {m}"
    parts = _PARTS.fullmatch(trimmed)
    found = [] if parts is None else _PART.findall(parts[2])
    units = _units(tuple(word for _, word in found))
    if parts is None or not units or not has_durations(units[-1]):
        return text
    total = int(found[0][0])
    for (number, _), unit, smaller in zip(found[1:], units, units[1:], strict=False):
        times = conversion(unit, smaller)
        if not times > 1 or int(number) >= times:
            return text
        total = round(total * times) + int(number)
    return f"{parts[1]}{total} {units[-1]}"


@lru_cache(maxsize=1024)
def _units(words: tuple[str, ...]) -> list[str]:
    """Return the units of the parts of a duration, nothing where one is no unit."""
    affixes = [read_affix("", f" {word.lower() if len(word) == 1 else word}") for word in words]
    units = [affix.unit for affix in affixes if affix is not None]
    if len(units) < len(words):
        return []
    for i, unit in enumerate(units):
        if unit == "m":
            beside = units[i - 1] if i else units[1]
            units[i] = _MEANT_BY_M.get(beside, "m")
    return units


def meant_by_m(unit: str) -> str:
    """Return what ``m`` is in a column of durations with a unit."""
    return "month" if scale_of(unit)[0] == "month" else "min"


def all_with_one_unit(text: pa.Array, m: str = "") -> pa.Array:
    """Do the work of `with_one_unit` for a column of large strings.

    Where `m` is not known, cells of several parts tell: of ``2h 5m`` and ``45m`` that is minutes.
    """
    where = pc.fill_null(pc.match_substring_regex(text, _ANY), False)
    if pc.any(where, min_count=0).as_py():
        different = text.filter(where).dictionary_encode()
        spelled = different.dictionary.to_pylist()
        words = [with_one_unit(cell, m) for cell in spelled]
        m = m or next(
            (meant_by_m(word.split()[-1]) for cell, word in zip(spelled, words, strict=True)
             if word != cell and _BARE_M.search(cell)), ""
        )  # fmt: skip
        rewritten = pa.array(words, pa.large_string())
        text = pc.replace_with_mask(text, where, rewritten.take(different.indices))
    return pc.replace_substring_regex(text, _ALONE_IN_ARROW, rf"\1 {m}") if m else text
