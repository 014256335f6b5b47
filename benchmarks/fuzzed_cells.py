"""Cells and tables that are hard to read: numbers, dates and texts at and beyond every border."""

from __future__ import annotations

import random

# ruff: noqa: RUF001 - letters as people write them
NUMBERS = [
    "0", "1", "-0", "-0.0", "+5", "007", "1.5", "-2", "1e5", "1E-5", "1e", "1e400", "-1e400",
    "1e-400", "1.7976931348623157e308", "5e-324", "3.5e38", "9007199254740993",
    "9223372036854775808", "18446744073709551616", "-9223372036854775809", "0x1F", "0b1", "1_000",
    "1.234,56", "1,234.56", "1,23,456.7", "1'234", "$1,234.50", "€5", "5€", "USD7", "(12.5)",
    "12-", "50%", "12GB", "1,5", ".5", "5.", ".", "-", "--", "+-1", "٣٫٥", "１２", "½", "²", "1/2",
    "NaN", "nan", "-nan", "inf", "-inf", "Infinity", "+Infinity", "1e5000", "1#INF", "1.#QNAN",
    "0.1f", "1d5", "1L", "9" * 400, "0." + "3" * 400, "12 GB", "3 months", "1 234", "1\u202f234,5",
    "- 5", "5 -",
]  # fmt: skip
DATES = [
    "2024-01-31", "31.01.2024", "01/31/2024", "1/2/3", "31.12.99", "2024-02-30", "0000-00-00",
    "0001-01-01", "9999-12-31", "99999-12-31", "-2024-01-01", "1677-09-21", "2262-04-12",
    "20240131", "20249999", "2024-W05", "2024-Q1", "2024Q5", "2024-13", "13-Mar-21",
    "2024-01-31T00:00:00Z", "2024-01-31T25:61:61Z", "2024-01-31T00:00:00+99:99", "12:30",
    "23:59:60", "2024年1月31日", "1706659200", "1706659200000", "45322", "now", "today", "epoch",
    "2024-1-1", "1900-02-29", "2024/01/31", "2024", "March 13, 2021", "13 février 2021",
    "31 Jan 2024 3:04 PM", "2024-01-31 12:00:00.123456789", "Wed, 31 Jan 2024 00:00:00 GMT",
    "31.01.2024 24:00", "2024-01-31 00:00:00 Mars/Base",
]  # fmt: skip
TEXTS = [
    "basic", "plus", "São Paulo", "Łódź", "Базовый", "是", "", " ", "N/A", "null", "None", "\\N",
    "-", 'say "hi"', '"', '""', "'", "a,b", "1;5", "a\tb", "a\nb", "a\r\nb", "\r", "a\\", "\\n",
    "#REF!", "# no", "=1+1", "@x", "<b>", "&amp;", "{}", "[1]", "{'a': 1}", "True", "yes", "No",
    "oui", "Нет", "\ufeff", "\u200b", "\xa0", "\u2028", "\x85", "\x0b", "\x0c", "\x1f", "\x7f",
    "é", "é", "ﬁ", "İ", "ß", "\u202eabc", "👩‍👩‍👧", "\U0010ffff", "�", "__proto__", "C:\\x",
    "../..", "%s", "${x}", "a" * 300, "0", "missing",
]  # fmt: skip
HARD_NAMES = [
    "", " ", "a", "a", "A", "id", "plan", "charge ", "when", "churn", "1", "2024-01-31", "nan",
    "None", "a.b", "a\nb", 'a"b', "a,b", "__index_level_0__", "Unnamed: 0", "\ufeffid", "é", "é",
    "x" * 300, "rowid", "__proto__", "select", "count(*)", "\x1f", "data", "columns", "index",
    "table", "%",
]  # fmt: skip
STYLES = (
    NUMBERS,
    DATES,
    TEXTS,
    ["Yes", "No"],
    ["0", "1", ""],
    ["1.5", "2", "30"],
    ["2024-01-31", ""],
)


def cell(rng: random.Random) -> str:
    """Return a text of any sort, with a control character now and then."""
    if rng.random() < 0.002:
        return rng.choice(("\x00", "\x1c", "a\x08", "\x1b[31m"))
    return rng.choice(rng.choice((NUMBERS, DATES, TEXTS)))


def names(rng: random.Random, n: int) -> list[str]:
    """Return names of columns: mostly plain and different ones."""
    if rng.random() < 0.7:
        return [f"{rng.choice(('id', 'plan', 'charge', 'signup', 'zip'))}_{i}" for i in range(n)]
    if rng.random() < 0.2 or n > len(HARD_NAMES):
        return [rng.choice(HARD_NAMES) for _ in range(n)]
    return rng.sample(HARD_NAMES, n)


def rows(rng: random.Random) -> tuple[list[str], list[list[str]]]:
    """Return the names of columns and rows of texts; a column has a style that some cells break."""
    width = rng.choice((1, 1, 2, 3, 3, 4, 5, 8)) if rng.random() < 0.999 else 3000
    height = rng.choice((1, 1, 2, 3, 5, 8, 30)) if rng.random() < 0.97 else 0
    styles = [rng.choice(STYLES) for _ in range(width)]
    if rng.random() < 0.5:  # plainer: each column has a few values
        styles = [rng.sample(style, min(len(style), 3)) for style in styles]
    odd = rng.choice((0, 0, 0.1))
    return names(rng, width), [
        [cell(rng) if odd and rng.random() < odd else rng.choice(style) for style in styles]
        for _ in range(height)
    ]


def value(rng: random.Random, depth: int = 0) -> object:
    """Return a value of JSON, nested now and then."""
    kind = rng.randrange(12)
    if kind == 0 and depth < 4:
        return [value(rng, depth + 1) for _ in range(rng.randrange(3))]
    if kind == 1 and depth < 4:
        return {rng.choice(HARD_NAMES): value(rng, depth + 1) for _ in range(rng.randrange(3))}
    if kind < 5:
        return rng.choice((
            0, 1, -1, 1.5, -0.0, 1e308, 2**53 + 1, 2**63, -(2**63) - 1, 2**64, 10**40, 5e-324, 0.1,
            float("nan"), float("inf"), float("-inf"), 10**400,
        ))  # fmt: skip
    if kind < 7:
        return rng.choice((None, True, False, None))
    return cell(rng)
