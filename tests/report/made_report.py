"""The report of a run as a page gets it, made without a training."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import torch

from churn_torch.evaluation.groups.segment_tree import Condition
from churn_torch.evaluation.groups.weak_segments import WeakSegment
from churn_torch.evaluation.reliability import grouped, reliability
from churn_torch.evaluation.score_curves import score_curves
from churn_torch.evaluation.split_metrics import SplitMetrics
from churn_torch.evaluation.survival.survival_metrics import SurvivalMetrics
from churn_torch.explanation.accumulated_effects import EffectCurve, PairEffect
from churn_torch.explanation.associations import Association
from churn_torch.explanation.coefficients import Coefficient, Coefficients
from churn_torch.explanation.factors import Factors
from churn_torch.explanation.importance import Importance
from churn_torch.explanation.one_customer import Change, CustomerExplanation, Reason
from churn_torch.report.pages.model_report import (
    MeasuredRun,
    ModelReport,
    OfferCurve,
    RunFactors,
    SurvivalReport,
)
from churn_torch.tables.schema import Column, Kind
from churn_torch.tables.values.cells import Storage
from tests.report.made_survival import METRICS

PROFIT = {
    "n": 400, "keep_rate": 0.3, "mpc": 12.5, "best_share": 0.4, "best_threshold": 0.21,
    "profit": 9.25, "share": 0.1, "threshold": 0.5,
    "curve": [{"share": 1.0, "profit": -3.5}],
    "intervals": {"mpc": [10.0, 15.0], "profit": [8.0, 10.5]},
}  # fmt: skip

SEGMENT = WeakSegment(
    (Condition("plan", "is", "basic"), Condition("months", "up to", "6")), 40, 0.2, 0.61, 0.48,
    0.13, 0.02, 0.24, 0.7, 0.05, 0.01, 0.09, None, 0.01,
    "For customers with plan basic the model predicts 48 %, but 61 % leave (n = 40).",
)  # fmt: skip


@cache
def _measured() -> tuple[Any, Any, dict[str, Any]]:
    rng = np.random.default_rng(1)
    probability = rng.beta(1, 3, 400).astype(np.float32)
    label = (rng.random(400) < probability).astype(np.float32)
    measured = SplitMetrics(threshold=0.5)
    measured.update(torch.from_numpy(probability), torch.from_numpy(label))
    groups = grouped(probability, label)
    return score_curves(groups), reliability(groups), measured.with_intervals(0.5)


def made_measured(name: str = "mlp", *, offer: bool = False, **test: Any) -> MeasuredRun:
    """Return a run with its curves.

    Args:
        name: Of the run.
        offer: Whether an offer was measured.
        test: Entries of the metrics of the test rows that are others.
    """
    curves, reliable, metrics = _measured()
    history = [{"train_loss": 0.7 - 0.1 * k, "validation_log_loss": 0.6} for k in range(3)]
    profits = {"profit": {"call": PROFIT}} if offer else {}
    content = {
        "test": {**copy.deepcopy(metrics), **profits, **test},
        "validation": {"threshold": 0.5},
        "fit": {"history": history, "epochs": 3, "best_epoch": 2, "seconds": 1.5},
        "data": {
            "date": "2026-01-31", "fingerprint": "f00", "n_rows": 2_000, "n_dropped": 3,
            "base_rate": 0.25, "n_train": 1_200, "n_validation": 400, "n_test": 400,
            "first_time": None, "last_time": None,
        },
        "suspicions": [],
        "correlated_columns": [],
        "version": "0.1.0",
    }  # fmt: skip
    config = {"seed": 0, "data": {"source": "customers.csv", "split": {"by": "random"}}}
    profit = [OfferCurve("call", (0.0, 0.4, 1.0), (0.0, 12.5, -3.5))] if offer else []
    return MeasuredRun(name, "outputs/latest", config, content, curves, reliable, profit)


def made_factors() -> Factors:
    """Return factors of a number, a date, a category and a pair."""
    return Factors(
        (Importance(("months", "charges"), 0.05, 0.04, 0.06, 0.03, 0.5, 0.4, 0.6),),
        (
            EffectCurve(
                "months", (1.0, 5.0, 60.0), (0.9, 0.2, -0.8), (0.8, 0.1, -0.9),
                (1.0, 0.3, -0.7), (1, 200, 199), missing=(0.1, 0.0, 0.2), n_missing=3,
            ),
            EffectCurve(
                "joined", ("2024-01-31", "2025-01-31"), (-0.2, 0.2), (-0.3, 0.1), (-0.1, 0.3),
                (1, 399), kind="date",
            ),
            EffectCurve(
                "plan", ("<b>basic", "gold"), (0.4, -0.4), (0.3, -0.5), (0.5, -0.3), (150, 250),
                kind="category",
            ),
        ),
        (PairEffect(("months", "plan"), (1.0, 60.0), ("basic", "gold"),
                    ((0.3, -0.3), (-0.3, 0.3)), 0.3, ((9, 9), (9, 9))),),
        (Association("plan", 1e-9, 0.04),),
    )  # fmt: skip


def made_run_factors() -> list[RunFactors]:
    """Return factors of three runs: a logistic regression, the same with less, one without any."""
    found = made_factors().importance
    odds = (math.exp(0.2), math.exp(0.1), math.exp(0.3))
    rows = tuple(
        Coefficient(column, "per unit", "", 0.2, 0.05, 0.1, 0.3, 1e-4, *odds, None, 0.1)
        for column in ("months", "charges")
    )
    other = Importance(("plan",), 0.02, 0.01, 0.03, 0.01, 0.2, 0.1, 0.3)
    return [
        RunFactors(found, Coefficients(rows, "Maximum likelihood.", (), None, {})),
        RunFactors((*found, other), Coefficients(rows[:1], "Maximum likelihood.", (), None, {})),
        RunFactors(missing="Factors of gone could not be measured: the source has changed."),
    ]


def made_report(
    metrics: Mapping[str, Any] | None = None, run: MeasuredRun | None = None, **fields: Any
) -> ModelReport:
    """Return the report of a run.

    Args:
        metrics: Entries of metrics.json that are others.
        run: The run.
        fields: Of `ModelReport` that are others.
    """
    run = made_measured() if run is None else run
    run = replace(run, metrics={**run.metrics, **(metrics or {})})
    customer = CustomerExplanation(
        None, 0.625, 0.25, 0.5, True, (Reason("plan", "<i>basic", 1.6),),
        (Reason("months", "60", 0.5),), (), (Change({"plan": "gold"}, 0.4),), "", (),
    )  # fmt: skip
    content: dict[str, Any] = {
        "source": "customers.csv",
        "columns": [
            Column("plan", Kind.CATEGORICAL, Storage.TEXT, n_distinct=2, note="category"),
            Column("months", Kind.NUMERIC, Storage.NUMBER, missing_share=0.1, n_distinct=60),
        ],
        "n_explained": 400,
        "factors": made_factors(),
        "no_factors": "",
        "customer": customer,
        "weak_segments": (SEGMENT,),
        "not_searched": "",
    }
    return ModelReport(run=run, **{**content, **fields})


def made_survival_report(survival: SurvivalMetrics = METRICS, **metrics: Any) -> SurvivalReport:
    """Return the report of a run of time to churn.

    Args:
        survival: What was measured.
        metrics: Entries of metrics.json that are others.
    """
    one = made_report({"survival": survival.numbers, **metrics})
    return SurvivalReport(
        one.run, one.source, one.columns, one.n_explained, one.factors, "", one.customer, survival
    )
