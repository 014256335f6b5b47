"""What a report reads of metrics.json, checked before it is read: the file may be damaged."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import (
    Any,
    NotRequired,
    TypedDict,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from churn_torch.evaluation.fairness import Fairness
from churn_torch.workflows.artefacts import METRICS
from churn_torch.workflows.stored_config import damaged_run

Interval = tuple[float, float]


class Calibration(TypedDict):
    """Calibration of the test rows."""

    slope: float | None
    intercept: float | None
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


class Tested(TypedDict):
    """The test rows."""

    n: int
    n_positive: int
    base_rate: float
    auroc: float
    average_precision: float
    log_loss: float
    brier: float
    recall: float
    precision: float
    false_positives: int
    captured_at_10: float
    lift_at_10: float
    threshold: float
    intervals: Intervals
    calibration: NotRequired[Calibration | None]
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


class Fit(TypedDict):
    """The training."""

    best_epoch: int
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


class Compared(TypedDict):
    """What several runs side by side need of it."""

    test: Tested


def check_metrics(metrics: Mapping[str, Any], folder: Path, shape: Any = Trained) -> None:
    """Refuse metrics of another shape than a training writes.

    Args:
        metrics: Content of metrics.json.
        folder: The run folder, for the message.
        shape: `Trained` or `Compared`.

    Raises:
        InputError: A key is missing, or its value is of another kind.
    """
    for fault in _faults(metrics, shape, ""):
        raise damaged_run(folder, f"{METRICS}: {fault}")


def _faults(value: Any, shape: Any, place: str) -> Iterator[str]:
    """Yield what is wrong with a value, by its place."""
    origin, inner = get_origin(shape), get_args(shape)
    if origin is NotRequired:
        yield from _faults(value, inner[0], place)
    elif origin in (Union, types.UnionType):
        if not any(next(_faults(value, one, place), None) is None for one in inner):
            yield from _faults(value, inner[0], place)
    elif isinstance(shape, type) and (is_dataclass(shape) or hasattr(shape, "__required_keys__")):
        if not isinstance(value, dict):
            yield _of_other_kind(value, "keys", place)
            return
        for key, kind in get_type_hints(shape, include_extras=True).items():
            if key in value:
                yield from _faults(value[key], kind, f"{place}{key}.")
            elif get_origin(kind) is not NotRequired:
                yield f"{place}{key} is not there"
    elif origin is dict:
        if not isinstance(value, dict):
            yield _of_other_kind(value, "keys", place)
            return
        for key, one in value.items():
            yield from _faults(one, inner[1], f"{place}{key}.")
    elif origin in (list, tuple):
        if not isinstance(value, list):
            yield _of_other_kind(value, "a list", place)
            return
        if origin is tuple and inner[-1] is not Ellipsis and len(value) != len(inner):
            yield _of_other_kind(value, f"a list of {len(inner)}", place)
        for number, one in enumerate(value):
            yield from _faults(one, inner[0], f"{place}{number}.")
    elif not _is(value, shape):
        yield _of_other_kind(value, shape.__name__, place)


def _is(value: Any, kind: type) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _of_other_kind(value: Any, kind: str, place: str) -> str:
    return f"{place.removesuffix('.')} is {value!r:.40}, not {kind}"
