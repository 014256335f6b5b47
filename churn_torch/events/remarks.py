"""What the user should know before the numbers: rows left out, short histories, odd cut-offs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from churn_torch.events.cutoff_dates import Cutoffs
from churn_torch.events.feature_sql import ID
from churn_torch.events.matching_ids import check_ids, strange_logs
from churn_torch.events.row_sql import horizon
from churn_torch.events.spans import ALL, length
from churn_torch.events.specification import CUSTOMERS, EventSpecification
from churn_torch.events.staged_source import StagedSource, common_id_type
from churn_torch.tables.readers.bounded_database import Database

_DAY = timedelta(days=1)
# What the sentences say that may explain an empty population.
_STRANGERS = "are not in the table of customers"
_STALE = "recent events may be missing"


def of_sources(
    database: Database,
    specification: EventSpecification,
    staged: Mapping[str, StagedSource],
) -> Iterator[str]:
    """Yield sentences about what was read: rows that are left out, and odd times."""
    now = datetime.now(UTC).replace(tzinfo=None)
    for name in specification.events:
        log, key = staged[name], f"events.{name}"
        if not log.rows:
            yield f"{key}: there are no events."
        for count, what in ((log.without_id, "customer"), (log.without_time, "readable time")):
            if count:
                yield f"{key}: {count:,} of {log.rows:,} events have no {what} and are left out."
        if log.without_known:
            yield (
                f"{key}.known: {log.without_known:,} of {log.rows:,} events do not say when they "
                "were known; they are no features."
            )
        if log.last is not None and log.last > now + _DAY:
            yield f"{key}: the last event is of {log.last:%Y-%m-%d}, which lies in the future."
    zoned = [name for name in specification.events if staged[name].has_zone]
    plain = [name for name in specification.events if not staged[name].has_zone]
    if zoned and plain and not all(staged[name].only_dates for name in plain):
        yield (
            f"The times of {', '.join(zoned)} have a time zone, those of {', '.join(plain)} have "
            "none; the latter are taken as UTC."
        )
    if specification.customers is None:
        yield from strange_logs(database, specification, staged)
    else:
        yield from _of_customers(database, specification, staged)


def _of_customers(
    database: Database,
    specification: EventSpecification,
    staged: Mapping[str, StagedSource],
) -> Iterator[str]:
    table, customers = staged[CUSTOMERS], specification.customers
    assert customers is not None
    if table.without_id:
        yield (
            f"customers: {table.without_id:,} of {table.rows:,} rows have no id and are left out."
        )
    if customers.start is None:
        yield (
            "customers.start is not named, so somebody is a customer from the first event on; "
            "customers without any event are not in the rows."
        )
    elif table.without_time:
        yield (
            f"customers.start: {table.without_time:,} customers have none; they count as customers "
            "from their first event on."
        )
    if customers.columns and customers.known is None:
        yield (
            f"customers.columns: {', '.join(customers.columns)} are taken as the table has them "
            "today; name customers.known, or only columns that never change."
        )
    id_type = common_id_type(staged)
    check_ids(database, specification, staged)
    for name in specification.events:
        events = strangers = n_customers = 0
        for part in range(table.parts):
            [(n_events, n_strangers, n_people)] = database.rows(
                f"SELECT coalesce(sum(n), 0)::BIGINT, coalesce(sum(n) FILTER "
                f"(c.{ID} IS NULL), 0)::BIGINT, count(*) FILTER (c.{ID} IS NULL) FROM (SELECT "
                f"{ID}, count(*) AS n FROM {staged[name].relation(part, id_type)} GROUP BY {ID}) "
                f"LEFT JOIN {table.relation(part, id_type)} AS c USING ({ID})"
            )
            events, strangers = events + n_events, strangers + n_strangers
            n_customers += n_people
        if strangers:
            yield (
                f"events.{name}: {strangers:,} of {events:,} events are of {n_customers:,} "
                f"customers who {_STRANGERS}; they are left out."
            )


def of_cutoffs(
    specification: EventSpecification,
    staged: Mapping[str, StagedSource],
    cutoffs: Cutoffs,
    *,
    labelled: bool,
) -> Iterator[str]:
    """Yield sentences about the cut-offs: those dropped, short histories, label windows."""
    for date, reason in cutoffs.dropped:
        yield f"The cut-off {day(date)} is dropped: {reason}."
    first = cutoffs.used[0]
    for name, features in specification.features.items():
        begin = staged[name].first
        long = [w for w in features.windows if w != ALL and begin and first - length(w) < begin]
        if long and begin is not None:
            yield (
                f"features.{name}.windows: {', '.join(long)} before the cut-off {day(first)} reach "
                f"behind the first event ({begin:%Y-%m-%d}) and hold less than later ones."
            )
    last = cutoffs.used[-1]
    for name in specification.events:
        end = staged[name].last
        if end is not None and end < last - _DAY and name in _recent(specification, staged):
            yield (
                f"events.{name}: the last event is of {end:%Y-%m-%d}, {(last - end).days:,} days "
                f"before the cut-off {day(last)}; {_STALE}."
            )
    if not labelled:
        return
    if len(cutoffs.used) == 1:
        yield "There is one cut-off only, so a split by time is not possible."
    steps = [b - a for a, b in zip(cutoffs.used, cutoffs.used[1:], strict=False)]
    if steps and min(steps) < horizon(specification):
        yield (
            f"The cut-offs are {min(steps) / _DAY:g} days apart and the label windows end "
            f"{horizon(specification) / _DAY:g} days after them, so one departure can count at "
            "several cut-offs; keep the rows of a customer together in a split."
        )
    ends = {name: one.last for name, one in staged.items() if name in specification.events}
    silence = specification.label.none_of
    known_ends = [end for end in ends.values() if end is not None]
    if silence and cutoffs.end and specification.cutoffs.until is None:
        late = max(known_ends, default=cutoffs.end)
        if late - cutoffs.end > horizon(specification):
            yield (
                f"The events of {', '.join(silence)} end on {cutoffs.end:%Y-%m-%d}, those of other "
                f"logs on {late:%Y-%m-%d}; later cut-offs have no label."
            )


def _recent(specification: EventSpecification, staged: Mapping[str, StagedSource]) -> Sequence[str]:
    """Return the logs in which an event is expected every day: those that say who is active.

    Where no log says it, it is the one with the latest event.
    """
    named = [*specification.population.active, *specification.label.none_of]
    latest = max(specification.events, key=lambda name: staged[name].last or datetime.min)
    return named or [latest]


def reach(specification: EventSpecification, staged: Mapping[str, StagedSource]) -> str:
    """Say from when to when the events of each log are."""
    return ", ".join(
        f"{name} from {one.first:%Y-%m-%d} to {one.last:%Y-%m-%d}"
        for name in specification.events
        if (one := staged[name]).first and one.last
    )


def of_rows(
    specification: EventSpecification,
    cutoffs: Sequence[datetime],
    rows: Sequence[int],
    churners: Sequence[int],
) -> Iterator[str]:
    """Yield sentences about cut-offs without customers, without churners or with nothing else."""
    for cutoff, n_rows, n_churners in zip(cutoffs, rows, churners, strict=True):
        if n_rows and n_churners in (0, n_rows):
            who = "nobody" if n_churners == 0 else "everybody"
            yield f"At the cut-off {day(cutoff)} {who} churns."
        elif not n_rows:
            yield f"At the cut-off {day(cutoff)} nobody is in the population."
    event = specification.label.event
    if event is not None and event not in specification.population.without:
        yield (
            f"population.without does not name {event}, so customers who have left before a "
            "cut-off are in its rows."
        )


def may_leave_nobody(sentence: str) -> bool:
    """Tell whether a sentence may explain why nobody is in the population."""
    return _STRANGERS in sentence or _STALE in sentence


def day(moment: datetime) -> str:
    """Write a cut-off: the day alone where it is a midnight."""
    midnight = moment == moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return f"{moment:%Y-%m-%d}" if midnight else f"{moment:%Y-%m-%d %H:%M:%S}"
