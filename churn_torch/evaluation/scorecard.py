"""A scorecard for people: as a table, as a page, and its strongest terms."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from rich.table import Table
from rich.text import Text

from churn_torch.models.points import Points, strongest_level

# So many points double the odds.
POINTS_TO_DOUBLE = 20
_SHOWN_TERMS = 10


def points_of(log_odds: float) -> int:
    """Return log-odds as points."""
    return round(log_odds * POINTS_TO_DOUBLE / math.log(2))


def card_frame(terms: Sequence[Points], base: float) -> pd.DataFrame:
    """Return the scorecard as a table: the base, then each cell of each term.

    The log-odds of a row before calibration are the base and one line of each term, added up.
    """
    rows = [("base", "", "", "", 1.0, base, points_of(base))]
    for term in terms:
        for at in np.ndindex(term.log_odds.shape):
            words = [levels[i] for levels, i in zip(term.levels, at, strict=True)]
            first, second = (*words, "")[:2]
            names = (*term.columns, "")[:2]
            value = float(term.log_odds[at])
            rows.append((names[0], first, names[1], second, float(term.share[at]), value,
                         points_of(value)))  # fmt: skip
    columns = ["column", "bin", "with_column", "with_bin", "share", "log_odds", "points"]
    return pd.DataFrame(rows, columns=columns)


def strongest_table(terms: Sequence[Points]) -> Table:
    """Lay out the terms that matter most."""
    n_pairs = sum(len(term.columns) > 1 for term in terms)
    table = Table(
        "term",
        "effect",
        "most churn",
        "least churn",
        caption=f"{len(terms) - n_pairs} columns and {n_pairs} pairs; effect: standard deviation "
        "of what the term adds to the log-odds",
    )
    for term in terms[:_SHOWN_TERMS]:
        extremes = [strongest_level(term, highest=highest) for highest in (True, False)]
        name = " x ".join(term.columns)
        table.add_row(Text(name), f"{term.importance:.2f}", *map(Text, extremes))
    return table


def card_page(terms: Sequence[Points], base: float) -> str:
    """Return the scorecard as a page of HTML that needs nothing else."""
    return "\n".join(_page(terms, base))


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
"""


def _page(terms: Sequence[Points], base: float) -> Iterator[str]:
    widest = max((float(np.abs(_seen(term)).max(initial=0)) for term in terms), default=1.0) or 1.0
    yield "<!doctype html><html lang=en><meta charset=utf-8><title>Scorecard</title>"
    yield f"<meta name=viewport content='width=device-width'><style>{_STYLE}</style>"
    yield f"<h1>Scorecard</h1><p>Everybody starts at {points_of(base)} points and gets those of "
    yield f"one bin of each column and pair. {POINTS_TO_DOUBLE} points double the odds of churn; 0 "
    yield "in all is one in two. Orange adds to churn, blue takes from it; pale cells had no "
    yield "training row. Terms stand in the order of their effect.</p>"
    for term in terms:
        name = html.escape(" × ".join(term.columns))
        yield f"<h2>{name} <small>effect {term.importance:.2f} log-odds</small></h2>"
        yield from (_bars if len(term.columns) == 1 else _map)(term, widest)
    yield "</html>"


def _seen(term: Points) -> np.ndarray:
    return term.log_odds[term.share > 0]


def _bars(term: Points, widest: float) -> Iterator[str]:
    yield "<table>"
    for word, value, share in zip(term.levels[0], term.log_odds, term.share, strict=True):
        if not share and word in ("missing", "unseen or rare"):
            continue
        width = min(50 * abs(value) / widest, 50)
        side = f"left:50%;width:{width:.1f}%" if value > 0 else f"right:50%;width:{width:.1f}%"
        kind = "more" if value > 0 else "less"
        yield (
            f"<tr><th>{html.escape(word)}<td class=n>{share:.1%}<td class=v>{points_of(value):+d}"
            f"<td class=bar><i class={kind} style='{side}'></i>"
        )
    yield "</table>"


def _map(term: Points, widest: float) -> Iterator[str]:
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
            yield (
                f"<td{faint} style='background:rgba({colour},{strength:.2f})'>{points_of(value):+d}"
            )
    yield "</table></div>"
