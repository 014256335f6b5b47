"""What the folds of a cross-validation have measured, put together."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import churn_torch
from churn_torch.evaluation.model_comparison.resampled_t_test import (
    corrected_error,
    tested_to_learned,
)
from churn_torch.tables.labelled.in_memory import MemoryTable
from churn_torch.workflows.configuration.options import TrainOptions
from churn_torch.workflows.measurement.measured_test import describe_data


def summary(
    measured: Sequence[Mapping[str, Any]], table: MemoryTable, options: TrainOptions
) -> dict[str, Any]:
    """Return the content of metrics.json: means and spreads over the folds, and the folds.

    Args:
        measured: Of each fold its ``validation`` and ``test`` metrics, and how its fit went.
        table: All rows.
        options: Every choice of the training.
    """
    (validation, validation_spread), (test, test_spread) = (
        _summed_up(measured, part) for part in ("validation", "test")
    )
    data, survival = describe_data(table, options.data), {}
    if options.learns_survival:
        lived = [fold["survival"] for fold in measured]
        means = {
            name: statistics.fmean(known)
            for name in lived[0]
            if (known := [fold[name] for fold in lived if fold[name] is not None])
        }
        survival["survival"] = {**means, "horizon": options.data.horizon}
        # Who left in any time observed is no rate of those who leave within the horizon.
        data["base_rate"] = means["predicted_within_horizon"]
    return {
        "validation": validation,
        "test": test,
        "spread": {"validation": validation_spread, "test": test_spread},
        "standard_error": _errors(measured, table, by_time=options.data.split.by_time),
        "folds": list(measured),
        **survival,
        "data": data,
        "version": churn_torch.__version__,
    }


def _errors(
    measured: Sequence[Mapping[str, Any]], table: MemoryTable, *, by_time: bool
) -> dict[str, float]:
    """Return the standard errors of the means over the tested folds, of what is an estimate."""
    n_tested = [fold["test"]["n"] for fold in measured]
    ratio = tested_to_learned(n_tested, len(table.label), by_time=by_time)
    values = {
        name: np.array([fold["test"][name] for fold in measured])
        for name, value in measured[0]["test"].items()
        if not isinstance(value, int)
        and name not in ("base_rate", "threshold")
        and all(name in fold["test"] for fold in measured)
    }
    return {name: corrected_error(each, ratio) for name, each in values.items()}


def _summed_up(
    measured: Sequence[Mapping[str, Any]], part: str
) -> tuple[dict[str, Any], dict[str, float]]:
    """Return means over the folds, or the sums of counts, and the standard deviations of the means.

    Only of what all folds have.
    """
    names = [name for name in measured[0][part] if all(name in fold[part] for fold in measured)]
    values = {name: [fold[part][name] for fold in measured] for name in names}
    counts = {name for name, each in values.items() if isinstance(each[0], int)}
    mean = {n: sum(v) if n in counts else statistics.fmean(v) for n, v in values.items()}
    return mean, {n: statistics.stdev(v) for n, v in values.items() if n not in counts}
