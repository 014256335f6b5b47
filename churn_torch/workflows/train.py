"""The order of things: how a training and an evaluation run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from omegaconf import DictConfig

import churn_torch
from churn_torch.workflows.check_config import check_choices
from churn_torch.console import show
from churn_torch.errors import InputError
from churn_torch.report.tables import (
    fit_sentence,
    metrics_table,
    path_table,
    ranked,
    reasons_sentence,
    sweep_table,
)
from churn_torch.report.additive_models import card_frame, card_page, shapes_page, strongest_table
from churn_torch.evaluation.split_metrics import Tally
from churn_torch.workflows.export import export_options, write_model
from churn_torch.workflows.fit import fitted, watched
from churn_torch.models.attribution import fit_attribution
from churn_torch.models.scorecard.points import read_points
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.models.scorer import Scorer
from churn_torch.explanation.shape_functions import read_shapes
from churn_torch.models.scorecard.features import CardFeatures
from churn_torch.workflows.run_folder import (
    CARD,
    CARD_PAGE,
    METRICS,
    MODEL,
    PREDICTIONS,
    SHAPES,
    SHAPES_PAGE,
    Run,
    forget_unstarted,
    load_config,
    load_run,
    point_latest,
    save_run,
    start_run,
    whole_file,
    write_text,
)
from churn_torch.export.graph import check_input_names
from churn_torch.export.metadata import describe_reasons, today
from churn_torch.export.mlflow_model import log_model
from churn_torch.serving.outputs import PROBABILITY
from churn_torch.tables.readers import sources
from churn_torch.tables.encode import encode, parse
from churn_torch.tables.labelled.in_memory import located, read_labelled
from churn_torch.tables.labels import parse_target
from churn_torch.tables.labelled.rows import CHUNK_ROWS, LabelledTable
from churn_torch.tables.schema import describe
from churn_torch.training.rows.batches import spread_sample
from churn_torch.training.callbacks import CHECKPOINT
from churn_torch.training.fit import one_thread
from churn_torch.training.rows.materialize import Store
from churn_torch.training.inference import cell_shares, scored

# Training rows that show where the values of a column lie, at most.
SHAPE_ROWS = 65_536


def train(
    config: DictConfig, folder: str | Path, *, source: str | Path | pd.DataFrame | None = None
) -> Run:
    """Train a model and write its run folder.

    Args:
        config: The composed configuration (conf/train.yaml).
        folder: The run folder; with ``config.resume`` it is that folder.
        source: A table that takes the place of ``config.data.source``, e.g. a DataFrame.

    Returns:
        The finished run.

    Raises:
        InputError: The user's table or a choice cannot be used.
    """
    folder = Path(folder)
    was_there = folder.exists()
    with one_thread() as n_threads:
        try:
            return _train(config, folder, source, n_threads)
        except InputError:
            if not was_there:
                forget_unstarted(folder)
            raise


def _train(
    config: DictConfig, folder: Path, source: str | Path | pd.DataFrame | None, n_threads: int
) -> Run:
    checkpoint = None
    if config.resume:
        config, checkpoint = _resumed(config, folder)
    check_choices(config)
    if config.cv.folds:
        raise InputError(
            f"cv.folds: expected 0 for churn_torch.train, which gives one model, got "
            f"{config.cv.folds}; call churn_torch.cross_validate."
        )
    options = export_options(config.export)
    if checkpoint is None:
        start_run(folder, config)

    # Data first, schema second, model third.
    table = read_table(config, source)
    with fitted(
        config, table, folder, n_threads=n_threads, checkpoint=checkpoint, announce=show
    ) as model:
        schema, scorer, store, threshold = model.schema, model.scorer, model.store, model.threshold
        # Only now are the test rows looked at, once.
        tally = Tally(threshold=threshold)
        sources.write(predictions(scorer, store, tally), folder / PREDICTIONS)
        metrics = {
            "validation": model.validation,
            "test": tally.with_intervals(threshold, seed=config.seed),
        }
        sampled = store.parts["test"].read([slice(0, len(store.sample))]).label.numpy().copy()
        columns = Columns.from_arrays(encode(store.sample, schema))
        attribution = fit_attribution(scorer, columns)
        is_card = isinstance(scorer.preprocess, CardFeatures)
        terms = None
        if is_card:
            terms = read_points(scorer, schema, cell_shares(scorer, store.parts["train"]))
        elif attribution.n_points == 1:
            rows = spread_sample(store.parts["train"], SHAPE_ROWS)
            terms = read_shapes(attribution, schema, rows.dense, rows.codes)

    # Save, export, prove.
    fit = model.fit
    described = {
        "fit": fit,
        **({"features": model.features} if model.features else {}),
        "reasons": describe_reasons(attribution, columns),
        "data": describe_data(table),
        "version": churn_torch.__version__,
    }
    run = Run(folder, config, schema, scorer, {**metrics, **described})
    exported = write_model(
        run, store.sample, sampled, folder / MODEL, threshold=threshold, options=options
    )
    if terms is not None:
        named, page = (CARD, CARD_PAGE) if is_card else (SHAPES, SHAPES_PAGE)
        write_text(folder / named, card_frame(*terms).to_csv(index=False))
        write_text(folder / page, (card_page if is_card else shapes_page)(*terms))
    save_run(run)
    point_latest(Path(config.outputs), folder)

    if is_card and terms is not None:
        show(strongest_table(terms[0]))
    show(metrics_table(metrics))
    path = fit.get("exact", {}).get("path", [])
    if len(path) > 1:
        show(path_table(path, fit["exact"]["l2"]))
    show(fit_sentence(fit))
    show(reasons_sentence(run.metrics["reasons"]))
    for line in exported:
        show(line)
    if "mlflow_run" in fit:
        name = log_model(run.model, run_id=fit["mlflow_run"], metrics=metrics)
        show(f"MLflow has it as {name} in {config.logger.mlflow.tracking_uri}.")
    show(f"Run folder: {folder}")
    return run


def read_table(config: DictConfig, source: str | Path | pd.DataFrame | None) -> LabelledTable:
    """Read and split the table, and show what is made of its columns.

    Raises:
        InputError: The table cannot be used.
    """
    table = read_labelled(config.data, seed=config.seed, source=source)
    check_input_names(table.schema)
    show(describe(table.schema))
    return table


def evaluate(config: DictConfig) -> dict[str, Any]:
    """Measure a run on its own test rows, or on every row of a new labelled table.

    Returns:
        The metrics, with intervals.

    Raises:
        InputError: The run or the table cannot be used.
    """
    run = load_run(config.run)
    tally = Tally(threshold=run.threshold)
    n_unlabelled = 0
    if config.get("data") is None:
        name = "test"
        if run.config.cv.average:
            raise InputError(
                f"run: expected one that held test rows back, got the mean of a cross-validation, "
                f"which has learned from every row; what its folds were worth is in "
                f"{run.folder / METRICS}, and new rows are named with data=table data.source=..."
            )
        table = read_labelled(run.config.data, seed=run.config.seed)
        for rows in watched(table.chunks(), table, "Evaluating"):
            test = rows.of("test")
            _tally_rows(tally, run, test.parsed, test.label)
        if table.fingerprint != run.metrics["data"]["fingerprint"]:
            raise InputError(
                f"expected the table the run was trained on (fingerprint "
                f"{run.metrics['data']['fingerprint']}), got {table.fingerprint}: the source has "
                "changed; name new rows with data=table data.source=..."
            )
    else:
        name = "new rows"
        first_row = 0
        source = located(config.data.source)
        for frame in sources.read_chunks(source, database=config.data.database):
            label = parse_target(frame, run.schema, first_row=first_row)
            parsed = parse(frame, run.schema, first_row=first_row)
            labelled = ~np.isnan(label)
            _tally_rows(tally, run, parsed.loc[labelled], label[labelled])
            n_unlabelled += int((~labelled).sum())
            first_row += len(frame)
    if n_unlabelled:
        show(f"{n_unlabelled:,} rows without a label are left out.")
    metrics = tally.with_intervals(run.threshold, seed=run.config.seed)
    show(metrics_table({name: metrics}))
    return metrics


def summarise_sweep(rows: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """Show the members of a sweep, best first, and write sweep.csv."""
    table = pd.DataFrame(ranked(rows))
    with whole_file(folder / "sweep.csv") as temporary:
        table.to_csv(temporary, index=False)
    show(sweep_table(rows))
    show(f"Sweep folder: {folder}")


def describe_data(table: LabelledTable) -> dict[str, Any]:
    """Return what a model says of the rows it comes from."""
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
    }


def _resumed(config: DictConfig, folder: Path) -> tuple[DictConfig, Path]:
    """Return the interrupted run's own configuration and its checkpoint."""
    resume = Path(config.resume)
    stored = load_config(resume)
    if (resume / METRICS).exists():
        raise InputError(f"resume: expected an interrupted run, got {resume}, which is finished.")
    checkpoint = folder / CHECKPOINT
    if not checkpoint.exists():
        raise InputError(
            f"resume: expected {CHECKPOINT} in {resume}, got none: it ended before its first "
            "epoch, so start anew."
        )
    show(f"Going on with {resume}, with the choices in its config.yaml.")
    return stored, checkpoint


def predictions(scorer: Scorer, store: Store, tally: Tally) -> Iterator[pd.DataFrame]:
    """Yield the test rows' names, labels and probabilities, and tally them."""
    part = store.parts["test"]
    identity = store.identities(CHUNK_ROWS)
    names = next(identity)
    for probability, label in scored(scorer, part):
        tally.update(probability, label)
        while len(names) < len(label):
            names = pd.concat([names, next(identity)], ignore_index=True)
        yield names.iloc[: len(label)].assign(
            label=label.numpy().astype(np.int64), **{PROBABILITY: probability.numpy()}
        )
        names = names.iloc[len(label) :].reset_index(drop=True)


def _tally_rows(tally: Tally, run: Run, parsed: pd.DataFrame, label: np.ndarray[Any, Any]) -> None:
    columns = Columns.from_arrays(encode(parsed, run.schema))
    tally.update(run.scorer.score(columns), torch.from_numpy(label))
