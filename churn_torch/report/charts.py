"""Charts of a page: lines that stretch, bars, scales with round ticks, and tables behind them."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

# Of a chart in its own units; the page stretches its width.
WIDTH, HEIGHT = 600, 240
# Rows of the table behind a curve.
_ROWS = 12
CHART_STYLE = """
figure { display: grid; grid-template-columns: 3.6em 1fr; margin: .8em 0 0; font-size: .85em;
  color: var(--quiet); break-inside: avoid }
figure svg { grid-column: 2; width: 100%; display: block; overflow: visible }
.y { position: relative; height: 240px }
.y span { position: absolute; right: .5em; transform: translateY(-50%) }
.x { grid-column: 2; position: relative; height: 1.7em }
.x span { position: absolute; white-space: nowrap; transform: translateX(-50%) }
.x .first { transform: none } .x .last { transform: translateX(-100%) }
figcaption { grid-column: 1 / 3; margin: .3em 0 1em }
path { fill: none; vector-effect: non-scaling-stroke; stroke: var(--axis) }
.zero { stroke: var(--quiet) } .band { fill: var(--band); stroke: none }
.curve { stroke: var(--less); stroke-width: 2 }
.whisker { stroke: var(--less); stroke-width: 2 }
.dot { stroke: var(--less); stroke-width: 9; stroke-linecap: round }
b.less { color: var(--less) } b.more { color: var(--more) }
"""


@dataclass(frozen=True)
class Scale:
    """The numbers of an axis, from the lowest to the highest that it shows."""

    low: float
    high: float

    def part(self, value: float) -> float:
        """Return how far along the axis a number lies, from 0 to 1; others stay at its ends."""
        kept = min(max(value, self.low), self.high)
        return (kept - self.low) / (self.high - self.low)

    def x(self, value: float) -> float:
        """Return where a number lies from the left of a chart."""
        return self.part(value) * WIDTH

    def y(self, value: float) -> float:
        """Return where a number lies from the top of a chart."""
        return (1 - self.part(value)) * HEIGHT

    @property
    def ticks(self) -> list[float]:
        """Return up to seven round numbers in the range, 0 among them."""
        step = 10 ** math.floor(math.log10(self.high - self.low))
        step *= next(part for part in (0.2, 0.5, 1, 2) if self.high - self.low <= 6 * step * part)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [step * k for k in range(first, last + 1)]


def scale_of(values: Iterable[float]) -> Scale:
    """Return a scale that shows 0 and all these numbers, with some room."""
    shown = [0.0, *values]
    low, high = min(shown), max(shown)
    room = (high - low) / 20 or 0.01
    return Scale(low - room * (low < 0), high + room)


def compact(value: float) -> str:
    """Write a number in a few characters: 1.5k, 20M."""
    size = abs(value)
    unit, word = next(
        (pair for pair in ((1e9, "bn"), (1e6, "M"), (1e3, "k")) if size >= 0.9995 * pair[0]),
        (1, ""),
    )
    return f"{value / unit:.3g}{word}"


def chart_start(words: str, scale: Scale, write: Callable[[float], str]) -> Iterator[str]:
    """Begin a chart: its words, its vertical scale, and lines at the ticks; paths follow.

    Args:
        words: What it shows, for those who cannot see it; text, not HTML.
        scale: Of the heights.
        write: Writes the number of a tick.
    """
    yield f"<figure role=img aria-label='{html.escape(words, quote=True)}'><div class=y>"
    ticks = [0.0 if abs(tick) < 1e-12 * scale.high else tick for tick in scale.ticks]
    for tick in ticks:
        yield f"<span style='top:{scale.y(tick) / HEIGHT:.1%}'>{html.escape(write(tick))}</span>"
    yield f'</div><svg height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none">'
    for tick in ticks:
        yield path("axis" if tick else "zero", f"M0 {scale.y(tick):.1f}H{WIDTH}")


def path(kind: str, shape: str) -> str:
    """Return a path of a chart; ``kind`` is its CSS class."""
    return f'<path class="{kind}" d="{shape}"/>'


def line(points: Iterable[tuple[float, float]]) -> str:
    """Return the shape of a line through points of a chart."""
    return "M" + " ".join(f"{x:.1f} {y:.1f}" for x, y in points)


def bars(
    caption: str,
    heading: str,
    rows: Sequence[tuple[str, float]],
    whole: float,
    write: Callable[[float], str] | None = None,
) -> Iterator[str]:
    """Draw a bar for each number, as long as its share of the largest."""
    longest = max((number for _, number in rows), default=1) or 1
    yield f"<table class=bars><caption>{caption}</caption><col><col><col><thead class=unseen><tr>"
    yield f"<th scope=col>{heading}<th scope=col class=n>number<th><tbody>"
    for name, number in rows:
        written = f"{number / whole:.0%}" if write is None else write(number)
        told = f" title='{number:,} of {whole:,}'" if write is None else ""
        yield f"<tr><th scope=row>{html.escape(name)}<td class=n{told}>{written}"
        width = 100 * number / longest
        yield f"<td class=bar aria-hidden=true><i style='width:{width:.1f}%'></i>"
    yield "</table>"


def places(x: Scale, write: Callable[[float], str]) -> Iterator[str]:
    """Write the numbers of a horizontal scale below a chart."""
    yield "<div class=x aria-hidden=true>"
    for tick in x.ticks:
        part = x.part(tick)
        kind = " class=last" if part > 0.97 else " class=first" if part < 0.03 else ""
        yield f"<span{kind} style='left:{part:.1%}'>{write(tick)}</span>"
    yield "</div>"


def table_behind(
    caption: str, headings: Sequence[str], rows: Sequence[Sequence[str]]
) -> Iterator[str]:
    """Write some of the numbers behind a curve, shown where they are asked for."""
    yield f"<details><summary>As a table</summary><table><caption>{caption}</caption><thead><tr>"
    yield "".join(f"<th scope=col class=n>{heading}" for heading in headings)
    yield "<tbody>"
    step = max(1, math.ceil((len(rows) - 1) / (_ROWS - 1)))
    for row in [*rows[:-1:step], rows[-1]]:
        yield "<tr>" + "".join(f"<td class=n>{cell}" for cell in row)
    yield "</table></details>"
