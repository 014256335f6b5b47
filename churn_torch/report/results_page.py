"""The results of a campaign as an HTML page that needs no other file."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from churn_torch.report.bar_charts import Row, Track, picture_table
from churn_torch.report.campaign_results import (
    effect_sentences,
    estimate_words,
    group_name,
    offers_sentence,
    unknown_sentences,
)
from churn_torch.report.html_table import html_table
from churn_torch.report.page_style import CAMPAIGN_STYLE, page_start, whole_page
from churn_torch.report.page_text import unbroken
from churn_torch.report.scales import Scale

_TITLE = "What the campaign was worth"
_STYLE = """
.scroll table { width: 100% } .chart .mark { stroke-width: 5 }
.chart .expected { stroke: var(--line); stroke-dasharray: 2 2; stroke-width: 2 }
pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: .8em; border: 1px solid var(--axis) }
"""


class _Measure(NamedTuple):
    """A column of pictures: which estimate, per how many customers, and how it is written."""

    heading: str
    title: str
    words: str
    name: str
    expected: str
    is_total: bool
    scale: float
    form: str


_MEASURES = (
    _Measure(
        "Did it keep customers?",
        "By how much churn was lower",
        "Churn rate of the control group minus that of the treated, in percentage points.",
        "difference_adjusted",
        "expected_kept",
        False,
        100.0,
        "{:+.1f}",
    ),
    _Measure(
        "Did it pay?",
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
    return whole_page(_page(results))


def _page(results: Mapping[str, Any]) -> Iterator[str]:
    rows = results["effects"]
    whole, campaign = rows[0], results["campaign"]
    yield page_start(_TITLE, CAMPAIGN_STYLE, _STYLE)
    dates = f"Campaign of {str(campaign.get('date'))[:10]}, measured {results['date'][:10]}."
    yield f"<p class=quiet>{html.escape(dates)} Intervals are of 95&nbsp;%.</p>"
    for warning in results["warnings"]:
        yield f"<p class=note><b>Not to be trusted:</b> {html.escape(warning)}</p>"
    for sentence in unknown_sentences(results):
        yield f"<p class=note>{html.escape(sentence)}</p>"
    yield from _numbers(whole)
    for sentence in effect_sentences(results):
        yield f"<p>{unbroken(sentence)}</p>"
    if whole["control"] and whole["treated"]:
        for measure in _MEASURES:
            yield from _forest(rows, measure)
    yield from _next(results)
    yield from _method(results)


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
    track = Track(_limits(shown))
    lines, before = [], None
    for row, scaled in zip(rows, shown, strict=True):
        number, *ends = estimate_words(scaled, "e", measure.form)
        name = f"{group_name(row)}\n{row['treated']:,} treated, {row['control']:,} control"
        cells = (name, "\n".join([number, " to ".join(ends)]) if ends else number)
        lines.append(Row(cells, _picture(scaled, track), row["by"] != before))
        before = row["by"]
    yield f"<section><h2>{measure.heading}</h2>"
    yield picture_table(
        measure.title,
        f"{measure.words} The thick mark is the estimate, the line its interval, the dashed mark "
        "what the call list expected.",
        ("customers", "estimate"),
        lines,
    )
    yield "</section>"


def _scaled(row: Mapping[str, Any], measure: _Measure) -> dict[str, float]:
    """Return an estimate, its interval and what was expected, for the mean treated customer."""
    n = max(row["treated"], 1)
    factor = measure.scale / (n if measure.is_total else 1)
    scaled = {f"e{end}": row[f"{measure.name}{end}"] * factor for end in ("", "_low", "_high")}
    expected = row[measure.expected]
    return {**scaled, "expected": expected * measure.scale / n if row["treated"] else math.nan}


def _limits(shown: Sequence[Mapping[str, float]]) -> Scale:
    """Return the ends of the scale: 0 and the estimates are on it, intervals up to a limit."""
    points = [each[key] for each in shown for key in ("e", "expected")]
    largest = max((abs(point) for point in points if math.isfinite(point)), default=1.0) or 1.0
    ends = [each[key] for each in shown for key in ("e_low", "e_high", "expected")]
    inside = [min(max(end, -2 * largest), 2 * largest) for end in ends if math.isfinite(end)]
    low, high = min([0.0, *inside]), max([0.0, *inside])
    margin = 0.03 * (high - low or 1.0)
    return Scale(low - margin, high + margin)


def _picture(scaled: Mapping[str, float], track: Track) -> str:
    parts = []
    low, high = scaled["e_low"], scaled["e_high"]
    if math.isfinite(low) and math.isfinite(high):
        # What keeps customers has the colour of a lower risk.
        kind = "less" if low > 0 else "more" if high < 0 else "open"
        parts += [track.interval(low, high, kind), track.mark(scaled["e"], kind)]
    if math.isfinite(scaled["expected"]):
        parts.append(track.mark(scaled["expected"], "expected"))
    return track.picture(*parts)


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
    yield html_table(
        "The groups before the campaign",
        ("before the campaign", "treated", "control", "standard deviations apart"),
        (
            (
                one["name"],
                f"{one['treated']:,.3g}",
                f"{one['control']:,.3g}",
                f"{one['difference']:+.2f}",
            )
            for one in randomisation["balance"]
        ),
    )
    yield "</section>"
