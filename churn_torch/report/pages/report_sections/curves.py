"""Curves of the test rows: ranking, profit, calibration and the distribution of probabilities."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from churn_torch.report.charts.line_charts import (
    Kind,
    Line,
    Point,
    histogram,
    line_chart,
)
from churn_torch.report.charts.scales import Axis, compact
from churn_torch.report.metrics import calibration_warning
from churn_torch.report.pages.model_report import MeasuredRun
from churn_torch.report.pages.page_text import paragraphs

if TYPE_CHECKING:
    from churn_torch.evaluation.score_curves import ScoreCurves

_SHARE = (0.0, 1.0)
# Colours of runs side by side.
KINDS: tuple[Kind, ...] = ("main", "second", "more", "less")


def ranking(runs: Sequence[MeasuredRun]) -> Iterator[str]:
    """Draw ROC, precision-recall, gains and lift, of one run or of several."""
    yield "<section id=ranking><h2>Ranking</h2><div class=charts>"
    yield line_chart(
        "ROC curve",
        "Share of the churners found, by the share of the other customers who are flagged with "
        "them. The dashed line is chance.",
        _share("others who are flagged"),
        _share("churners found"),
        _lines(runs, lambda curves: (curves.false_positive_rate, curves.recall), "chance", _SHARE),
        points=_operating(runs),
    )
    rate = runs[0].metrics["test"]["base_rate"]
    yield line_chart(
        "Precision and recall",
        "Churn rate among the flagged, by the share of the churners found. The dashed line is the "
        "churn rate of all.",
        _share("churners found"),
        _share("churn rate of the flagged"),
        _lines(
            runs,
            lambda curves: (curves.recall, curves.precision),
            "churn rate of all",
            (rate, rate),
        ),
    )
    yield line_chart(
        "Gains",
        "Share of the churners found, by the share of the customers who are contacted, the most "
        "probable first. The dashed line is chance.",
        _share("customers contacted"),
        _share("churners found"),
        _lines(runs, lambda curves: (curves.taken, curves.recall), "chance", _SHARE),
    )
    yield line_chart(
        "Lift",
        "How many times as many churners as chance would find, by the share of the customers who "
        "are contacted.",
        _share("customers contacted"),
        Axis("times as many", lambda value: f"{value:.3g}", low=0.0),
        _lines(runs, _lift, "chance", (1.0, 1.0)),
    )
    yield "</div></section>"


def profit(runs: Sequence[MeasuredRun]) -> Iterator[str]:
    """Draw the profit of each offer by how many are contacted; nothing where there is none."""
    names = list(dict.fromkeys(curve.name for run in runs for curve in run.profit))
    if not names:
        return
    yield "<section id=profit><h2>Profit</h2><div class=charts>"
    for name in names:
        lines, points = [], []
        for run, kind in zip(runs, KINDS, strict=False):
            for curve in (curve for curve in run.profit if curve.name == name):
                lines.append(Line(run.name, curve.share, curve.profit, kind=kind))
                points += _profit_points(run, name, kind if len(runs) > 1 else None)
        yield line_chart(
            f"Profit of the offer {name}",
            "Profit for each customer of the base, by the share who are contacted, the most "
            "probable first, at the expected keep rate. The interval is of 95 %.",
            _share("customers contacted"),
            Axis("profit a customer", compact, include_zero=True),
            lines,
            points=points,
        )
    yield "</div></section>"


def calibration(runs: Sequence[MeasuredRun]) -> Iterator[str]:
    """Draw churn rate by probability, with the band of a calibrated model."""
    yield "<section id=calibration><h2>Calibration</h2><div class=charts>"
    for run in runs:
        curve = run.reliability
        yield "<div>"
        of_run = f" of {run.name}" if len(runs) > 1 else ""
        yield line_chart(
            f"Reliability{of_run}",
            "Churn rate by predicted probability (isotonic regression, CORP). The band is where 95 "
            "% of the curves of a calibrated model lie; the dashed line is perfect calibration.",
            _share("probability"),
            _share("churn rate"),
            [
                Line(
                    "a calibrated model",
                    curve.probability,
                    curve.probability,
                    low=curve.band_low,
                    high=curve.band_high,
                    kind="reference",
                ),
                Line("churn rate", curve.probability, curve.rate, kind="main"),
            ],
        )
        said = calibration_warning(run.metrics["test"])
        found = run.metrics["test"].get("calibration")
        if found is not None:
            said.append(
                f"Brier score {run.metrics['test']['brier']:.4f} = miscalibration "
                f"{found['miscalibration']:.4f} - discrimination {found['discrimination']:.4f} + "
                f"uncertainty {found['uncertainty']:.4f}."
            )
        yield from paragraphs(said)
        yield "</div>"
    yield "</div></section>"


def distribution(runs: Sequence[MeasuredRun]) -> Iterator[str]:
    """Draw how the probabilities of churners and of the others are distributed."""
    yield "<section id=distribution><h2>Distribution of the probabilities</h2><div class=charts>"
    for run in runs:
        curves = run.curves
        of_run = f" of {run.name}" if len(runs) > 1 else ""
        yield histogram(
            f"Probabilities{of_run}",
            "Share of the churners, and of the customers who stayed, by predicted probability.",
            Axis("probability", _percent),
            curves.edges,
            [("left", curves.churners), ("stayed", curves.others)],
        )
    yield "</div></section>"


def _share(label: str) -> Axis:
    return Axis(label, _percent, low=0.0, high=1.0)


def _percent(value: float) -> str:
    return f"{100 * value:.3g}%"


def _operating(runs: Sequence[MeasuredRun]) -> list[Point]:
    """Return where the threshold of each run lies on its ROC curve."""
    points = []
    for run, kind in zip(runs, KINDS, strict=False):
        test = run.metrics["test"]
        others = test["n"] - test["n_positive"]
        x, y = test["false_positives"] / others, test["recall"]
        words = (
            f"threshold {test['threshold']:.3g}: {y:.0%} of the churners and {x:.0%} of the others "
            "are flagged"
        )
        if len(runs) > 1:
            points.append(Point(x, y, f"{run.name}, {words}", kind=kind))
        else:
            points.append(Point(x, y, words))
    return points


def _lines(
    runs: Sequence[MeasuredRun],
    of: Callable[[ScoreCurves], tuple[Sequence[float], Sequence[float]]],
    reference: str,
    ends: tuple[float, float],
) -> list[Line]:
    """Return a line for each run, and a straight one to compare them with.

    Args:
        runs: The runs.
        of: Gives x and y of a run's line.
        reference: What the straight line is.
        ends: Its y at 0 and at 1.
    """
    lines = [
        Line(run.name, *of(run.curves), kind=kind) for run, kind in zip(runs, KINDS, strict=False)
    ]
    return [*lines, Line(reference, _SHARE, ends, kind="reference")]


def _lift(curves: ScoreCurves) -> tuple[Sequence[float], Sequence[float]]:
    """Return the lift from the first hundredth on, before which it is that of a few customers."""
    taken = [share for share in curves.taken if share >= 0.01]
    recall = curves.recall[-len(taken) :]
    return taken, [found / share for found, share in zip(recall, taken, strict=True)]


def _profit_points(run: MeasuredRun, name: str, kind: Kind | None) -> list[Point]:
    """Return the marked points of an offer; of several runs each has a colour and its name."""
    whose = f"{run.name}, " if kind else ""
    one = run.metrics["test"]["profit"][name]
    found = []
    for words, share, amount in (
        ("most profitable", "best_share", "mpc"),
        ("at the threshold", "share", "profit"),
    ):
        if amount in one and one[share] is not None:
            low, high = one["intervals"][amount]
            said = f"{whose}{words}: {one[share]:.0%} contacted, {one[amount]:,.2f} a customer"
            at = one[share], one[amount]
            found.append(Point(*at, said, low, high, kind, hollow=amount == "profit"))
    return found
