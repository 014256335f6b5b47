"""The cut-offs: which dates have rows, and which are dropped because the data end too early."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from churn_torch.errors import InputError
from churn_torch.events.row_sql import horizon
from churn_torch.events.spans import ALL, after_steps, in_utc, length, read_moment, today
from churn_torch.events.specification import EventSpecification
from churn_torch.events.specification_parts import CutoffDates
from churn_torch.events.staged_source import StagedSource

_MOST = 1000
# Where the user names neither the first date nor a number: one odd first event would ask for many.
_MOST_BACK = 24
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Cutoffs:
    """The cut-offs of a specification, in UTC.

    Attributes:
        used: Those with rows, the earliest first.
        dropped: The others, each with the reason.
        end: Until when it is known what happened.
    """

    used: tuple[datetime, ...]
    dropped: tuple[tuple[datetime, str], ...] = ()
    end: datetime | None = None


def end_of_data(specification: EventSpecification, staged: Mapping[str, StagedSource]) -> datetime:
    """Return until when it is known what happened.

    That is what the user says, else the last event. For churn as silence it is the last event of
    the logs whose silence counts: the shortest of them, as the silence after its end means nothing.
    """
    until = specification.cutoffs.until
    if until is not None:
        return in_utc(datetime.fromisoformat(until), specification.cutoffs.zone)
    silence = specification.label.none_of
    _check_not_ahead(staged, silence or tuple(specification.events))
    logs = silence or tuple(specification.events)
    ends = [end for name in logs if (end := _end(staged[name]))]
    if not ends:
        for name in logs:
            condition = specification.events[name].filter
            if condition and not staged[name].rows:
                raise InputError(
                    f"events.{name}.filter",
                    expected="a condition that some events meet",
                    got=f"{condition!r}, which leaves none",
                    fix="correct it",
                )
        raise InputError(
            "events",
            expected="events with a customer and a time",
            got=f"none in {', '.join(logs)}",
            fix="check the columns id and time",
        )
    return min(ends) if silence else max(ends)


def _check_not_ahead(staged: Mapping[str, StagedSource], logs: Iterable[str]) -> None:
    """Refuse events of the future as the end: until then, silence would look like churn."""
    tomorrow = datetime.now(UTC).replace(tzinfo=None) + _DAY
    for log in logs:
        last = staged[log].last
        if last is not None and last > tomorrow:
            raise InputError(
                f"events.{log}",
                expected="events up to today, as the data end with the last one",
                got=f"one of {last:%Y-%m-%d}",
                fix="name with cutoffs.until until when the data are complete, or leave it out "
                "with filter",
            )


def choose_cutoffs(
    specification: EventSpecification, staged: Mapping[str, StagedSource]
) -> Cutoffs:
    """Return the cut-offs whose label window lies within the data, and those that are dropped.

    Raises:
        InputError: There are none, or too many, or events of the future hide where the data end.
    """
    chosen = specification.cutoffs
    end, ahead = end_of_data(specification, staged), horizon(specification)
    begin = min(
        one.first for name, one in staged.items() if name in specification.events and one.first
    )
    dates = _dates(specification, begin, end - ahead)
    used, dropped = [], []
    for cutoff in dates:
        if cutoff + ahead > end:
            dropped.append(
                (
                    cutoff,
                    f"its label window ends {(cutoff + ahead):%Y-%m-%d %H:%M}"
                    f", after the data ({end:%Y-%m-%d %H:%M})",
                )
            )
        elif cutoff <= begin:
            dropped.append((cutoff, f"no event lies before it (the first is of {begin:%Y-%m-%d})"))
        else:
            used.append(cutoff)
    if chosen.count is not None and not chosen.at:
        used = used[-chosen.count :]
    if not used:
        raise InputError(
            "cutoffs",
            expected=f"a date with events before it whose label window of {_in_days(ahead)} ends "
            f"with the data ({end:%Y-%m-%d %H:%M})",
            got=_listed(dates) if dates else "none",
            fix=f"choose dates after {begin:%Y-%m-%d} and up to {end - ahead:%Y-%m-%d}, or shorten "
            "label.within"
            if end - ahead > begin
            else "shorten label.within and label.gap: the data are shorter than they are",
        )
    return Cutoffs(tuple(used), tuple(dropped), end)


def _dates(specification: EventSpecification, begin: datetime, latest: datetime) -> list[datetime]:
    """Return the dates that the specification asks for."""
    chosen = specification.cutoffs
    if chosen.at:
        return [in_utc(datetime.fromisoformat(text), chosen.zone) for text in chosen.at]
    if chosen.first is None:
        return _backwards(specification, begin, latest)
    start = datetime.fromisoformat(chosen.first)
    stop = (
        latest if chosen.last is None else in_utc(datetime.fromisoformat(chosen.last), chosen.zone)
    )
    dates: list[datetime] = []
    for number in range(_MOST + 1):
        cutoff = in_utc(after_steps(start, chosen.every, number), chosen.zone)
        if cutoff > stop:
            return dates
        dates.append(cutoff)
    raise InputError(
        "cutoffs.every",
        expected=f"at most {_MOST:,} cut-offs",
        got="more",
        fix="choose a longer step, or a later cutoffs.from",
    )


def _backwards(
    specification: EventSpecification, begin: datetime, latest: datetime
) -> list[datetime]:
    """Return dates from the last one that the data cover back to the first with a full window."""
    chosen = specification.cutoffs
    if chosen.last is not None:
        latest = min(latest, in_utc(datetime.fromisoformat(chosen.last), chosen.zone))
    windows = [w for f in specification.features.values() for w in f.windows if w != ALL]
    windows += [*specification.population.active.values()]
    reach = max((length(window) for window in windows), default=_DAY)
    dates: list[datetime] = []
    anchor = latest.replace(hour=0, minute=0, second=0, microsecond=0)
    for number in range(chosen.count or _MOST_BACK):
        cutoff = in_utc(after_steps(anchor, chosen.every, -number), chosen.zone)
        if cutoff > latest:  # midnight in a zone west of Greenwich
            continue
        if cutoff - reach < begin and dates:
            break
        dates.append(cutoff)
    return dates[::-1]


def scoring_date(at: str | datetime, options: CutoffDates) -> datetime:
    """Return the date at which customers are scored, in UTC.

    Args:
        at: A date, or ``today`` for the start of this day.
        options: Whose time zone counts.

    Raises:
        InputError: It is no date.
    """
    if at == "today":
        return in_utc(today(options.zone), options.zone)
    return in_utc(datetime.fromisoformat(read_moment(at, "at")), options.zone)


def _end(staged: StagedSource) -> datetime | None:
    """Return the end of a log: days that are written without a time last until midnight."""
    if staged.last is None:
        return None
    return staged.last + _DAY if staged.only_dates else staged.last


def _in_days(span: timedelta) -> str:
    return f"{span / _DAY:g} days"


def _listed(dates: list[datetime]) -> str:
    shown = ", ".join(f"{date:%Y-%m-%d}" for date in dates[:4])
    return shown + (f" and {len(dates) - 4:,} more" if len(dates) > 4 else "")


def dates_for_test(options: CutoffDates, used: tuple[datetime, ...]) -> tuple[datetime, ...]:
    """Return the cut-offs that are kept for the test."""
    if isinstance(options.test, int):
        return used[len(used) - min(options.test, len(used)) :]
    dates = {in_utc(datetime.fromisoformat(text), options.zone) for text in options.test}
    return tuple(cutoff for cutoff in used if cutoff in dates)
