"""Uplift as an HTML page: the Qini curve with its band, and predicted beside observed uplift."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from churn_torch.report.formats import count
from churn_torch.report.uplift import LINES, observed, points, small_points

if TYPE_CHECKING:
    from churn_torch.evaluation.uplift_metrics import QiniCurve, UpliftGroup, UpliftMetrics

# Of a picture in its own units.
_WIDTH, _HEIGHT = 600, 240
_STYLE = """
:root { color-scheme: light dark; --text: #1a1a1a; --page: #fff; --quiet: #595959; --axis: #ccc;
  --line: #333; --more: #c2410c; --less: #0369a1; --band: #0369a133 }
@media (prefers-color-scheme: dark) {
  :root { --text: #e8e8e8; --page: #16181c; --quiet: #a8a8a8; --axis: #4a4a4a; --line: #eee;
    --more: #fb923c; --less: #38bdf8; --band: #38bdf833 } }
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 50em; padding: 0 1em;
  color: var(--text); background: var(--page) }
h2 { font-size: 1.05em; margin: 2em 0 .3em }
small { color: var(--quiet) }
table { border-collapse: collapse; width: 100% }
caption, .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap }
td, th { padding: .15em .5em; font-weight: normal; text-align: left }
thead th { color: var(--quiet); font-size: .85em; vertical-align: bottom }
tr + tr > * { border-top: 1px solid var(--axis) } .n { text-align: right }
figure { display: grid; grid-template-columns: 3.6em 1fr; margin: .8em 0 0; font-size: .85em;
  color: var(--quiet); break-inside: avoid }
figure svg { grid-column: 2; width: 100%; display: block; overflow: visible }
.y { position: relative; height: 240px }
.y span { position: absolute; right: .5em; transform: translateY(-50%) }
.x { grid-column: 2; position: relative; height: 1.7em }
.x span { position: absolute; white-space: nowrap; transform: translateX(-50%) }
.x .first { transform: none } .x .last { transform: translateX(-100%) }
figcaption { grid-column: 1 / 3; margin-top: .3em }
path { fill: none; vector-effect: non-scaling-stroke; stroke: var(--axis) }
.zero { stroke: var(--quiet) } .band { fill: var(--band); stroke: none }
.curve { stroke: var(--less); stroke-width: 2 }
.random { stroke: var(--line); stroke-dasharray: 5 4 }
.whisker { stroke: var(--less); stroke-width: 2 }
.dot { stroke: var(--less); stroke-width: 9; stroke-linecap: round }
.predicted { stroke: var(--more); stroke-width: 3 }
b.less { color: var(--less) } b.more { color: var(--more) }
@media (max-width: 30em) { td, th { padding: .15em .2em } table { font-size: .9em } }
"""


@dataclass(frozen=True)
class _Scale:
    """The heights of a picture: from the lowest to the highest number that it shows."""

    low: float
    high: float

    def y(self, value: float) -> float:
        """Return the height of a number, from above, within the picture."""
        kept = min(max(value, self.low), self.high)
        return (self.high - kept) / (self.high - self.low) * _HEIGHT

    @property
    def ticks(self) -> list[float]:
        """Return three to six round numbers in the range, 0 among them."""
        step = 10 ** math.floor(math.log10(self.high - self.low))
        for part in (0.2, 0.5, 1.0):
            if (self.high - self.low) / (step * part) <= 6:
                step *= part
                break
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [step * k for k in range(first, last + 1)]


def uplift_page(metrics: UpliftMetrics, title: str = "Uplift") -> str:
    """Return the measured uplift as an HTML page that needs no other file.

    Args:
        metrics: `churn_torch.evaluation.uplift_metrics.UpliftMetrics`.
        title: Heading of the page.
    """
    return "\n".join(_page(metrics, title))


def _page(metrics: UpliftMetrics, title: str) -> Iterator[str]:
    title = html.escape(title)
    n, n_treated = (count(metrics.numbers[key] or 0) for key in ("n", "n_treated"))
    yield f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title>"
    yield "<meta name=viewport content='width=device-width,initial-scale=1'>"
    yield f"<style>{_STYLE}</style><main><h1>{title}</h1><p>"
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
    scale = _scale([*curve.low.tolist(), *curve.high.tolist()])
    x = (curve.share * _WIDTH).tolist()
    line, low, high = (
        [f"{a:.1f} {scale.y(b):.1f}" for a, b in zip(x, part.tolist(), strict=True)]
        for part in (curve.qini, curve.low, curve.high)
    )
    best = int(curve.qini.argmax())
    words = (
        f"Gain if the customers with the largest predicted uplift are contacted: at most "
        f"{small_points(curve.qini[best])} points at {curve.share[best]:.0%} of the customers, "
        f"{small_points(curve.qini[-1])} points at all of them."
    )
    yield "<section><h2>Qini curve <small>gain per customer, percentage points</small></h2>"
    yield from _picture(words, scale)
    yield f"<path class=band d='M{' '.join([*high, *low[::-1]])}Z'/>"
    yield f"<path class=random d='M0 {scale.y(0):.1f}L{line[-1]}'/>"
    yield f"<path class=curve d='M{' '.join(line)}'/></svg><div class=x>"
    yield "<span class=first style='left:0'>0%</span><span style='left:50%'>50%</span>"
    yield "<span class=last style='left:100%'>100%</span></div><figcaption>Share of the customers "
    yield "who are contacted, largest predicted uplift first. <b class=less>Line</b>: measured "
    yield "gain, with its interval at each share. Dashed: contacted in random order."
    yield "</figcaption></figure></section>"


def _deciles(deciles: Sequence[UpliftGroup]) -> Iterator[str]:
    """Draw predicted beside observed uplift of each group, and write them below."""
    ends = [end for group in deciles for end in group.interval or ()]
    scale = _scale([*ends, *(group.predicted for group in deciles)])
    step = _WIDTH / len(deciles)
    words = "Predicted and observed uplift of groups of customers, as in the table below."
    yield "<section><h2>Calibration <small>uplift by group, percentage points</small></h2>"
    yield from _picture(words, scale)
    for place, group in enumerate(deciles):
        x, y = (place + 0.5) * step, scale.y(group.predicted)
        if group.observed is not None and group.interval is not None:
            low, high = map(scale.y, group.interval)
            yield f"<path class=whisker d='M{x:.1f} {low:.1f}V{high:.1f}'/>"
            yield f"<path class=dot d='M{x:.1f} {scale.y(group.observed):.1f}h.01'/>"
        yield f"<path class=predicted d='M{x - step / 4:.1f} {y:.1f}h{step / 2:.1f}'/>"
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


def _scale(values: Sequence[float]) -> _Scale:
    low, high = min(0.0, *values), max(0.0, *values)
    return _Scale(low, high) if high > low else _Scale(-0.01, 0.01)


def _picture(words: str, scale: _Scale) -> Iterator[str]:
    """Begin a picture: its words, its scale, and lines at its ticks."""
    yield f"<figure role=img aria-label='{html.escape(words, quote=True)}'><div class=y>"
    for tick in scale.ticks:
        place = scale.y(tick) / _HEIGHT
        yield f"<span style='top:{place:.1%}'>{100 * tick:+z.3g}</span>"
    yield f"</div><svg height={_HEIGHT} viewBox='0 0 {_WIDTH} {_HEIGHT}' preserveAspectRatio=none>"
    for tick in scale.ticks:
        kind = "zero" if abs(tick) < 1e-12 else "axis"
        yield f"<path class={kind} d='M0 {scale.y(tick):.1f}H{_WIDTH}'/>"
