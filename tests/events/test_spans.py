"""Spans and moments: months keep their last day, and clocks that change are told apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from churn_torch.events.spans import (
    after_steps,
    days,
    in_utc,
    length,
    read_moment,
    read_span,
    today,
)


def test_a_span_has_a_number_and_a_unit() -> None:
    assert [read_span(text, "key") for text in ("12h", " 7D", "4 w")] == ["12h", "7d", "4w"]
    assert length("12h") == timedelta(hours=12)
    assert days("2w") == 14
    assert read_span("0d", "key", zero=True) == "0d"


@pytest.mark.parametrize(
    ("start", "step", "count", "expected"),
    [
        (datetime(2025, 1, 31), "1mo", 1, datetime(2025, 2, 28)),
        (datetime(2025, 1, 31), "1mo", 2, datetime(2025, 3, 31)),
        (datetime(2024, 1, 31), "1mo", 1, datetime(2024, 2, 29)),
        (datetime(2025, 3, 31), "1mo", -1, datetime(2025, 2, 28)),
        (datetime(2025, 1, 15), "3mo", -1, datetime(2024, 10, 15)),
        (datetime(2025, 1, 31), "30d", 2, datetime(2025, 4, 1)),
    ],
)
def test_months_end_on_their_last_day(
    start: datetime, step: str, count: int, expected: datetime
) -> None:
    assert after_steps(start, step, count) == expected


def test_midnights_of_a_zone_follow_its_clock() -> None:
    before, after = datetime(2025, 3, 30), datetime(2025, 3, 31)
    assert in_utc(before, "Europe/Berlin") == datetime(2025, 3, 29, 23)
    assert in_utc(after, "Europe/Berlin") == datetime(2025, 3, 30, 22)  # a day of 23 hours
    assert in_utc(before, None) == before
    assert in_utc(datetime(2025, 3, 30, 12, tzinfo=UTC), "Europe/Berlin") == datetime(
        2025, 3, 30, 12
    )


def test_a_moment_is_stored_as_iso() -> None:
    assert read_moment("2025-01-31 00:00", "key") == "2025-01-31"
    assert read_moment(datetime(2025, 1, 31, 6), "key") == "2025-01-31T06:00:00"
    assert read_moment("2025-01-31T00:00+02:00", "key") == "2025-01-31T00:00:00+02:00"


def test_today_is_a_midnight() -> None:
    now = today("Asia/Tokyo")
    assert now.tzinfo is None
    assert now == now.replace(hour=0, minute=0, second=0, microsecond=0)
