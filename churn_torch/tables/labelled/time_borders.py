"""Borders of a split by time, between distinct times, so that no label reaches into a later part.

A label looks ahead: a row of January says who had left by March. With such a window, rows whose
label reaches into the time of a later part are left out ("purged": M. Lopez de Prado, Advances in
Financial Machine Learning, 2018, chapter 7). Otherwise a model would have learned from labels that
were not known when the first row of the later part was scored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from churn_torch.errors import InputError
from churn_torch.tables.labelled.splits import OF_TWO_PARTS, REACHES_LATER, Parts

Times = npt.NDArray[np.float64]

# Times are days as floating point numbers: a difference below a millisecond is none.
_MOMENT = 1e-8


@dataclass(frozen=True)
class TimeBorders:
    """Where a split by time cuts.

    Attributes:
        validation: The first time of the validation rows.
        test: The first time of the test rows, infinite without any.
        window: How long after its time the label of a row looks.
    """

    validation: float
    test: float = np.inf
    window: float = 0.0

    def parts(self, time: Times) -> Parts:
        """Return the part of each row, or that its label reaches into a later one.

        Shape:
            [N] to [N].
        """
        part = np.searchsorted([self.validation, self.test], time, side="right")
        later = np.array([self.validation, self.test, np.inf])[part]
        reaches = time + self.window > later + _MOMENT
        return np.where(reaches, REACHES_LATER, part).astype(np.int8)


def time_borders(
    time: Times,
    *,
    validation: float,
    test: float,
    window: float = 0.0,
    test_from: float | None = None,
) -> TimeBorders:
    """Return the borders whose shares are nearest to those wanted, between distinct times.

    The border of the test rows comes first. That of the validation rows gives them their share of
    the rows that are then in the one part or the other.

    Args:
        time: [N] of all rows or of a sample of them, none missing.
        validation: Share of the rows.
        test: Share of the rows; 0 when a test table is given.
        window: As for `TimeBorders`.
        test_from: The first time of the test rows, in place of their share.

    Raises:
        InputError: There are too few distinct times, or they are too close for the window.
    """
    distinct, first = np.unique(np.sort(time), return_index=True)
    n_rows, n_parts = len(time), 3 if test else 2
    if len(distinct) < n_parts:
        raise InputError(
            "data.split.column",
            expected=f"at least {n_parts} distinct times to split by",
            got=str(len(distinct)),
            fix="name another time column, take more cut-off dates, or split by customers "
            "(data.split.by=group) or at random (data.split.by=random)",
        )
    rows_before = np.append(first, n_rows)  # the first times, by their number, have so many rows

    def n_times_before(border: Times) -> npt.NDArray[np.int64]:
        """Return how many times lie before a border, whose labels do not reach it."""
        reach = np.searchsorted(distinct, border - window + _MOMENT, side="right")
        return np.minimum(reach, np.searchsorted(distinct, border))

    before = n_times_before(distinct)
    can_validate = before > 0
    end, n_usable, left_for_both = np.inf, len(distinct), 1.0
    if test:
        can_test = can_validate & (before > np.argmax(can_validate))
        wanted = n_rows * (1 - test)
        if test_from is not None:
            wanted = float((time < test_from).sum())
            can_test &= (distinct >= test_from) & (first == wanted)
        if not can_test.any():
            raise _no_room(distinct, window, test_from)
        starts = np.flatnonzero(can_test)
        at = starts[np.abs(first[starts] - wanted).argmin()]
        end, n_usable, left_for_both = float(distinct[at]), int(before[at]), wanted / n_rows
    starts = np.flatnonzero(can_validate[:n_usable])
    if not len(starts):
        raise _no_room(distinct, window, test_from)
    n_validation = rows_before[n_usable] - first[starts]
    share = n_validation / (n_validation + rows_before[before[starts]])
    start = starts[np.abs(share - validation / left_for_both).argmin()]
    return TimeBorders(float(distinct[start]), end, window)


def of_time_and_group(of_time: Parts, of_group: Parts) -> Parts:
    """Return the part of each row that is in it by its time and by its group.

    Args:
        of_time: [N], from `TimeBorders.parts`.
        of_group: [N], the part of the row's group.

    Returns:
        [N], with ``OF_TWO_PARTS`` for rows whose time and group are of different parts.
    """
    mixed = (of_time >= 0) & (of_time != of_group)
    return np.where(mixed, OF_TWO_PARTS, of_time).astype(np.int8)


def _no_room(distinct: Times, window: float, test_from: float | None) -> InputError:
    n_before = int((distinct < (np.inf if test_from is None else test_from)).sum())
    if test_from is not None and (n_before < 2 or n_before == len(distinct)):
        return InputError(
            "data.split.test_from",
            expected="a time with rows at or after it, and with two distinct times or more before "
            "it for training and validation rows",
            got=f"one with {n_before} of {len(distinct)} distinct times before it",
            fix="name another time",
        )
    return InputError(
        "data.split.horizon",
        expected=f"times for training, validation and test rows whose labels, {window:g} long, "
        "reach into no later part",
        got=f"{len(distinct)} distinct times within {distinct[-1] - distinct[0]:g}",
        fix="take more cut-off dates, further apart, or a shorter horizon",
    )
