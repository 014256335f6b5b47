"""The order of a cross-validation: one fit per fold, with every learned thing inside the fold."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from omegaconf import DictConfig

from churn_torch.console import quietly, show
from churn_torch.decisions.offer_profit import OfferProfit
from churn_torch.evaluation.split_metrics import SplitMetrics
from churn_torch.models.nets.ensemble import Ensemble, Fold
from churn_torch.models.scorer import Scorer
from churn_torch.report.columns import columns_table
from churn_torch.report.metrics import folds_table
from churn_torch.report.profit import profit_table
from churn_torch.report.reasons import reasons_sentence
from churn_torch.report.survival import survival_folds_table
from churn_torch.tables.labelled.folds import folds
from churn_torch.tables.labelled.in_memory import MemoryTable
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.tables.labelled.splits import Split
from churn_torch.tables.readers import sources
from churn_torch.tables.schema import Schema
from churn_torch.training.fit_preprocessing import fit_preprocessing
from churn_torch.training.process_state import alone, one_thread
from churn_torch.training.rows.compact_blocks import SAMPLE_ROWS
from churn_torch.whole_files import naming, write_text
from churn_torch.workflows.configuration.check_config import check_columns
from churn_torch.workflows.configuration.check_folds import check_cross_validation
from churn_torch.workflows.configuration.event_choices import check_events, with_event_columns
from churn_torch.workflows.configuration.options import TrainOptions, train_options
from churn_torch.workflows.configuration.typed_config import plain_config
from churn_torch.workflows.fit import Learned, fitted, new_scorer
from churn_torch.workflows.measurement.fold_summary import summary
from churn_torch.workflows.measurement.profit import (
    decision_of,
    measured_offers,
    profit_figures,
    with_profit,
)
from churn_torch.workflows.measurement.survival import KNOWN_OUTCOMES, SurvivalRows
from churn_torch.workflows.measurement.suspicions import warn_of_leakage
from churn_torch.workflows.measurement.uplift import say_treatment
from churn_torch.workflows.rows.event_rows import begin_run
from churn_torch.workflows.rows.row_counts import dropped_rows
from churn_torch.workflows.runs.artefacts import METRICS, PREDICTIONS
from churn_torch.workflows.runs.claim import claimed
from churn_torch.workflows.runs.predictions import predictions
from churn_torch.workflows.runs.publish import Published, publish_or_keep
from churn_torch.workflows.runs.run_folder import (
    Run,
    save_run,
)
from churn_torch.workflows.runs.run_start import point_latest


def cross_validate(
    config: DictConfig | Mapping[str, Any],
    folder: str | Path,
    *,
    source: Any = None,
) -> dict[str, Any]:
    """Test every row by a model that other rows have taught, and write how well that went.

    Statistics, selection of columns, fit, calibration and threshold are all inside the fold. With
    ``cv.average`` the statistics are those of all rows, and the folds' calibrated nets become one
    model: the mean of their probabilities, decided at the mean of their thresholds.

    Args:
        config: The composed configuration (conf/train.yaml), with ``cv.folds`` above 0.
        folder: The run folder: config.yaml, predictions.parquet and, at the end, metrics.json;
            with ``cv.average`` also schema.json, weights.pt and model.onnx.
        source: As for `churn_torch.train`.

    Returns:
        Content of metrics.json: means over the folds by part (of rows, the sum), standard
        deviations under ``spread``, corrected errors of the tested means under ``standard_error``,
        and each fold's own.

    Raises:
        InputError: The table or a choice cannot be used.
        ParityError: With ``cv.average``: the ONNX file does not answer as the model; the run is
            kept without it.
    """
    folder, content = Path(folder), with_event_columns(plain_config(config))
    options = train_options(content)
    check_cross_validation(options)
    check_events(options, source)
    with alone(), one_thread() as n_threads, claimed(folder), naming(folder):
        content, options = begin_run(folder, content, options)
        table = read_labelled(
            options.table, seed=options.seed, source=source, with_test=False, announce=show
        )
        say_treatment(options)
        assert isinstance(table, MemoryTable)
        _show_table(table)
        # What cannot be dealt out is known before the first fit.
        dealt = _deal(table, options)
        # Each row is a training row of some fold; of the test rows the first fold shows enough.
        all_rows = replace(table, split=_all_training(table))
        found = warn_of_leakage(dealt[0]["table"], options, source=source, learned=all_rows)
        learned = None
        if options.cv.average:
            check_columns(options, table.schema)
            table = all_rows
            learned = fit_preprocessing(options, table, watch=lambda rows: rows)
        measured: list[dict[str, Any]] = []
        scorers: list[Scorer] = []
        weighed = measured_offers(options.offer, None)
        tested = _fits(options, folder, dealt, measured, scorers, learned, n_threads, weighed)
        sources.write(tested, folder / PREDICTIONS, key=None)
    summed = summary(measured, table, options)
    summed["test"] |= profit_figures(weighed)
    metrics = {
        **summed,
        **decision_of(options),
        "suspicions": found,
    }
    exported: list[str] = []
    refused = None
    if learned is None:
        write_text(folder / METRICS, json.dumps(metrics, indent=2, allow_nan=False))
    else:
        schema, mean = _mean(options, scorers, learned)
        run = Run(folder, content, options, schema, mean, metrics)
        run, exported, refused = _averaged(run, table)
        metrics = dict(run.metrics)
    _show_results(metrics, options, exported, folder)
    if refused is not None:
        raise refused
    return metrics


def _show_table(table: MemoryTable) -> None:
    show(columns_table(table.schema.columns), once=True)
    rows = f"{len(table.label):,} rows, {table.label.mean():.1%} churn"
    show(f"{rows}{dropped_rows(table)}.")


def _all_training(table: MemoryTable) -> Split:
    none = np.arange(0)
    return Split(np.arange(len(table.label)), none, none)


def _deal(table: MemoryTable, options: TrainOptions) -> list[dict[str, Any]]:
    """Return the table of every fold of every repeat, with its place."""
    n_folds, split = options.cv.folds, options.data.split
    return [
        {"repeat": repeat, "fold": fold, "table": one}
        for repeat in range(options.cv.repeats)
        for fold, one in enumerate(
            folds(
                table,
                split,
                n_folds=n_folds,
                seed=(options.seed + repeat) % 2**32,
                one_time_each=bool(options.events),
            )
        )
    ]


def _show_results(
    metrics: Mapping[str, Any],
    options: TrainOptions,
    exported: Sequence[str],
    folder: Path,
) -> None:
    measured = metrics["folds"]
    show(folds_table(measured, metrics["standard_error"]))
    if options.features.select != "none":
        counts = Counter(name for fold in measured for name in fold["features"]["chosen"])
        listed = ", ".join(f"{name} {n}" for name, n in counts.most_common())
        show(f"Columns chosen, and in how many of {len(measured)} folds: {listed}.")
    if "profit" in metrics["test"]:
        show(profit_table(metrics["test"]["profit"]))
    if "survival" in metrics:
        lived = [fold["survival"] for fold in measured]
        show(survival_folds_table(lived, options.data.horizon))
        show(KNOWN_OUTCOMES)
    for line in exported:
        show(line)
    show(f"Run folder: {folder}")


def _mean(
    options: TrainOptions, scorers: Sequence[Scorer], learned: Learned
) -> tuple[Schema, Scorer]:
    """Return the schema and the scorer that answers with the folds' mean probability."""
    schema, statistics = learned
    mean = new_scorer(options, schema, statistics).eval()
    assert isinstance(mean.net, Ensemble)
    for member, scorer in zip(mean.net.members, scorers, strict=True):
        assert isinstance(member, Fold)
        member.net.load_state_dict(scorer.net.state_dict())
        member.calibrator.load_state_dict(scorer.calibrator.state_dict())
        member.prior_shift.copy_(scorer.prior_shift)
    mean.baseline.copy_(torch.stack([scorer.baseline for scorer in scorers]).mean(dim=0))
    return schema, mean


def _averaged(run: Run, table: MemoryTable) -> Published:
    """Prove and save the mean of the folds; return it with what is to be said of its file."""
    rows = np.random.default_rng(run.options.seed).permutation(len(table.label))[:SAMPLE_ROWS]
    parsed = table.parsed.iloc[rows].reset_index(drop=True)
    run, exported, refused = publish_or_keep(
        run, parsed, table.label[rows], options=run.options.export
    )
    save_run(run)
    point_latest(Path(run.options.outputs), run.folder)
    return Published(run, [reasons_sentence(run.metrics["reasons"]), *exported], refused)


def _fits(
    options: TrainOptions,
    folder: Path,
    dealt: Sequence[Mapping[str, Any]],
    outcomes: list[dict[str, Any]],
    scorers: list[Scorer],
    learned: Learned | None,
    n_threads: int,
    weighed: Mapping[str, OfferProfit],
) -> Iterator[pd.DataFrame]:
    """Yield the tested rows of each fold.

    What its model is worth is added to ``outcomes``, the model itself, where it is needed, to
    ``scorers``. Offers are weighed on every row once: in the first repeat.
    """
    options = replace(
        options,
        trainer=replace(options.trainer, enable_checkpointing=False),
        cv=replace(options.cv, average=False),
    )
    for number, one in enumerate(dealt, start=1):
        place = {"repeat": one["repeat"], "fold": one["fold"]}
        with fitted(
            options, one["table"], folder / f"fold_{number}", n_threads=n_threads, learned=learned,
            announce=quietly,
        ) as model:  # fmt: skip
            measured = SplitMetrics(threshold=model.threshold)
            times = SurvivalRows(0) if options.learns_survival else None
            also = [] if times is None else [times.add]
            rows = predictions(model.scorer, model.store, measured, also)
            for frame in with_profit(rows, weighed if one["repeat"] == 0 else {}):
                names = list(frame.columns)
                yield frame.assign(**place)[[names[0], *place, *names[1:]]]
            test = measured.evaluate(model.threshold)
            lived = {} if times is None else {"survival": times.measure().numbers}
        if learned is not None:
            scorers.append(model.scorer)
        fit = {key: value for key, value in model.fit.items() if key != "history"}
        more = {"features": model.features, **lived} if model.features else lived
        outcomes.append({**place, "validation": model.validation, "test": test, "fit": fit, **more})
        show(
            f"Fold {number} of {len(dealt)}: {test['n']:,} rows tested, log-loss "
            f"{test['log_loss']:.4f}, AUROC {test['auroc']:.4f}; fitted in {fit['seconds']} s."
        )
