"""Cut-offs: from a step, backwards from the end, or named; those without a label are dropped."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from churn_torch.errors import InputError
from churn_torch.events.cutoff_dates import choose_cutoffs, dates_for_test, scoring_date
from churn_torch.events.specification import EventSpecification
from churn_torch.events.staged_source import StagedSource

BEGIN, END = datetime(2025, 1, 1), datetime(2025, 6, 30, 18)
LOG = StagedSource(
    name="orders",
    folder=Path(),
    parts=1,
    meaning={},
    rows=9,
    without_id=0,
    without_time=0,
    without_known=0,
    first=BEGIN,
    last=END,
    only_dates=False,
    has_zone=False,
    id_type="BIGINT",
    has_known=False,
    dates=(),
)


def with_cutoffs(**cutoffs: Any) -> EventSpecification:
    return EventSpecification.from_mapping(
        {
            "events": {
                name: {"source": "a", "id": "b", "time": "c"} for name in ("orders", "calls")
            },
            "features": {"orders": {"windows": ["90d"]}},
            "label": {"none_of": "orders", "within": "30d", "gap": "1d"},
            "cutoffs": {**cutoffs},
        }
    )


def chosen(specification: EventSpecification, **ends: Any) -> list[str]:
    staged = {"orders": replace(LOG, **ends), "calls": replace(LOG, last=datetime(2025, 9, 1))}
    return [f"{date:%m-%d}" for date in choose_cutoffs(specification, staged).used]


def test_without_dates_they_go_back_from_the_end_to_a_full_window() -> None:
    # The 31 days of gap and label end with the orders, whatever other logs hold.
    assert chosen(with_cutoffs()) == ["04-30", "05-30"]
    assert chosen(with_cutoffs(every="1mo", count=1)) == ["05-30"]
    assert chosen(with_cutoffs(until="2025-08-01")) == ["04-02", "05-02", "06-01", "07-01"]


def test_the_end_is_that_of_the_shortest_silent_log_or_of_the_last_event() -> None:
    content = with_cutoffs().to_mapping()
    for label, last in (
        ({"none_of": ["orders", "calls"]}, "05-30"),
        ({"event": "orders"}, "08-01"),
    ):
        content["label"] = {**label, "within": "30d", "gap": "1d"}
        assert chosen(EventSpecification.from_mapping(content))[-1] == last


def test_going_back_ends_where_the_longest_span_is_full() -> None:
    assert chosen(with_cutoffs(until="2025-06-01")) == ["04-01", "05-01"]  # 90 days after the begin
    content = with_cutoffs().to_mapping() | {"population": {"active": {"orders": "120d"}}}
    assert chosen(EventSpecification.from_mapping(content)) == ["05-30"]


def test_going_back_begins_with_a_date_whose_label_the_data_cover() -> None:
    west = with_cutoffs(zone="America/New_York", until="2025-08-01T00:00+00:00")
    for specification, last in (
        (west, datetime(2025, 6, 1, 4)),
        (with_cutoffs(to="2026-01-01"), END),
    ):
        found = choose_cutoffs(specification, {"orders": LOG, "calls": LOG})
        assert found.dropped == ()
        assert found.used[-1] <= last


def test_an_event_of_the_day_after_tomorrow_hides_the_end() -> None:
    with pytest.raises(InputError, match=r"^events\.orders: expected events up to today"):
        chosen(with_cutoffs(), last=datetime.now() + timedelta(days=3))


def test_one_odd_event_gives_no_endless_cutoffs() -> None:
    assert len(chosen(with_cutoffs(), first=datetime(1900, 1, 1))) == 24
    ahead = {"last": datetime(2999, 1, 1)}
    with pytest.raises(InputError, match=r"^events\.orders: expected events up to today, .* 2999"):
        chosen(with_cutoffs(), **ahead)
    assert chosen(with_cutoffs(until="2025-06-30", count=1), **ahead) == ["05-30"]


def test_a_last_day_without_times_lasts_until_midnight() -> None:
    noon = with_cutoffs(at=["2025-05-30"])
    assert chosen(noon, last=datetime(2025, 6, 29), only_dates=True) == ["05-30"]
    with pytest.raises(InputError, match=r"with the data \(2025-06-29 23:00\), got 2025-05-30"):
        chosen(noon, last=datetime(2025, 6, 29, 23))


def test_steps_by_month_and_what_is_dropped() -> None:
    specification = with_cutoffs(at=["2025-01-01", "2025-03-31", "2025-06-15"])
    found = choose_cutoffs(specification, {"orders": LOG, "calls": LOG})
    assert found.used == (datetime(2025, 3, 31),)
    early, late = (reason for _, reason in found.dropped)
    assert early == "no event lies before it (the first is of 2025-01-01)"
    assert late == "its label window ends 2025-07-16 00:00, after the data (2025-06-30 18:00)"
    monthly = with_cutoffs(**{"from": "2025-01-31", "every": "1mo", "to": "2025-04-30"})
    assert chosen(monthly) == ["01-31", "02-28", "03-31", "04-30"]


def test_no_date_that_a_label_could_see_is_refused() -> None:
    short = {"last": BEGIN + timedelta(days=20)}
    with pytest.raises(InputError, match="the data are shorter than they are"):
        chosen(with_cutoffs(), **short)
    with pytest.raises(InputError, match=r"^cutoffs\.every: expected at most 1,000"):
        chosen(with_cutoffs(**{"from": "2025-01-02", "every": "1h"}))
    with pytest.raises(InputError, match=r"^events: expected events with a customer and a time"):
        chosen(with_cutoffs(), first=None, last=None)


def test_a_filter_that_leaves_nothing_is_named() -> None:
    content = with_cutoffs().to_mapping()
    content["events"]["orders"]["filter"] = "amount > 1e9"
    nothing = replace(LOG, first=None, last=None, rows=0)
    with pytest.raises(InputError, match=r"^events\.orders\.filter: .* which leaves"):
        choose_cutoffs(EventSpecification.from_mapping(content), {"orders": nothing, "calls": LOG})


def test_the_cutoffs_for_the_test() -> None:
    used = tuple(datetime(2025, month, 1) for month in (1, 2, 3))
    dates = ["2025-02-01", "2025-09-01"]  # the second one is dropped
    for test, expected in (("last", used[2:]), (2, used[1:]), (0, ()), (dates, used[1:2])):
        assert dates_for_test(with_cutoffs(test=test).cutoffs, used) == expected


def test_customers_are_scored_at_a_midnight_of_the_zone() -> None:
    options = with_cutoffs(zone="Europe/Berlin").cutoffs
    assert scoring_date("2025-07-01", options) == datetime(2025, 6, 30, 22)
    with pytest.raises(InputError, match=r"^at: expected a date such as"):
        scoring_date("tomorrow", options)
