"""The order of a cross-validation: the pipeline's fit, once a fold, with everything inside it."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig

import churn_torch
from churn_torch.console import quietly, show
from churn_torch.errors import InputError
from churn_torch.evaluation.report import folds_table
from churn_torch.evaluation.tally import Tally
from churn_torch.fitting import fitted
from churn_torch.pipeline import check_choices, describe_data, predictions
from churn_torch.runs import METRICS, PREDICTIONS, start_run, write_text
from churn_torch.tables import sources
from churn_torch.tables.folds import folds
from churn_torch.tables.labelled import MemoryTable, read_labelled
from churn_torch.tables.schema import describe
from churn_torch.training.fit import one_thread


def cross_validate(
    config: DictConfig, folder: str | Path, *, source: str | Path | pd.DataFrame | None = None
) -> dict[str, Any]:
    """Test every row by a model that other rows have taught, and write how well that went.

    Statistics, selection of columns, fit, calibration and threshold are all inside the fold.

    Args:
        config: The composed configuration (conf/train.yaml), with ``cv.folds`` above 0.
        folder: The run folder: config.yaml, predictions.parquet and, at the end, metrics.json.
        source: A table that takes the place of ``config.data.source``, e.g. a DataFrame.

    Returns:
        Content of metrics.json: means over the folds by part, their standard deviations under
        ``spread``, and each fold's own.

    Raises:
        InputError: The table or a choice cannot be used.
    """
    folder = Path(folder)
    _check(config)
    with one_thread() as n_threads:
        start_run(folder, config)
        table = read_labelled(config.data, seed=config.seed, source=source, with_test=False)
        assert isinstance(table, MemoryTable)
        show(describe(table.schema))
        dropped = f"; {table.n_dropped:,} rows without a label dropped" if table.n_dropped else ""
        show(f"{len(table.label):,} rows, {table.label.mean():.1%} churn{dropped}.")
        # Dealt out beforehand: what cannot be dealt out is known before the first fit.
        dealt = [
            {"repeat": repeat, "fold": fold, "table": one}
            for repeat in range(config.cv.repeats)
            for fold, one in enumerate(
                folds(
                    table,
                    config.data.split,
                    n_folds=config.cv.folds,
                    seed=(config.seed + repeat) % 2**32,
                )
            )
        ]
        found: list[dict[str, Any]] = []
        fits = _fits(config, folder, dealt, found, n_threads)
        sources.write(fits, folder / PREDICTIONS)
    metrics = {
        **{part: _over(statistics.fmean, found, part) for part in ("validation", "test")},
        "spread": {part: _over(statistics.stdev, found, part) for part in ("validation", "test")},
        "folds": found,
        "data": describe_data(table),
        "version": churn_torch.__version__,
    }
    write_text(folder / METRICS, json.dumps(metrics, indent=2, allow_nan=False))
    show(folds_table(found))
    if config.features.select != "none":
        counts = Counter(name for fold in found for name in fold["features"]["chosen"])
        listed = ", ".join(f"{name} {n}" for name, n in counts.most_common())
        show(f"Columns chosen, and in how many of {len(found)} folds: {listed}.")
    show(f"Run folder: {folder}")
    return metrics


def _fits(
    config: DictConfig,
    folder: Path,
    dealt: Sequence[Mapping[str, Any]],
    found: list[dict[str, Any]],
    n_threads: int,
) -> Iterator[pd.DataFrame]:
    """Yield the tested rows of each fold; what its model is worth is added to ``found``."""
    config = config.copy()
    config.trainer.enable_checkpointing = False
    for number, one in enumerate(dealt, start=1):
        place = {"repeat": one["repeat"], "fold": one["fold"]}
        with fitted(
            config, one["table"], folder / f"fold_{number}", n_threads=n_threads, announce=quietly
        ) as model:
            tally = Tally(threshold=model.threshold)
            for frame in predictions(model.scorer, model.store, tally):
                names = list(frame.columns)
                yield frame.assign(**place)[[names[0], *place, *names[1:]]]
            test = tally.evaluate(model.threshold)
        fit = {key: value for key, value in model.fit.items() if key != "history"}
        more = {"features": model.features} if model.features else {}
        found.append({**place, "validation": model.validation, "test": test, "fit": fit, **more})
        show(
            f"Fold {number} of {len(dealt)}: {test['n']:,} rows tested, log-loss "
            f"{test['log_loss']:.4f}, AUROC {test['auroc']:.4f}; fitted in {fit['seconds']} s."
        )


def _over(statistic: Any, found: Sequence[Mapping[str, Any]], part: str) -> dict[str, float]:
    """Return a statistic over the folds of every metric that all of them have."""
    names = [name for name in found[0][part] if all(name in fold[part] for fold in found)]
    return {name: float(statistic(fold[part][name] for fold in found)) for name in names}


def _check(config: DictConfig) -> None:
    """Refuse what a cross-validation cannot do.

    Raises:
        InputError: Naming the key.
    """
    check_choices(config)
    n_folds, n_repeats = config.cv.folds, config.cv.repeats
    if not isinstance(n_folds, int) or n_folds < 2:
        raise InputError(
            f"cv.folds: expected 2 or more folds, or 0 for one split and a model, got {n_folds!r}."
        )
    if not isinstance(n_repeats, int) or n_repeats < 1:
        raise InputError(f"cv.repeats: expected a whole number above 0, got {n_repeats!r}.")
    if n_repeats > 1 and config.data.split.by == "time":
        raise InputError(
            f"cv.repeats: expected 1 with data.split.by=time, got {n_repeats}; time has one order."
        )
    if config.resume:
        raise InputError(
            "resume: expected an interrupted training, got cv.folds above 0; a cross-validation "
            "starts anew."
        )
    if config.data.test_source is not None:
        raise InputError(
            "data.test_source: expected none in a cross-validation, which tests every row of "
            f"data.source, got {config.data.test_source!r}; set cv.folds=0."
        )
