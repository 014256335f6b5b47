"""Charts of pages that are tables: a bar or an interval beside each number, all on one scale."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from churn_torch.report.charts.chart_parts import ends, figure, nothing, path
from churn_torch.report.charts.scales import UNITS, Axis, Scale

# Of the picture of a row, in its own units.
_HEIGHT = 20


@dataclass(frozen=True)
class Bar:
    """A number with a name, and its 95 % interval.

    Attributes:
        name: Text, not HTML; empty if it is that of the bar above.
        value: The number.
        low: Lower end of the interval.
        high: Upper end of the interval.
        words: What else there is to say of it; text, not HTML.
        kind: The class of its colour, where the bars are not signed.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    words: str = ""
    kind: str = "main"

    @property
    def interval(self) -> tuple[float, float] | None:
        """The interval, if both ends are finite."""
        if self.low is None or self.high is None:
            return None
        return (self.low, self.high) if math.isfinite(self.low + self.high) else None


@dataclass(frozen=True)
class Track:
    """The scale of the pictures of a table: what is drawn at the same place is the same number."""

    scale: Scale

    def bar(self, value: float, kind: str) -> str:
        """Return a bar from 0 to a number; ``kind`` is the class of its colour."""
        zero = self.scale.x(0)
        return path(f"bar {kind}", f"M{zero} 4H{self.scale.x(value)}V16H{zero}Z")

    def interval(self, low: float, high: float, kind: str = "whisker") -> str:
        """Return a line from one number to another, that is seen on a bar too."""
        shape = f"M{self.scale.x(low)} {_HEIGHT // 2}H{self.scale.x(high)}"
        return path("halo", shape) + path(kind, shape)

    def mark(self, value: float, kind: str) -> str:
        """Return a mark at a number."""
        return path(f"mark {kind}", f"M{self.scale.x(value)} 3V17")

    def picture(self, *parts: str) -> str:
        """Return the picture of a row: a line at 0, and what is drawn over it."""
        zero = path("zero", f"M{self.scale.x(0)} 0V{_HEIGHT}")
        return (
            f'<svg viewBox="0 0 {UNITS} {_HEIGHT}" preserveAspectRatio="none">'
            f"{zero}{''.join(parts)}</svg>"
        )


class Row(NamedTuple):
    """A row of a table with pictures.

    Attributes:
        cells: Name and numbers as text; what follows a line break is small.
        picture: Of `Track.picture`.
        is_first: Whether a line divides it from the row above.
    """

    cells: Sequence[str]
    picture: str
    is_first: bool = False


def picture_table(
    title: str, description: str, headings: Sequence[str], rows: Iterable[Row]
) -> str:
    """Return a figure with a table that has a picture in each row.

    Args:
        title: What it shows; text, not HTML.
        description: What can be seen in it, in a sentence or two.
        headings: Of the names and the numbers; text, not HTML.
        rows: From the top.
    """
    kinds = ["", *[" class=n"] * (len(headings) - 1)]
    heads = "".join(
        f"<th scope=col{kind}>{html.escape(heading)}"
        for kind, heading in zip(kinds, headings, strict=True)
    )
    parts = [
        f"<table><caption>{html.escape(title)}</caption><thead><tr>{heads}"
        "<td class=picture aria-hidden=true><tbody>"
    ]
    for row in rows:
        name, *numbers = map(_cell, row.cells)
        parts.append(
            f"<tr{' class=first' if row.is_first else ''}><th scope=row>{name}"
            f"{''.join(f'<td class=n>{number}' for number in numbers)}"
            f"<td class=picture aria-hidden=true>{row.picture}\n"
        )
    return figure(title, description, f"{''.join(parts)}</table>", "rows")


def _cell(text: str) -> str:
    first, *more = html.escape(text).split("\n", 1)
    return f"{first}<small>{more[0]}</small>" if more else first


def bar_chart(
    title: str,
    description: str,
    heading: str,
    bars: Sequence[Bar],
    write: Callable[[float], str],
    *,
    signed: bool = False,
) -> str:
    """Draw a bar from 0 to each number, with its interval; the numbers stand beside the bars.

    Args:
        title: What it shows; text, not HTML.
        description: What can be seen in it, in a sentence or two.
        heading: What the names are; text, not HTML.
        bars: From the top.
        write: Writes a number.
        signed: Whether bars have the colours of a higher and a lower risk.
    """
    known = [bar for bar in bars if math.isfinite(bar.value)]
    if not known:
        return nothing(title, description)
    numbers = [end for bar in known for end in (bar.value, *(bar.interval or ()))]
    track = Track(Axis("", write, include_zero=True).scale(numbers, 0.02))
    in_groups = not all(bar.name for bar in bars)
    rows = [_row(bar, track, write, signed, in_groups) for bar in bars]
    return picture_table(title, description, (heading, "value"), rows)


def _row(
    bar: Bar, track: Track, write: Callable[[float], str], signed: bool, in_groups: bool
) -> Row:
    is_first = in_groups and bool(bar.name)
    name = f"{bar.name}\n{bar.words}" if bar.words else bar.name
    if not math.isfinite(bar.value):
        return Row((name, "-"), track.picture(), is_first)
    kind = ("more" if bar.value > 0 else "less") if signed else bar.kind
    drawn, written = [track.bar(bar.value, kind)], write(bar.value)
    if bar.interval is not None:
        drawn.append(track.interval(*bar.interval))
        written += f"\n{ends(*bar.interval, write)}"
    return Row((name, written), track.picture(*drawn), is_first)
