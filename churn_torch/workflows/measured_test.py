"""A model on its test rows: predictions.parquet, and what metrics.json says of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from churn_torch.evaluation.split_metrics import SplitMetrics
from churn_torch.export.metadata import today
from churn_torch.models.scorer import Scorer
from churn_torch.serving.outputs import PROBABILITY, UPLIFT
from churn_torch.tables.labelled.rows import LabelledTable
from churn_torch.tables.options import DataOptions
from churn_torch.tables.readers import sources
from churn_torch.training.inference import scored
from churn_torch.training.rows.materialize import Store
from churn_torch.workflows import artefacts
from churn_torch.workflows.fit import Fitted
from churn_torch.workflows.options import TrainOptions
from churn_torch.workflows.profit import (
    decision_of,
    measured_offers,
    profit_figures,
    valuation_of,
    with_profit,
)
from churn_torch.workflows.uplift import UpliftRows, measured_uplift


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
    effect = None
    if options.learns_uplift:
        effect = UpliftRows(options.data.treatment_probability, options.offer)
    # An offer's keep rate is one for all; an uplift says whom a contact keeps.
    weighed = measured_offers({} if effect else options.offer, model.threshold)
    rows = with_profit(predictions(model.scorer, model.store, measured, effect), weighed)
    sources.write(rows, folder / artefacts.PREDICTIONS, key=None)
    uplift = {} if effect is None else {"uplift": measured_uplift(effect, folder)}
    return {
        "validation": model.validation,
        "test": {**measured.with_intervals(model.threshold), **profit_figures(weighed)},
        **decision_of(options),
        **uplift,
        "fit": model.fit,
        **({"features": model.features} if model.features else {}),
        "data": describe_data(table, options.data),
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
        **({} if data.value is None else {"value": asdict(valuation_of(data))}),
    }


def predictions(
    scorer: Scorer, store: Store, measured: SplitMetrics, effect: UpliftRows | None = None
) -> Iterator[pd.DataFrame]:
    """Yield the test rows' carried columns, labels and scores; measure them on the way.

    Args:
        scorer: Trained.
        store: With the test rows.
        measured: Gets the rows, of a model of uplift those of customers who were not contacted.
        effect: Gets all rows of a model of uplift.
    """
    chunks = store.carried_chunks(sources.READ_ROWS)
    carried = next(chunks)
    for rows in scored(scorer, store.parts["test"]):
        measured.update(*rows.untreated)
        n_rows = len(rows.label)
        while len(carried) < n_rows:
            carried = pd.concat([carried, next(chunks)], ignore_index=True)
        added = {
            "label": rows.label.numpy().astype(np.int64),
            PROBABILITY: rows.probability.numpy(),
        }
        if rows.uplift is not None:
            added[UPLIFT] = rows.uplift.numpy()
        if effect is not None:
            effect.add(rows, carried.iloc[:n_rows])
        yield carried.iloc[:n_rows].assign(**added)
        carried = carried.iloc[n_rows:].reset_index(drop=True)
