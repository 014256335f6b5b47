"""What all charts of a page are put together from: the figure, the plot, ticks, and the table."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Callable, Iterable, Sequence

from churn_torch.report.charts.scales import UNITS, Axis, Scale

# Of a value axis, what is added above and below the data, as a share of the range.
ROOM = 0.05


def figure(title: str, description: str, body: str, kind: str = "") -> str:
    """Return a figure with its title and description, which are text, not HTML."""
    said = f" <span>{html.escape(description)}</span>" if description else ""
    kinds = f"chart {kind}".strip()
    return (
        f'<figure class="{kinds}"><figcaption><b>{html.escape(title)}</b>{said}</figcaption>'
        f"{body}</figure>"
    )


def nothing(title: str, description: str, sentence: str = "There are no values to draw.") -> str:
    """Return the figure of a chart that cannot be drawn: a sentence says why."""
    return figure(title, description, f"<p>{html.escape(sentence)}</p>")


def path(kind: str, shape: str) -> str:
    """Return a path of a plot; ``kind`` are its CSS classes."""
    return f'<path class="{kind}" d="{shape}"/>'


def ends(low: float, high: float, write: Callable[[float], str]) -> str:
    """Write an interval."""
    return f"{write(low)} to {write(high)}"


def plot(
    title: str,
    description: str,
    axes: tuple[Axis, Axis],
    scales: tuple[Scale, Scale],
    paths: Iterable[str],
    marks: Iterable[str] = (),
) -> str:
    """Return the picture of a chart: axes, lines at their ticks, and what is drawn over these.

    Args:
        title: For those who cannot see it; text, not HTML.
        description: The same, longer.
        axes: Horizontal and vertical.
        scales: Of the same.
        paths: Drawn in `UNITS`, stretched with the page.
        marks: Drawn in percent of the plot, so that they keep their form.
    """
    x, y = scales
    rows = y.ticks(axes[1])
    left = max((len(word) for _, word in rows), default=0) + 1.4
    columns = x.ticks(axes[0], beside=left)
    far = abs(y.high - y.low) * 1e-9
    drawn = [path("zero" if abs(at) < far else "grid", f"M0 {y.y(at)}H{UNITS}") for at, _ in rows]
    drawn += paths
    texts = [
        f'<text x="0" y="{y.y(at) / UNITS:.1%}" dx="-.5em" dy=".35em" text-anchor="end">'
        f"{html.escape(word)}</text>"
        for at, word in rows
    ]
    texts += [
        f'<text x="{x.x(at) / UNITS:.1%}" y="100%" dy="1.6em" text-anchor="middle">'
        f"{html.escape(word)}</text>"
        for at, word in columns
    ]
    body = (
        f'<svg viewBox="0 0 {UNITS} {UNITS}" preserveAspectRatio="none">{"".join(drawn)}</svg>'
        f"{''.join(marks)}{''.join(texts)}"
    )
    # The same chart has the same names, so that a page is the same each time it is written.
    name = "c" + hashlib.blake2b(f"{title}{description}{body}".encode(), digest_size=5).hexdigest()
    # Room for the words: 1ch is the width of a 0.
    left = max(left, len(columns[0][1]) / 2)
    right = len(columns[-1][1]) / 2
    return (
        f"<p class=y-label>{html.escape(axes[1].label)}</p>"
        f'<div class=plot style="--left:{left:g}ch;--right:{right:g}ch">'
        f'<svg role="img" aria-labelledby="{name}t {name}d"><title id="{name}t">'
        f'{html.escape(title)}</title><desc id="{name}d">{html.escape(description)}</desc>'
        f"{body}</svg></div><p class=x-label>{html.escape(axes[0].label)}</p>"
    )


def legend(entries: Sequence[tuple[str, str]]) -> str:
    """Return what the lines and marks are: the class of the key, and words that are text."""
    if not entries:
        return ""
    items = (f'<li><i class="key {kind}"></i>{html.escape(word)}' for kind, word in entries)
    return f"<ul class=legend>{''.join(items)}</ul>"


def behind(*tables: str) -> str:
    """Return the tables behind a chart, shown where they are asked for."""
    return f"<details><summary>As a table</summary>{''.join(tables)}</details>"
