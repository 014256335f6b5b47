"""Lifetimes: for how many periods each customer was observed, and since which period."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.tables.labelled.role_cells import (
    refuse_cells,
    refuse_row,
    role_column,
    role_numbers,
)
from churn_torch.tables.labelled.splits import Split
from churn_torch.tables.options import DataOptions
from churn_torch.tables.schema import Schema

LAYOUT = "lifetimes"
# A file returns a chance for each period: more are a sign of days where months were meant.
MOST_PERIODS = 600
# A rounding error of a division must not move a duration into the next period.
_ROUNDING = 1e-9
# Churners of a baseline hazard, at least: below, neighbouring periods share one.
LEAST_EVENTS = 5
# Churners that a run of periods would have if it were like the others: with none of so many it is
# no chance that nobody left, but a notice period, or the days before which silence is no churn.
MOST_MISSED = 14

Lifetimes = npt.NDArray[np.float32]


@dataclass(frozen=True)
class LifetimeColumns:
    """Which columns hold the lifetimes, and what a period is.

    Attributes:
        duration: The column with how long a customer was observed.
        entry: The column with how long a customer had stayed by then; None where all customers
            were observed from their start.
        period: Units of both in a period.
        horizon: Periods within which churn is predicted.
        ends: Last period of each baseline hazard; learned from the training rows.
        empty: The numbers of those that are 0, as nobody left in their periods; so learned, too.
    """

    duration: str
    entry: str | None
    period: float
    horizon: int
    ends: tuple[int, ...] = ()
    empty: tuple[int, ...] = ()

    @property
    def stayed(self) -> str:
        """The input of the file that says how long a customer has stayed so far."""
        return self.duration if self.entry is None else self.entry

    @property
    def n_periods(self) -> int:
        """How many periods there are."""
        return self.ends[-1]

    @classmethod
    def of(cls, schema: Schema) -> LifetimeColumns | None:
        """Return what a schema stores; None of a model that predicts whether, not when."""
        layout = schema.layouts.get(LAYOUT)
        if layout is None:
            return None
        learned = {name: tuple(layout[name]) for name in ("ends", "empty")}
        return cls(**{**layout, **learned})

    def attach(self, schema: Schema) -> Schema:
        """Return the schema with these columns stored in it."""
        learned = {"ends": list(self.ends), "empty": list(self.empty)}
        return schema.with_layout(LAYOUT, {**asdict(self), **learned})


def with_lifetimes(schema: Schema, data: DataOptions) -> Schema:
    """Return the schema with the columns of lifetimes that the user named, if any."""
    if data.duration is None:
        return schema
    return LifetimeColumns(data.duration, data.entry, float(data.period), data.horizon).attach(
        schema
    )


def read_lifetimes(
    frame: pd.DataFrame, schema: Schema, label: npt.NDArray[Any], *, first_row: int = 0
) -> Lifetimes | None:
    """Return the periods that each customer was observed in.

    A churner with duration d left in period ``ceil(d / period)``, but in the first period observed
    at the earliest. Of other customers only whole periods count: they stayed in the periods up to
    ``floor(d / period)``. So do those before the entry.

    Args:
        frame: N raw rows.
        schema: The columns.
        label: ``[N]``, 1 for churners, NaN for rows without a label, which may have any lifetime.
        first_row: How many rows stand before these in the source.

    Shape:
        [N, 2] float32: the last period before the first one observed, and the last one observed.
        None where the schema has no lifetimes.

    Raises:
        InputError: A column is not there, or a lifetime is missing, negative, no number, or ends
            before it begins.
    """
    columns = LifetimeColumns.of(schema)
    if columns is None:
        return None
    labelled = ~np.isnan(label)
    duration = _numbers(frame, schema, columns.duration, "data.duration", labelled, first_row)
    entry = np.zeros(len(frame))
    if columns.entry is not None:
        entry = _numbers(frame, schema, columns.entry, "data.entry", labelled, first_row)
        late = labelled & (entry > duration)
        if late.any():
            row = int(late.argmax())
            refuse_row(
                "data.entry",
                expected=f"numbers up to the duration in every row of column {columns.entry!r}",
                got=f"{entry[row]:g} with a duration of {duration[row]:g}",
                row=first_row + row,
                n_rows=int(late.sum()),
            )
    return periods_of(duration, entry, label, columns.period)


def periods_of(
    duration: npt.NDArray[Any],
    entry: npt.NDArray[Any],
    label: npt.NDArray[Any],
    period: float,
) -> Lifetimes:
    """Return lifetimes in periods, as for `read_lifetimes`.

    Args:
        duration: ``[N]``.
        entry: ``[N]``, how long customers had stayed when they were first observed.
        label: ``[N]``, 1 for churners.
        period: Units of both in a period.
    """
    with np.errstate(invalid="ignore"):
        first = np.floor(entry / period + _ROUNDING)
        whole = np.floor(duration / period + _ROUNDING)
        begun = np.maximum(np.ceil(duration / period - _ROUNDING), first + 1)
    last = np.where(label == 1, begun, np.maximum(whole, first))
    return np.stack([first, last], axis=1).astype(np.float32)


def _numbers(
    frame: pd.DataFrame,
    schema: Schema,
    name: str,
    key: str,
    labelled: npt.NDArray[np.bool_],
    first_row: int,
) -> npt.NDArray[np.float64]:
    series = role_column(frame, name, key)
    numbers = role_numbers(series, schema[name])
    refuse_cells(
        series,
        labelled & ~((numbers >= 0) & (numbers < np.inf)),
        key,
        expected=f"a number of 0 or more in every row of column {name!r}",
        first_row=first_row,
    )
    return numbers


def left_within(
    lifetime: Lifetimes, label: npt.NDArray[Any], horizon: int
) -> npt.NDArray[np.float32]:
    """Return whether customers left within so many periods; NaN where that is not known.

    Shape:
        [N, 2], [N] to [N].
    """
    n_periods = lifetime[:, 1] - lifetime[:, 0]
    left = (label == 1) & (n_periods <= horizon)
    return np.where(left | (n_periods >= horizon), left, np.nan).astype(np.float32)


def censored(
    lifetime: Lifetimes,
    label: npt.NDArray[Any],
    time: npt.NDArray[np.float64],
    parts: Split,
    period: float,
) -> tuple[Lifetimes, npt.NDArray[Any]]:
    """Return what was known of the customers of each part when the next part began.

    What happens after that tells about the customers of the later part. Only periods that ended by
    then count, of those who left as of the others.

    Args:
        lifetime: ``[N, 2]``, from `read_lifetimes`.
        label: ``[N]``, 1 for churners.
        time: ``[N]``, the days from which the durations count.
        parts: Of the rows, split by this time.
        period: Days of a period.

    Returns:
        The lifetimes, and labels of 1 for those of whom it was known that they had left.
    """
    lifetime, label, later = lifetime.copy(), label.copy(), np.inf
    for rows in reversed(parts):
        known = np.floor((later - time[rows]) / period + _ROUNDING)
        first, last = lifetime[rows].T
        label[rows] = np.where(last > known, 0, label[rows])
        lifetime[rows, 1] = np.maximum(np.minimum(last, known), first)
        later = min(later, time[rows].min(initial=np.inf))
    return lifetime, label


def baselines(
    lifetimes: Lifetimes, label: npt.NDArray[Any], *, least_events: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return where the baseline hazards end: periods in a row that share one.

    Each has at least so many churners, and a customer who stays: else it could not be estimated.
    Periods before others in which nobody left, by no chance (``MOST_MISSED``), have one that is 0:
    with one hazard for these and for the next, many would leave too early and too few in all.

    Args:
        lifetimes: ``[N, 2]`` of the training rows (`read_lifetimes`).
        label: ``[N]``, 1 for churners.
        least_events: Churners of a baseline hazard, at least.

    Returns:
        The last period of each, and the numbers of those that are 0.
    """
    first, last = lifetimes.astype(np.int64).T
    n_periods = int(last.max(initial=0))
    events = np.bincount(last[label == 1], minlength=n_periods + 1)[1:]
    enter = np.bincount(first, minlength=n_periods + 1).cumsum()[:n_periods]
    leave = np.bincount(last, minlength=n_periods + 1).cumsum()[:n_periods]
    at_risk = enter - leave
    nobody_left = _without_events(events, at_risk)
    ends: list[int] = []
    empty: list[int] = []
    n_events = n_stays = 0
    for period in range(n_periods):
        if nobody_left[period]:
            if n_events:
                ends.append(period)
            n_events = n_stays = 0
            if not nobody_left[period + 1]:
                empty.append(len(ends))
                ends.append(period + 1)
            continue
        n_events += events[period]
        n_stays += at_risk[period] - events[period]
        if n_events >= least_events and n_stays > 0:
            ends.append(period + 1)
            n_events = n_stays = 0
    if empty and empty[-1] == len(ends) - 1 and n_stays > 0:
        ends.append(n_periods)
    elif ends:
        ends[-1] = n_periods
        empty = [number for number in empty if number < len(ends) - 1]
    return tuple(ends) or (n_periods,), tuple(empty)


def _without_events(
    events: npt.NDArray[np.int64], at_risk: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Return the periods of runs in which nobody left, though many would have been expected to."""
    found = np.zeros(len(events), dtype=np.bool_)
    rate, start = events.sum() / max(at_risk.sum(), 1), 0
    for period in np.flatnonzero(events).tolist():
        found[start:period] = rate * at_risk[start:period].sum() >= MOST_MISSED
        start = period + 1
    return found
