"""A model on its test rows: predictions.parquet, and what metrics.json says of it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from churn_torch.evaluation.split_metrics import SplitMetrics
from churn_torch.export.metadata import today
from churn_torch.tables.labelled.rows import LabelledTable
from churn_torch.tables.options import DataOptions
from churn_torch.tables.readers import sources
from churn_torch.workflows.configuration.options import TrainOptions
from churn_torch.workflows.fit import Fitted
from churn_torch.workflows.measurement.profit import (
    decision_of,
    measured_offers,
    profit_figures,
    valuation_of,
    with_profit,
)
from churn_torch.workflows.measurement.spend import SpendRows
from churn_torch.workflows.measurement.survival import SurvivalRows, measured_survival
from churn_torch.workflows.measurement.uplift import UpliftRows, measured_uplift
from churn_torch.workflows.runs import artefacts
from churn_torch.workflows.runs.predictions import predictions


def measured_test(
    model: Fitted, table: LabelledTable, folder: Path, options: TrainOptions
) -> dict[str, Any]:
    """Score the test rows, once, and return the content of metrics.json but for the reasons.

    Args:
        model: Trained.
        table: Its table.
        folder: The run folder, which gets predictions.parquet.
        options: Every choice of the training.
    """
    measured = SplitMetrics(threshold=model.threshold)
    effect = spend = times = None
    if options.learns_uplift:
        effect = UpliftRows(options.data.treatment_probability, options.offer)
    if options.learns_survival:
        times = SurvivalRows(table.counts["test"])
    if model.schema.spend is not None:
        spend = SpendRows(model.schema.spend)
    # An offer's keep rate is one for all; an uplift says whom a contact keeps.
    weighed = measured_offers({} if effect else options.offer, model.threshold)
    value = None if options.data.value is None else valuation_of(options.data)
    also = [rows.add for rows in (effect, spend, times) if rows is not None]
    rows = with_profit(predictions(model.scorer, model.store, measured, also, value), weighed)
    sources.write(rows, folder / artefacts.PREDICTIONS, key=None)
    uplift = {} if effect is None else {"uplift": measured_uplift(effect, folder)}
    data, survival = describe_data(table, options.data), {}
    if times is not None:
        survival["survival"] = measured_survival(times, folder)
        # Who left in any time observed is no rate of those who leave within the horizon.
        data["base_rate"] = survival["survival"]["predicted_within_horizon"]
    return {
        "validation": model.validation,
        "test": {
            **measured.with_intervals(model.threshold),
            **profit_figures(weighed),
            **({} if spend is None else spend.measured()),
        },
        **decision_of(options),
        **uplift,
        **survival,
        "fit": model.fit,
        **({"features": model.features} if model.features else {}),
        "data": data,
    }


def describe_data(table: LabelledTable, data: DataOptions) -> dict[str, Any]:
    """Return what a model says of the rows that it was trained on, and what a customer is worth."""
    first_time, last_time = table.time_span or (None, None)
    return {
        "fingerprint": table.fingerprint,
        "date": today(),
        "n_rows": sum(table.counts.values()),
        "n_dropped": table.n_dropped,
        "base_rate": table.n_positive["train"] / table.counts["train"],
        "first_time": first_time,
        "last_time": last_time,
        **{f"n_{part}": n for part, n in table.counts.items()},
        **{f"n_{why}": n for why, n in table.left_out_of_parts._asdict().items() if n},
        **({} if data.value is None else {"value": asdict(valuation_of(data))}),
    }
