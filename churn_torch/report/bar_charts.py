"""Charts of pages that are tables: a bar or an interval beside each number, all on one scale."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from churn_torch.report.chart_parts import ends, figure, nothing, path
from churn_torch.report.scales import UNITS, Axis, Scale

# Of the picture of a row, in its own units.
_HEIGHT = 20


@dataclass(frozen=True)
class Bar:
    """A number with a name, and its 95 % interval.

    Attributes:
        name: Text, not HTML.
        value: The number.
        low: Lower end of the interval.
        high: Upper end of the interval.
        words: What else there is to say of it; text, not HTML.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    words: str = ""

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
        """Return a bar from 0 to a number."""
        return path(
            f"bar {kind}", f"M{self.scale.x(0)} 4H{self.scale.x(value)}V16H{self.scale.x(0)}Z"
        )

    def interval(self, low: float, high: float, kind: str = "whisker") -> str:
        """Return a line from one number to another."""
        return path(kind, f"M{self.scale.x(low)} {_HEIGHT // 2}H{self.scale.x(high)}")

    def mark(self, value: float, kind: str) -> str:
        """Return a mark at a number."""
        return path(kind, f"M{self.scale.x(value)} 3V17")

    def picture(self, *parts: str) -> str:
        """Return the cell of a row: a line at 0, and what is drawn over it."""
        zero = path("zero", f"M{self.scale.x(0)} 0V{_HEIGHT}")
        return (
            f'<td class=picture aria-hidden=true><svg viewBox="0 0 {UNITS} {_HEIGHT}" '
            f'preserveAspectRatio="none">{zero}{"".join(parts)}</svg>'
        )


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
    parts = [
        f"<table><caption>{html.escape(title)}</caption><thead><tr>"
        f"<th scope=col>{html.escape(heading)}<th scope=col class=n>"
        "<span class=unseen>number</span><td aria-hidden=true><tbody>"
    ]
    parts += [_row(bar, track, write, signed) for bar in bars]
    return figure(title, description, "".join(parts) + "</table>", "rows")


def _row(bar: Bar, track: Track, write: Callable[[float], str], signed: bool) -> str:
    words = f"<small>{html.escape(bar.words)}</small>" if bar.words else ""
    drawn: Iterable[str] = ()
    written = "-"
    if math.isfinite(bar.value):
        kind = ("more" if bar.value > 0 else "less") if signed else "main"
        drawn = [track.bar(bar.value, kind)]
        written = html.escape(write(bar.value))
        if bar.interval is not None:
            drawn.append(track.interval(*bar.interval))
            written += f"<small>{html.escape(ends(*bar.interval, write))}</small>"
    return (
        f"<tr><th scope=row>{html.escape(bar.name)}{words}<td class=n>{written}"
        f"{track.picture(*drawn)}\n"
    )
