"""Numbers in text: the one format of a column, and the few texts between them that mean missing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from churn_torch.tables.inference.column_profile import ColumnProfile, Counts, sorted_numbers
from churn_torch.tables.inference.column_units import (
    common_unit,
    converted_units,
    different_units,
    n_without_unit,
    rows_by_affix,
)
from churn_torch.tables.inference.file_decimal import may_group, readable
from churn_torch.tables.inference.placeholders import counted, missing_here
from churn_torch.tables.inference.sentinels import number_sentinels
from churn_torch.tables.schema import Storage
from churn_torch.tables.values import cells, number_formats, plain_numbers
from churn_torch.tables.values.durations import all_with_one_unit
from churn_torch.tables.values.number_formats import NumberFormat
from churn_torch.tables.values.number_units import MONEY, conversion

# Most columns of text hold no numbers, which so many of their values show.
_FIRST_LOOK = 999
_FEW_NUMBERS = 0.3
# So many numbers like 1,234, and none that says otherwise, are thousands.
_SEVERAL = 3
_SHOWN_UNITS = 2
_NEARLY_ALL = 0.8
_NOTHING = pa.scalar("", pa.large_string())
_SIGN_NAMES = {" ": "blanks", "'": "apostrophes"}


@dataclass(frozen=True)
class NumbersFound:
    """What a column of text is as numbers.

    Attributes:
        profile: The column as numbers; None where it is none.
        why_not: What keeps text that is nearly numbers from being numbers.
        unreadable: A text that is no number, where `profile` is None.
        unreadable_rows: How many cells are no numbers and no usual words for missing.
    """

    profile: ColumnProfile | None = None
    why_not: str = ""
    unreadable: str = ""
    unreadable_rows: int = 0


class _Reading(NamedTuple):
    form: NumberFormat | None
    numbers: npt.NDArray[np.float64]
    remark: str = ""
    is_code: bool = False


def as_numbers(profile: ColumnProfile, *, asked: bool = False) -> NumbersFound:
    """Read a column of text as numbers.

    Cells that are none count as missing where they are usual words for it, signs such as ``#``, or
    a few texts in a few rows (`placeholders.missing_here`).

    Args:
        profile: The column.
        asked: The user said that it holds numbers: codes lose their zeros, any text may be
            missing in 5 % of the rows.
    """
    levels, counts = profile.levels, profile.counts
    assert counts is not None
    if not asked and _share_of_numbers(levels[:_FIRST_LOOK]) <= _FEW_NUMBERS:
        return NumbersFound()
    plain, unreadable = plain_numbers.read_numbers(levels)
    reading = _Reading(
        None, plain.to_numpy(), is_code=bool(plain_numbers.leading_zero(levels).any())
    )
    problem = ""
    grouped = not unreadable.any() and may_group(levels, profile.decimal)
    if unreadable.any() or grouped:
        formatted = _formatted(levels, counts, profile.decimal, grouped=grouped)
        if isinstance(formatted, str):
            problem = formatted
        elif grouped or _rows(formatted, counts) < _rows(reading, counts):
            reading = formatted
    if problem and not asked:
        return NumbersFound(why_not=f"; {problem}")
    if reading.is_code and not asked:
        return NumbersFound()
    return _judged(profile, counts, reading, problem, asked=asked)


def written_numbers(profile: ColumnProfile) -> ColumnProfile:
    """Return a column of text as numbers where it holds them, else as it is."""
    if profile.storage is not Storage.TEXT or not profile.present:
        return profile
    return as_numbers(profile).profile or profile


def _share_of_numbers(head: pd.Series) -> float:
    parts = number_formats.cut(all_with_one_unit(number_formats.normalized(head)))
    fits = np.array([affix is not None for affix in parts.affixes])
    return float(fits[parts.codes].mean())


def _judged(
    profile: ColumnProfile, counts: Counts, reading: _Reading, problem: str, *, asked: bool
) -> NumbersFound:
    """Decide whether the cells that are no numbers may count as missing."""
    levels, bad = profile.levels, np.isnan(reading.numbers)
    words = missing_here(levels[bad], counts[bad], profile.present, asked=asked)
    different = len(np.unique(reading.numbers[~bad]))
    if words is None or (different < 2 and bad.any() and not asked) or different == 0:
        strays = levels[bad]
        n_rows = int(counts[bad].sum())
        nearly = n_rows <= 0.2 * profile.present or len(strays) <= 0.1 * len(levels)
        first = str(strays.iloc[0])
        why = f"; would be a number but for {first[:40]!r}" if nearly and different > 1 else ""
        if nearly and len(strays) > 1 and why:
            why += f" and {len(strays) - 1:,} other {'text' if len(strays) == 2 else 'texts'}"
        return NumbersFound(None, f"; {problem}" if problem else why, first, n_rows)
    numbers = pd.Series(reading.numbers)
    unique = sorted_numbers(numbers)
    remarks = [reading.remark] if reading.remark else []
    remarks += [counted(levels[bad], counts[bad])] if bad.any() else []
    long = not float(unique.abs().max()) < cells.LARGEST_EXACT
    read = replace(
        profile,
        storage=Storage.NUMBER,
        levels=unique,
        counts=None,
        missing=profile.missing + int(counts[bad].sum()),
        n_distinct=len(levels) - int(bad.sum()) if long else len(unique),
        number_format=reading.form,
        missing_words=(*profile.missing_words, *words),
        remarks=(*remarks, *profile.remarks),
        sentinels=number_sentinels(
            unique, lambda x: int(counts[reading.numbers == x].sum()), profile.rows
        ),
    )
    return NumbersFound(read)


def _rows(reading: _Reading, counts: Counts) -> int:
    return int(counts[np.isnan(reading.numbers)].sum())


def _formatted(
    levels: pd.Series, counts: Counts, decimal: str | None, *, grouped: bool
) -> _Reading | str:
    """Read text in the format that fits most of it, or say why it cannot be one number.

    Args:
        levels: The different texts.
        counts: Their rows.
        decimal: The sign of a decimal where the texts leave it open.
        grouped: All are plain numbers whose full stops part thousands (`may_group`).
    """
    written = number_formats.normalized(levels)
    rewritten = all_with_one_unit(written)
    parts = number_formats.cut(rewritten)
    units = different_units(parts, counts)
    if len(units) > 1 and sum(rows_by_affix(parts, counts).values()) >= _NEARLY_ALL * counts.sum():
        *first, last = units[:3]
        return f"several units ({', '.join(first)} and {last}), so not read as one number"
    if len(units) > 1:  # texts with a digit, such as 3b1
        return _Reading(None, np.full(len(levels), np.nan))
    unit, spelled = common_unit(parts, counts)
    converted = converted_units(parts, counts, unit) if unit is not None else {}
    if converted and unit and unit not in MONEY.values() and n_without_unit(parts, counts):
        *first, last = [spelled[0], *converted.values()]
        return f"numbers with {', '.join(first)} and {last}, and others without a unit"
    if unit is None:
        return _Reading(None, np.full(len(levels), np.nan))
    fits = [affix is not None for affix in parts.affixes]
    body = pc.if_else(pa.array(np.array(fits)[parts.codes]), parts.body, None)
    different = body.unique().drop_null()
    if not len(different):
        return _Reading(None, np.full(len(levels), np.nan))
    is_money = unit.split(" ")[0] in MONEY.values()
    # Before an exponent nothing parts thousands: 8,062E+04 is like 8,0620.
    decisive = pc.replace_substring_regex(
        pc.binary_join_element_wise(body, parts.exponent, _NOTHING), "[eE].*", "0"
    )
    sign, doubt = _decimal(decisive.unique().drop_null(), decimal, is_money=is_money)
    if grouped:
        sign, doubt = ",", decimal is None
    other = "," if sign == "." else "."
    pattern = number_formats.body_pattern(sign, f"{other} '")
    fitting = pc.match_substring_regex(different, pattern)
    read = different.filter(fitting)
    if readable(different.filter(pc.invert(fitting)), other) > 0.2 * len(different):
        return "some numbers with a decimal comma, others with a decimal point"
    seen = "".join(
        part for part in f"{other} '" if pc.any(pc.match_substring(read, part), min_count=0).as_py()
    )
    has_decimal = pc.any(pc.match_substring(read, sign), min_count=0).as_py()
    # Where it is sure what a decimal is, larger numbers may come that are parted.
    thousands = seen or (f"{other} '" if unit or has_decimal else "")
    form = NumberFormat(sign, thousands, unit)
    numbers = number_formats.numbers_of(parts, form)
    zeros = pc.any(pc.match_substring_regex(read, "^0[0-9]"), min_count=0).as_py()
    remark = _remark(form, [s for s in spelled if s not in converted.values()], seen, has_decimal)
    for other_unit, word in converted.items():
        factor = conversion(other_unit, unit)
        own = unit if unit in ("", *MONEY.values()) else spelled[0]
        remark += f"; 1 {word} counts as {factor:,g} {own}".rstrip()
    if not rewritten.equals(written):
        at = pc.index(pc.not_equal(rewritten, written), True).as_py()
        remark += f"; {written[at]} read as {rewritten[at]}"
    if levels.str.contains("(", regex=False).any():
        remark += "; parentheses are a minus"
    if levels.str.contains(r"\d[^-.,/]*-\s*$", regex=True).any():
        remark += "; a minus may stand last"
    bare = n_without_unit(parts, counts)
    if unit == "%" and bare:  # 45% beside .45
        remark += f"; {bare:,} {'cell has' if bare == 1 else 'cells have'} no %"
    examples = read.filter(pc.match_substring(read, other if seen else sign))
    if doubt and len(examples):
        meant = number_formats.read_number(examples[0].as_py(), form)
        remark += f"; we read {examples[0]} as {meant:g}"
        remark += f", data.decimal={other} reads it the other way"
    return _Reading(form, numbers, remark.removeprefix("; "), bool(zeros))


def _decimal(body: pa.Array, decimal: str | None, *, is_money: bool) -> tuple[str, bool]:
    """Return the sign of a decimal, and whether that is in doubt."""
    point, comma = readable(body, "."), readable(body, ",")
    if point != comma:
        return ("." if point > comma else ","), False
    commas, points = (int(pc.sum(pc.match_substring(body, sign)).as_py()) for sign in ",.")
    if decimal is not None or commas + points == 0:
        return decimal or ".", False
    if commas and points:
        return ".", True
    # Three digits stand behind every sign. Decimals of money are not that long.
    if commas:
        return ".", commas < _SEVERAL or commas == len(body)  # no number below 1,000
    return ("," if is_money else "."), points < _SEVERAL or not is_money


def _remark(form: NumberFormat, spelled: list[str], seen: str, has_decimal: bool) -> str:
    """Say how the numbers are read: ``$ and , left out``."""
    left_out = [*spelled[:_SHOWN_UNITS], *(_SIGN_NAMES.get(sign, sign) for sign in seen)]
    parts = ["decimal comma"] if form.decimal == "," and has_decimal else []
    if left_out:
        *first, last = left_out
        parts.append(f"{', '.join(first)} and {last} left out" if first else f"{last} left out")
    return "; ".join(parts)
