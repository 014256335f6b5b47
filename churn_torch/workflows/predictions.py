"""The rows of predictions.parquet: carried columns, labels and scores of the test rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import pandas as pd

from churn_torch.evaluation.split_metrics import SplitMetrics
from churn_torch.models.nets.survival import Hazard
from churn_torch.models.scorer import Scorer
from churn_torch.serving.outputs import MEDIAN_PERIODS, PROBABILITY, UPLIFT
from churn_torch.tables.readers import sources
from churn_torch.training.inference import Scored, scored
from churn_torch.training.rows.materialize import Store


class KeptRows(Protocol):
    """What keeps the test rows of a model until they are measured."""

    def add(self, rows: Scored, carried: pd.DataFrame) -> None:
        """Keep scored rows and their carried columns."""


def predictions(
    scorer: Scorer, store: Store, measured: SplitMetrics, kept: KeptRows | None = None
) -> Iterator[pd.DataFrame]:
    """Yield the test rows' carried columns, labels and scores; measure them on the way.

    Args:
        scorer: Trained.
        store: With the test rows.
        measured: Gets the rows whose label is that of their probability (`Scored.judged`).
        kept: Gets all rows of a model of uplift or of time to churn.
    """
    chunks = store.carried_chunks(sources.READ_ROWS)
    carried = next(chunks)
    for rows in scored(scorer, store.parts["test"]):
        measured.update(*rows.judged)
        n_rows = len(rows.label)
        while len(carried) < n_rows:
            carried = pd.concat([carried, next(chunks)], ignore_index=True)
        if kept is not None:
            kept.add(rows, carried.iloc[:n_rows])
        yield carried.iloc[:n_rows].assign(**_columns(rows))
        carried = carried.iloc[n_rows:].reset_index(drop=True)


def _columns(rows: Scored) -> dict[str, Any]:
    added: dict[str, Any] = {"label": rows.label.numpy().astype(np.int64)}
    added[PROBABILITY] = rows.probability.numpy()
    if rows.survival is not None:
        added[MEDIAN_PERIODS] = Hazard.median(rows.survival).numpy()
    if rows.uplift is not None:
        added[UPLIFT] = rows.uplift.numpy()
    return added
