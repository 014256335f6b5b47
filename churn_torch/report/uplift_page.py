"""Uplift as an HTML page: the Qini curve with its band, and predicted beside observed uplift."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from churn_torch.report.charts import CHART_STYLE, WIDTH, chart_start, line, path, scale_of
from churn_torch.report.formats import count
from churn_torch.report.page_style import page_start
from churn_torch.report.uplift import LINES, observed, points, small_points

if TYPE_CHECKING:
    from churn_torch.evaluation.uplift_metrics import QiniCurve, UpliftGroup, UpliftMetrics

_STYLE = """
table { width: 100% } td, th { padding: .15em .5em }
tr + tr > * { border-top: 1px solid var(--axis) }
.random { stroke: var(--line); stroke-dasharray: 5 4 }
.predicted { stroke: var(--more); stroke-width: 3 }
@media (max-width: 30em) { td, th { padding: .15em .2em } table { font-size: .9em } }
"""


def uplift_page(metrics: UpliftMetrics, title: str = "Uplift") -> str:
    """Return the measured uplift as an HTML page that needs no other file.

    Args:
        metrics: `churn_torch.evaluation.uplift_metrics.UpliftMetrics`.
        title: Heading of the page.
    """
    return "\n".join(_page(metrics, title))


def _page(metrics: UpliftMetrics, title: str) -> Iterator[str]:
    n, n_treated = (count(metrics.numbers[key] or 0) for key in ("n", "n_treated"))
    yield f"{page_start(title, CHART_STYLE, _STYLE)}<p>"
    yield f"Measured on {n} customers, of whom {n_treated} were contacted. Uplift is the rate of "
    yield "the good outcome among contacted customers minus that among the others, in percentage "
    yield "points: where it is negative, the contact does harm. Intervals are of 95 %."
    yield "<section><h2>In numbers</h2><table><caption>Metrics of the predicted uplift</caption>"
    yield "<thead><tr><th scope=col>metric<th scope=col class=n>value"
    yield "<th scope=col class=n>interval<tbody>"
    for key, label, write in LINES:
        value = metrics.numbers[key]
        ends = metrics.intervals.get(key)
        written = "-" if value is None else write(value)
        between = f"{write(ends[0])} to {write(ends[1])}" if ends else "-"
        yield f"<tr><th scope=row>{label}<td class=n>{written}<td class=n>{between}"
    yield "</table></section>"
    yield from _qini(metrics.curve)
    yield from _deciles(metrics.deciles)
    yield "</main></html>"


def _qini(curve: QiniCurve) -> Iterator[str]:
    """Draw the Qini curve, its band, and the straight line of a random order."""
    scale = scale_of([*curve.low.tolist(), *curve.high.tolist()])
    x = (curve.share * WIDTH).tolist()
    measured, low, high = (
        list(zip(x, map(scale.y, part.tolist()), strict=True))
        for part in (curve.qini, curve.low, curve.high)
    )
    best = int(curve.qini.argmax())
    words = (
        f"Gain if the customers with the largest predicted uplift are contacted: at most "
        f"{small_points(curve.qini[best])} points at {curve.share[best]:.0%} of the customers, "
        f"{small_points(curve.qini[-1])} points at all of them."
    )
    yield "<section><h2>Qini curve <small>gain per customer, percentage points</small></h2>"
    yield from chart_start(words, scale, _tick)
    yield path("band", f"{line([*high, *low[::-1]])}Z")
    yield path("random", line([(0, scale.y(0)), measured[-1]]))
    yield f"{path('curve', line(measured))}</svg><div class=x>"
    yield "<span class=first style='left:0'>0%</span><span style='left:50%'>50%</span>"
    yield "<span class=last style='left:100%'>100%</span></div><figcaption>Share of the customers "
    yield "who are contacted, largest predicted uplift first. <b class=less>Line</b>: measured "
    yield "gain, with its interval at each share. Dashed: contacted in random order."
    yield "</figcaption></figure></section>"


def _deciles(deciles: Sequence[UpliftGroup]) -> Iterator[str]:
    """Draw predicted beside observed uplift of each group, and write them below."""
    ends = [end for group in deciles for end in group.interval or ()]
    scale = scale_of([*ends, *(group.predicted for group in deciles)])
    step = WIDTH / len(deciles)
    words = "Predicted and observed uplift of groups of customers, as in the table below."
    yield "<section><h2>Calibration <small>uplift by group, percentage points</small></h2>"
    yield from chart_start(words, scale, _tick)
    for place, group in enumerate(deciles):
        x, y = (place + 0.5) * step, scale.y(group.predicted)
        if group.observed is not None and group.interval is not None:
            low, high = map(scale.y, group.interval)
            yield path("whisker", f"M{x:.1f} {low:.1f}V{high:.1f}")
            yield path("dot", f"M{x:.1f} {scale.y(group.observed):.1f}h.01")
        yield path("predicted", f"M{x - step / 4:.1f} {y:.1f}h{step / 2:.1f}")
    yield "</svg><div class=x>"
    for place in range(len(deciles)):
        yield f"<span style='left:{(place + 0.5) / len(deciles):.1%}'>{place + 1}</span>"
    yield "</div><figcaption>Groups of customers, largest predicted uplift first. "
    yield "<b class=more>Bar</b>: mean predicted uplift. <b class=less>Dot</b>: observed uplift "
    yield "with its interval.</figcaption></figure>"
    yield "<table><caption>Predicted and observed uplift</caption><thead><tr><th scope=col>group"
    for name in ("customers", "contacted", "predicted", "observed"):
        yield f"<th scope=col class=n>{name}"
    yield "<tbody>"
    for place, group in enumerate(deciles, 1):
        yield f"<tr><th scope=row>{place}<td class=n>{count(group.n)}"
        yield f"<td class=n>{count(group.n_treated)}<td class=n>{points(group.predicted)}"
        yield f"<td class=n>{observed(group)}"
    yield "</table></section>"


def _tick(value: float) -> str:
    return f"{100 * value:+.3g}" if abs(value) > 1e-12 else "0"
