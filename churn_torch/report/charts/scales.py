"""Axes of charts: which numbers they show, round ticks, and how their numbers are written."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

# Units of a plot from one side to the other; the page stretches it.
UNITS = 1000
# How far a line that leaves its scale runs over the edge, as a share of the scale.
_OVER = 0.015
# Pixels of a page on a phone, of a character of a tick, and between two ticks.
_PHONE, _CHARACTER, _GAP = 343, 7.5, 10


@dataclass(frozen=True)
class Axis:
    """One axis of a chart.

    Attributes:
        label: What its numbers are, with the unit; text, not HTML.
        write: Writes a number at a tick.
        low: Lowest number that is shown; None: that of the data.
        high: Highest number that is shown; None: that of the data.
        include_zero: Whether 0 is always shown.
        exact: Writes a number in tables and beside the pointer; None: as ``write`` does.
        ticks: Numbers with their words, ascending, instead of round numbers; if they do not fit
            on a phone, the first and the last.
    """

    label: str
    write: Callable[[float], str]
    low: float | None = None
    high: float | None = None
    include_zero: bool = False
    exact: Callable[[float], str] | None = None
    ticks: Sequence[tuple[float, str]] = ()

    def said(self, value: float) -> str:
        """Write a number in full; one that is not finite is a dash."""
        return (self.exact or self.write)(value) if math.isfinite(value) else "-"

    def scale(self, values: Iterable[float], room: float = 0.0) -> Scale:
        """Return the scale of these numbers.

        Args:
            values: Some of them may be nan or infinite.
            room: What is added at an end that comes from the data, as a share of the range;
                nothing is added at 0.
        """
        shown = [value for value in values if math.isfinite(value)]
        shown += [0.0] if self.include_zero or not shown else []
        shown += [end for end in (self.low, self.high) if end is not None]
        low = min(shown) if self.low is None else self.low
        high = max(shown) if self.high is None else self.high
        wide = high - low
        if wide <= max(1e-12 * max(abs(low), abs(high)), 1e-300):
            return Scale(low - abs(low) / 2, high + (abs(high) / 2 or 1.0))
        return Scale(
            low - room * wide * (self.low is None and low != 0),
            high + room * wide * (self.high is None and high != 0),
        )


@dataclass(frozen=True)
class Scale:
    """The numbers of an axis, from the lowest to the highest that it shows."""

    low: float
    high: float

    def part(self, value: float) -> float:
        """Return how far along the axis a number lies, 0 to 1; others are a little outside."""
        return min(max((value - self.low) / (self.high - self.low), -_OVER), 1 + _OVER)

    def x(self, value: float) -> int:
        """Return where a number lies from the left of a plot, in `UNITS`."""
        return round(self.part(value) * UNITS)

    def y(self, value: float) -> int:
        """Return where a number lies from the top of a plot, in `UNITS`."""
        return UNITS - round(self.part(value) * UNITS)

    def round_numbers(self, most: int) -> list[float]:
        """Return up to ``most`` round numbers of the range, 0 among them if it is inside."""
        wide = self.high - self.low
        power = 10.0 ** math.floor(math.log10(wide / most))
        for step in (power * part for part in (1, 2, 2.5, 5, 10, 20)):
            first = math.ceil(self.low / step - 1e-9)
            last = math.floor(self.high / step + 1e-9)
            if last - first < most:
                break
        return [k * step for k in range(first, last + 1)]

    def ticks(self, axis: Axis, beside: float | None = None) -> list[tuple[float, str]]:
        """Return the numbers of an axis as they are written: no two alike, none over another.

        Args:
            axis: Writes them.
            beside: Of a horizontal axis, the characters that stand at the sides of the plot; the
                words then stand side by side, on a phone too.
        """
        if axis.ticks:
            whole = list(axis.ticks)
            return whole if self._fits(whole, beside) else [whole[0], whole[-1]]
        for most in (6, 5, 4, 3):
            ticks = [(number, axis.write(number)) for number in self.round_numbers(most)]
            if len({word for _, word in ticks}) == len(ticks) > 1 and self._fits(ticks, beside):
                return ticks
        ends = [(end, axis.write(end)) for end in (self.low, self.high)]
        return ends if ends[0][1] != ends[1][1] else ends[:1]

    def _fits(self, ticks: Sequence[tuple[float, str]], beside: float | None) -> bool:
        """Return whether words stand side by side on a phone, each centred at its number."""
        if beside is None:
            return True
        wide = _PHONE - (beside + len(ticks[-1][1]) / 2) * _CHARACTER
        return all(
            (len(word) + len(following)) / 2 * _CHARACTER + _GAP
            <= (self.part(after) - self.part(at)) * wide
            for (at, word), (after, following) in pairwise(ticks)
        )


def compact(value: float) -> str:
    """Write a number in a few characters: 1.5k, 20M."""
    size = abs(value)
    unit, word = next(
        (pair for pair in ((1e9, "bn"), (1e6, "M"), (1e3, "k")) if size >= 0.9995 * pair[0]),
        (1, ""),
    )
    return f"{value / unit:.3g}{word}"
