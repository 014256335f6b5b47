"""Charts of lines with bands and points, as inline SVG.

Each chart is one figure: title and description, the picture, and a table with the same numbers.
`charts.js` reads that table to show values at the pointer and to the arrow keys. Points with a
number that is not finite are gaps of the picture and dashes of the table; a chart with fewer than
two points is a sentence.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Literal

from churn_torch.report.charts.bar_charts import Bar, bar_chart
from churn_torch.report.charts.chart_parts import (
    ROOM,
    behind,
    ends,
    figure,
    legend,
    nothing,
    path,
    plot,
)
from churn_torch.report.charts.histogram import histogram
from churn_torch.report.charts.scales import UNITS, Axis, Scale
from churn_torch.report.pages.html_table import html_table

__all__ = ["Axis", "Bar", "Line", "Point", "bar_chart", "histogram", "line_chart"]

Kind = Literal["main", "second", "more", "less", "reference"]


@dataclass(frozen=True)
class Line:
    """One line of a chart, and the 95 % interval around it.

    Attributes:
        name: What it is; text, not HTML.
        x: Ascending.
        y: As many numbers.
        low: Lower ends of the band.
        high: Upper ends of the band.
        kind: ``more`` and ``less`` are the colours of a higher and a lower risk; a ``reference``
            is dashed and quiet.
        steps: Whether a value holds up to the next x.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    kind: Kind = "main"
    steps: bool = False

    @property
    def points(self) -> list[tuple[float, float]]:
        """The points of the line."""
        return list(zip(self.x, self.y, strict=True))

    @property
    def band(self) -> list[tuple[float, float]]:
        """The ends of the interval at each x; empty if the line has no band."""
        if self.low is None or self.high is None:
            return []
        both = list(zip(self.low, self.high, strict=True))
        if len(both) != len(self.x):
            raise ValueError(f"{self.name}: {len(self.x)} points, {len(both)} intervals")
        return both


@dataclass(frozen=True)
class Point:
    """A marked point of a chart, with its 95 % interval.

    Attributes:
        x: Place from the left.
        y: Height.
        words: What it is; text, not HTML.
        low: Lower end of the interval of y.
        high: Upper end of the interval of y.
        kind: Colour of the line that it belongs to; None where there is one line.
        hollow: Whether only its edge has the colour, to tell two points of a line apart.
    """

    x: float
    y: float
    words: str
    low: float | None = None
    high: float | None = None
    kind: Kind | None = None
    hollow: bool = False

    @property
    def interval(self) -> tuple[float, float] | None:
        """The interval, if both ends are finite."""
        if self.low is None or self.high is None or not _finite(self.low, self.high):
            return None
        return self.low, self.high

    @property
    def classes(self) -> str:
        """The CSS classes of its dot."""
        return " ".join(filter(None, ("dot", self.kind, "hollow" if self.hollow else "")))


def line_chart(
    title: str,
    description: str,
    x: Axis,
    y: Axis,
    lines: Sequence[Line],
    *,
    points: Sequence[Point] = (),
    vertical: Sequence[tuple[float, str]] = (),
    rows: tuple[Sequence[float], Sequence[float]] | None = None,
) -> str:
    """Draw lines, points and marked places of x.

    Args:
        title: What it shows; text, not HTML.
        description: What can be seen in it, in a sentence or two.
        x: The horizontal axis.
        y: The vertical axis.
        lines: Drawn one over the other, the last one on top.
        points: Drawn over the lines.
        vertical: Places of x with what they are; each is a dashed line.
        rows: Where the rows are: ends of bins of x, and the share of the rows in each bin. They
            are grey bars at the bottom, the highest a sixth of the chart.
    """
    drawn = [pair for line in lines for pair in line.points if _finite(*pair)]
    dots = [point for point in points if _finite(point.x, point.y)]
    places = [(at, word) for at, word in vertical if math.isfinite(at)]
    all_points = [*drawn, *((dot.x, dot.y) for dot in dots)]
    if not all_points:
        return nothing(title, description)
    if len(all_points) == 1:
        at, value = all_points[0]
        said = f"One point only: {y.label} {y.said(value)} at {x.label} {x.said(at)}."
        return nothing(title, description, said)
    scales = (
        x.scale([*(at for at, _ in all_points), *(at for at, _ in places)]),
        y.scale(
            [
                *(value for _, value in all_points),
                *(end for line in lines for both in line.band for end in both),
                *(end for dot in dots for end in dot.interval or ()),
            ],
            ROOM,
        ),
    )
    paths = [path("rows-below", _below(*rows, scales[0]))] if rows is not None else []
    paths += [path("vertical", f"M{scales[0].x(at)} 0V{UNITS}") for at, _ in places]
    for line in lines:
        paths += _drawn(line, scales)
    marks = []
    for dot in dots:
        if dot.interval is not None:
            low, high = map(scales[1].y, dot.interval)
            shape = f"M{scales[0].x(dot.x)} {low}V{high}"
            paths.append(path(f"whisker {dot.kind}" if dot.kind else "whisker", shape))
        left, top = (f"{scale / UNITS:.1%}" for scale in (scales[0].x(dot.x), scales[1].y(dot.y)))
        marks.append(f'<circle class="{dot.classes}" cx="{left}" cy="{top}" r="4.5"/>')
    keys: list[tuple[str, str]] = []
    if len(lines) > 1 or dots or places:
        keys += [(line.kind, line.name) for line in lines]
    keys += [(f"band {line.kind}", "95 % interval") for line in lines if line.band][:1]
    keys += dict.fromkeys((dot.classes, dot.words) for dot in dots)
    keys += [("vertical", f"{word}: {x.said(at)}") for at, word in places]
    return figure(
        title,
        description,
        f"{legend(keys)}{plot(title, description, (x, y), scales, paths, marks)}"
        f"{behind(*_tables(title, x, y, lines, points, scales))}",
    )


def _below(edges: Sequence[float], shares: Sequence[float], x: Scale) -> str:
    """Return bars whose areas are the shares of the rows."""
    dense = [
        (low, high, share / (high - low))
        for share, (low, high) in zip(shares, pairwise(edges), strict=True)
        if high > low
    ]
    most = max((each for _, _, each in dense), default=0) or 1.0
    return "".join(
        f"M{x.x(low)} {UNITS}v-{round(each / most * UNITS / 6)}H{x.x(high)}V{UNITS}Z"
        for low, high, each in dense
    )


def _finite(*numbers: float) -> bool:
    return all(map(math.isfinite, numbers))


def _drawn(line: Line, scales: tuple[Scale, Scale]) -> Iterator[str]:
    """Draw the band of a line and the line, with gaps where a number is not finite."""
    x, y = scales
    places = list(range(len(line.x)))
    for is_known, run in groupby(
        places if line.band else (), lambda k: _finite(line.x[k], *line.band[k])
    ):
        if is_known:
            kept = list(run)
            over = [f"{x.x(line.x[k])} {y.y(line.band[k][1])}" for k in kept]
            under = [f"{x.x(line.x[k])} {y.y(line.band[k][0])}" for k in kept]
            yield path(f"band {line.kind}", f"M{'L'.join([*over, *under[::-1]])}Z")
    for is_known, run in groupby(places, lambda k: _finite(line.x[k], line.y[k])):
        if not is_known:
            continue
        shown = [(x.x(line.x[k]), y.y(line.y[k])) for k in run]
        (first, top), others = shown[0], shown[1:]
        if not others:
            yield path(f"line {line.kind} single", f"M{first} {top}h.01")
            continue
        join = "H{0}V{1}" if line.steps else "L{0} {1}"
        shape = "".join(join.format(*point) for point in others)
        yield path(f"line {line.kind}", f"M{first} {top}{shape}")


def _tables(
    title: str,
    x: Axis,
    y: Axis,
    lines: Sequence[Line],
    points: Sequence[Point],
    scales: tuple[Scale, Scale],
) -> Iterator[str]:
    """Write the points: lines side by side if they have the same x, else one after the other."""

    def interval(both: tuple[float, float] | None) -> str:
        return "-" if both is None or not _finite(*both) else ends(*both, y.said)

    def at(place: float, value: float | None = None) -> str:
        if not _finite(place, value or 0.0):
            return ""
        height = "" if value is None else f" {scales[1].y(value)}"
        return f'data-at="{scales[0].x(place)}{height}"'

    if len({tuple(line.x) for line in lines}) == 1:
        heads, rows = [x.label], [[x.said(place)] for place in lines[0].x]
        for line in lines:
            heads += [line.name, "95 % interval"] if line.band else [line.name]
            for k, row in enumerate(rows):
                row.append(y.said(line.y[k]))
                if line.band:
                    row.append(interval(line.band[k]))
        one = lines[0].y if len(lines) == 1 else [None] * len(rows)
        places = [at(place, value) for place, value in zip(lines[0].x, one, strict=True)]
        yield html_table(title, heads, rows, row_attributes=places)
    elif lines:
        has_band = any(line.band for line in lines)
        heads = ["Line", x.label, y.label, *(["95 % interval"] if has_band else [])]
        rows, places = [], []
        for line in lines:
            for k, (place, value) in enumerate(line.points):
                row = [line.name, x.said(place), y.said(value)]
                row += [interval(line.band[k] if line.band else None)] if has_band else []
                rows.append(row)
                places.append(at(place, value))
        yield html_table(title, heads, rows, row_attributes=places)
    if points:
        has_interval = any(point.interval for point in points)
        heads = ["Point", x.label, y.label, *(["95 % interval"] if has_interval else [])]
        rows = [
            [point.words, x.said(point.x), y.said(point.y)]
            + ([interval(point.interval)] if has_interval else [])
            for point in points
        ]
        places = [at(point.x, point.y) for point in points]
        yield html_table(f"{title}: marked points", heads, rows, row_attributes=places)
