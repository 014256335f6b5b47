"""The rows of predictions.parquet: carried columns, labels and scores of the test rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from churn_torch.evaluation.split_metrics import SplitMetrics
from churn_torch.models.nets.survival import Hazard
from churn_torch.models.scorer import Scorer
from churn_torch.serving.outputs import EXPECTED_SPEND, MEDIAN_PERIODS, PROBABILITY, UPLIFT
from churn_torch.tables.customer_value import Valuation
from churn_torch.tables.labelled.carried import VALUE
from churn_torch.tables.readers import sources
from churn_torch.training.inference import Scored, scored
from churn_torch.training.rows.materialize import Store
from churn_torch.workflows.measurement.profit import predicted_value


def predictions(
    scorer: Scorer,
    store: Store,
    measured: SplitMetrics,
    also: Sequence[Callable[[Scored, pd.DataFrame], None]] = (),
    valuation: Valuation | None = None,
) -> Iterator[pd.DataFrame]:
    """Yield the test rows' carried columns, labels and scores; measure them on the way.

    Args:
        scorer: Trained.
        store: With the test rows.
        measured: Gets the rows whose label is that of their probability (`Scored.judged`).
        also: Called with all rows and their carried columns.
        valuation: What a customer is worth; it is added where it is predicted.
    """
    chunks = store.carried_chunks(sources.READ_ROWS)
    carried = next(chunks)
    for rows in scored(scorer, store.parts["test"]):
        measured.update(*rows.judged)
        n_rows = len(rows.label)
        while len(carried) < n_rows:
            carried = pd.concat([carried, next(chunks)], ignore_index=True)
        added = {
            "label": rows.label.numpy().astype(np.int64),
            PROBABILITY: rows.probability.numpy(),
        }
        if rows.uplift is not None:
            added[UPLIFT] = rows.uplift.numpy()
        if rows.survival is not None:
            added[MEDIAN_PERIODS] = Hazard.median(rows.survival).numpy()
        those = carried.iloc[:n_rows]
        if rows.spend is not None:
            added[EXPECTED_SPEND] = rows.spend.numpy()
            if valuation is not None and valuation.is_predicted:
                those = those.assign(**{VALUE: predicted_value(rows, valuation)})
        for add in also:
            add(rows, those)
        yield those.assign(**added)
        carried = carried.iloc[n_rows:].reset_index(drop=True)
