"""Uplift as an HTML page: the Qini curve with its band, and predicted beside observed uplift."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from churn_torch.report.bar_charts import Row, Track, picture_table
from churn_torch.report.charts import Axis, Line, line_chart
from churn_torch.report.formats import count
from churn_torch.report.html_table import html_table
from churn_torch.report.page_style import page_start, whole_page
from churn_torch.report.uplift import LINES, points, small_points

if TYPE_CHECKING:
    from churn_torch.evaluation.uplift_metrics import QiniCurve, UpliftGroup, UpliftMetrics

_STYLE = """
.scroll table { width: 100% } tbody tr + tr > * { border-top: 1px solid var(--axis) }
.chart .observed { stroke: var(--line); stroke-width: 5 }
"""


def uplift_page(metrics: UpliftMetrics, title: str = "Uplift") -> str:
    """Return the measured uplift as an HTML page that needs no other file.

    Args:
        metrics: `churn_torch.evaluation.uplift_metrics.UpliftMetrics`.
        title: Heading of the page.
    """
    return whole_page(_page(metrics, title))


def _page(metrics: UpliftMetrics, title: str) -> Iterator[str]:
    n, n_treated = (count(metrics.numbers[key] or 0) for key in ("n", "n_treated"))
    yield f"{page_start(title, _STYLE)}<p>"
    yield f"Measured on {n} customers, of whom {n_treated} were contacted. Uplift is the rate of "
    yield "the good outcome among contacted customers minus that among the others, in percentage "
    yield "points: where it is negative, the contact does harm. Intervals are of 95&nbsp;%."
    yield "<section><h2>In numbers</h2>"
    yield html_table(
        "Metrics of the predicted uplift", ("metric", "value", "interval"), _numbers(metrics)
    )
    yield "</section>"
    yield from _qini(metrics.curve)
    yield from _deciles(metrics.deciles)


def _numbers(metrics: UpliftMetrics) -> Iterator[tuple[str, str, str]]:
    for key, label, write in LINES:
        value = metrics.numbers[key]
        ends = metrics.intervals.get(key)
        written = "-" if value is None else write(value)
        yield label, written, f"{write(ends[0])} to {write(ends[1])}" if ends else "-"


def _qini(curve: QiniCurve) -> Iterator[str]:
    """Draw the Qini curve, its band, and the straight line of a random order."""
    best = int(curve.qini.argmax())
    share = curve.share.tolist()
    yield "<section><h2>Who gains most</h2>"
    yield line_chart(
        "Qini curve",
        "Gain if the customers with the largest predicted uplift are contacted: at most "
        f"{small_points(curve.qini[best])} points at {curve.share[best]:.0%} of the customers, "
        f"{small_points(curve.qini[-1])} points at all of them.",
        Axis("Share of the customers contacted, largest uplift first",
             "{:.0%}".format, exact="{:.1%}".format),
        Axis("Gain per customer, percentage points", _tick, include_zero=True, exact=small_points),
        [
            Line("random order", share, (curve.share * curve.qini[-1]).tolist(), kind="reference"),
            Line("measured", share, curve.qini.tolist(), curve.low.tolist(), curve.high.tolist()),
        ],
    )  # fmt: skip
    yield "</section>"


def _deciles(deciles: Sequence[UpliftGroup]) -> Iterator[str]:
    """Draw predicted beside observed uplift of each group."""
    ends = [end for group in deciles for end in group.interval or ()]
    numbers = [*ends, *(group.predicted for group in deciles)]
    track = Track(Axis("", points, include_zero=True).scale(numbers, 0.02))
    yield "<section><h2>Can the predictions be believed?</h2>"
    yield picture_table(
        "Predicted and observed uplift",
        "Groups of customers, largest predicted uplift first, in percentage points. Bar: mean "
        "predicted uplift. Mark: observed uplift, with its interval.",
        ("group", "predicted", "observed"),
        (_group(place, group, track) for place, group in enumerate(deciles, 1)),
    )
    yield "</section>"


def _group(place: int, group: UpliftGroup, track: Track) -> Row:
    name = f"{place}\n{count(group.n)} customers, {count(group.n_treated)} contacted"
    drawn, observed = [track.bar(group.predicted, "main")], "-"
    if group.observed is not None and group.interval is not None:
        low, high = group.interval
        observed = f"{points(group.observed)}\n{points(low)} to {points(high)}"
        drawn += [track.interval(low, high), track.mark(group.observed, "observed")]
    return Row((name, points(group.predicted), observed), track.picture(*drawn))


def _tick(value: float) -> str:
    return f"{100 * value:+.3g}" if abs(value) > 1e-12 else "0"
