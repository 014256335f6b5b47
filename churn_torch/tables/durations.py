"""Durations of several parts, rewritten with one unit: ``1:23:45`` as seconds, ``2 yrs 3 mos``.

`number_formats` then reads them like other numbers with a unit. ``h:mm:ss`` is seconds, whether it
is a duration or a time of day (since midnight). Two parts (``12:30``) could be hours and minutes,
minutes and seconds or a ratio, so they are not read.
"""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from churn_torch.tables.number_units import conversion, read_affix, scale_of

_CLOCK = re.compile(r"(-?)([0-9]{1,6}):([0-5][0-9]):([0-5][0-9])")
_TWO_PARTS = re.compile(
    r"(-?)([0-9]{1,9}) ?([^\W\d_]+\.?),? ?(?:and |und |et |y |e |i )?([0-9]{1,9}) ?([^\W\d_]+\.?)"
)
_ANY = r"^\s*-?[0-9]{1,9}(?::[0-5][0-9]:[0-5][0-9]| ?\pL+\.?,? ?(?:\pL+ )?[0-9]{1,9} ?\pL+\.?)\s*$"
# The families of seconds and of months, each by its smallest unit.
_FAMILIES = ("ms", "month")


def has_durations(unit: str) -> bool:
    """Tell whether numbers with a unit may be written in several parts."""
    return scale_of(unit)[0] in _FAMILIES


def with_one_unit(text: str) -> str:
    """Rewrite a duration: ``5025 s`` for ``1:23:45``; all other text stays."""
    trimmed = text.strip()
    if clock := _CLOCK.fullmatch(trimmed):
        hours, minutes, seconds = map(int, clock.groups()[1:])
        return f"{clock[1]}{3600 * hours + 60 * minutes + seconds} s"
    if parts := _TWO_PARTS.fullmatch(trimmed):
        affixes = read_affix("", f" {parts[3]}"), read_affix("", f" {parts[5]}")
        if affixes[0] is None or affixes[1] is None or not has_durations(affixes[1].unit):
            return text
        times = conversion(affixes[0].unit, affixes[1].unit)
        if times > 1 and int(parts[4]) < times:
            return f"{parts[1]}{round(int(parts[2]) * times) + int(parts[4])} {affixes[1].unit}"
    return text


def all_with_one_unit(text: pa.Array) -> pa.Array:
    """Do the work of `with_one_unit` for a column of large strings."""
    where = pc.fill_null(pc.match_substring_regex(text, _ANY), False)
    if not pc.any(where, min_count=0).as_py():
        return text
    different = text.filter(where).dictionary_encode()
    words = pa.array(map(with_one_unit, different.dictionary.to_pylist()), pa.large_string())
    return pc.replace_with_mask(text, where, words.take(different.indices))
