"""Tables of metrics: of the splits of a run, and of the folds of a cross-validation."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from churn_torch.report.formats import count, lift, percent, score

# Key, label and format of each line.
LINES: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("n", "rows", count),
    ("base_rate", "churn rate", percent),
    ("auroc", "AUROC", score),
    ("average_precision", "average precision", score),
    ("log_loss", "log-loss", score),
    ("brier", "Brier score", score),
    ("ece", "calibration error", score),
    *((f"lift_at_{share}", f"lift in top {share}%", lift) for share in (5, 10, 20)),
    *((f"captured_at_{share}", f"churners in top {share}%", percent) for share in (5, 10, 20)),
    ("threshold", "decision threshold", score),
    ("accuracy", "accuracy", percent),
    ("precision", "precision", percent),
    ("recall", "recall", percent),
    ("f1", "F1", score),
)
# With fewer rows of a class an interval is rough (benchmarks/interval_coverage.py).
FEW = 15
CONFUSION = ("true_positives", "false_positives", "false_negatives", "true_negatives")


def metrics_table(metrics: Mapping[str, Mapping[str, Any]]) -> Table:
    """Lay out the metrics of a run, one column for each split.

    Args:
        metrics: For each split the result of ``SplitMetrics.evaluate``, and under
            ``"intervals"``, where it was computed, the result of ``SplitMetrics.intervals``.

    Raises:
        ValueError: There is no split.
        KeyError: A split lacks a metric.
    """
    if not metrics:
        raise ValueError("expected the metrics of at least one split, got none")
    notes = _interval_notes(metrics)
    notes += _auroc_note(metrics.values())
    table = Table(caption="; ".join(notes) or None)
    table.add_column("metric", no_wrap=True)
    for name in metrics:
        table.add_column(Text(name), justify="right")
    for key, label, write in LINES:
        cells = []
        for split in metrics.values():
            cell = write(split[key])
            if key in split.get("intervals", {}):
                low, high = split["intervals"][key]
                cell += f" [{write(low)} to {write(high)}]"
            cells.append(Text(cell))
        table.add_row(label, *cells)
    calibrations = [split.get("calibration") for split in metrics.values()]
    if any(calibrations):
        for key in ("slope", "intercept"):
            cells = [Text(_calibration_cell(one, key)) for one in calibrations]
            table.add_row(f"calibration {key}", *cells)
    counts = (" / ".join(count(split[key]) for key in CONFUSION) for split in metrics.values())
    table.add_row("TP / FP / FN / TN", *counts)
    return table


def calibration_warning(metrics: Mapping[str, Any]) -> list[str]:
    """Say what is wrong with the probabilities of a split beyond chance; nothing if nothing is."""
    said = (metrics.get("calibration") or {}).get("sentence")
    return [f"Miscalibrated: {said}."] if said else []


def _calibration_cell(calibration: Mapping[str, Any] | None, key: str) -> str:
    if calibration is None:
        return ""
    ends = [calibration[name] for name in (key, f"{key}_low", f"{key}_high")]
    if None in ends:
        return "none"
    value, low, high = map(score, ends)
    return f"{value} [{low} to {high}]"


def folds_table(
    folds: Sequence[Mapping[str, Mapping[str, Any]]], errors: Mapping[str, float]
) -> Table:
    """Lay out a cross-validation: the mean and the spread of each metric over the folds.

    Args:
        folds: For each fold the result of ``SplitMetrics.evaluate`` for ``"validation"`` and
            ``"test"``.
        errors: Standard errors of the tested means, of the metrics that have one.
    """
    notes = [
        f"{len(folds)} folds; spread: standard deviation over the folds; error: standard error of "
        "the mean, corrected for the training rows that folds share (Nadeau & Bengio 2003)"
    ]
    notes += _auroc_note(fold[part] for fold in folds for part in ("validation", "test"))
    table = Table(caption="; ".join(notes))
    table.add_column("metric", no_wrap=True)
    for name in ("tested", "error", "spread", "lowest", "highest", "validation"):
        table.add_column(name, justify="right")
    for key, label, write in LINES:
        tested = [fold["test"][key] for fold in folds]
        if key == "n":
            cells = [count(sum(tested)), "", "", count(min(tested)), count(max(tested)), ""]
        else:
            validation = statistics.fmean(fold["validation"][key] for fold in folds)
            mean, spread = statistics.fmean(tested), statistics.stdev(tested)
            error = write(errors[key]) if key in errors else ""
            shown = (write(v) for v in (spread, min(tested), max(tested), validation))
            cells = [write(mean), error, *shown]
        table.add_row(label, *cells)
    return table


def _interval_notes(metrics: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Say what the brackets are, and of which splits they are rough."""
    with_intervals = {name: split for name, split in metrics.items() if "intervals" in split}
    if not with_intervals:
        return []
    notes = ["in brackets: interval of 95 %"]
    for name, split in with_intervals.items():
        fewer = min(split["n_positive"], split["n"] - split["n_positive"])
        if fewer < FEW:
            customer = "churner" if fewer == split["n_positive"] else "customer"
            stayed = "" if fewer == split["n_positive"] else " who stayed"
            whom = f"{customer}{'' if fewer == 1 else 's'}{stayed}"
            notes.append(
                f"{name}: only {fewer} {whom}, so its intervals are rough: with fewer than {FEW} "
                "they are not sure to hold the truth as often as they say"
            )
    return notes


def _auroc_note(splits: Iterable[Mapping[str, Any]]) -> list[str]:
    """Say how far the AUROC of a split may be off whose probabilities were counted in bins."""
    bounds = [split["auroc_error_bound"] for split in splits if "auroc_error_bound" in split]
    if not bounds:
        return []
    # A twentieth more, so that the rounded number is still a bound.
    bound = f"{1.05 * max(bounds):.1e}" if max(bounds) else "0"
    return [f"AUROC from binned probabilities, error at most {bound}"]
