"""A campaign as an HTML page that needs no other file: what it is expected to do, and why."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence

from churn_torch.report.campaign import CampaignFigures, Sensitivity
from churn_torch.report.campaign_sentences import assumptions, gap_sentence, test_sentence
from churn_torch.report.charts import (
    CHART_STYLE,
    HEIGHT,
    Scale,
    bars,
    chart_start,
    compact,
    line,
    path,
    places,
    scale_of,
    table_behind,
)
from churn_torch.report.page_style import CAMPAIGN_STYLE, page_start

# The deepest colour of a cell, so that its text stays readable on it.
_DEEPEST = 0.6
_STYLE = """
main { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 0 3em }
body { max-width: 72em } h1, .wide { grid-column: 1 / -1; margin-bottom: 0 } p { margin: .5em 0 }
h3 { font-size: .85em; font-weight: normal; color: var(--quiet); margin: 1em 0 .2em }
table { width: 100% } td, th { padding: .1em .4em; overflow-wrap: anywhere }
td.n, th.n { white-space: nowrap; font-variant-numeric: tabular-nums }
.bars { table-layout: fixed } col:first-child { width: 45% } col:nth-child(2) { width: 3.5em }
.bar i { display: block; height: .7em; background: var(--less) } .bar i.quiet {
  background: var(--rows) }
.heat td { text-align: right; white-space: nowrap } .heat .assumed { outline: 2px solid var(--line);
  outline-offset: -2px } .heat .side { border-left: 3px solid var(--more) } .heat .under {
  border-top: 3px solid var(--more) }
.x { height: 2.8em } .x span { text-align: center; line-height: 1.3 }
.chosen { stroke: var(--line); stroke-width: 9; stroke-linecap: round }
.now { stroke: var(--line); stroke-dasharray: 5 4 } .range { stroke: var(--line); stroke-width: 2 }
figcaption { margin: 0 0 .3em } summary { color: var(--quiet); font-size: .85em; cursor: pointer }
ul { margin: .3em 0; padding-left: 1.2em } li { overflow-wrap: anywhere }
@media screen and (max-width: 52em) { main { display: block } }
@media screen and (max-width: 30em) { col:first-child { width: 52% } }
@media print { @page { size: A4; margin: 9mm } body { font-size: 9px; padding: 0;
  max-width: none }
  main { gap: 0 2em } h1 { margin: 0 } h2 { margin: .8em 0 .2em } dl { margin: .4em 0;
  gap: .3em 1.5em } dl div { min-width: 7em } h3 { margin: .4em 0 0 } .y, figure svg {
  height: 120px } details { display: none } td, th { padding: 0 .3em } p { margin: .2em 0 } * {
  print-color-adjust: exact; -webkit-print-color-adjust: exact } }
"""


def campaign_page(figures: CampaignFigures) -> str:
    """Return what a campaign is expected to do as a page.

    Args:
        figures: Its figures.
    """
    return "\n".join(_page(figures))


def _page(figures: CampaignFigures) -> Iterator[str]:
    yield page_start("Campaign", CHART_STYLE, CAMPAIGN_STYLE, _STYLE)
    origin = f"{figures.date}: customers of {figures.source}, scored by {figures.run}, "
    yield f"<div class=wide><p class=quiet>{html.escape(origin)}"
    yield f"ranked by {figures.ranked_by}. Amounts are in the money of the costs and values.</p>"
    yield from _headline(figures)
    kind = "" if figures.is_measurable else " class=note"
    yield f"<p{kind}>{html.escape(test_sentence(figures))}</p></div>"
    yield from _profit(figures)
    yield from _spending(figures)
    yield from _list(figures)
    yield from _reasons(figures)
    yield from _sensitivity(figures)
    yield from _control(figures)
    yield "<section class=wide><h2>What was assumed</h2><ul>"
    yield "".join(f"<li>{html.escape(said)}</li>" for said in assumptions(figures))
    yield "</ul></section></main></html>"


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
    ends = [end for point in curve for end in point.interval or ()]
    y = scale_of([*(point.net for point in curve), *ends, figures.net])
    x = Scale(0, max(curve[-1].contacts, figures.n_contacted, 1))
    best = max(curve, key=lambda point: point.net)
    words = (
        f"Expected net value by customers contacted: at most {best.net:,.0f} with {best.contacts:,}"
        f" customers; this campaign {figures.net:,.0f} with {figures.n_contacted:,}."
    )
    yield "<section><h2>Net value by customers contacted</h2>"
    yield from chart_start(words, y, compact)
    if ends:
        sides = [
            [(x.x(p.contacts), y.y(p.interval[side])) for p in curve if p.interval is not None]
            for side in (0, 1)
        ]
        yield path("band", f"{line([*sides[1], *sides[0][::-1]])}Z")
    yield path("curve", line((x.x(point.contacts), y.y(point.net)) for point in curve))
    here = x.x(figures.n_contacted)
    yield path("now", f"M{here:.1f} 0V{HEIGHT}")
    if figures.interval is not None:
        low, high = map(y.y, figures.interval)
        yield path("range", f"M{here:.1f} {low:.1f}V{high:.1f}")
    yield path("chosen", f"M{here:.1f} {y.y(figures.net):.1f}h.01") + "</svg>"
    n = max(figures.n_customers, 1)
    yield from places(x, lambda tick: f"{compact(tick)}<br>{tick / n:.0%}")
    band = "The band is the 95 % interval of the keep rates. " if ends else ""
    yield "<figcaption>Customers contacted, and their share of all. <b class=less>Line</b>: the "
    yield f"best customers, each with the best offer, without limits. {band}Dot: this campaign. "
    yield f"{html.escape(gap_sentence(figures))}</figcaption></figure>"
    yield from table_behind(
        "Net value by customers contacted",
        ("customers", "net value", "interval"),
        [
            (
                f"{point.contacts:,}",
                f"{point.net:,.0f}",
                "-" if point.interval is None else "{:,.0f} to {:,.0f}".format(*point.interval),
            )
            for point in curve
        ],
    )
    yield "</section>"


def _spending(figures: CampaignFigures) -> Iterator[str]:
    points = figures.spending
    yield "<section><h2>What the next money brings</h2>"
    if len(points) < 2:
        yield "<p>Contacts cost nothing.</p></section>"
        return
    # The very first contacts may bring many times as much as all others.
    y = scale_of(
        [*(point.marginal for point in points[min(2, len(points) - 1) :]), figures.marginal]
    )
    x = Scale(0, max(points[-1].spend, figures.spend))
    now = f"{figures.marginal:,.2f}"
    yield from chart_start(
        f"Net value of the next unit of money: {now} at this campaign.", y, compact
    )
    yield path("curve", line((x.x(point.spend), y.y(point.marginal)) for point in points))
    here = x.x(figures.spend)
    yield path("now", f"M{here:.1f} 0V{HEIGHT}")
    yield path("chosen", f"M{here:.1f} {y.y(figures.marginal):.1f}h.01") + "</svg>"
    yield from places(x, compact)
    without = " if no capacity limited it" if set(figures.limited_by) - {"budget"} else ""
    yield "<figcaption>Money spent on contacts and incentives. <b class=less>Line</b>: net value "
    yield f"of one more unit. Dot: this campaign; one unit more would bring <b>{now}</b>{without}."
    yield "</figcaption></figure>"
    rows = [(f"{point.spend:,.0f}", f"{point.marginal:,.2f}") for point in points]
    yield from table_behind("What the next money brings", ("spent", "one more unit brings"), rows)
    yield "</section>"


def _list(figures: CampaignFigures) -> Iterator[str]:
    n = max(figures.n_contacted, 1)
    yield "<section><h2>Who is contacted</h2><table><caption>By offer</caption><thead><tr>"
    yield "<th scope=col>offer"
    yield "".join(
        f"<th scope=col class=n>{word}" for word in ("contacts", "control", "spend", "net value")
    )
    yield "<tbody>"
    for offer in figures.offers:
        yield f"<tr><th scope=row>{html.escape(offer.name)}<td class=n>{offer.n_contacted:,}"
        yield f"<td class=n>{offer.n_control:,}<td class=n>{offer.spend:,.0f}"
        yield f"<td class=n>{offer.net:,.0f}"
    yield "</table><h3>By what customers are worth: contacts of each tenth of those who may get an "
    yield "offer</h3>"
    groups = [
        (f"{_worth(group.low)} to {_worth(group.high)}", group.n_contacted)
        for group in figures.values
    ]
    yield from bars("Contacts by what customers are worth", "worth", groups, n)
    yield "</section>"


def _worth(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _reasons(figures: CampaignFigures) -> Iterator[str]:
    n = max(figures.n_contacted, 1)
    yield "<section><h2>Why they may leave</h2>"
    if figures.reasons:
        yield "<h3>By the column of the first reason</h3>"
        yield from bars(
            "Contacts by column of the first reason", "column", figures.reason_columns[:5], n
        )
        yield "<h3>Most frequent first reasons</h3>"
        yield from bars("Contacts by first reason", "reason", figures.reasons[:8], n)
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
    colour = "194,65,12" if net < 0 else "3,105,161"
    kinds = ["assumed"] if keep == value == 1 else []
    place = values.index(value)
    if place and (cells[keep, values[place - 1]].net < 0) != (net < 0):
        kinds.append("side")
    keeps = sorted({keep for keep, _ in cells})
    above = keeps.index(keep) - 1
    if above >= 0 and (cells[keeps[above], value].net < 0) != (net < 0):
        kinds.append("under")
    style = f"background:rgba({colour},{abs(net) / largest * _DEEPEST:.2f})"
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
            yield "With 80 % power the test sees churn fall by "
            yield f"{100 * figures.effect_seen:.1f} percentage points or more; "
            yield f"{100 * figures.effect:.1f} are expected.</p>"
            yield from bars(
                "By how much churn must fall",
                "fall of churn, percentage points",
                [("seen from", figures.effect_seen), ("expected", max(figures.effect, 0.0))],
                max(figures.effect_seen, figures.effect),
                lambda points: f"{100 * points:.1f}",
            )
    yield "</section>"
