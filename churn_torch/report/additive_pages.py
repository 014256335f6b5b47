"""Additive models as HTML pages: what each level of each column adds."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from churn_torch.report.additive_terms import POINTS_TO_DOUBLE, points_of

if TYPE_CHECKING:
    from churn_torch.explanation.additive_terms import AdditiveTerm


def scorecard_page(terms: Sequence[AdditiveTerm], base: float) -> str:
    """Return a scorecard as a page of HTML that needs nothing else."""
    intro = (
        f"Everybody starts at {points_of(base)} points and gets those of one bin of each column "
        f"and pair. {POINTS_TO_DOUBLE} points double the odds of churn; 0 in all is one in two. "
        f"{_COLOURS}; pale cells had no training row. Terms stand {_ORDER}"
    )
    return "\n".join(_page("Scorecard", intro, terms, lambda value: f"{points_of(value):+d}"))


def shapes_page(terms: Sequence[AdditiveTerm], base: float) -> str:
    """Return what each column of an additive model adds as such a page."""
    intro = (
        f"The mean training row has log-odds of {base:.2f}, before calibration. Each column adds "
        "what its own value has here, whatever the others are. A line goes over the training "
        "range of a number, and the grey below it shows where the training rows are; categories "
        f"have bars, and their share of the rows. All have the same scale; {_COLOURS.lower()}. "
        f"Columns stand {_ORDER}"
    )
    return "\n".join(_page("What each column adds", intro, terms, lambda value: f"{value:+.2f}"))


_COLOURS = "Orange adds to churn, blue takes from it"
_ORDER = "in the order of their effect."
_STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 60em; padding: 0 1em }
h2 { font-size: 1.05em; margin: 2em 0 .3em } small { color: #666; font-weight: normal }
table { border-collapse: collapse } td, th { padding: .1em .5em; font-weight: normal }
th { text-align: left; white-space: nowrap } .n { text-align: right; color: #666 }
.bar { width: 24em; position: relative } .bar i { position: absolute; top: .3em; bottom: .3em }
.more { background: #c2410c } .less { background: #0369a1 } .v { text-align: right }
.map { overflow-x: auto } .map td { text-align: center; min-width: 2.2em }
.map small { color: inherit }
.none { opacity: .35 }
body > svg { width: 100%; max-width: 46em; display: block } svg text { font-size: 13px; fill: #666 }
.y { text-anchor: end } .axis { stroke: #ddd } rect { fill: #bbb }
polyline { fill: none; stroke: #333; stroke-width: 2 }
"""
# Of a line, in units of its picture: its size, the height of the rows below, and most bins of them.
_WIDTH, _HEIGHT, _ROWS, _BINS = 600, 150, 26, 34


def _page(
    title: str, intro: str, terms: Sequence[AdditiveTerm], say: Callable[[float], str]
) -> Iterator[str]:
    widest = max(map(_reach, terms), default=1.0) or 1.0
    yield f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title>"
    yield f"<meta name=viewport content='width=device-width'><style>{_STYLE}</style>"
    yield f"<h1>{title}</h1><p>{intro}</p>"
    for term in terms:
        name = html.escape(" × ".join(term.columns))
        yield f"<h2>{name} <small>effect {term.importance:.2f} log-odds</small></h2>"
        if len(term.columns) > 1:
            yield from _map(term, widest, say)
        elif term.values is None:
            yield from _bars(term, widest, say)
        else:
            yield from _line(term, widest, say)
    yield "</html>"


def _reach(term: AdditiveTerm) -> float:
    """Return how far from 0 a term goes; of a line, where all but a hundredth of the rows are."""
    seen = term.share > 0
    if term.values is not None:
        below = np.cumsum(term.share)
        seen &= (below > 0.005) & (below - term.share < 0.995)
    return float(np.abs(term.log_odds[seen]).max(initial=0))


def _bars(
    term: AdditiveTerm, widest: float, say: Callable[[float], str], n_levels: int | None = None
) -> Iterator[str]:
    yield "<table>"
    for word, value, share in list(zip(term.levels[0], term.log_odds, term.share, strict=True))[
        :n_levels
    ]:
        if not share and word in ("missing", "unseen or rare"):
            continue
        width = min(50 * abs(value) / widest, 50)
        side = f"left:50%;width:{width:.1f}%" if value > 0 else f"right:50%;width:{width:.1f}%"
        kind = "more" if value > 0 else "less"
        yield (
            f"<tr><th>{html.escape(word)}<td class=n>{share:.1%}<td class=v>{say(value)}"
            f"<td class=bar><i class={kind} style='{side}'></i>"
        )
    yield "</table>"


def _line(term: AdditiveTerm, widest: float, say: Callable[[float], str]) -> Iterator[str]:
    """Draw a number: its line, what it adds at both ends of the scale, and where the rows are."""
    assert term.values is not None
    at, added, share = term.values, term.log_odds[1:], term.share[1:]
    x = (at - at[0]) / (at[-1] - at[0]) * _WIDTH
    y = (1 - added / widest) * _HEIGHT / 2
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    middle = _HEIGHT / 2
    yield f"<svg viewBox='-60 -8 {_WIDTH + 90} {_HEIGHT + _ROWS + 36}' role=img>"
    for value in (widest, 0, -widest):
        height = middle * (1 - value / widest)
        yield f"<path class=axis d='M0 {height:.1f}H{_WIDTH}'/>"
        yield f"<text class=y x=-8 y={height + 4:.1f}>{say(value) if value else 0}</text>"
    # What goes beyond the scale ends at its edge.
    yield f"<svg y=-6 width={_WIDTH} height={_HEIGHT + 12} viewBox='0 -6 {_WIDTH} {_HEIGHT + 12}'>"
    yield f"<polyline points='{points}'/></svg>"
    # Rows in wider bins, so that a line of many values has no comb below it.
    starts = np.arange(0, len(share), -(-len(share) // _BINS))
    sizes = np.diff([*starts, len(share)])
    density = np.add.reduceat(share, starts) / sizes
    scale = _WIDTH / len(share)
    for start, size, height in zip(
        starts, sizes, density / (density.max() or 1) * _ROWS, strict=True
    ):
        yield (
            f"<rect x={start * scale:.1f} y={_HEIGHT + 8 + _ROWS - height:.1f} "
            f"width={size * scale - 1:.1f} height={height:.1f} />"
        )
    for place, anchor in ((0, "start"), (len(at) // 2, "middle"), (len(at) - 1, "end")):
        word = html.escape(term.levels[0][1 + place])
        yield f"<text x={x[place]:.0f} y={_HEIGHT + _ROWS + 24} text-anchor={anchor}>{word}</text>"
    yield "</svg>"
    if term.share[0]:
        yield from _bars(term, widest, say, 1)


def _map(term: AdditiveTerm, widest: float, say: Callable[[float], str]) -> Iterator[str]:
    rows, columns = (term.share.sum(axis).astype(bool) for axis in (1, 0))
    yield "<div class=map><table><tr><th>"
    yield "".join(
        f"<th><small>{html.escape(word)}</small>"
        for word, shown in zip(term.levels[1], columns, strict=True)
        if shown
    )
    for i in np.flatnonzero(rows):
        yield f"<tr><th><small>{html.escape(term.levels[0][i])}</small>"
        for j in np.flatnonzero(columns):
            value = term.log_odds[i, j]
            strength = min(abs(value) / widest * 2, 1)
            colour = "194,65,12" if value > 0 else "3,105,161"
            faint = "" if term.share[i, j] else " class=none"
            yield f"<td{faint} style='background:rgba({colour},{strength:.2f})'>{say(value)}"
    yield "</table></div>"
