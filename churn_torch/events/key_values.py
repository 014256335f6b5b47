"""Values of a specification that are more than a text: names of logs, trends, numbers, cut-offs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from churn_torch.errors import InputError, suggest
from churn_torch.events.spans import length, read_moment, read_span

_LOG_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,40}")
# Names that the generated SQL has for something else.
TAKEN_NAMES = ("customers", "population", "label_window", "spent")


def log_names(written: Iterable[str]) -> list[str]:
    """Return the names of the logs, which the names of their features start with.

    Raises:
        InputError: One cannot be part of such a name, or two differ in case only.
    """
    found: dict[str, str] = {}
    for name in written:
        lower = name.casefold()
        if not _LOG_NAME.fullmatch(name) or lower in TAKEN_NAMES or lower in found:
            raise InputError(
                "events",
                expected="different names of letters, digits and underscores, other than "
                + ", ".join(TAKEN_NAMES),
                got=repr(name),
                fix="rename the log",
            )
        found[lower] = name
    return list(found.values())


def known_log(name: str, logs: Iterable[str], key: str) -> str:
    """Return the name of a log that the specification has.

    Raises:
        InputError: It has none of that name.
    """
    if name not in (logs := list(logs)):
        raise InputError(
            key,
            expected=f"one of the logs below events ({', '.join(logs)})",
            got=f"{name!r}{suggest(name, logs)}",
            fix="name one of them, or add it",
        )
    return name


def trend(text: str, key: str) -> tuple[str, str]:
    """Return the two windows of a trend such as ``30d/90d``.

    Raises:
        InputError: There are not two, or the first is not the shorter one.
    """
    parts = text.split("/")
    if len(parts) == 2:
        short, long = (read_span(part, key) for part in parts)
        if length(short) < length(long):
            return short, long
    raise InputError(
        key,
        expected="two windows, the shorter one first, such as 30d/90d",
        got=repr(text),
        fix="write it in that form",
    )


def top_values(value: Any, key: str) -> int | tuple[str, ...]:
    """Return how many values of a column get features, or the values.

    Raises:
        InputError: It is neither.
    """
    if isinstance(value, list | tuple):
        return tuple(dict.fromkeys(str(each) for each in value))
    return whole_number(value, key)


def cutoffs_for_test(value: Any, key: str) -> int | tuple[str, ...]:
    """Return how many of the last cut-offs are for the test, or their dates.

    Raises:
        InputError: It is neither.
    """
    if value == "last":
        return 1
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    listed: Sequence[Any] = value if isinstance(value, list | tuple) else [value]
    try:
        return tuple(sorted({read_moment(each, key) for each in listed}))
    except InputError:
        raise InputError(
            key,
            expected="last, a number of cut-offs, or dates such as [2025-06-01]",
            got=repr(value),
            fix="correct it",
        ) from None


def whole_number(value: Any, key: str) -> int:
    """Return a whole number from 1.

    Raises:
        InputError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(key, expected="a whole number from 1", got=repr(value), fix="correct it")
    return value
