"""Additive models as HTML pages: what each level of each column adds."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from churn_torch.report.additive_tables import POINTS_TO_DOUBLE, points_of
from churn_torch.report.bar_charts import Row, Track, picture_table
from churn_torch.report.charts import Axis, Line, line_chart
from churn_torch.report.formats import percent
from churn_torch.report.page_style import cell_shade, page_start, whole_page
from churn_torch.report.scales import Scale

if TYPE_CHECKING:
    from churn_torch.explanation.additive_terms import AdditiveTerm, Array

# Most bins of the training rows below a curve.
_MOST_BINS = 34
# Levels that are not shown where no training row has them.
_HIDDEN_WHEN_EMPTY = ("missing", "unseen or rare")
# The deepest colour of a cell, so that its text stays readable on it.
_DEEPEST = 0.75
_COLOURS = "Orange adds to the risk of churn, blue lowers it"
_STYLE = """
h2 { overflow-wrap: anywhere } h2 small { font-weight: normal }
.chart figcaption b { display: none } .plot > svg { height: 12em }
.rows table { table-layout: fixed } .rows .n { width: 5.5em }
.rows td.n:nth-child(2) { color: var(--quiet) }
.map td { text-align: center; min-width: 2.2em } .empty { font-style: italic }
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
    return whole_page(_page("Scorecard", intro, terms, scale))


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
    return whole_page(_page("What each column adds", intro, terms, scale))


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
            yield _bars(term, scale)
        else:
            yield from _curve(term, scale)
        yield "</section>"


def _bars(term: AdditiveTerm, scale: _Scale, n_levels: int | None = None) -> str:
    """Draw a bar for each level, or for the first ``n_levels``.

    The tables of a page have columns of fixed widths, so the bars have the same zero and scale.
    """
    track = Track(Scale(-scale.limit, scale.limit))
    rows = []
    levels = zip(term.levels[0], term.log_odds.tolist(), term.share.tolist(), strict=True)
    for word, value, share in list(levels)[:n_levels]:
        if not share and word in _HIDDEN_WHEN_EMPTY:
            continue
        bar = track.bar(value, "more" if value > 0 else "less")
        rows.append(Row((word, percent(share), scale.write(value)), track.picture(bar)))
    title = f"What each level of {term.columns[0]} adds"
    return picture_table(title, "", ("level", "share of rows", scale.unit), rows)


def _curve(term: AdditiveTerm, scale: _Scale) -> Iterator[str]:
    """Draw what a number adds over its range, and below it where the training rows are."""
    assert term.values is not None
    values, added, words = term.values.tolist(), term.log_odds[1:].tolist(), term.levels[0][1:]
    word_of = dict(zip(values, words, strict=True))
    places = sorted({0, len(values) // 2, len(values) - 1})
    yield line_chart(
        f"What {term.columns[0]} adds",
        _in_words(term, scale),
        Axis(
            term.columns[0],
            word_of.__getitem__,
            ticks=[(values[place], words[place]) for place in places],
        ),
        Axis(scale.unit, scale.write, -scale.limit, scale.limit),
        [Line(term.columns[0], values, added)],
        rows=_rows(term.values, term.share[1:]),
    )
    if term.share[0]:
        yield _bars(term, scale, 1)


def _rows(values: Array, share: Array) -> tuple[list[float], list[float]]:
    """Return the training rows in wider bins than the values of the curve: ends and shares."""
    n_bins = min(_MOST_BINS, len(share))
    starts = np.arange(n_bins) * len(share) // n_bins
    middles = (values[1:] + values[:-1]) / 2
    ends = [values[0], *middles[starts[1:] - 1], values[-1]]
    return np.array(ends).tolist(), np.add.reduceat(share, starts).tolist()


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
    names, levels, added, share = term.columns, term.levels, term.log_odds, term.share
    if share.shape[1] > share.shape[0]:
        # A wide table is cut on paper, a long one goes on.
        names, levels, added, share = names[::-1], levels[::-1], added.T, share.T
    rows, columns = (share.sum(axis).astype(bool) for axis in (1, 0))
    first, second = map(html.escape, names)
    caption = f"What {first} and {second} add together"
    yield f"<div class='scroll map'><table><caption>{caption}</caption><thead>"
    yield f"<tr><th scope=col>{first} \\ {second}"
    yield "".join(
        f"<th scope=col>{html.escape(word)}"
        for word, shown in zip(levels[1], columns, strict=True)
        if shown
    )
    yield "<tbody>"
    for i in np.flatnonzero(rows):
        yield f"<tr><th scope=row><small>{html.escape(levels[0][i])}</small>"
        for j in np.flatnonzero(columns):
            value = added[i, j]
            strength = min(abs(value) / scale.limit * 2, 1) * _DEEPEST
            kind, note = "", ""
            if not share[i, j]:
                strength *= 0.4
                kind, note = " class=empty", "<span class=unseen> (no training rows)</span>"
            style = cell_shade(strength, "more" if value > 0 else "less")
            yield f"<td{kind} style='{style}'>{scale.write(value)}{note}"
    yield "</table></div>"
