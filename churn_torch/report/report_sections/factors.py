"""Factors: what drives churn as the model sees it, and what the rows show without it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from churn_torch.report.bar_charts import Bar, bar_chart
from churn_torch.report.charts import Line, line_chart
from churn_torch.report.coefficients import coefficient_sentences, interval, ratio
from churn_torch.report.factors import associations_rows, pairs_rows
from churn_torch.report.formats import factor_in_words, p_value
from churn_torch.report.html_table import html_table
from churn_torch.report.model_report import ExplainedRun, RunsReport
from churn_torch.report.page_text import paragraphs
from churn_torch.report.report_sections.curves import KINDS
from churn_torch.report.scales import Axis

if TYPE_CHECKING:
    from churn_torch.explanation.accumulated_effects import EffectCurve
    from churn_torch.explanation.coefficients import Coefficients
    from churn_torch.explanation.importance import Importance

# Charts of effects, bars of importance and lines of coefficients, at most.
EFFECTS, BARS, LINES = 8, 15, 30
# Ticks of the scale of effects, at most.
_TICKS = 7
_PERMUTED = (
    "By how much the log-loss rises where the cells of a column are permuted over the customers; "
    "strongly correlated columns move together. Intervals are of 95 %."
)


def factors(report: ExplainedRun) -> Iterator[str]:
    """Write the factors, or why there are none."""
    yield "<section id=factors><h2>Factors</h2>"
    found = report.factors
    if found is None:
        yield from paragraphs([report.no_factors])
        yield "</section>"
        return
    known = ""
    if "survival" in report.run.metrics:
        known = " of whom it is known whether they left within the horizon"
    yield from paragraphs(
        [
            f"Measured on {report.n_explained:,} test customers{known}. Factors say what the model "
            "uses, not what causes churn."
        ]
    )
    yield from importance_chart(found.importance, "Importance")
    yield from _caveats(report)
    yield "<h3>Effects</h3><p>By how much a value multiplies the odds of churn, against the mean "
    yield "customer: accumulated local effects with intervals of 95 % over the rows. Orange raises "
    yield "the odds, blue lowers them.</p><div class=charts>"
    shown = found.effects[:EFFECTS]
    ends = [end for curve in shown for end in (*curve.low, *curve.high)]
    # One scale for all, so that heights can be compared.
    low, high = min(ends, default=0), max(ends, default=0)
    odds = Axis("factor on the odds", _factor, low=low, high=high, ticks=_factor_ticks(low, high))
    for curve in shown:
        yield _effect(curve, odds)
    yield "</div>"
    if rows := pairs_rows(found.pairs):
        yield "<h3>Pairs</h3>"
        yield html_table(
            "What two columns do beyond their own effects",
            ("columns", "strength", "raises the odds most", "lowers them most"),
            rows,
            text_columns=(2, 3),
        )
    yield "<h3>Association of each column with churn, whatever the model</h3>"
    yield html_table(
        "Association with churn",
        ("column", "mutual information (bits)", "p-value (chi-square)"),
        associations_rows(found.associations),
    )
    if found.coefficients is not None:
        yield from _coefficients(found.coefficients)
    yield "</section>"


def factors_side_by_side(report: RunsReport) -> Iterator[str]:
    """Write importance and odds ratios of several runs."""
    yield "<section id=factors><h2>Factors</h2>"
    yield from paragraphs([one.missing for one in report.factors if one.missing], "note")
    names = [run.name for run in report.runs]
    if bars := _importance_bars(names, [one.importance for one in report.factors]):
        yield bar_chart(
            "Importance",
            f"{_PERMUTED} Measured for each run on its own test customers; the columns that any "
            "run needs most come first.",
            "column and run",
            bars,
            _rise,
        )
    yield from _odds_side_by_side(names, [one.coefficients for one in report.factors])
    yield "</section>"


def _importance_bars(names: Sequence[str], found: Sequence[Sequence[Importance]]) -> list[Bar]:
    """Return a bar for each run of each column, the columns that any run needs most first."""
    of_column: dict[str, list[tuple[Importance, str, str]]] = {}
    for name, each, kind in zip(names, found, KINDS, strict=False):
        for one in each:
            of_column.setdefault(" + ".join(one.columns), []).append((one, name, kind))
    needed = sorted(of_column, key=lambda at: -max(one.log_loss_rise for one, *_ in of_column[at]))
    return [
        Bar("" if place else column, one.log_loss_rise, one.low, one.high, name, kind)
        for column in needed[:BARS]
        for place, (one, name, kind) in enumerate(of_column[column])
    ]


def _odds_side_by_side(names: Sequence[str], found: Sequence[Coefficients | None]) -> Iterator[str]:
    """Write the odds ratios of what two runs or more compare in the same way."""
    by_run = [
        {(row.column, row.term): row for row in one.rows} if one is not None else {}
        for one in found
    ]
    terms = Counter(term for rows in by_run for term in rows)
    shared = [term for term, n in terms.items() if n > 1]
    if not shared:
        return
    having = [place for place, rows in enumerate(by_run) if rows]
    yield "<h3>Odds ratios</h3>"
    yield html_table(
        "Odds ratios, with intervals of 95 %",
        ("column", "compared", *(names[place] for place in having)),
        [
            (*term, *(interval(by_run[k][term]) if term in by_run[k] else "-" for k in having))
            for term in shared[:LINES]
        ],
        text_columns=(1,),
    )
    for name, one in zip(names, found, strict=True):
        if one is not None:
            yield from paragraphs([f"{name}: {one.method}"], "quiet")


def importance_chart(found: Sequence[Importance], title: str) -> Iterator[str]:
    """Draw how much the model needs each column, or group of columns."""
    yield bar_chart(
        title,
        _PERMUTED,
        "column",
        [
            Bar(" + ".join(one.columns), one.log_loss_rise, one.low, one.high)
            for one in found[:BARS]
        ],
        _rise,
    )


def _rise(value: float) -> str:
    return f"{value:.4f}"


def _caveats(report: ExplainedRun) -> Iterator[str]:
    groups = report.run.metrics.get("correlated_columns", ())
    yield from paragraphs([f"{group['sentence']}." for group in groups], "quiet")


def _effect(curve: EffectCurve, odds: Axis) -> str:
    title = curve.column
    missing = ""
    if curve.missing is not None:
        missing = f" Where it is missing: {_factor(curve.missing[0])}."
    description = (
        f"What {curve.column} does to the odds of churn: most {_factor(max(curve.effect))}, "
        f"least {_factor(min(curve.effect))}.{missing}"
    )
    if curve.kind in ("number", "date"):
        write = _day if curve.kind == "date" else _number
        x = [_days(at) if isinstance(at, str) else at for at in curve.at]
        line = Line(curve.column, x, curve.effect, low=curve.low, high=curve.high)
        return line_chart(title, description, Axis(curve.column, write), odds, [line])
    bars = [
        Bar(str(at), effect, low, high, f"{n:,} customers")
        for at, effect, low, high, n in zip(
            curve.at, curve.effect, curve.low, curve.high, curve.n_rows, strict=True
        )
    ]
    bars = sorted(bars, key=lambda bar: -abs(bar.value))[:BARS]
    return bar_chart(title, description, curve.column, bars, _factor, signed=True)


def _factor(log_odds: float) -> str:
    """Write log-odds as a factor on the odds."""
    return factor_in_words(math.exp(log_odds), more_digits=1)


def _factor_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Return round factors between two log-odds, with their words; none where there are too few."""
    if high - low > 10 * math.log(10):
        return []
    decades = range(math.floor(low / math.log(10)), math.ceil(high / math.log(10)) + 1)
    for parts in ((1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8), (1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1,)):
        at = [math.log(part * 10.0**power) for power in decades for part in parts]
        inside = [value for value in at if low <= value <= high]
        if len(inside) <= _TICKS:
            break
    inside = inside[:: -(-len(inside) // _TICKS)] if inside else []
    return [(value, _factor(value)) for value in inside] if len(inside) > 1 else []


def _number(value: float) -> str:
    return f"{value:,.6g}"


def _day(days: float) -> str:
    return f"{datetime.fromtimestamp(days * 86_400, UTC):%Y-%m-%d}"


def _days(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() / 86_400


def _coefficients(found: Coefficients) -> Iterator[str]:
    yield "<h3>Odds ratios</h3>"
    yield from paragraphs([*coefficient_sentences(found), *found.warnings])
    yield html_table(
        "Odds ratios, with intervals of 95 %",
        ("column", "compared", "odds ratio", "per sd", "p-value"),
        [
            (
                row.column,
                row.term,
                interval(row),
                "" if row.odds_ratio_per_sd is None else ratio(row.odds_ratio_per_sd),
                p_value(row.p_value),
            )
            for row in found.rows[:LINES]
        ],
        text_columns=(1,),
    )
    more = len(found.rows) - LINES
    rest = f" {more} more lines: churn-torch explain out=factors.json." if more > 0 else ""
    yield from paragraphs([found.method + rest], "quiet")
