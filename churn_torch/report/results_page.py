"""The results of a campaign as an HTML page that needs no other file."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from churn_torch.report.campaign_results import (
    effect_sentences,
    estimate_words,
    group_name,
    offers_sentence,
    unknown_sentences,
)
from churn_torch.report.page_style import CAMPAIGN_STYLE, page_start

_WIDTH, _HEIGHT = 200, 20
_TITLE = "What the campaign was worth"
_STYLE = """
:root { --expected: #1a1a1a }
@media (prefers-color-scheme: dark) { :root { --expected: #eee } }
table { width: 100%; table-layout: fixed }
td, th { padding: .15em .4em; overflow-wrap: anywhere }
tbody tr.first > * { border-top: 1px solid var(--axis) }
th:first-child { width: 16% } .n { width: 10% } .e { width: 24%;
  text-align: right; font-variant-numeric: tabular-nums }
.e small { display: block; font-size: .8em }
.wide th:first-child { width: 40% }
.p { position: relative } thead .p { height: 1.5em } .p span { position: absolute; bottom: 0;
  white-space: nowrap }
.p .low { left: .4em } .p .high { right: .4em } .p .zero { transform: translateX(-50%) }
svg { display: block; width: 100%; height: 1.7em; overflow: hidden }
path { vector-effect: non-scaling-stroke; fill: none; stroke-width: 2 } .axis { stroke: var(--axis);
  stroke-width: 1 }
.gain { stroke: var(--less) } .loss { stroke: var(--more) } .open { stroke: var(--open) }
.mark { stroke-width: 5 } .expected { stroke: var(--expected); stroke-dasharray: 2 2 }
pre { overflow-x: auto; padding: .8em; border: 1px solid var(--axis) }
@media (max-width: 34em) { body { margin: 1em auto } .n { display: none } th:first-child {
  width: 24% } .e { width: 34% } .p .zero { display: none } }
@media print { :root { --expected: #000 }
  h2 { margin-top: 1em } td, th { padding: 0 .4em } svg { height: 1.5em } .e { width: 30% }
  .e small { display: inline; margin-left: .5em } }
"""


class _Measure(NamedTuple):
    """A column of pictures: which estimate, per how many customers, and how it is written."""

    title: str
    words: str
    name: str
    expected: str
    is_total: bool
    scale: float
    form: str


_MEASURES = (
    _Measure(
        "By how much churn was lower",
        "Churn rate of the control group minus that of the treated, in percentage points.",
        "difference_adjusted",
        "expected_kept",
        False,
        100.0,
        "{:+.1f}",
    ),
    _Measure(
        "Net value of a treated customer",
        "What the mean treated customer brought more than one of the control group, costs taken "
        "off.",
        "net_value_adjusted",
        "expected_net_value",
        True,
        1.0,
        "{:+,.2f}",
    ),
)


def results_page(results: Mapping[str, Any]) -> str:
    """Return the results of a campaign as a page.

    Args:
        results: The content of results.json.
    """
    return "\n".join(_page(results))


def _page(results: Mapping[str, Any]) -> Iterator[str]:
    rows = results["effects"]
    whole, campaign = rows[0], results["campaign"]
    yield page_start(_TITLE, CAMPAIGN_STYLE, _STYLE)
    dates = f"Campaign of {str(campaign.get('date'))[:10]}, measured {results['date'][:10]}."
    yield f"<p class=quiet>{html.escape(dates)} Intervals are of 95 %.</p>"
    for warning in results["warnings"]:
        yield f"<p class=note><b>Not to be trusted:</b> {html.escape(warning)}</p>"
    for sentence in unknown_sentences(results):
        yield f"<p class=note>{html.escape(sentence)}</p>"
    yield from _numbers(whole)
    for sentence in effect_sentences(results):
        yield f"<p>{html.escape(sentence)}</p>"
    if whole["control"] and whole["treated"]:
        for measure in _MEASURES:
            yield from _forest(rows, measure)
    yield from _next(results)
    yield from _method(results)
    yield "</main></html>"


def _numbers(whole: Mapping[str, Any]) -> Iterator[str]:
    def share(name: str) -> str:
        value = whole[f"churn_rate_{name}"]
        return "-" if math.isnan(value) else f"{value:.1%}"

    yield "<dl>"
    yield (
        f"<div><dt>churn, treated<dd>{share('treated')}<small>{whole['churned_treated']:,} of "
        f"{whole['treated']:,}</small></div>"
    )
    yield (
        f"<div><dt>churn, control group<dd>{share('control')}<small>{whole['churned_control']:,} "
        f"of {whole['control']:,}</small></div>"
    )
    for word, name in (("customers kept", "kept_adjusted"), ("net value", "net_value_adjusted")):
        value, *ends = estimate_words(whole, name, "{:,.0f}")
        yield f"<div><dt>{word}<dd>{value}<small>{' to '.join(ends)}</small></div>"
    expected = f"{whole['expected_net_value']:,.0f}"
    yield f"<div><dt>net value expected<dd>{expected}<small>by the call list</small></div></dl>"


def _forest(rows: Sequence[Mapping[str, Any]], measure: _Measure) -> Iterator[str]:
    """Draw an interval for each group, all on one scale."""
    shown = [_scaled(row, measure) for row in rows]
    low, high = _limits(shown)
    yield f"<section><h2>{measure.title}</h2><p class=quiet>{measure.words} The thick mark is the "
    yield "estimate, the line its interval, the dashed mark what the call list expected.</p>"
    yield f"<table><caption>{measure.title}</caption><thead><tr><th scope=col>customers"
    yield "<th scope=col class=n>treated<th scope=col class=n>control<th scope=col class=e>estimate"
    zero = 100 * (0 - low) / (high - low)
    middle = f"<span class=zero style='left:{zero:.1f}%'>0</span>" if 30 < zero < 70 else ""
    yield f"<th class=p aria-hidden=true><span class=low>{low:+.3g}</span>{middle}"
    yield f"<span class=high>{high:+.3g}</span><tbody>"
    before = None
    for row, scaled in zip(rows, shown, strict=True):
        first = " class=first" if row["by"] != before else ""
        before = row["by"]
        number, *ends = estimate_words(scaled, "e", measure.form)
        yield (
            f"<tr{first}><th scope=row>{html.escape(group_name(row))}"
            f"<td class=n>{row['treated']:,}<td class=n>{row['control']:,}"
            f"<td class=e>{number}<small>{' to '.join(ends)}</small>"
            f"<td class=p aria-hidden=true>{_picture(scaled, low, high)}"
        )
    yield "</table></section>"


def _scaled(row: Mapping[str, Any], measure: _Measure) -> dict[str, float]:
    """Return an estimate, its interval and what was expected, for the mean treated customer."""
    n = max(row["treated"], 1)
    factor = measure.scale / (n if measure.is_total else 1)
    scaled = {f"e{end}": row[f"{measure.name}{end}"] * factor for end in ("", "_low", "_high")}
    expected = row[measure.expected]
    return {**scaled, "expected": expected * measure.scale / n if row["treated"] else math.nan}


def _limits(shown: Sequence[Mapping[str, float]]) -> tuple[float, float]:
    """Return the ends of the scale: 0 and the estimates are on it, intervals up to a limit."""
    points = [each[key] for each in shown for key in ("e", "expected")]
    largest = max((abs(point) for point in points if math.isfinite(point)), default=1.0) or 1.0
    ends = [each[key] for each in shown for key in ("e_low", "e_high", "expected")]
    inside = [min(max(end, -2 * largest), 2 * largest) for end in ends if math.isfinite(end)]
    low, high = min([0.0, *inside]), max([0.0, *inside])
    margin = 0.03 * (high - low or 1.0)
    return low - margin, high + margin


def _picture(scaled: Mapping[str, float], low: float, high: float) -> str:
    def at(value: float) -> float:
        return min(max((value - low) / (high - low), 0.0), 1.0) * _WIDTH

    middle = _HEIGHT / 2
    parts = [f"<path class=axis d='M{at(0):.1f} 0V{_HEIGHT}'/>"]
    if math.isfinite(scaled["e_low"]) and math.isfinite(scaled["e_high"]):
        kind = "gain" if scaled["e_low"] > 0 else "loss" if scaled["e_high"] < 0 else "open"
        line = f"M{at(scaled['e_low']):.1f} {middle}H{at(scaled['e_high']):.1f}"
        mark = f"M{at(scaled['e']):.1f} {middle - 5}V{middle + 5}"
        parts.append(f"<path class={kind} d='{line}'/><path class='{kind} mark' d='{mark}'/>")
    if math.isfinite(scaled["expected"]):
        parts.append(f"<path class=expected d='M{at(scaled['expected']):.1f} 1V{_HEIGHT - 1}'/>")
    box = f"viewBox='0 0 {_WIDTH} {_HEIGHT}' preserveAspectRatio=none"
    return f"<svg {box}>{''.join(parts)}</svg>"


def _next(results: Mapping[str, Any]) -> Iterator[str]:
    if not results["keep_rates"]:
        return
    yield f"<section><h2>For the next campaign</h2><p>{offers_sentence(results)}</p><pre>"
    yield f"{html.escape(results['conf_offer'])}</pre></section>"


def _method(results: Mapping[str, Any]) -> Iterator[str]:
    randomisation, counts = results["randomisation"], results["counts"]
    missing = counts["missing_treated"] + counts["missing_control"]
    yield "<section><h2>How it was measured</h2><p class=quiet>All customers of the call list are "
    yield "compared with the control group, whether they could be reached or not. Estimates are "
    yield "adjusted by what was predicted before the campaign; results.json also has the plain "
    yield f"ones. {missing:,} customers without an outcome do not count.</p>"
    yield "<table class=wide><caption>The groups before the campaign</caption><thead><tr>"
    yield "<th scope=col>before the campaign<th scope=col class=e>treated"
    yield "<th scope=col class=e>control<th scope=col class=e>standard deviations apart<tbody>"
    for one in randomisation["balance"]:
        yield f"<tr><th scope=row>{html.escape(one['name'])}<td class=e>{one['treated']:,.3g}"
        yield f"<td class=e>{one['control']:,.3g}<td class=e>{one['difference']:+.2f}"
    yield "</table></section>"
