"""A campaign as an HTML page that needs no other file: what it is expected to do, and why."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence

from churn_torch.report.campaign import CampaignFigures, Sensitivity
from churn_torch.report.campaign_sentences import assumptions, gap_sentence, test_sentence
from churn_torch.report.charts import Axis, Bar, Line, Point, bar_chart, line_chart
from churn_torch.report.html_table import html_table
from churn_torch.report.page_style import CAMPAIGN_STYLE, cell_shade, page_start, whole_page
from churn_torch.report.page_text import unbroken
from churn_torch.report.scales import compact

# The deepest colour of a cell, so that its text stays readable on it.
_DEEPEST = 0.6
_STYLE = """
main { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 0 3em }
body { max-width: 72em } h1, .wide { grid-column: 1 / -1; margin-bottom: 0 } p { margin: .5em 0 }
table { width: 100% } td, th { overflow-wrap: anywhere } td.n, th.n { white-space: nowrap }
.heat td { text-align: right; white-space: nowrap } .heat .assumed { outline: 2px solid var(--line);
  outline-offset: -2px } .heat .side { border-left: 3px solid var(--more) } .heat .under {
  border-top: 3px solid var(--more) }
ul { margin: .3em 0; padding-left: 1.2em }
@media screen and (max-width: 52em) { main { display: block } }
@media print { @page { size: A4; margin: 9mm } section { break-inside: avoid }
  body { font-size: 9px; padding: 0; max-width: none } main { gap: 0 2em }
  h1 { margin: 0 } h2 { margin: .8em 0 .2em } dl { margin: .4em 0;
  gap: .3em 1.5em } dl div { min-width: 7em } .plot > svg { height: 110px } .chart {
  margin: .4em 0 } td, th { padding: 0 .3em } p { margin: .2em 0 } }
"""
_count = "{:,.0f}".format


def campaign_page(figures: CampaignFigures) -> str:
    """Return what a campaign is expected to do as a page.

    Args:
        figures: Its figures.
    """
    return whole_page(_page(figures))


def _page(figures: CampaignFigures) -> Iterator[str]:
    yield page_start("Campaign", CAMPAIGN_STYLE, _STYLE)
    origin = f"{figures.date}: customers of {figures.source}, scored by {figures.run}, "
    yield f"<div class=wide><p class=quiet>{html.escape(origin)}"
    yield f"ranked by {figures.ranked_by}. Amounts are in the money of the costs and values.</p>"
    yield from _headline(figures)
    kind = "" if figures.is_measurable else " class=note"
    yield f"<p{kind}>{unbroken(test_sentence(figures))}</p></div>"
    yield from _profit(figures)
    yield from _spending(figures)
    yield from _list(figures)
    yield from _reasons(figures)
    yield from _sensitivity(figures)
    yield from _control(figures)
    yield "<section class=wide><h2>What was assumed</h2><ul>"
    yield "".join(f"<li>{html.escape(said)}</li>" for said in assumptions(figures))
    yield "</ul></section>"


def _headline(figures: CampaignFigures) -> Iterator[str]:
    between = "without an interval"
    if figures.interval is not None:
        low, high = figures.interval
        between = f"95 %: {low:,.0f} to {high:,.0f}"
    of_budget = "no budget" if figures.budget is None else f"of {figures.budget:,.0f}"
    per_unit = (
        f"each unit brings {figures.net / figures.spend:,.2f}" if figures.spend else "nothing"
    )
    churn = f"churn {figures.churn:.1%} to {figures.churn - figures.effect:.1%}"
    yield "<dl>"
    for word, number, said in (
        ("expected net value", f"{figures.net:,.0f}", between),
        ("customers contacted", f"{figures.n_contacted:,}", f"of {figures.n_customers:,}"),
        ("expected spend", f"{figures.spend:,.0f}", f"{of_budget}; {per_unit}"),
        ("customers kept", f"{figures.kept:,.1f}", churn),
        ("control group", f"{figures.n_control:,}", "not contacted"),
    ):
        yield f"<div><dt>{word}<dd>{number}<small>{said}</small></div>"
    yield "</dl>"


def _profit(figures: CampaignFigures) -> Iterator[str]:
    curve = figures.curve
    best = max(curve, key=lambda point: point.net)
    words = (
        f"Expected net value: this campaign {figures.net:,.0f} with {figures.n_contacted:,} "
        "customers. The line is for the best customers, each with the best offer, without limits "
        f"and whoever the control group takes; it is highest, {best.net:,.0f}, with "
        f"{best.contacts:,}. {gap_sentence(figures)}"
    )
    intervals = [point.interval or (math.nan, math.nan) for point in curve]
    has_band = any(point.interval for point in curve)
    line = Line(
        "best customers",
        [point.contacts for point in curve],
        [point.net for point in curve],
        [low for low, _ in intervals] if has_band else None,
        [high for _, high in intervals] if has_band else None,
    )
    low, high = figures.interval or (None, None)
    yield "<section><h2>How many to contact</h2>"
    yield line_chart(
        "Net value by customers contacted",
        words,
        Axis(f"Customers contacted, of {figures.n_customers:,}", compact, low=0, exact=_count),
        Axis("Net value", compact, include_zero=True, exact=_count),
        [line],
        points=[Point(figures.n_contacted, figures.net, "this campaign", low, high)],
    )
    yield "</section>"


def _spending(figures: CampaignFigures) -> Iterator[str]:
    points = figures.spending
    yield "<section><h2>How much to spend</h2>"
    if len(points) < 2:
        yield "<p>Contacts cost nothing.</p></section>"
        return
    # The very first contacts may bring many times as much as all others.
    shown = [point.marginal for point in points[min(2, len(points) - 1) :]]
    most = max(*shown, figures.marginal, 0.0)
    without = " if no capacity limited it" if set(figures.limited_by) - {"budget"} else ""
    yield line_chart(
        "What the next money brings",
        f"At this campaign, one unit of money more would bring {figures.marginal:,.2f}{without}.",
        Axis("Money spent on contacts and incentives", compact, low=0, exact=_count),
        Axis(
            "Net value of one more unit",
            compact,
            high=1.05 * most or None,
            include_zero=True,
            exact="{:,.2f}".format,
        ),
        [
            Line(
                "one more unit brings",
                [point.spend for point in points],
                [point.marginal for point in points],
            )
        ],
        points=[Point(figures.spend, figures.marginal, "this campaign")],
    )
    yield "</section>"


def _shares(
    figures: CampaignFigures, title: str, heading: str, counts: Sequence[tuple[str, int]]
) -> str:
    """Draw the share of the contacts that each group has."""
    n = max(figures.n_contacted, 1)
    bars = [Bar(name, number / n) for name, number in counts]
    return bar_chart(title, "", heading, bars, lambda share: f"{share:.0%} ({share * n:,.0f})")


def _list(figures: CampaignFigures) -> Iterator[str]:
    yield "<section><h2>Who is contacted</h2>"
    yield html_table(
        "By offer",
        ("offer", "contacts", "control", "spend", "net value"),
        (
            (
                offer.name,
                _count(offer.n_contacted),
                _count(offer.n_control),
                _count(offer.spend),
                _count(offer.net),
            )
            for offer in figures.offers
        ),
    )
    groups = [
        (f"{_worth(group.low)} to {_worth(group.high)}", group.n_contacted)
        for group in figures.values
    ]
    yield _shares(figures, "Contacts by what customers are worth", "worth", groups)
    yield "<p class=quiet>A row is a tenth of those who may get an offer.</p></section>"


def _worth(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _reasons(figures: CampaignFigures) -> Iterator[str]:
    yield "<section><h2>Why they may leave</h2>"
    if figures.reasons:
        columns = figures.reason_columns[:5]
        yield _shares(figures, "Contacts by column of the first reason", "column", columns)
        yield _shares(figures, "Contacts by first reason", "reason", figures.reasons[:8])
        for sentence in figures.correlated:
            yield f"<p class=quiet>{html.escape(sentence)}."
    else:
        yield "<p>The model file has no reasons.</p>"
    yield "</section>"


def _sensitivity(figures: CampaignFigures) -> Iterator[str]:
    cells = {(cell.keep_rate, cell.value): cell for cell in figures.sensitivity}
    values = sorted({value for _, value in cells})
    what = "what contacts keep" if figures.ranked_by == "uplift" else "keep rates"
    yield "<section><h2>If the assumptions are wrong</h2><table class=heat><caption>Net value for "
    yield f"other {what} and values</caption><thead><tr><th scope=col>{what} \\ values"
    yield "".join(f"<th scope=col class=n>x {value:g}" for value in values)
    yield "<tbody>"
    largest = max((abs(cell.net) for cell in cells.values()), default=1.0) or 1.0
    for keep in sorted({keep for keep, _ in cells}):
        yield f"<tr><th scope=row>x {keep:g}"
        for value in values:
            yield _cell(cells, keep, value, values, largest)
    yield "</table><p>Expected net value of the same contacts if all "
    yield f"{what} and all values were so many times as large; framed: as assumed. "
    yield f"{html.escape(_break_even(figures, what))}</p></section>"


def _cell(
    cells: dict[tuple[float, float], Sensitivity],
    keep: float,
    value: float,
    values: Sequence[float],
    largest: float,
) -> str:
    net = cells[keep, value].net
    kinds = ["assumed"] if keep == value == 1 else []
    place = values.index(value)
    if place and (cells[keep, values[place - 1]].net < 0) != (net < 0):
        kinds.append("side")
    keeps = sorted({keep for keep, _ in cells})
    above = keeps.index(keep) - 1
    if above >= 0 and (cells[keeps[above], value].net < 0) != (net < 0):
        kinds.append("under")
    style = cell_shade(abs(net) / largest * _DEEPEST, "more" if net < 0 else "less")
    return f"<td class='{' '.join(kinds)}' style='{style}'>{compact(net)}"


def _break_even(figures: CampaignFigures, what: str) -> str:
    keep, value = figures.break_even
    if keep is None or value is None:
        return "The contacts cost nothing that could be lost."
    said = (
        f"The contacts just pay for themselves if {what} are {keep:.2f} times, or values "
        f"{value:.2f} times, as large as assumed"
    )
    if any(cell.net < 0 for cell in figures.sensitivity):
        return f"{said}; an orange line divides loss from gain."
    return f"{said}: beyond this table."


def _control(figures: CampaignFigures) -> Iterator[str]:
    yield "<section><h2>What the control group will show</h2>"
    if not figures.n_control:
        yield "<p>There is no control group, so nobody can see what the campaign was worth.</p>"
    else:
        n = figures.n_contacted + figures.n_control
        yield f"<p>{figures.n_control:,} of the {n:,} customers on the list are not contacted. "
        if figures.effect_seen is None:
            yield "They are too few to see an effect of any size.</p>"
        else:
            yield "With 80&nbsp;% power the test sees churn fall by "
            yield f"{100 * figures.effect_seen:.1f} percentage points or more; "
            yield f"{100 * figures.effect:.1f} are expected.</p>"
            yield bar_chart(
                "By how much churn must fall",
                "",
                "fall of churn, percentage points",
                [Bar("seen from", figures.effect_seen), Bar("expected", max(figures.effect, 0.0))],
                lambda points: f"{100 * points:.1f}",
            )
    yield "</section>"
