"""The order of a training: read, fit, test once, publish, save."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from churn_torch.console import show
from churn_torch.errors import InputError
from churn_torch.export.mlflow_model import log_model
from churn_torch.report.additive_tables import strongest_table
from churn_torch.report.columns import columns_table
from churn_torch.report.fit_summary import fit_sentence, path_table
from churn_torch.report.metrics import calibration_warning, metrics_table
from churn_torch.report.profit import profit_table
from churn_torch.report.reasons import correlated_sentence, reasons_sentence
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.tables.labelled.rows import LabelledTable
from churn_torch.tables.labelled.treatment import arms_sentence
from churn_torch.tables.schema import Schema
from churn_torch.training.process_state import alone, one_thread
from churn_torch.whole_files import naming
from churn_torch.workflows.configuration.check_config import (
    check_choices,
    check_columns,
    refuse_folds,
)
from churn_torch.workflows.configuration.event_choices import check_events, with_event_columns
from churn_torch.workflows.configuration.named_places import (
    check_named,
    table_places,
    written_places,
)
from churn_torch.workflows.configuration.options import TrainOptions, train_options
from churn_torch.workflows.configuration.stored_config import load_config
from churn_torch.workflows.configuration.typed_config import plain_config
from churn_torch.workflows.explanation.additive_files import (
    Terms,
    is_scorecard,
    read_terms,
    write_terms,
)
from churn_torch.workflows.fit import fitted
from churn_torch.workflows.measurement.fairness import check_groups, judge_table, show_fairness
from churn_torch.workflows.measurement.lifetimes import sentences
from churn_torch.workflows.measurement.measured_test import measured_test
from churn_torch.workflows.measurement.spend import show_spend
from churn_torch.workflows.measurement.survival import KNOWN_OUTCOMES
from churn_torch.workflows.measurement.suspicions import warn_of_leakage
from churn_torch.workflows.measurement.uplift import say_treatment
from churn_torch.workflows.report import report_training
from churn_torch.workflows.rows.event_rows import begin_run
from churn_torch.workflows.rows.judged_rows import Decided
from churn_torch.workflows.runs import artefacts
from churn_torch.workflows.runs.claim import claimed
from churn_torch.workflows.runs.publish import publish_or_keep
from churn_torch.workflows.runs.run_folder import (
    Run,
    folder_options,
    save_run,
)
from churn_torch.workflows.runs.run_start import point_latest


def train(
    config: DictConfig | Mapping[str, Any],
    folder: str | Path,
    *,
    source: Any = None,
    event_rows: Path | None = None,
) -> Run:
    """Train a model and write its run folder.

    It works in any thread; fits of one process take turns. The random state of torch, NumPy and
    Python is set by ``config.seed`` meanwhile, and put back at the end.

    Args:
        config: The composed configuration (conf/train.yaml).
        folder: The run folder; with ``config.resume`` it is that folder.
        source: A table that takes the place of ``config.data.source``: a path, or whatever
            `churn_torch.tables.readers.frames.as_frame` takes, such as a DataFrame.
        event_rows: The folder of a study that has made the rows of ``config.events`` already.

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
            content, options = begin_run(folder, content, options, event_rows)
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
        metrics = measured_test(model, table, folder, options)
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
    table = read_labelled(
        options.table,
        seed=options.seed,
        source=source,
        inspected=options.leakage != "ignore",
        announce=announce,
    )
    say_treatment(options)
    check_columns(options, table.schema)
    check_groups(table, options.fairness.by)
    show(columns_table(table.schema.columns), once=True)
    return table


def _looked_at(table: LabelledTable, options: TrainOptions, source: Any) -> list[dict[str, Any]]:
    if table.arms is not None:
        show(arms_sentence(table.arms), once=True)
    for sentence in sentences(table):
        show(sentence, once=True)
    return warn_of_leakage(table, options, source=source)


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
    places = {**table_places(options), **written_places(options)}
    check_named(places, (), resume, instead="data.source=TABLE in a training of your own")
    show(f"Going on with {resume}, with the choices in its config.yaml.")
    return stored, options, checkpoint


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
    if "survival" in metrics:
        show(KNOWN_OUTCOMES)
    else:
        for sentence in calibration_warning(metrics["test"]):
            show(sentence)
    if "profit" in metrics["test"]:
        show(profit_table(metrics["test"]["profit"]))
    show_spend(metrics["test"], show)
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
