"""Time to churn: how many stay, by risk, how far the horizon holds, and where in time it knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from churn_torch.report.charts.line_charts import Axis, Line, Point, line_chart
from churn_torch.report.formats import percent
from churn_torch.report.pages.html_table import html_table
from churn_torch.report.survival import MEANING, in_periods, lines, observed, written

if TYPE_CHECKING:
    from churn_torch.evaluation.survival.kaplan_meier import KaplanMeier
    from churn_torch.evaluation.survival.survival_metrics import SurvivalMetrics

HOW_OBSERVED = (
    "Periods count from the first one in which a customer was observed. Observed curves are "
    "Kaplan-Meier estimates, which count customers who were still there for as long as they were "
    "observed."
)
_QUARTERS = ("lowest risk", "second quarter", "third quarter", "highest risk")


def lifetimes(metrics: SurvivalMetrics) -> Iterator[str]:
    """Write all that was measured of predicted lifetimes.

    Args:
        metrics: `churn_torch.evaluation.survival.survival_metrics.SurvivalMetrics`.
    """
    yield "<section id=metrics><h2>Metrics</h2>"
    yield html_table(
        "Metrics of the predicted lifetimes",
        ("metric", "test, with its interval of 95 %", "what it is"),
        (
            (label, written(metrics, key, write), MEANING[key])
            for key, label, write in lines(metrics.horizon)
        ),
        text_columns=(2,),
    )
    yield "</section>"
    yield from _all(metrics)
    yield from _quarters(metrics)
    yield from _horizon(metrics)
    yield from _auroc(metrics)


def _x(label: str = "Periods", *, high: float | None = None) -> Axis:
    return Axis(label, "{:.0f}".format, include_zero=True, high=high)


def _stay() -> Axis:
    return Axis("Share of the customers still there", "{:.0%}".format, low=0, high=1, exact=percent)


def _curves(name: str, seen: KaplanMeier, predicted: np.ndarray, *, band: bool) -> list[Line]:
    """Return the observed steps and the predicted curve, both from 1 at the start."""
    known = seen.stay[~np.isnan(seen.stay)]
    x = list(range(len(known) + 1))
    ends = [[1.0, *end[: len(known)].tolist()] for end in (seen.low, seen.high)]
    place = f" ({name})" if name else ""
    low, high = ends if band else (None, None)
    return [
        Line(f"observed{place}", x, [1.0, *known.tolist()], low, high, steps=True),
        Line(
            f"predicted{place}",
            x,
            [1.0, *predicted[: len(known)].tolist()],
            kind="second",
        ),
    ]


def _all(metrics: SurvivalMetrics) -> Iterator[str]:
    within = metrics.numbers["predicted_within_horizon"] or 0.0
    yield "<section id=stay><h2>How many stay, and for how long</h2>"
    yield line_chart(
        "All customers",
        f"Mean predicted curve beside what was observed. {percent(within)} are predicted to leave "
        f"within the horizon of {in_periods(metrics.horizon)}. Where customers of low risk are "
        "observed for longer than others, the observed curve of all lies too high: look at the "
        "quarters.",
        _x(),
        _stay(),
        _curves("", metrics.observed, metrics.predicted, band=True),
        vertical=[(float(metrics.horizon), "horizon")],
    )
    yield "</section>"


def _quarters(metrics: SurvivalMetrics) -> Iterator[str]:
    yield "<section id=risk><h2>Does the risk tell customers apart?</h2>"
    last = float(len(metrics.predicted))  # one scale, so that slopes can be compared
    for name, (seen, predicted) in zip(_QUARTERS, metrics.quarters, strict=False):
        yield line_chart(
            f"Quarter of the customers: {name}",
            "Quarters by the predicted chance to leave within the horizon.",
            _x(high=last),
            _stay(),
            _curves("", seen, predicted, band=True),
        )
    yield "</section>"


def _horizon(metrics: SurvivalMetrics) -> Iterator[str]:
    shown = [group for group in metrics.groups if group.observed is not None]
    top = max((group.predicted for group in shown), default=1.0)
    yield "<section id=calibration><h2>Can the horizon be believed?</h2>"
    yield line_chart(
        f"Calibration within {in_periods(metrics.horizon)}",
        "Tenths of the customers by their predicted chance; where it holds, the dots lie on the "
        "dashed line.",
        Axis("Predicted to leave", "{:.0%}".format, include_zero=True, exact=percent),
        Axis("Left, by Kaplan-Meier", "{:.0%}".format, include_zero=True, exact=percent),
        [Line("as predicted", [0.0, top], [0.0, top], kind="reference")],
        points=[
            Point(group.predicted, group.observed or 0.0, "a tenth of the customers",
                  *(group.interval or (None, None)))
            for group in shown
        ],
    )  # fmt: skip
    yield html_table(
        "Tenths by predicted chance, lowest first",
        ("customers", "predicted", "left"),
        ((f"{g.n:,}", percent(g.predicted), observed(g)) for g in metrics.groups),
    )
    yield "</section>"


def _auroc(metrics: SurvivalMetrics) -> Iterator[str]:
    periods = list(range(1, len(metrics.auroc) + 1))
    yield "<section id=periods><h2>Where in time does it know most?</h2>"
    yield line_chart(
        "AUROC by period",
        "How often a customer who has left by a period had a higher predicted chance than one who "
        "stayed beyond it; 0.5 is chance.",
        _x(),
        Axis("AUROC", "{:.2f}".format, high=1, exact="{:.4f}".format),
        [Line("AUROC", periods, metrics.auroc.tolist())],
        vertical=[(float(metrics.horizon), "horizon")],
    )
    yield "</section>"
