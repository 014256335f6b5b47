"""What a report reads of metrics.json, checked before it is read: the file may be damaged."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from churn_torch.evaluation.groups.fairness import Fairness
from churn_torch.tables.json_shape import faults
from churn_torch.workflows.configuration.stored_config import damaged_run
from churn_torch.workflows.runs.artefacts import METRICS

Interval = tuple[float, float]


class Calibration(TypedDict):
    """Calibration of the test rows."""

    slope: float | None
    slope_low: float | None
    slope_high: float | None
    intercept: float | None
    intercept_low: float | None
    intercept_high: float | None
    miscalibration: float
    discrimination: float
    uncertainty: float
    sentence: str


class Point(TypedDict):
    """A point of a profit curve."""

    share: float
    profit: float


class ProfitIntervals(TypedDict):
    """Intervals of an offer."""

    mpc: Interval
    profit: NotRequired[Interval]


class Profit(TypedDict):
    """An offer on the test rows."""

    keep_rate: float
    mpc: float
    profit: NotRequired[float]
    best_share: float
    best_threshold: float | None
    curve: list[Point]
    sentence: NotRequired[str]
    intervals: ProfitIntervals


class Intervals(TypedDict):
    """Intervals of the test rows."""

    auroc: Interval
    n: NotRequired[Interval]
    base_rate: NotRequired[Interval]
    average_precision: NotRequired[Interval]
    log_loss: NotRequired[Interval]
    brier: NotRequired[Interval]
    ece: NotRequired[Interval]
    lift_at_5: NotRequired[Interval]
    lift_at_10: Interval
    lift_at_20: NotRequired[Interval]
    captured_at_5: NotRequired[Interval]
    captured_at_10: Interval
    captured_at_20: NotRequired[Interval]
    threshold: NotRequired[Interval]
    accuracy: NotRequired[Interval]
    precision: NotRequired[Interval]
    recall: NotRequired[Interval]
    f1: NotRequired[Interval]


class Tested(TypedDict):
    """The test rows."""

    n: int
    n_positive: int
    base_rate: float
    auroc: float
    average_precision: float
    log_loss: float
    brier: float
    ece: float
    accuracy: float
    precision: float
    recall: float
    f1: float
    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int
    lift_at_5: float
    lift_at_10: float
    lift_at_20: float
    captured_at_5: float
    captured_at_10: float
    captured_at_20: float
    threshold: float
    intervals: Intervals
    calibration: NotRequired[Calibration]
    profit: NotRequired[dict[str, Profit]]


class Data(TypedDict):
    """The table."""

    fingerprint: str
    date: str
    n_rows: int
    n_dropped: int
    base_rate: float
    first_time: str | float | None
    last_time: str | float | None
    n_train: int
    n_validation: int
    n_test: int


class Suspicion(TypedDict):
    """A sign of leakage."""

    columns: list[str]
    sentence: str


class Correlated(TypedDict):
    """Columns that move together."""

    columns: list[str]
    sentence: str


class Exact(TypedDict):
    """A fit that was solved to its optimum."""

    solver: str
    passes: int
    converged: bool
    separable: bool
    gradient_norm: float
    l2: float
    path: list[Any]


class Fit(TypedDict):
    """The training."""

    epochs: int
    best_epoch: int
    seconds: float
    validation_profit: NotRequired[float]
    exact: NotRequired[Exact]
    history: NotRequired[list[dict[str, float | None]]]


class Trained(TypedDict):
    """The file of one model."""

    version: str
    data: Data
    test: Tested
    fit: Fit
    suspicions: NotRequired[list[Suspicion]]
    correlated_columns: NotRequired[list[Correlated]]
    fairness: NotRequired[list[Fairness]]


class Reasons(TypedDict):
    """What the numbers of the reasons mean."""

    points: int


class Threshold(TypedDict):
    """The validation rows."""

    threshold: float


class Rows(TypedDict):
    """The table of any model."""

    fingerprint: str
    n_rows: int
    base_rate: float


class Loaded(TypedDict):
    """What every loaded run needs of it."""

    version: str
    data: Rows
    validation: Threshold
    reasons: Reasons
    correlated_columns: list[Correlated]
    typical_customer: dict[str, Any]


class Compared(TypedDict):
    """What several runs side by side need of it."""

    test: Tested


def parse_metrics(text: str) -> Any:
    """Return the content of metrics.json.

    Raises:
        ValueError: It is no JSON, or holds a number that is not finite, which no training writes.
    """
    return json.loads(text, parse_float=_finite, parse_constant=_finite)


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"the number {text[:40]}")
    return number


def check_metrics(metrics: Mapping[str, Any], folder: Path, shape: Any = Trained) -> None:
    """Refuse metrics of another shape than a training writes.

    Args:
        metrics: Content of metrics.json.
        folder: The run folder, for the message.
        shape: `Trained`, `Loaded` or `Compared`.

    Raises:
        InputError: A key is missing, its value is of another kind, or the threshold or
            the churn rate is no probability.
    """
    for fault in faults(metrics, shape):
        raise damaged_run(folder, f"{METRICS}: {fault}")
    for part, key in (("validation", "threshold"), ("test", "base_rate")):
        share = metrics.get(part, {}).get(key, 0)
        if not 0 <= share <= 1:
            raise damaged_run(folder, f"{METRICS}: {part}.{key} is {share:.6g}")
