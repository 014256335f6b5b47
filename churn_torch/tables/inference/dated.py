"""Columns of dates: which names say that a column holds dates, and what the note says of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import pandas as pd
import pyarrow.compute as pc

from churn_torch.tables.inference.column_profile import ColumnProfile, override
from churn_torch.tables.inference.identifiers import tokens_of
from churn_torch.tables.inference.placeholders import (
    counted,
    missing_here,
    without_placeholders,
)
from churn_torch.tables.inference.sentinels import text_date_sentinels
from churn_torch.tables.schema import Column, Kind, Storage
from churn_torch.tables.values import cells, dates

DATE_NOTE = "date: elapsed days and calendar parts"

# "data" is a date in Polish, Italian and Portuguese, but data volume in English: not here.
_DATE = frozenset(
    {
        "date",
        "dt",
        "dob",
        "datetime",
        "timestamp",
        "datum",
        "dato",
        "fecha",
        "дата",
        "日期",
        "tarih",
    }
    | {"tarihi", "päivämäärä", "birthday", "birthdate", "startdate", "enddate", "orderdate"}
    | {"signupdate", "joindate", "duedate", "paydate", "closedate", "opendate", "yyyymmdd"}
)
_TIME = frozenset({"time", "ts", "at", "epoch", "unix"})
_MONTH = frozenset({"month", "period", "yyyymm", "yearmonth", "monat", "mois", "mes"})
_BIRTH = re.compile(
    r"birth|\bdob\b|born|geburt|naissance|nacimiento|nascita|nascimento|urodz|рожд|födel|fødsel",
    re.IGNORECASE,
)
# People are born before the table was made, and 99 years before that at most.
_BIRTH_PIVOT = 25
# Texts that are no dates may be so many; how many rows they may have, `missing_here` says.
_FEW = 5
_SAMPLE = 20
_LONGEST_ZERO = 5  # shorter than any date
# So many different numbers that are all days, such as 20240131, are no chance.
_FEWEST_DAYS = 10


def named_forms(name: str) -> tuple[str, ...]:
    """Return the forms of dates that numbers may have in a column of this name."""
    tokens = set(tokens_of(name))
    epochs = tuple(sorted(dates.NUMBER_FORMS - {dates.EXCEL}))
    if tokens & _DATE or any(token.endswith("datum") for token in tokens):
        return (*dates.DIGIT_FORMS, *epochs, dates.EXCEL)
    if tokens & _TIME:
        return (dates.COMPACT, *epochs)
    if "excel" in tokens:
        return (dates.EXCEL,)
    return (dates.COMPACT_MONTH,) if tokens & _MONTH else ()


def dates_by_name(profile: ColumnProfile) -> Column | None:
    """Return a column of numbers as dates if its name says so and its numbers can be, else None."""
    allowed = named_forms(profile.name)
    if not allowed:
        return None
    formats = [form for form in dates.number_formats(profile.levels) if form in allowed]
    return number_dates(profile, formats[0]) if formats else None


def compact_dates(profile: ColumnProfile) -> Column | None:
    """Return numbers as dates like 20240131 if all of many can be, whatever the name; else None."""
    form, levels = dates.COMPACT, profile.levels
    # Of eight digits: with a time behind the day, numbers may also be ids.
    if len(levels) < _FEWEST_DAYS or not 19_000_101 <= levels.max() <= 21_001_231:
        return None
    if form not in dates.number_formats(levels):
        return None
    column = number_dates(profile, form)
    number = override(f"data.kinds.{profile.name}=numeric")
    return replace(column, note=f"{column.note}; {number} if these are numbers")


def number_dates(profile: ColumnProfile, form: str) -> Column:
    """Return a column of numbers as dates in a form."""
    if form in dates.DIGIT_FORMS:
        profile = replace(profile, storage=Storage.TEXT)
    note = f"{DATE_NOTE}; read as {dates.example(form) if form in dates.DIGIT_FORMS else form}"
    explained = dates.explanation(form)
    return profile.as_column(Kind.DATETIME, f"{note}, {explained}" if explained else note, form)


def hint(profile: ColumnProfile) -> str:
    """Say that numbers look like dates, ``""`` if they do not.

    Small ones may be anything, and amounts with cents are no dates.
    """
    sure = set(dates.NUMBER_FORMS | {dates.COMPACT}) - {dates.EXCEL}
    levels = profile.levels
    if len(levels) < 2 or not (levels % 1 == 0).all():
        return ""
    if sure.intersection(dates.number_formats(levels)):
        return f"; looks like dates: {override(f'data.kinds.{profile.name}=datetime')} reads them"
    return ""


def text_hint(levels: pd.Series) -> str:
    """Say that text is nearly dates, ``""`` if it is not."""
    sample = [str(text) for text in levels.head(_SAMPLE)]
    dated = [text for text in sample if dates.looks_dated(text)]
    if not dated or len(dated) < 0.8 * len(sample):
        return ""
    odd = next((text for text in sample if text not in dated), None)
    if odd is None:
        forms, unread = dates.but_for(levels, few=len(levels))
        odd = unread[0] if forms and unread else sample[-1]
    return f"; would be dates but for {odd[:40]!r}"


class DatesFound(NamedTuple):
    """A column of dates, or a text that is none."""

    column: Column | None
    unreadable: str = ""


def as_dates(profile: ColumnProfile, *, asked: bool = False) -> DatesFound:
    """Read a column of text as dates; a few other texts in a few rows count as missing.

    Args:
        profile: The column.
        asked: The user said that it holds dates: 20240131 is one too, and any text may be missing
            in 5 % of the rows.
    """
    dated = without_placeholders(profile)
    few = len(dated.levels) if asked else _FEW
    formats, unread = dates.but_for(dated.levels, few=few, asked=asked)
    if not formats:
        return DatesFound(None, str(dated.levels.iloc[0]))
    dated = _without_zeros(dated)
    if unread:
        bad = dated.levels.isin(unread).to_numpy()
        if dated.counts is None or bad.all():
            return DatesFound(None, unread[0])
        words = missing_here(dated.levels[bad], dated.counts[bad], dated.present, asked=asked)
        if words is None:
            return DatesFound(None, unread[0])
        dated = replace(
            dated,
            levels=dated.levels[~bad].reset_index(drop=True),
            counts=dated.counts[~bad],
            n_distinct=int((~bad).sum()),
            missing=dated.missing + int(dated.counts[bad].sum()),
            missing_words=(*dated.missing_words, *words),
            remarks=(*dated.remarks, counted(dated.levels[bad], dated.counts[bad])),
        )
    return DatesFound(date_column(dated, formats))


def _without_zeros(profile: ColumnProfile) -> ColumnProfile:
    """Count 0 and the like between dates as missing, as they are read."""
    if profile.counts is None or not len(profile.levels):
        return profile
    lengths = pc.binary_length(cells.arrow_text(profile.levels))
    if pc.min(lengths).as_py() > _LONGEST_ZERO:
        return profile
    zero = profile.levels.str.fullmatch(r"\s*0+(?:\.0+)?\s*").to_numpy(dtype=bool)
    if not zero.any() or zero.all():
        return profile
    return replace(
        profile,
        levels=profile.levels[~zero].reset_index(drop=True),
        counts=profile.counts[~zero],
        n_distinct=int((~zero).sum()),
        missing=profile.missing + int(profile.counts[zero].sum()),
        remarks=(*profile.remarks, counted(profile.levels[zero], profile.counts[zero])),
    )


def date_column(profile: ColumnProfile, formats: Sequence[str]) -> Column:
    """Return a column of dates in text, in the first of the formats that fit."""
    form, levels = formats[0], profile.levels
    note = DATE_NOTE
    if form != dates.ISO:
        note += f"; like {dates.example_like(map(str, levels.head(_SAMPLE)), form)}"
    if len(formats) > 1:
        first = "year" if form.startswith("%y") else "day"
        if any(other.startswith("%y") for other in formats):
            note += f"; day, month and year could be in another order, we guess {first} first"
        else:
            note += "; day and month could be either way round, we guess day first"
    if _BIRTH.search(profile.name.replace("_", " ")):
        form = dates.with_pivot(form, _BIRTH_PIVOT)
    explained = dates.explanation(form)
    note += f"; {explained}" if explained else ""
    if len(zones := dates.different_zones(levels)) > 1:
        note += (
            f"; times in several zones ({', '.join(z or 'none' for z in zones)}) are read as UTC"
        )
    if profile.counts is not None:
        profile = replace(profile, sentinels=text_date_sentinels(levels, profile.counts))
    return profile.as_column(Kind.DATETIME, note, form)
