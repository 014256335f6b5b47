"""The order of a training: read, fit, test once, publish, save."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from churn_torch.console import show
from churn_torch.errors import InputError
from churn_torch.evaluation.split_metrics import SplitMetrics
from churn_torch.export.metadata import today
from churn_torch.export.mlflow_model import log_model
from churn_torch.models.scorer import Scorer
from churn_torch.report.additive_tables import strongest_table
from churn_torch.report.columns import columns_table
from churn_torch.report.fit_summary import fit_sentence, path_table
from churn_torch.report.metrics import calibration_warning, metrics_table
from churn_torch.report.profit import profit_table
from churn_torch.report.reasons import correlated_sentence, reasons_sentence
from churn_torch.serving.outputs import PROBABILITY, UPLIFT
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.tables.labelled.rows import LabelledTable
from churn_torch.tables.labelled.treatment import arms_sentence
from churn_torch.tables.options import DataOptions
from churn_torch.tables.readers import sources
from churn_torch.tables.schema import Schema
from churn_torch.training.inference import scored
from churn_torch.training.process_state import alone, one_thread
from churn_torch.training.rows.materialize import Store
from churn_torch.whole_files import naming
from churn_torch.workflows import artefacts
from churn_torch.workflows.additive_files import Terms, is_scorecard, read_terms, write_terms
from churn_torch.workflows.check_config import check_choices, check_columns, refuse_folds
from churn_torch.workflows.claim import claimed
from churn_torch.workflows.event_choices import check_events, with_event_columns
from churn_torch.workflows.event_rows import begin_run
from churn_torch.workflows.fairness import check_groups, judge_table, show_fairness
from churn_torch.workflows.fit import Fitted, fitted
from churn_torch.workflows.judged_rows import Decided
from churn_torch.workflows.options import TrainOptions, train_options
from churn_torch.workflows.profit import (
    decision_of,
    measured_offers,
    profit_figures,
    valuation_of,
    with_profit,
)
from churn_torch.workflows.publish import publish_or_keep
from churn_torch.workflows.report import report_training
from churn_torch.workflows.run_folder import (
    Run,
    folder_options,
    point_latest,
    save_run,
)
from churn_torch.workflows.stored_config import load_config
from churn_torch.workflows.suspicions import warn_of_leakage
from churn_torch.workflows.typed_config import plain_config
from churn_torch.workflows.uplift import UpliftRows, measured_uplift, say_treatment


def train(config: DictConfig | Mapping[str, Any], folder: str | Path, *, source: Any = None) -> Run:
    """Train a model and write its run folder.

    It works in any thread; fits of one process take turns. The random state of torch, NumPy and
    Python is set by ``config.seed`` meanwhile, and put back at the end.

    Args:
        config: The composed configuration (conf/train.yaml).
        folder: The run folder; with ``config.resume`` it is that folder.
        source: A table that takes the place of ``config.data.source``: a path, or whatever
            `churn_torch.tables.readers.frames.as_frame` takes, such as a DataFrame.

    Returns:
        The finished run.

    Raises:
        InputError: The user's table or a choice cannot be used.
        ParityError: The ONNX file does not answer as the model; the run is kept without it.
    """
    folder, content = Path(folder), with_event_columns(plain_config(config))
    options, checkpoint = train_options(content), None
    if options.resume:
        content, options, checkpoint = _resumed(Path(options.resume), folder)
    _check(options)
    check_events(options, source)
    with alone(), one_thread() as n_threads, claimed(folder), naming(folder):
        if checkpoint is None:
            content, options = begin_run(folder, content, options)
        table = read_table(options, source)
        return _train(content, options, table, folder, n_threads, checkpoint, source)


def _train(
    config: dict[str, Any],
    options: TrainOptions,
    table: LabelledTable,
    folder: Path,
    n_threads: int,
    checkpoint: Path | None,
    source: Any,
) -> Run:
    found: list[dict[str, Any]] = []
    with fitted(
        options,
        table,
        folder,
        n_threads=n_threads,
        checkpoint=checkpoint,
        announce=show,
        described=config,
        inspect=lambda table: found.extend(_looked_at(table, options, source)),
    ) as model:
        _show_added_notes(table.schema, model.schema)
        metrics = _metrics(model, table, folder, options)
        metrics["suspicions"] = found
        run = Run(folder, config, options, model.schema, model.scorer, metrics)
        label = model.store.parts["test"].read([slice(0, len(model.store.sample))]).label
        run, exported, refused = publish_or_keep(
            run, model.store.sample, label.numpy().copy(), options=options.export
        )
        terms = read_terms(run, model.store)
        if options.fairness.by:
            decided = Decided(model.scorer, model.schema, model.threshold)
            judged = judge_table(options, table, decided, source=source)
            run = replace(run, metrics={**run.metrics, "fairness": judged})
    if terms is not None:
        write_terms(run, terms)
    save_run(run)
    point_latest(Path(options.outputs), folder)
    _show_results(run, terms, exported, has_model=refused is None)
    if refused is not None:
        raise refused
    if options.report and not options.learns_uplift:
        report_training(run, table)
    return run


def read_table(options: TrainOptions, source: Any) -> LabelledTable:
    """Read and split the table, and show what is made of its columns.

    Raises:
        InputError: The table cannot be used.
    """
    announce = partial(show, once=True)
    table = read_labelled(options.table, seed=options.seed, source=source, announce=announce)
    say_treatment(options)
    check_columns(options, table.schema)
    check_groups(table, options.fairness.by)
    show(columns_table(table.schema.columns), once=True)
    return table


def _looked_at(table: LabelledTable, options: TrainOptions, source: Any) -> list[dict[str, Any]]:
    if table.arms is not None:
        show(arms_sentence(table.arms), once=True)
    return warn_of_leakage(table, options, source=source)


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


def _check(options: TrainOptions) -> None:
    check_choices(options)
    refuse_folds(options, "churn_torch.train")


def _resumed(resume: Path, folder: Path) -> tuple[dict[str, Any], TrainOptions, Path]:
    """Return the interrupted run's own choices and its checkpoint."""
    stored = load_config(resume)
    if (resume / artefacts.METRICS).exists():
        raise InputError(
            "resume",
            expected="an interrupted run",
            got=f"{resume}, which is finished",
            fix="use it with run=FOLDER, or train anew without resume",
        )
    checkpoint = folder / artefacts.CHECKPOINT
    if not checkpoint.exists():
        raise InputError(
            "resume",
            expected=f"{artefacts.CHECKPOINT} in {resume}",
            got="none: it ended before its first epoch",
            fix="start anew without resume",
        )
    options = folder_options(resume, stored)
    show(f"Going on with {resume}, with the choices in its config.yaml.")
    return stored, options, checkpoint


def _metrics(
    model: Fitted, table: LabelledTable, folder: Path, options: TrainOptions
) -> dict[str, Any]:
    """Look at the test rows, once, and return the content of metrics.json but for the reasons."""
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


def _show_added_notes(inferred: Schema, completed: Schema) -> None:
    """Say what the training rows have told of a column after the table of columns was shown."""
    for column in completed.features:
        if column.note != inferred[column.name].note:
            show(f"{column.name}: {column.note}.")


def _show_results(run: Run, terms: Terms | None, exported: list[str], *, has_model: bool) -> None:
    metrics, fit = run.metrics, run.metrics["fit"]
    if terms is not None and is_scorecard(run.scorer):
        show(strongest_table(terms[0]))
    if "uplift" in metrics:
        show(
            "Probability, and its metrics: customers who were not contacted. Uplift: by how much a "
            "contact lowers it."
        )
    show(metrics_table({part: metrics[part] for part in ("validation", "test")}))
    for sentence in calibration_warning(metrics["test"]):
        show(sentence)
    if "profit" in metrics["test"]:
        show(profit_table(metrics["test"]["profit"]))
    show_fairness(metrics.get("fairness", []))
    path = fit.get("exact", {}).get("path", [])
    if len(path) > 1:
        show(path_table(path, fit["exact"]["l2"]))
    show(fit_sentence(fit))
    show(reasons_sentence(metrics["reasons"]))
    if sentence := correlated_sentence(metrics["correlated_columns"]):
        show(sentence)
    for line in exported:
        show(line)
    if "mlflow_run" in fit and has_model:
        name = log_model(run.model, run_id=fit["mlflow_run"], metrics=metrics)
        show(f"MLflow has it as {name} in {run.options.logger['mlflow']['tracking_uri']}.")
    show(f"Run folder: {run.folder}")
