"""Tables for people: the metrics of a run and the members of a sweep."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from churn_torch.errors import InputError, suggest

# Log-odds that the points of an integral may miss before a person should hear of it.
ROUGH_REASONS = 0.1
LOWER_IS_BETTER = frozenset({"log_loss", "brier", "ece"})


def _count(value: float) -> str:
    return f"{value:,}"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _score(value: float) -> str:
    return f"{value:.4f}"


def _lift(value: float) -> str:
    return f"{value:.2f}"


LINES: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("n", "rows", _count),
    ("base_rate", "churn rate", _percent),
    ("auroc", "AUROC", _score),
    ("average_precision", "average precision", _score),
    ("log_loss", "log-loss", _score),
    ("brier", "Brier score", _score),
    ("ece", "calibration error", _score),
    *((f"lift_at_{share}", f"lift in top {share} %", _lift) for share in (5, 10, 20)),
    *((f"captured_at_{share}", f"churners in top {share} %", _percent) for share in (5, 10, 20)),
    ("threshold", "decision threshold", _score),
    ("accuracy", "accuracy", _percent),
    ("precision", "precision", _percent),
    ("recall", "recall", _percent),
    ("f1", "F1", _score),
)
CONFUSION = ("true_positives", "false_positives", "false_negatives", "true_negatives")


def metrics_table(metrics: Mapping[str, Mapping[str, Any]]) -> Table:
    """Lay out the metrics of a run, one column a split.

    Args:
        metrics: for each split what ``SplitMetrics.evaluate`` returns, and under ``"intervals"``, where
            it was computed, what ``SplitMetrics.intervals`` returns.
    """
    notes = []
    if any("intervals" in split for split in metrics.values()):
        notes.append("in brackets: bootstrap interval")
    if bound := max(split.get("auroc_error_bound", 0) for split in metrics.values()):
        # A twentieth more, so that the rounded number still is a bound.
        notes.append(f"AUROC from bins, error below {1.05 * bound:.1e}")
    table = Table(caption="; ".join(notes) or None)
    table.add_column("metric", no_wrap=True)
    for name in metrics:
        table.add_column(Text(name), justify="right")
    for key, label, show in LINES:
        cells = []
        for split in metrics.values():
            cell = show(split[key])
            if key in split.get("intervals", {}):
                low, high = split["intervals"][key]
                cell += f" [{show(low)} to {show(high)}]"
            cells.append(Text(cell))
        table.add_row(label, *cells)
    counts = (" / ".join(_count(split[key]) for key in CONFUSION) for split in metrics.values())
    table.add_row("TP / FP / FN / TN", *counts)
    return table


def folds_table(folds: Sequence[Mapping[str, Mapping[str, Any]]]) -> Table:
    """Lay out a cross-validation: each metric's mean over the folds and how it spreads.

    Args:
        folds: for each fold what ``SplitMetrics.evaluate`` returns of ``"validation"`` and ``"test"``.
    """
    table = Table(caption=f"{len(folds)} folds; spread: standard deviation over them")
    table.add_column("metric", no_wrap=True)
    for name in ("tested", "spread", "lowest", "highest", "validation"):
        table.add_column(name, justify="right")
    for key, label, show in LINES:
        tested = [fold["test"][key] for fold in folds]
        held = statistics.fmean(fold["validation"][key] for fold in folds)
        if key == "n":
            cells = [_count(sum(tested)), "", _count(min(tested)), _count(max(tested)), ""]
        else:
            values = (
                statistics.fmean(tested),
                statistics.stdev(tested),
                min(tested),
                max(tested),
                held,
            )
            cells = list(map(show, values))
        table.add_row(label, *cells)
    return table


def path_table(path: Sequence[Mapping[str, Any]], chosen: float) -> Table:
    """Lay out a regularisation path, one line a strength, the chosen one marked.

    Args:
        path: for each strength ``l2``, ``validation_log_loss``, ``converged`` and, where folds
            were held out, ``held_out_log_loss``.
        chosen: the ``l2`` that was taken.
    """
    held_out = any("held_out_log_loss" in entry for entry in path)
    table = Table("l2")
    table.add_column("validation log-loss", justify="right")
    if held_out:
        table.add_column("held-out log-loss", justify="right")
    table.add_column("")
    for entry in path:
        cells = [f"{entry['l2']:g}", _score(entry["validation_log_loss"])]
        if held_out:
            cells.append(_score(entry["held_out_log_loss"]))
        remarks = ["chosen"] * (entry["l2"] == chosen)
        remarks += ["not converged"] * (not entry["converged"])
        table.add_row(*cells, ", ".join(remarks))
    return table


def features_table(method: str, scores: Mapping[str, float], chosen: Sequence[str]) -> Table:
    """Lay out the columns by their scores, best first, the chosen ones marked.

    Args:
        method: How they were scored.
        scores: By column, best first.
        chosen: The columns kept.
    """
    table = Table("column", caption=f"{len(chosen)} of {len(scores)} columns chosen by {method}")
    table.add_column("score", justify="right")
    table.add_column("")
    for name, score in scores.items():
        kept = name in chosen
        cells = (name, f"{score:.3g}", "chosen" if kept else "left out")
        table.add_row(*map(Text, cells), style=None if kept else "dim")
    return table


def ranked(rows: Iterable[Mapping[str, Any]], sort_by: str = "log_loss") -> list[Mapping[str, Any]]:
    """Sort the members of a sweep by a validation metric, best first and failed ones last.

    Args:
        rows: one mapping a member, with ``job`` (number), ``overrides`` (text), ``status``
            (``"ok"``, or anything else when it failed), ``error`` (text, when it failed) and
            metrics named ``validation_auroc``, ``test_auroc`` and so on.
        sort_by: a metric of ``SplitMetrics.evaluate``, without its split.

    Raises:
        InputError: when no member that finished has that metric.
    """
    rows = list(rows)
    key = f"validation_{sort_by}"
    finished = [row for row in rows if row["status"] == "ok"]
    if finished and not any(key in row for row in finished):
        prefix = "validation_"
        names = {name for row in finished for name in row if name.startswith(prefix)}
        known = sorted(name.removeprefix(prefix) for name in names)
        raise InputError(
            f"Expected a sweep sorted by one of {', '.join(known)}, "
            f"but got {sort_by!r}{suggest(sort_by, known)}."
        )

    def rank(row: Mapping[str, Any]) -> tuple[bool, bool, float, int]:
        value = float(row.get(key, math.nan))
        badness = value if sort_by in LOWER_IS_BETTER else -value
        unknown = math.isnan(value)
        return row["status"] != "ok", unknown, 0.0 if unknown else badness, row["job"]

    return sorted(rows, key=rank)


def sweep_table(rows: Sequence[Mapping[str, Any]], sort_by: str = "log_loss") -> Table:
    """Lay out a sweep, one line a member, in the order of ``ranked`` (see there for ``rows``)."""
    metrics = dict.fromkeys(
        [f"validation_{sort_by}", "validation_log_loss", "validation_auroc", "test_auroc"]
    )
    table = Table(caption=f"best validation {sort_by} first")
    table.add_column("job", justify="right")
    table.add_column("overrides", overflow="fold")
    for metric in metrics:
        table.add_column(metric.replace("_", " ", 1), justify="right")
    table.add_column("status", overflow="fold")
    for row in ranked(rows, sort_by):
        scores = [_score(row[metric]) if metric in row else "" for metric in metrics]
        status = "ok" if row["status"] == "ok" else f"{row['status']}: {row['error']}"
        # Text, not str: overrides such as data.ignore=[id] would be read as markup.
        table.add_row(str(row["job"]), Text(row["overrides"]), *scores, Text(status))
    return table


def fit_sentence(fit: Mapping[str, Any]) -> str:
    """Say in a sentence or two how the fit went."""
    loss = fit["history"][-1]["train_loss"]
    exact = fit.get("exact")
    if exact is None:
        return (
            f"Trained {fit['epochs']} epochs in {fit['seconds']} s to a training loss of "
            f"{loss:.4f}, best epoch {fit['best_epoch']} by validation log-loss."
        )
    n_passes = exact["passes"]
    start = f"{exact['solver']}, a sample and {n_passes} {'pass' if n_passes == 1 else 'passes'} "
    start += f"over all rows in {fit['seconds']} s"
    chosen = f" l2={exact['l2']:g} of {len(exact['path'])} tried." if len(exact["path"]) > 1 else ""
    if exact["separable"]:
        return (
            f"{start}: the training rows of the two classes can be told apart without an error, so "
            "the best coefficients are infinite and those kept are arbitrary; set penalty.l2 above "
            f"0.{chosen}"
        )
    if exact["converged"]:
        return (
            f"{start}: the optimum, objective {loss:.6f}, gradient at most "
            f"{exact['gradient_norm']:.1e}.{chosen}"
        )
    return (
        f"{start}: NOT converged, objective {loss:.6f}, gradient at most "
        f"{exact['gradient_norm']:.1e}; allow more passes (trainer.max_epochs), or raise "
        f"penalty.l2.{chosen}"
    )


def reasons_sentence(reasons: Mapping[str, Any]) -> str:
    """Say how exact the reasons of a run are."""
    if reasons["method"] == "exact":
        return "Reasons are exact."
    said = (
        f"Reasons are integrated gradients over {reasons['points']} points; up to "
        f"{reasons['spread']:.2g} that these miss is spread over the columns, so they add up to "
        f"the logit to {reasons['completeness_error']:.1e}."
    )
    if reasons["spread"] > ROUGH_REASONS:
        said += (
            " That is much for a reason: activations without kinks (silu, gelu, tanh), a lower "
            "optimizer.lr or a higher penalty.l2 make them sharper."
        )
    return said
