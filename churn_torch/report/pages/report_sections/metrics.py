"""The metrics: each with its interval, what it means, and what chance would get."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from churn_torch.report.formats import count, listed
from churn_torch.report.metrics import CONFUSION, LINES
from churn_torch.report.pages.html_table import html_table
from churn_torch.report.pages.model_report import MeasuredRun, ModelReport

# What each metric is, in a few words.
MEANING = {
    "auroc": "chance that a churner is ranked above another customer",
    "average_precision": "mean precision over all recalls",
    "log_loss": "lower is better; punishes sure and wrong",
    "brier": "mean squared error; lower is better",
    "ece": "mean gap between probability and churn rate; 0 is ideal",
    "accuracy": "share of decisions that are right",
    "precision": "share of the flagged who left",
    "recall": "share of the churners who are flagged",
    "f1": "harmonic mean of precision and recall",
    **{f"lift_at_{share}": "times as many churners as chance" for share in (5, 10, 20)},
    **{f"captured_at_{share}": "share of all churners" for share in (5, 10, 20)},
}


def metrics(report: ModelReport) -> Iterator[str]:
    """Write the metrics of the test rows."""
    yield "<section id=metrics><h2>Metrics</h2>"
    test = report.run.metrics["test"]
    known = chance(test)
    rows = []
    for key, label, write in LINES:
        if key not in MEANING:
            continue
        rows.append(
            (label, write(test[key]), _ends(test, key, write), known.get(key, ""), MEANING[key])
        )
    rows += [
        (f"calibration {name}", *_calibration(test, name), ideal, words)
        for name, ideal, words in (
            ("slope", "1 is ideal", "below 1: too extreme"),
            ("intercept", "0 is ideal", "below 0: churn is overstated"),
        )
        if "calibration" in test
    ]
    yield html_table(
        "Metrics of the test rows",
        ("metric", "test", "interval of 95 %", "without a model", "what it is"),
        rows,
        text_columns=(4,),
    )
    yield "<h3>Decisions</h3>"
    hits, false, missed, right = (test[key] for key in CONFUSION)
    yield html_table(
        f"Decisions at a threshold of {test['threshold']:.3g}",
        (f"probability of {test['threshold']:.3g}", "left", "stayed"),
        [
            ("or more: flagged", count(hits), count(false)),
            ("less: not flagged", count(missed), count(right)),
        ],
    )
    yield "</section>"


def metrics_side_by_side(runs: Sequence[MeasuredRun]) -> Iterator[str]:
    """Write the metrics of several runs."""
    rows = []
    for key, label, write in LINES:
        cells = []
        for run in runs:
            test = run.metrics["test"]
            ends = _ends(test, key, write)
            cells.append(f"{write(test[key])} [{ends}]" if ends else write(test[key]))
        rows.append((label, *cells))
    yield html_table("Metrics of the test rows", ("metric", *(run.name for run in runs)), rows)


def chance(test: Mapping[str, Any]) -> dict[str, str]:
    """Return what a model that knows nothing but the churn rate would get."""
    rate = test["base_rate"]
    entropy, variance = _losses_of(rate)
    return {
        "auroc": "0.5",
        "average_precision": f"{rate:.4f}",
        "log_loss": f"{entropy:.4f}",
        "brier": f"{variance:.4f}",
        "accuracy": f"{max(rate, 1 - rate):.1%}",
        "precision": f"{rate:.1%}",
        **{f"lift_at_{share}": "1" for share in (5, 10, 20)},
        **{f"captured_at_{share}": f"{share}%" for share in (5, 10, 20)},
    }


def worse_than_chance(test: Mapping[str, Any]) -> str:
    """Say by which losses the probabilities are worse than the churn rate alone; empty for none."""
    entropy, variance = _losses_of(test["base_rate"])
    worse = [
        name
        for name, value, bound in (
            ("log-loss", test["log_loss"], entropy),
            ("Brier score", test["brier"], variance),
        )
        if value >= bound
    ]
    if not worse:
        return ""
    return f"By {listed(worse)} the probabilities are worse than the churn rate alone."


def _losses_of(rate: float) -> tuple[float, float]:
    """Return the log-loss and the Brier score of a probability that is the churn rate for all."""
    entropy = -sum(share * math.log(share) for share in (rate, 1 - rate) if share)
    return entropy, rate * (1 - rate)


def _ends(test: Mapping[str, Any], key: str, write: Callable[[float], str]) -> str:
    ends = test.get("intervals", {}).get(key)
    return "" if ends is None else f"{write(ends[0])} to {write(ends[1])}"


def _calibration(test: Mapping[str, Any], name: str) -> tuple[str, str]:
    value, low, high = (test["calibration"][f"{name}{end}"] for end in ("", "_low", "_high"))
    if None in (value, low, high):
        return "none", ""
    return f"{value:.2f}", f"{low:.2f} to {high:.2f}"
