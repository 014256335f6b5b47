"""The forms of dates in text: each is a regular expression with a named group for every part."""

from __future__ import annotations

import datetime
import re
from functools import lru_cache

ISO = "ISO8601"
COMPACT = "%Y%m%d"
COMPACT_MONTH = "%Y%m"
QUARTER = "quarter"
WEEK = "ISO week"
EPOCH_S = "seconds since 1970"
EPOCH_MS = "milliseconds since 1970"
EPOCH_US = "microseconds since 1970"
EPOCH_NS = "nanoseconds since 1970"
EXCEL = "Excel days"
# As the C library and Java write a moment: Wed Jan 31 14:30:00 CET 2024.
CTIME = "%b %d 00:00:00 %Y"
# Two-digit years up to this one are in the 2000s, in forms with ``%y``. Another one stands between
# the two letters: ``%25y``. It is part of the form, so that no year depends on the clock.
PIVOT = 68
# Where both day first and month first fit, the first of these forms is taken.
FORMS = (
    ISO,
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%m.%d.%Y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y-%m-%d",
    "%Y年%m月%d日",
    # Names of months may have any separator before and after them.
    "%d-%b-%Y",
    "%b %d, %Y",
    CTIME,
    "%Y-%b-%d",
    "%d-%b-%y",
    "%b %d, %y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%y/%m/%d",
    "%d.%m.%y",
    "%m.%d.%y",
    "%y.%m.%d",
    "%d-%m-%y",
    "%m-%d-%y",
    "%y-%m-%d",
    "%Y-%m",
    "%Y/%m",
    "%m/%Y",
    "%m-%Y",
    "%m.%Y",
    "%Y年%m月",
    "%b %Y",
    "%Y %b",
    "%b-%y",
    QUARTER,
    WEEK,
)

# In these, day first is the only custom: where it fits, month first is no alternative.
DAY_FIRST = {"%m.%d.%Y": "%d.%m.%Y", "%m.%d.%y": "%d.%m.%y"}

# Hours to the east of UTC; letters that stand for other zones too (IST, BST) are not here.
ZONES = {
    "": 0, "Z": 0, "UTC": 0, "GMT": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7,
    "MDT": -6, "PST": -8, "PDT": -7, "CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2, "EET": 2, "EEST": 3,
    "MSK": 3, "JST": 9,
}  # fmt: skip
ZONE = rf"(?:UTC|GMT)?[+-][0-9]{{2}}(?::?[0-9]{{2}})?|{'|'.join(filter(None, ZONES))}"
# 14:30, at 2.30 p.m., à 14h30, um 14:30 Uhr, 14時30分
_TIME = (
    r"(?:(?:[T:]|,? +(?:(?:at|um|om|kl|klo|à|a las?|às|alle|ore|o|godz|в|saat)\.? )?)"
    r"(?:(?P<p2>上午|下午|午前|午後|오전|오후) ?)?"
    r"(?P<H>[0-9]{1,2})(?:[:.]| ?h ?|[時时点點시] ?)(?P<M>[0-9]{2})"
    r"(?:(?:[:.]|[分분] ?)(?P<S>[0-9]{2})(?:[.,](?P<f>[0-9]{1,9}))?)?"
    r"(?:[分분秒초]| ?(?:uhr|uur|hrs?|h|min))?"
    r" ?(?:(?P<p>[ap])\.? ?m\.?)?"
    rf" ?(?P<z>{ZONE})?"
    r"(?:\[[a-z_/+-]+\])?)?"
)
_PLAIN_TIME = r"(?: (?P<H>[0-9]{2}):(?P<M>[0-9]{2})(?::(?P<S>[0-9]{2}))?(?: (?P<p>[AP])M)?)?"
_NAME = "LETTERS"  # Arrow's expressions and Python's have different classes of letters
# Taken for a weekday only where it cannot be anything else: enero de 2024.
_WEEKDAY = rf"(?:(?P<a>{_NAME})[., ]+)??"
_WEEKDAY_BEHIND = rf"(?:,? ?\((?P<a2>{_NAME})\)|,? (?P<a3>{_NAME}))??"
_QUARTERS = r"(?:[QT]|(?:quarter|quartal|trimestre|trim\.?|kwartał|kw\.|квартал|кв\.?) ?)"
_OWN = {
    ISO: r"(?P<Y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})",
    COMPACT: r"(?P<Y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})"
    r"(?:(?P<H2>[0-9]{2})(?P<M2>[0-9]{2})(?P<S2>[0-9]{2})|\.0+)?",
    COMPACT_MONTH: r"(?P<Y>[0-9]{4})(?P<m>[0-9]{2})(?:\.0+)?",
    # 2021-Q1, Q1 2021, 1Q21, 1. Quartal 2021, 1er trimestre 2021; T as in trimestre.
    QUARTER: rf"(?:(?P<Y>[0-9]{{4}})[-/. ]*{_QUARTERS}(?P<q>[1-4])|(?:{_QUARTERS}(?P<q2>[1-4])"
    rf"|(?P<q3>[1-4])(?:st|nd|rd|th|er|e|o|\.|°)? ?{_QUARTERS})"
    r"(?:[-/. ']*| (?:de|of) )(?:(?P<Y2>[0-9]{4})|(?P<y>[0-9]{2})))",
    CTIME: rf"(?:(?P<a>{_NAME})[., ]+)??(?P<b>{_NAME})\.? +(?P<d>[0-9]{{1,2}}),? +"
    r"(?P<H2>[0-9]{1,2}):(?P<M2>[0-9]{2}):(?P<S2>[0-9]{2})(?:[.,](?P<f2>[0-9]{1,9}))?"
    rf"(?: (?P<z2>{ZONE}))? (?P<Y>[0-9]{{4}})",
    # 2020-W20-7 with the day, 2020-W20, KW 20/2020.
    WEEK: r"(?:(?P<Y>[0-9]{4})[-/. ]?(?:W|KW|CW)"
    r"(?:(?P<V>0[1-9]|[1-5][0-9])(?:-?(?P<u>[1-7]))?|(?P<V2>[1-9]))"
    r"|(?:W|KW|CW) ?(?P<V3>0?[1-9]|[1-5][0-9])[-/. ]+(?P<Y2>[0-9]{4}))",
}
_FIELDS = {
    "Y": "(?P<Y>[0-9]{4})",
    "y": "(?P<y>[0-9]{2})",
    "m": "(?P<m>[0-9]{1,2})",
    "d": "(?P<d>[0-9]{1,2})",
    "b": rf"(?P<b>{_NAME})\.?",
}
_DIRECTIVE = re.compile(r"%(\d*)([A-Za-z])")
_YEAR_WORD = r"(?:г|год|года|r|rok|roku)\.?"  # 31.01.2024 r. in Polish and Russian  # noqa: RUF001
_OF = "(?:(?:de|del|of|den) |d['’])?"
# What may stand between two parts of a date with the name of a month, by the parts.
_BETWEEN = {
    ("d", "b"): rf"(?:(?:st|nd|rd|th|er|e|o|a|°)[-/., ]+|[-/., ]*){_OF}",
    ("d", "Y"): rf"(?:st|nd|rd|th)?[-/., ]+{_OF}",
    ("d", "y"): "(?:st|nd|rd|th)?[-/., ]+'?",
    ("b", "Y"): rf"[-/., ]*{_OF}",
    ("b", "y"): "[-/., ]*'?",
    ("b", "d"): "[-/., ]*",
    ("Y", "b"): "[-/., ]*",
}


@lru_cache(maxsize=256)
def expression(form: str, letters: str) -> str:
    """Return the regular expression of a form.

    Args:
        form: A member of `FORMS`, or what an earlier version stored.
        letters: What matches a word.
    """
    before, behind = ("", "") if form in _OWN else (_WEEKDAY, _WEEKDAY_BEHIND)
    return rf"(?i)^{before}{_date(form)}{behind}{_TIME}$".replace(_NAME, letters)


@lru_cache(maxsize=256)
def plain_expression(form: str) -> str:
    """Return what matches most dates in a form, and is several times as fast on many."""
    return f"^{_date(form)}{_PLAIN_TIME}$".replace(_NAME, "[A-Za-z]+")


def _date(form: str) -> str:
    form = _without_time(form)
    if form in _OWN:
        return _OWN[form]
    parts = list(_DIRECTIVE.finditer(form.replace("%B", "%b")))
    fields = [part.group(2) for part in parts]
    if not fields or not set(fields) <= set(_FIELDS):
        raise ValueError(f"{form} is no form of dates")
    named = "b" in fields
    pattern = ""
    for i, field in enumerate(fields):
        piece = _FIELDS[field]
        if fields[0] == "y" and field in "md":  # 21-3-1 could be anything
            piece = piece.replace("{1,2}", "{2}")
        pattern += piece
        start = parts[i].end()
        literal = form[start : parts[i + 1].start() if i + 1 < len(parts) else len(form)]
        if named:
            pattern += "" if i + 1 == len(fields) else _BETWEEN[field, fields[i + 1]]
        elif literal == ".":
            pattern += r"\. ?"
        elif literal in ("年", "月", "日"):
            pattern += {"年": "[年년]", "月": "[月월]", "日": "[日일]"}[literal] + " ?"
        else:
            pattern += re.escape(literal)
    if named:
        return f"{pattern}(?: ?{_YEAR_WORD})?"
    return rf"{pattern}(?:\.| ?{_YEAR_WORD})?" if "." in form else pattern


def _without_time(form: str) -> str:
    """Return the form without its time of day, which earlier versions stored too."""
    return re.sub(r"[T ]%[HI].*", "", form)


def pivot(form: str) -> int:
    """Return the last two-digit year that is in the 2000s."""
    found = re.search(r"%(\d+)y", form)
    return int(found.group(1)) if found else PIVOT


def with_pivot(form: str, last: int) -> str:
    """Return the form with another pivot; forms without two-digit years stay as they are."""
    return form.replace("%y", f"%{last}y")


def example(form: str) -> str:
    """Return 31 January 2024 in the form."""
    return written(form, 2024, 1, 31)


def written(form: str, year: int, month: int, day: int) -> str:
    """Return a date in the form."""
    date = datetime.date(year, month, day)
    if form == ISO:
        return date.isoformat()
    if form == QUARTER:
        return f"{year:04}-Q{(month + 2) // 3}"
    if form == WEEK:
        iso = date.isocalendar()
        return f"{iso.year:04}-W{iso.week:02}-{iso.weekday}"
    days = date.toordinal() - datetime.date(1970, 1, 1).toordinal()
    if form in _UNITS:
        return str(round(days * _UNITS[form]))
    if form == EXCEL:
        return str(days + 25_569)
    parts = {"Y": f"{year:04}", "y": f"{year % 100:02}", "m": f"{month:02}", "d": f"{day:02}"}
    parts |= {"b": _ENGLISH[month - 1], "B": _ENGLISH[month - 1]}
    return _DIRECTIVE.sub(lambda part: parts.get(part.group(2), part.group()), _without_time(form))


_UNITS = {EPOCH_S: 86_400, EPOCH_MS: 86_400e3, EPOCH_US: 86_400e6, EPOCH_NS: 86_400e9}
_ENGLISH = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def explanation(form: str) -> str:
    """Say what a date in the form does not say itself, ``""`` if nothing."""
    said = []
    if re.search(r"%\d*y", form):
        last = pivot(form)
        said.append(
            f"years 00 to {last:02} are 2000 to 20{last:02}, others 19{last + 1:02} to 1999"
        )
    if form == QUARTER:
        said.append("a quarter is its first day")
    elif form == WEEK:
        said.append("a week is its Monday")
    elif "%d" not in form and form.startswith("%"):
        said.append("a month is its first day")
    return ", ".join(said)
