"""Spans of time as users write them (``7d``, ``all``), and moments such as cut-off dates."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from churn_torch.errors import InputError

ALL = "all"
_SPAN = re.compile(r"([1-9][0-9]{0,4}|0)\s*(h|d|w)")
_STEP = re.compile(r"([1-9][0-9]{0,3})\s*mo")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def read_span(value: Any, key: str, *, zero: bool = False) -> str:
    """Return a span as it is stored, such as ``7d``.

    Args:
        value: What the user wrote: ``12h``, ``7d`` or ``4w``.
        key: Where it was written, for messages.
        zero: Whether ``0d`` is allowed.

    Raises:
        InputError: It is no span.
    """
    text = str(value).strip().lower()
    found = _SPAN.fullmatch(text)
    if found is None or (found[1] == "0" and not zero):
        raise InputError(
            key,
            expected="a span such as 12h, 30d or 4w",
            got=repr(value),
            fix="write a whole number with h, d or w",
        )
    return found[1] + found[2]


def read_window(value: Any, key: str) -> str:
    """Return a window: a span or ``all``.

    Raises:
        InputError: It is neither.
    """
    return ALL if str(value).strip().lower() == ALL else read_span(value, key)


def length(span: str) -> timedelta:
    """Return how long a span is; a day has 24 hours."""
    return int(span[:-1]) * _UNITS[span[-1]]


def days(span: str) -> float:
    """Return a span in days."""
    return length(span) / timedelta(days=1)


def read_step(value: Any, key: str) -> str:
    """Return the step between cut-offs: a span, or months such as ``1mo``.

    Raises:
        InputError: It is neither.
    """
    text = str(value).strip().lower()
    if found := _STEP.fullmatch(text):
        return f"{found[1]}mo"
    try:
        return read_span(value, key)
    except InputError:
        raise InputError(
            key, expected="a step such as 30d, 4w or 1mo", got=repr(value), fix="write such a step"
        ) from None


def after_steps(start: datetime, step: str, count: int) -> datetime:
    """Return a moment some steps after another; a month ends no later than its last day."""
    if not step.endswith("mo"):
        return start + count * length(step)
    months = start.year * 12 + start.month - 1 + count * int(step[:-2])
    year, month = divmod(months, 12)
    for day in range(start.day, 0, -1):
        try:
            return start.replace(year=year, month=month + 1, day=day)
        except ValueError:
            continue
    raise AssertionError("every month has a first day")


def read_moment(value: Any, key: str) -> str:
    """Return a moment as it is stored: ISO, ``2025-01-01`` or ``2025-01-01T12:00:00``.

    Raises:
        InputError: It is none.
    """
    text = value.isoformat() if isinstance(value, date) else str(value).strip()
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            key,
            expected="a date such as 2025-01-31, or a time such as 2025-01-31T12:00",
            got=repr(value),
            fix="write it in that form",
        ) from None
    plain = found.replace(tzinfo=None)
    midnight = plain == plain.replace(hour=0, minute=0, second=0, microsecond=0)
    return found.date().isoformat() if midnight and found.tzinfo is None else found.isoformat()


def read_zone(value: Any, key: str) -> str:
    """Return the name of a time zone.

    Raises:
        InputError: There is no such zone.
    """
    try:
        ZoneInfo(str(value))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(
            key,
            expected="the name of a time zone such as Europe/Berlin",
            got=repr(value),
            fix="write such a name, or leave it out for UTC",
        ) from None
    return str(value)


def in_utc(moment: datetime, zone: str | None) -> datetime:
    """Return a moment in UTC, without a zone; one without a zone is a local time of ``zone``."""
    if moment.tzinfo is None and zone is not None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def today(zone: str | None) -> datetime:
    """Return the start of this day in a zone, as a local time."""
    now = datetime.now(UTC if zone is None else ZoneInfo(zone))
    return now.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
