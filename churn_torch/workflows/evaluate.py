"""The order of an evaluation: a run's own test rows, or new labelled rows, measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from omegaconf import DictConfig

from churn_torch.console import show
from churn_torch.errors import InputError
from churn_torch.evaluation.split_metrics import SplitMetrics
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.report.metrics import metrics_table
from churn_torch.tables.encode import encode, parse
from churn_torch.tables.labelled.read import located, read_labelled
from churn_torch.tables.labels import parse_target
from churn_torch.tables.options import DataOptions
from churn_torch.tables.readers import sources
from churn_torch.workflows.artefacts import METRICS
from churn_torch.workflows.fit import watched
from churn_torch.workflows.run_folder import Run, load_run
from churn_torch.workflows.typed_config import plain_config, read_options


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """All of conf/evaluate.yaml."""

    run: str = "outputs/latest"
    data: DataOptions | None = None
    trust: Sequence[str] = ()


def evaluate(config: DictConfig | Mapping[str, Any]) -> dict[str, Any]:
    """Measure a run on its own test rows, or on every row of a new labelled table.

    Args:
        config: The composed configuration (conf/evaluate.yaml).

    Returns:
        The metrics, with intervals.

    Raises:
        InputError: The run or the table cannot be used.
    """
    content = plain_config(config)
    if content.get("data") is not None:  # the target is the run's own
        content["data"] = {**content["data"], "target": "target"}
    options = read_options(EvaluateOptions, content)
    run = load_run(options.run, trust=options.trust)
    measured = SplitMetrics(threshold=run.threshold)
    if options.data is None:
        name = "test"
        _measure_own(run, measured)
    else:
        name = "new rows"
        n_unlabelled = _measure_new(run, options.data, measured)
        if n_unlabelled:
            show(f"{n_unlabelled:,} rows without a label are left out.")
    metrics = measured.with_intervals(run.threshold, seed=run.options.seed)
    show(metrics_table({name: metrics}))
    return metrics


def _measure_own(run: Run, measured: SplitMetrics) -> None:
    """Measure the rows that the run held back for the test.

    Raises:
        InputError: The run held none back, or the source has changed.
    """
    if run.options.cv.average:
        raise InputError(
            f"run: expected one that held test rows back, got the mean of a cross-validation, "
            f"which has learned from every row; what its folds were worth is in "
            f"{run.folder / METRICS}, and new rows are named with data=table data.source=..."
        )
    table = read_labelled(run.options.data, seed=run.options.seed)
    for rows in watched(table.chunks(), table, "Evaluating"):
        test = rows.of("test")
        _measure(run, test.parsed, test.label, measured)
    trained_on = run.metrics["data"]["fingerprint"]
    if table.fingerprint != trained_on:
        raise InputError(
            f"expected the table the run was trained on (fingerprint {trained_on}), got "
            f"{table.fingerprint}: the source has changed; name new rows with data=table "
            "data.source=..."
        )


def _measure_new(run: Run, data: DataOptions, measured: SplitMetrics) -> int:
    """Measure new labelled rows; return how many had no label."""
    if data.source is None:
        raise InputError("expected data.source=..., got nothing; name it on the command line.")
    first_row = n_unlabelled = 0
    for frame in sources.read_chunks(located(data.source), database=data.database):
        label = parse_target(frame, run.schema, first_row=first_row)
        parsed = parse(frame, run.schema, first_row=first_row)
        labelled = ~np.isnan(label)
        _measure(run, parsed.loc[labelled], label[labelled], measured)
        n_unlabelled += int((~labelled).sum())
        first_row += len(frame)
    return n_unlabelled


def _measure(
    run: Run, parsed: pd.DataFrame, label: np.ndarray[Any, Any], measured: SplitMetrics
) -> None:
    columns = Columns.from_arrays(encode(parsed, run.schema))
    measured.update(run.scorer.score(columns), torch.from_numpy(label))
