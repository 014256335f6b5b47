"""Time to churn for the terminal: metrics, and predicted beside observed churn at the horizon."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from churn_torch.report.formats import count, percent, score

if TYPE_CHECKING:
    from churn_torch.evaluation.survival.horizon_groups import HorizonGroup
    from churn_torch.evaluation.survival.survival_metrics import SurvivalMetrics

# What each metric is, in a few words.
MEANING = {
    "c_index": "of two customers, how often the one with the higher risk left first; chance: 0.5",
    "auroc": "the same of one who left by then and one who stayed for longer",
    "mean_auroc": "the same of each period, on average",
    "brier": "mean squared error of the chance to stay; lower is better",
    "integrated_brier": "mean of it over the periods",
    "integrated_brier_without_features": "what a model gets that knows no column",
    "predicted_within_horizon": "mean chance",
    "observed_within_horizon": "Kaplan-Meier, mean of tenths of the customers",
}


def in_periods(n_periods: int) -> str:
    """Write a number of periods."""
    return f"{count(n_periods)} period{'' if n_periods == 1 else 's'}"


def lines(horizon: int) -> list[tuple[str, str, Callable[[float], str]]]:
    """Return key, label and format of each metric."""
    within = f"within {in_periods(horizon)}"
    return [
        ("c_index", "C-index", score),
        ("auroc", f"AUROC {within}", score),
        ("mean_auroc", "mean AUROC of all periods", score),
        ("brier", f"Brier score {within}", score),
        ("integrated_brier", "integrated Brier score", score),
        ("integrated_brier_without_features", "the same of one curve for all", score),
        ("predicted_within_horizon", f"predicted to leave {within}", percent),
        ("observed_within_horizon", f"left {within}", percent),
    ]


def caption(metrics: SurvivalMetrics) -> str:
    """Say what the metrics are of."""
    n, n_left = (int(metrics.numbers[key] or 0) for key in ("n", "n_left"))
    return (
        f"{count(n)} customers, {count(n_left)} of whom left while observed; Brier score and AUROC "
        "with inverse censoring weights; left: mean of the Kaplan-Meier estimates of tenths; in "
        "brackets: interval of 95 %"
    )


def survival_table(metrics: SurvivalMetrics) -> Table:
    """Lay out the metrics of predicted lifetimes.

    Args:
        metrics: `churn_torch.evaluation.survival.survival_metrics.SurvivalMetrics`.
    """
    table = Table(caption=caption(metrics))
    table.add_column("time to churn", no_wrap=True)
    table.add_column("value", justify="right")
    for key, label, write in lines(metrics.horizon):
        table.add_row(label, written(metrics, key, write))
    return table


def survival_folds_table(folds: Sequence[Mapping[str, float | None]], horizon: int) -> Table:
    """Lay out the metrics of predicted lifetimes of a cross-validation.

    Args:
        folds: Of each fold what
            `churn_torch.evaluation.survival.survival_metrics.SurvivalMetrics.numbers` returns.
        horizon: Periods of the horizon.
    """
    table = Table()
    table.add_column("time to churn", no_wrap=True)
    for name in ("tested", "spread", "lowest", "highest"):
        table.add_column(name, justify="right")
    for key, label, write in lines(horizon):
        known = [value for fold in folds if (value := fold[key]) is not None]
        spread = statistics.stdev(known) if len(known) > 1 else 0.0
        shown = (statistics.fmean(known), spread, min(known), max(known)) if known else ()
        table.add_row(label, *(map(write, shown) if known else "----"))
    return table


def written(metrics: SurvivalMetrics, key: str, write: Callable[[float], str]) -> str:
    """Write a metric with its interval."""
    value, ends = metrics.numbers[key], metrics.intervals.get(key)
    if value is None:
        return "-"
    return write(value) if ends is None else f"{write(value)} [{write(ends[0])}, {write(ends[1])}]"


def horizon_table(metrics: SurvivalMetrics) -> Table:
    """Lay out predicted beside observed churn within the horizon, by tenths of the customers.

    Args:
        metrics: `churn_torch.evaluation.survival.survival_metrics.SurvivalMetrics`.
    """
    table = Table(caption="tenths of the customers by predicted chance, lowest first")
    table.add_column("customers", justify="right")
    table.add_column(f"predicted to leave within {in_periods(metrics.horizon)}", justify="right")
    table.add_column("left (Kaplan-Meier)", justify="right")
    for group in metrics.groups:
        table.add_row(count(group.n), percent(group.predicted), observed(group))
    return table


def observed(group: HorizonGroup) -> str:
    """Write what a group did, with its interval."""
    if group.observed is None or group.interval is None:
        return "-"
    low, high = map(percent, group.interval)
    return f"{percent(group.observed)} [{low}, {high}]"
