"""Additive models as HTML pages: what each level of each column adds."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from churn_torch.report.additive_tables import POINTS_TO_DOUBLE, points_of
from churn_torch.report.formats import percent
from churn_torch.report.page_style import page_start

if TYPE_CHECKING:
    from churn_torch.explanation.additive_terms import AdditiveTerm, Array

# Of a curve in units of its picture: width, height, height of the rows below, most bins of rows.
_WIDTH, _HEIGHT, _ROWS_HEIGHT, _MOST_BINS = 600, 150, 26, 34
# Levels that are not shown where no training row has them.
_HIDDEN_WHEN_EMPTY = ("missing", "unseen or rare")
# The deepest colour of a cell, so that its text stays readable on it.
_DEEPEST = 0.75
_COLOURS = "Orange adds to the risk of churn, blue lowers it"
_STYLE = """
h2 { overflow-wrap: anywhere } small { font-weight: normal }
td, th { padding: .1em .4em }
.bars { table-layout: fixed; width: 100% } .bars th { width: 30%; overflow-wrap: anywhere }
.bars thead .n { width: 4.9em } td.n:nth-child(2) { color: var(--quiet) }
.bars thead .bar { width: auto } .bar { position: relative }
.bar span { position: absolute; bottom: 0; left: .4em }
.bar span + span { left: 50%; transform: translateX(-50%) }
.bar span + span + span { left: auto; right: 0; transform: none }
td.bar { background: linear-gradient(var(--axis), var(--axis)) 50% / 1px 100% no-repeat }
.bar i { position: absolute; top: .3em; bottom: .3em }
@media (max-width: 30em) { td, th { padding: .1em .2em } .bars th { width: 28% }
  .bars thead .n { width: 3.6em } .bar span + span:not(:last-child) { display: none } }
.more { background: var(--more) } .less { background: var(--less) }
.map { overflow-x: auto } .map td { text-align: center; min-width: 2.2em }
.empty { opacity: .5; font-style: italic }
figure { display: grid; grid-template-columns: 4em 1fr; margin: .8em 0 0; font-size: .85em;
  color: var(--quiet) }
figure svg { grid-column: 2; width: 100%; display: block; overflow: hidden }
.y { height: 150px; display: flex; flex-direction: column; justify-content: space-between;
  text-align: right; padding-right: .5em; line-height: 0 }
.x { grid-column: 2; position: relative; height: 1.6em }
.x span { position: absolute; white-space: nowrap; transform: translateX(-50%) }
.x .first { transform: none } .x .last { transform: translateX(-100%) }
.axis { stroke: var(--axis) } rect { fill: var(--rows) }
polyline { fill: none; stroke: var(--line); stroke-width: 2 }
path, polyline { vector-effect: non-scaling-stroke }
"""


@dataclass(frozen=True)
class _Scale:
    """The scale of all pictures of a page, from ``-limit`` to ``limit`` log-odds.

    Attributes:
        limit: Largest log-odds shown.
        unit: What the numbers of the page are.
        write: Writes log-odds as such a number.
    """

    limit: float
    unit: str
    write: Callable[[float], str]


def scorecard_page(terms: Sequence[AdditiveTerm], base: float) -> str:
    """Return a scorecard as an HTML page that needs no other file."""
    scale = _Scale(_limit(terms), "points", lambda value: f"{points_of(value):+d}")
    intro = (
        f"Every customer starts at {points_of(base)} points and gets the points of one bin of each "
        f"column and each pair of columns. {POINTS_TO_DOUBLE} points double the odds of churn; a "
        f"total of 0 points is a probability of 50%, before calibration. {_COLOURS}; pale cells "
        "had no training rows. All bars have the same scale, and all cells of pairs the same "
        f"colours. {_order('Columns and pairs')}"
    )
    return "\n".join(_page("Scorecard", intro, terms, scale))


def shapes_page(terms: Sequence[AdditiveTerm], base: float) -> str:
    """Return the shape functions of an additive model as an HTML page that needs no other file."""
    scale = _Scale(_limit(terms), "log-odds", lambda value: f"{value:+z.2f}")
    intro = (
        f"The mean training row has log-odds of {base:.2f}, before calibration. Each section shows "
        "what the value of one column adds to this, whatever the other values of the row are. A "
        "line covers the training range of a number, and the grey bars below it show where the "
        "training rows are. Categories have bars, and the share of the training rows beside them. "
        "All have the same scale; where a line leaves it, there are at most 1% of the rows. "
        f"{_COLOURS}. {_order('Columns')}"
    )
    return "\n".join(_page("What each column adds", intro, terms, scale))


def _order(what: str) -> str:
    return f"{what} are sorted by their effect: the standard deviation of what they add."


def _limit(terms: Sequence[AdditiveTerm]) -> float:
    return max(map(_largest, terms), default=1.0) or 1.0


def _largest(term: AdditiveTerm) -> float:
    """Return the largest effect of a term; of a curve without its outer hundredth of the rows."""
    observed = term.share > 0
    if term.values is not None:
        below = np.cumsum(term.share)
        observed &= (below > 0.005) & (below - term.share < 0.995)
    return float(np.abs(term.log_odds[observed]).max(initial=0))


def _page(title: str, intro: str, terms: Sequence[AdditiveTerm], scale: _Scale) -> Iterator[str]:
    yield f"{page_start(title, _STYLE)}<p>{intro}</p>"
    for term in terms:
        name = html.escape(" × ".join(term.columns))
        yield f"<section><h2>{name} <small>effect {term.importance:.2f} log-odds</small></h2>"
        if len(term.columns) > 1:
            yield from _pair(term, scale)
        elif term.values is None:
            yield from _bars(term, scale)
        else:
            yield from _curve(term, scale)
        yield "</section>"
    yield "</main></html>"


def _bars(term: AdditiveTerm, scale: _Scale, n_levels: int | None = None) -> Iterator[str]:
    """Draw a bar for each level, or for the first ``n_levels``.

    The tables of a page have columns of fixed widths, so the bars have the same zero and scale.
    """
    name = html.escape(term.columns[0])
    yield f"<table class=bars><caption>What each level of {name} adds</caption><thead><tr>"
    yield "<th scope=col>level<th scope=col class=n>share of rows"
    yield f"<th scope=col class=n>{scale.unit}"
    low, high = scale.write(-scale.limit), scale.write(scale.limit)
    scale_words = f"<span>{low}</span><span>0</span><span>{high}</span>"
    yield f"<th class=bar aria-hidden=true>{scale_words}<tbody>"
    levels = zip(term.levels[0], term.log_odds, term.share, strict=True)
    for word, value, share in list(levels)[:n_levels]:
        if not share and word in _HIDDEN_WHEN_EMPTY:
            continue
        width = min(50 * abs(value) / scale.limit, 50)
        side, kind = ("left", "more") if value > 0 else ("right", "less")
        yield (
            f"<tr><th scope=row>{html.escape(word)}<td class=n>{percent(share)}"
            f"<td class=n>{scale.write(value)}"
            f"<td class=bar aria-hidden=true><i class={kind} style='{side}:50%;"
            f"width:{width:.1f}%'></i>"
        )
    yield "</table>"


def _curve(term: AdditiveTerm, scale: _Scale) -> Iterator[str]:
    """Draw what a number adds over its range, and below it where the training rows are."""
    assert term.values is not None
    values, added, share = term.values, term.log_odds[1:], term.share[1:]
    x = (values - values[0]) / (values[-1] - values[0]) * _WIDTH
    y = (1 - added / scale.limit) * _HEIGHT / 2
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    yield f"<figure role=img aria-label='{html.escape(_in_words(term, scale), quote=True)}'>"
    yield f"<div class=y><span>{scale.write(scale.limit)}</span><span>0</span>"
    yield f"<span>{scale.write(-scale.limit)}</span></div>"
    yield f"<svg height={_HEIGHT} viewBox='0 0 {_WIDTH} {_HEIGHT}' preserveAspectRatio=none>"
    axes = "".join(f"M0 {height}H{_WIDTH}" for height in (0.5, _HEIGHT / 2, _HEIGHT - 0.5))
    yield f"<path class=axis d='{axes}'/><polyline points='{points}'/></svg>"
    box = f"0 0 {_WIDTH} {_ROWS_HEIGHT}"
    yield f"<svg height={_ROWS_HEIGHT} viewBox='{box}' preserveAspectRatio=none>"
    yield from _rows(share)
    yield "</svg><div class=x>"
    last = len(values) - 1
    for place in sorted({0, len(values) // 2, last}):
        kind = "first" if place == 0 else "last" if place == last else "middle"
        word = html.escape(term.levels[0][1 + place])
        yield f"<span class={kind} style='left:{x[place] / _WIDTH:.1%}'>{word}</span>"
    yield "</div></figure>"
    if term.share[0]:
        yield from _bars(term, scale, 1)


def _rows(share: Array) -> Iterator[str]:
    """Draw the density of the rows, in wider bins than the values of the curve."""
    starts = np.arange(0, len(share), -(-len(share) // _MOST_BINS))
    sizes = np.diff([*starts, len(share)])
    density = np.add.reduceat(share, starts) / sizes
    heights = density / (density.max() or 1) * _ROWS_HEIGHT
    step = _WIDTH / len(share)
    for start, size, height in zip(starts, sizes, heights, strict=True):
        yield (
            f"<rect x={start * step:.1f} y={_ROWS_HEIGHT - height:.1f} "
            f"width={size * step - 1:.1f} height={height:.1f} />"
        )


def _in_words(term: AdditiveTerm, scale: _Scale) -> str:
    """Describe a curve for those who cannot see it."""
    words, added = term.levels[0][1:], term.log_odds[1:]

    def at(place: int) -> str:
        return f"{scale.write(added[place])} at {words[place]}"

    ends = f"from {at(0)} to {at(len(words) - 1)}"
    extremes = f"highest {at(int(added.argmax()))}, lowest {at(int(added.argmin()))}"
    return f"What {term.columns[0]} adds to the {scale.unit}: {ends}; {extremes}."


def _pair(term: AdditiveTerm, scale: _Scale) -> Iterator[str]:
    """Draw a table of coloured cells, without levels that no training row has."""
    rows, columns = (term.share.sum(axis).astype(bool) for axis in (1, 0))
    first, second = map(html.escape, term.columns)
    caption = f"What {first} and {second} add together"
    yield f"<div class=map role=region tabindex=0 aria-label='{caption}'>"
    yield f"<table><caption>{caption}</caption><thead>"
    yield f"<tr><th scope=col>{first} \\ {second}"
    yield "".join(
        f"<th scope=col>{html.escape(word)}"
        for word, shown in zip(term.levels[1], columns, strict=True)
        if shown
    )
    yield "<tbody>"
    for i in np.flatnonzero(rows):
        yield f"<tr><th scope=row><small>{html.escape(term.levels[0][i])}</small>"
        for j in np.flatnonzero(columns):
            value = term.log_odds[i, j]
            strength = min(abs(value) / scale.limit * 2, 1) * _DEEPEST
            colour = "194,65,12" if value > 0 else "3,105,161"
            kind, note = "", ""
            if not term.share[i, j]:
                kind, note = " class=empty", "<span class=unseen> (no training rows)</span>"
            style = f"background:rgba({colour},{strength:.2f})"
            yield f"<td{kind} style='{style}'>{scale.write(value)}{note}"
    yield "</table></div>"
