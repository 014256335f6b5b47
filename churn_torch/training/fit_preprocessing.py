"""Fit the preprocessing of a model on the training rows, before its net is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch

from churn_torch.models.preprocessing.event_lists import fit_events
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.models.preprocessing.statistics import Statistics, fit_statistics
from churn_torch.models.scorecard.fit import fit_scorecard
from churn_torch.tables.encode import encode
from churn_torch.tables.labelled.rows import LabelledTable, Rows, mean_weight_of
from churn_torch.tables.schema import Schema
from churn_torch.training.build import positive_weight, scorecard_options
from churn_torch.training.options import FitOptions

# Most training rows for the bins and pairs of a scorecard.
SCORECARD_ROWS = 65_536


def fit_preprocessing(
    options: FitOptions, table: LabelledTable, *, watch: Callable[[Iterable[Rows]], Iterable[Rows]]
) -> tuple[Schema, Statistics]:
    """Fit the statistics of the columns, and for a model with a scorecard its bins and pairs.

    One pass over the rows, two for a scorecard, and one for each group of sequences.

    Args:
        options: How features are made.
        table: The rows; only its training rows are used.
        watch: Passes the rows on, with a progress bar.

    Returns:
        The completed schema, and the numbers that `build_preprocess` takes.

    Raises:
        InputError: An option is out of range, or no training row is left to fit a scorecard on.
    """
    scorecard = scorecard_options(options)
    parsed = (rows.of("train").parsed for rows in watch(table.chunks()))
    schema, statistics = fit_statistics(parsed, table.schema, options.preprocess)
    if schema.sequences:
        schema, statistics = fit_events(
            lambda: (rows.of("train").parsed for rows in watch(table.chunks())),
            schema,
            statistics,
            options.preprocess,
        )
    if scorecard is None:
        return schema, statistics
    n_train = table.counts["train"]
    rows = _every_nth(watch(table.chunks()), -(-n_train // SCORECARD_ROWS))
    weight = None if rows.weight is None else torch.from_numpy(rows.weight / mean_weight_of(table))
    return fit_scorecard(
        Columns.from_arrays(encode(rows.parsed, schema)),
        torch.from_numpy(rows.label),
        weight,
        schema,
        statistics,
        scorecard,
        n_train=n_train,
        positive_weight=positive_weight(options.class_weight, *table.weight_by_class["train"]),
    )


def _every_nth(chunks: Iterable[Rows], step: int) -> Rows:
    """Return every ``step``-th training row."""
    parts, n_seen = [], 0
    for chunk in chunks:
        rows = chunk.of("train")
        parts.append(rows.take(np.arange(-n_seen % step, len(rows.label), step)))
        n_seen += len(rows.label)
    return Rows.joined(parts)
