"""The order of things: how a training, an evaluation, a scoring and an export run."""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from omegaconf import DictConfig
from torch import Tensor

import churn_torch
from churn_torch.console import row_progress, show
from churn_torch.errors import InputError
from churn_torch.evaluation.metrics import (
    bootstrap_intervals,
    choose_threshold,
)
from churn_torch.evaluation.metrics import (
    evaluate as measure,
)
from churn_torch.evaluation.report import metrics_table, ranked, sweep_table
from churn_torch.models.preprocess import Columns
from churn_torch.models.scorer import Scorer
from churn_torch.models.statistics import fit_statistics
from churn_torch.runs import (
    METRICS,
    MODEL,
    Run,
    load_config,
    load_run,
    point_latest,
    save_run,
    start_run,
    whole_file,
)
from churn_torch.serving.export import PROBABILITY, build_onnx, check_input_names
from churn_torch.serving.parity import Parity, check_parity
from churn_torch.serving.scoring import open_session, score_chunks
from churn_torch.tables import sources
from churn_torch.tables.encode import encode, parse
from churn_torch.tables.labelled import LabelledTable, located, read_labelled
from churn_torch.tables.labels import parse_target
from churn_torch.tables.schema import Schema, describe
from churn_torch.training.batches import Batch, preprocess_once
from churn_torch.training.build import (
    build_module,
    build_options,
    build_scorer,
    build_trainer,
    with_epochs,
)
from churn_torch.training.callbacks import CHECKPOINT
from churn_torch.training.datamodule import ChurnDataModule


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
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    folder, checkpoint = Path(folder), None
    if config.resume:
        config, checkpoint = _resumed(config, folder)
    _check_choices(config)
    pl.seed_everything(config.seed, workers=True, verbose=False)
    if checkpoint is None:
        start_run(folder, config)

    # Data first, schema second, model third.
    table = read_labelled(config.data, seed=config.seed, source=source)
    show(describe(table.schema))
    _show_rows(table)
    check_input_names(table.schema)
    train_rows = table.parsed.take(table.split.train)
    schema, statistics = fit_statistics([train_rows], table.schema, build_options(config))
    scorer = build_scorer(config, schema)
    scorer.preprocess.load_statistics(statistics)
    parts = {
        name: _rows(table.parsed.take(rows), table.label[rows], schema)
        for name, rows in table.split._asdict().items()
    }

    # Fit; early stopping looks at the validation rows.
    start = time.perf_counter()
    fit = _fit(config, folder, scorer, parts, table.fingerprint, checkpoint)
    fit["seconds"] = round(time.perf_counter() - start, 2)

    # Calibrate, choose the threshold, and only then look at the test rows, once.
    validation, test = parts["validation"], parts["test"]
    scorer.calibrator.fit(_logit(scorer, validation.columns), validation.label.double().numpy())
    probability = scorer.score(validation.columns)
    threshold = choose_threshold(
        config.threshold, probability, validation.label, top_share=config.top_share
    )
    metrics = {"validation": measure(probability, validation.label, threshold=threshold)}
    probability = scorer.score(test.columns)
    metrics["test"] = _measure_with_intervals(probability, test.label, threshold, config.seed)

    # Save, export, prove.
    described = {
        "fit": fit,
        "data": {
            "fingerprint": table.fingerprint,
            "n_rows": len(table.label),
            "n_dropped": table.n_dropped,
            **{f"n_{name}": len(rows) for name, rows in table.split._asdict().items()},
        },
        "version": churn_torch.__version__,
    }
    run = Run(folder, config, schema, scorer.eval(), {**metrics, **described})
    parity = _export(run, table.parsed.take(table.split.test), folder / MODEL)
    save_run(run, _predictions(table, probability))
    outputs = Path(config.outputs)
    if outputs.is_dir():
        point_latest(outputs, folder)

    show(metrics_table(metrics))
    show(
        f"Trained {fit['epochs']} epochs in {fit['seconds']} s to a training loss of "
        f"{fit['history'][-1]['train_loss']:.4f}, best epoch {fit['best_epoch']} by validation "
        f"log-loss. ONNX equals torch to {parity.max_difference:.1e} on "
        f"{parity.n_rows:,} real and hostile rows."
    )
    show(f"Run folder: {folder}")
    return run


def evaluate(config: DictConfig) -> dict[str, Any]:
    """Measure a run on its own test rows, or on every row of a new labelled table.

    Returns:
        The metrics, with intervals.

    Raises:
        InputError: The run or the table cannot be used.
    """
    run = load_run(config.run)
    if config.get("data") is None:
        table = read_labelled(run.config.data, seed=run.config.seed)
        if table.fingerprint != run.metrics["data"]["fingerprint"]:
            raise InputError(
                f"expected the table the run was trained on (fingerprint "
                f"{run.metrics['data']['fingerprint']}), got {table.fingerprint}: the source has "
                "changed; name new rows with data=table data.source=..."
            )
        parsed, label = table.parsed.take(table.split.test), table.label[table.split.test]
        name = "test"
    else:
        frame = sources.read(located(config.data.source), database=config.data.database)
        label = parse_target(frame, run.schema)
        labelled = ~np.isnan(label)
        parsed, label = parse(frame, run.schema).loc[labelled], label[labelled]
        name = "new rows"
        if not labelled.all():
            show(f"{int((~labelled).sum()):,} rows without a label are left out.")
    batch = _rows(parsed, label, run.schema)
    metrics = _measure_with_intervals(
        run.scorer.score(batch.columns), batch.label, run.threshold, run.config.seed
    )
    show(metrics_table({name: metrics}))
    return metrics


def score(config: DictConfig) -> int:
    """Score a table of any size with a run's ONNX file.

    Returns:
        The number of rows written.

    Raises:
        InputError: The run, the table or the output cannot be used.
    """
    run_schema, session = _served(Path(config.run))
    columns = [column.name for column in run_schema.features]
    keep: list[str] | None
    if config.keep == "all":
        keep = None
    elif config.keep == "id":
        keep = [run_schema.id] if run_schema.id else []
    elif isinstance(config.keep, str):
        keep = [config.keep]
    else:
        keep = list(config.keep)
    if config.chunk_rows < 1:
        raise InputError(f"chunk_rows: expected 1 or more, got {config.chunk_rows}.")
    sources.check_output(config.out, config.source, config.database)
    total = sources.count_rows(config.source, config.database)
    chunks = sources.read_chunks(config.source, database=config.database, rows=config.chunk_rows)
    with row_progress() as progress:
        task = progress.add_task("Scoring", total=total)

        def scored() -> Any:
            for chunk in score_chunks(session, run_schema, chunks, keep=keep):
                progress.advance(task, len(chunk))
                yield chunk

        n_rows = sources.write(scored(), config.out)
    show(f"{n_rows:,} rows scored by {len(columns)} columns, written to {config.out}.")
    return n_rows


def export(config: DictConfig) -> Path:
    """Write a run's ONNX file anew.

    Returns:
        The file written.

    Raises:
        InputError: The run or the rows for the proof cannot be used.
        ParityError: onnxruntime and torch disagree; nothing is written.
    """
    run = load_run(config.run)
    source = config.source or run.config.data.source
    parsed = parse(sources.read(located(source), database=run.config.data.database), run.schema)
    path = Path(config.out) if config.out else run.model
    sources.check_output(path, located(source), run.config.data.database)
    parity = _export(run, parsed, path)
    show(
        f"{path}: {path.stat().st_size:,} bytes; equals torch to {parity.max_difference:.1e} on "
        f"{parity.n_rows:,} real and hostile rows."
    )
    return path


def summarise_sweep(rows: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """Show the members of a sweep, best first, and write sweep.csv."""
    table = pd.DataFrame(ranked(rows))
    with whole_file(folder / "sweep.csv") as temporary:
        table.to_csv(temporary, index=False)
    show(sweep_table(rows))
    show(f"Sweep folder: {folder}")


def _check_choices(config: DictConfig) -> None:
    """Refuse at once what would otherwise fail after the training, or not at all.

    Raises:
        InputError: The seed or the threshold cannot be used.
    """
    if not isinstance(config.seed, int) or not 0 <= config.seed < 2**32:
        raise InputError(
            f"seed: expected a whole number from 0 to {2**32 - 1}, got {config.seed!r}."
        )
    if config.patience < 0:
        raise InputError(f"patience: expected 0 or more epochs, got {config.patience}.")
    example = torch.tensor([0.0, 1.0])
    choose_threshold(config.threshold, example, example, top_share=config.top_share)


def _show_rows(table: LabelledTable) -> None:
    counts = ", ".join(f"{name} {len(rows):,}" for name, rows in table.split._asdict().items())
    dropped = f"; {table.n_dropped:,} rows without a label dropped" if table.n_dropped else ""
    show(f"{len(table.label):,} rows, {table.label.mean():.1%} churn ({counts}){dropped}.")


class _Rows(NamedTuple):
    """Typed rows of a split and their labels."""

    columns: Columns
    label: Tensor


def _rows(
    parsed: pd.DataFrame, label: np.ndarray[Any, np.dtype[np.float32]], schema: Schema
) -> _Rows:
    return _Rows(Columns.from_arrays(encode(parsed, schema)), torch.from_numpy(label))


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


def _fit(
    config: DictConfig,
    folder: Path,
    scorer: Scorer,
    parts: Mapping[str, _Rows],
    mark: str,
    checkpoint: Path | None,
) -> dict[str, Any]:
    label = parts["train"].label
    config = with_epochs(config, len(label))
    module = build_module(
        config, scorer, n_negative=int((label == 0).sum()), n_positive=int((label == 1).sum())
    )
    train, validation = (
        Batch(preprocess_once(parts[name].columns, scorer.preprocess), parts[name].label)
        for name in ("train", "validation")
    )
    # To overfit one batch it must be the same in every epoch.
    seed = None if config.trainer.get("overfit_batches") else config.seed
    data = ChurnDataModule(train, validation, batch_size=config.batch_size, seed=seed)
    trainer = build_trainer(config, folder, mark)
    step_cells = min(config.batch_size or len(label), len(label)) * scorer.preprocess.n_features
    with _fitting_threads(step_cells):
        trainer.fit(module, data, ckpt_path=checkpoint, weights_only=True)
    if config.trainer.profiler:
        show(trainer.profiler.summary())  # type: ignore[attr-defined]
    if trainer.interrupted:
        raise KeyboardInterrupt
    losses = [epoch["validation_log_loss"] for epoch in module.history]
    if not losses:
        raise InputError(
            "training: expected at least one step, got none; set trainer.limit_train_batches "
            "above 0."
        )
    return {
        "epochs": len(losses),
        "best_epoch": 1 + losses.index(min(losses)),
        "history": module.history,
    }


@contextlib.contextmanager
def _fitting_threads(step_cells: int) -> Iterator[None]:
    """Take one thread for small steps.

    Threads that wait for each other gain nothing on less than a million cells a step, and where
    another process holds a core they slow a fit many times over.
    """
    n_threads = torch.get_num_threads()
    if step_cells < 1_000_000:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


def _logit(scorer: Scorer, columns: Columns) -> np.ndarray[Any, np.dtype[np.float64]]:
    logit: np.ndarray[Any, np.dtype[np.float64]] = (
        scorer.uncalibrated_logit(columns).double().numpy()
    )
    return logit


def _measure_with_intervals(
    probability: Tensor, label: Tensor, threshold: float, seed: int
) -> dict[str, Any]:
    return {
        **measure(probability, label, threshold=threshold),
        "intervals": bootstrap_intervals(probability, label, seed=seed),
    }


def _predictions(table: LabelledTable, probability: Tensor) -> pd.DataFrame:
    rows = table.split.test
    return table.identity.iloc[rows].assign(
        label=table.label[rows].astype(np.int64), **{PROBABILITY: probability.numpy()}
    )


def _export(run: Run, parsed: pd.DataFrame, path: Path) -> Parity:
    """Build the ONNX file, prove it equal to the scorer, and only then write it."""
    metadata = {
        "schema": run.schema.to_json(),
        "metrics": json.dumps({name: run.metrics[name] for name in ("validation", "test")}),
        "threshold": repr(run.threshold),
        "data_fingerprint": run.metrics["data"]["fingerprint"],
        "churn_torch_version": churn_torch.__version__,
    }
    model = build_onnx(run.scorer, run.schema, threshold=run.threshold, metadata=metadata)
    parity = check_parity(
        model.SerializeToString(), run.scorer, run.schema, parsed, threshold=run.threshold
    )
    entry = model.metadata_props.add()
    entry.key = "parity"
    entry.value = json.dumps({"n_rows": parity.n_rows, "max_difference": parity.max_difference})
    with whole_file(path) as temporary:
        temporary.write_bytes(model.SerializeToString())
    return parity


def _served(folder: Path) -> tuple[Schema, Any]:
    """Return schema and session of a run's ONNX file; torch is not asked."""
    load_config(folder)
    path = folder / MODEL
    if not path.is_file():
        raise InputError(
            f"run: expected {MODEL} in {str(folder)!r}, got none; write it with "
            f"scripts/export.py run={folder}."
        )
    session = open_session(path)
    stored = session.get_modelmeta().custom_metadata_map.get("schema")
    if stored is None:
        raise InputError(f"run: expected an ONNX file of churn_torch, got {path} without a schema.")
    return Schema.from_json(stored), session
