"""Metrics by segment: how good a model is for the rows of each value of a column.

Intervals: Wilson's for shares (`share_intervals`), DeLong's for the AUROC (`auroc_interval`), and
the normal interval of a mean for the log-loss and for the mean probability minus the churn rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from churn_torch.evaluation.share_intervals import CONFIDENCE, Interval, wilson
from churn_torch.evaluation.split_metrics import EPS, SplitMetrics
from churn_torch.tables.values import cells
from churn_torch.tables.values.cells import Storage

MOST_SEGMENTS = 20
MIN_ROWS = 30  # below, only the churn rate is given
OTHER, MISSING = "(other)", "(missing)"
# Each has columns NAME_low and NAME_high beside it.
WITH_INTERVALS = ("churn_rate", "auroc", "log_loss", "calibration_gap", "precision", "recall")

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Segments:
    """The segments of a column.

    Attributes:
        codes: ``[N]`` position of each row's segment in ``names``.
        names: The segments, in the order in which they are shown.
        note: How values were put together; empty where each is a segment of its own.
    """

    codes: npt.NDArray[np.int64]
    names: tuple[str, ...]
    note: str = ""


def segment(values: pd.Series, *, most: int = MOST_SEGMENTS) -> Segments:
    """Put the rows of a column into segments.

    Each value is a segment. Of text with more than ``most`` values the most frequent are, and the
    others together are one; numbers and dates are cut at their quartiles. Missing cells are a
    segment of their own, the last.

    Args:
        values: N cells; numbers and dates must come as such, or they count as text.
        most: Segments of a column, without the last two.
    """
    storage, plain = cells.plain(values)
    if storage in (Storage.NUMBER, Storage.DATETIME):
        if plain.nunique() > most:
            return _quartiles(plain)
        ordered = pd.Index(plain.dropna().unique()).sort_values()
        return _with_missing(ordered.get_indexer(pd.Index(plain)), list(map(_spelled, ordered)))
    codes, levels = pd.factorize(cells.canonical_text(values))
    counts = np.bincount(codes, minlength=len(levels))
    order = [i for i in np.argsort(-counts, kind="stable") if levels[i] != ""]
    position = np.full(len(levels), -1)
    position[order] = np.arange(len(order)).clip(max=most)
    names = [str(levels[i]) for i in order]
    if len(order) <= most:
        return _with_missing(position[codes], names)
    note = f"the {most} most frequent of {len(order):,} values; the others are {OTHER}"
    return _with_missing(position[codes], [*names[:most], OTHER], note)


def segment_metrics(
    column: str,
    segments: Segments,
    probability: Floats,
    label: Floats,
    *,
    threshold: float,
) -> pd.DataFrame:
    """Measure each segment of a column.

    Args:
        column: Its name.
        segments: Of the N rows.
        probability: ``[N]`` float32 probabilities of churn.
        label: ``[N]`` of 1 for churners and 0 for the others.
        threshold: A row is called a churner from this probability on.

    Returns:
        A row a segment: ``column``, ``segment``, ``n``, ``churn_rate``, ``auroc``, ``log_loss``,
        ``calibration_gap`` (mean probability minus churn rate), ``ece``, ``precision`` and
        ``recall``, and ``NAME_low`` and ``NAME_high`` beside those that have an interval of 95 %.
        Only n and the churn rate are there for segments of fewer than ``MIN_ROWS`` rows or of one
        class; precision is missing where no row is called a churner.
    """
    order = np.argsort(segments.codes, kind="stable")
    ends = np.searchsorted(segments.codes[order], np.arange(len(segments.names) + 1))
    rows = []
    for name, start, end in zip(segments.names, ends[:-1], ends[1:], strict=True):
        here = order[start:end]
        measured = _measure(probability[here], label[here], threshold=threshold)
        rows.append({"column": column, "segment": name, "n": len(here), **measured})
    names = ["column", "segment", "n"]
    for metric in ("churn_rate", "auroc", "log_loss", "calibration_gap", "ece", "precision",
                   "recall"):  # fmt: skip
        sides = ("_low", "_high") if metric in WITH_INTERVALS else ()
        names += [metric, *(f"{metric}{side}" for side in sides)]
    return pd.DataFrame(rows, columns=names)


def mean_interval(values: Floats, *, confidence: float = CONFIDENCE) -> Interval:
    """Return the normal interval of a mean; there are 2 values or more."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    half = z * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def _measure(probability: Floats, label: Floats, *, threshold: float) -> dict[str, float]:
    n, n_positive = len(label), int((label == 1).sum())
    rate = n_positive / n
    measured = {"churn_rate": rate, **_sides("churn_rate", wilson(n_positive, n))}
    if n < MIN_ROWS or n_positive in (0, n):
        return measured
    split = SplitMetrics(threshold=threshold)
    split.update(torch.from_numpy(probability), torch.from_numpy(label))
    metrics = split.evaluate(threshold)
    predicted = probability.astype(np.float64)
    clipped = predicted.clip(EPS, 1 - EPS)
    losses = -np.where(label == 1, np.log(clipped), np.log1p(-clipped))
    gaps = predicted - label
    called = int(metrics["true_positives"] + metrics["false_positives"])
    measured |= {name: metrics[name] for name in ("auroc", "log_loss", "ece", "recall")}
    measured |= _sides("auroc", split.intervals()["auroc"])
    measured |= _sides("log_loss", mean_interval(losses))
    measured |= {"calibration_gap": float(gaps.mean())}
    measured |= _sides("calibration_gap", mean_interval(gaps))
    measured |= _sides("recall", wilson(int(metrics["true_positives"]), n_positive))
    if called:
        measured["precision"] = metrics["precision"]
        measured |= _sides("precision", wilson(int(metrics["true_positives"]), called))
    return measured


def _sides(name: str, interval: Interval) -> dict[str, float]:
    low, high = interval
    return {f"{name}_low": low, f"{name}_high": high}


def _quartiles(values: pd.Series) -> Segments:
    """Cut numbers or dates at their quartiles; equal values stay together."""
    edges = values.quantile([0.25, 0.5, 0.75], interpolation="lower").drop_duplicates()
    edges = edges[edges < values.max()]
    if edges.empty:  # most rows have the largest value
        edges = pd.Series([values[values < values.max()].max()])
    # A value on an edge belongs below it.
    codes = np.searchsorted(edges.to_numpy(), values.to_numpy(), side="left")
    ends = [_spelled(edge) for edge in edges]
    names = [
        f"up to {ends[0]}",
        *(f"above {low} to {high}" for low, high in pairwise(ends)),
        f"above {ends[-1]}",
    ]
    note = f"{values.nunique():,} values, cut at their quartiles"
    return _with_missing(np.where(values.isna(), -1, codes), names, note)


def _with_missing(codes: npt.NDArray[Any], names: list[str], note: str = "") -> Segments:
    """Make -1 the last segment."""
    codes = codes.astype(np.int64)
    if (codes < 0).any():
        codes = np.where(codes < 0, len(names), codes)
        names = [*names, MISSING]
    return Segments(codes, tuple(names), note)


def _spelled(value: Any) -> str:
    if isinstance(value, pd.Timestamp):
        return str(value.date() if value == value.normalize() else value.isoformat())
    return f"{value:.6g}" if abs(value) < 1e6 else f"{value:,.0f}"
