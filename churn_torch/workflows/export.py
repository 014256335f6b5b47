"""The order of an export: a run's ONNX file, proved, and what a target needs around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from omegaconf import DictConfig, OmegaConf

from churn_torch.console import show
from churn_torch.errors import InputError, suggest
from churn_torch.evaluation.split_metrics import Tally
from churn_torch.workflows.run_folder import MODEL, PREDICTIONS, Run, load_run, new_folders, whole_file
from churn_torch.export import triton
from churn_torch.export import web
from churn_torch.export.verified_files import ExportOptions, proved_files
from churn_torch.serving.outputs import PROBABILITY
from churn_torch.tables.readers import sources
from churn_torch.tables.encode import parse
from churn_torch.tables.labelled.in_memory import located
from churn_torch.tables.labels import parse_target
from churn_torch.tables.labelled.rows import Labels
from churn_torch.training.rows.materialize import SAMPLE_ROWS


class Target(NamedTuple):
    """What an export makes of `out`.

    Attributes:
        place: Where in it the file stands; none if it is the file.
        around: From the file and the configuration to what is written around it, by its place.
        hint: What can be done with it.
    """

    place: str = ""
    around: Callable[[bytes, DictConfig], Mapping[str, bytes]] = lambda *_: {}
    hint: str = ""


TARGETS = {
    "onnx": Target(),
    "triton": Target(triton.MODEL, lambda model, _: {triton.CONFIG: triton.config(model).encode()}),
    "web": Target(web.MODEL, lambda _, config: web.files(config.runtime), web.HINT),
}


def export(config: DictConfig) -> Path:
    """Write a run's ONNX file anew, alone or with what a target needs around it.

    Returns:
        The ONNX file written.

    Raises:
        InputError: The run, the target or the rows for the proof cannot be used.
        ParityError: onnxruntime and torch disagree; nothing is written.
    """
    if config.target not in TARGETS:
        raise InputError(
            f"target: expected {' or '.join(TARGETS)}, got {config.target!r}"
            f"{suggest(str(config.target), TARGETS)}."
        )
    target = TARGETS[config.target]
    run = load_run(config.run)
    source = config.source or run.config.data.source
    database = run.config.data.database
    frame = next(sources.read_chunks(located(source), database=database, rows=SAMPLE_ROWS))
    parsed = parse(frame, run.schema)
    out = (
        Path(config.out) if config.out else run.folder / (config.target if target.place else MODEL)
    )
    path = out / target.place
    sources.check_output(path, located(source), database)
    threshold = run.threshold
    if config.threshold is not None:
        threshold = config.threshold
        if not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
            raise InputError(f"threshold: expected a number from 0 to 1, got {threshold!r}.")
        metrics = {**run.metrics, "test": _at_threshold(run, threshold)}
        # Their rows are not kept, and what was measured at another threshold is not the file's.
        del metrics["validation"]
        run = replace(run, metrics=metrics)
    options = export_options(run.config.export, config.export)
    label = parse_target(frame, run.schema) if run.schema.target in frame else None
    with new_folders(path.parent):
        said = write_model(
            run,
            parsed,
            label,
            path,
            threshold=threshold,
            options=options,
            lean=not target.place,  # what is around a file knows of no second one
            around=lambda model: {out / k: v for k, v in target.around(model, config).items()},
        )
    for line in said:
        show(line)
    if target.hint:
        show(target.hint.format(out=out))
    return path


def export_options(*choices: DictConfig) -> ExportOptions:
    """Return what goes into the file; a later choice that is not null wins."""
    chosen: dict[Any, Any] = {}
    for choice in choices:
        given: Any = OmegaConf.to_container(choice)
        chosen |= {key: value for key, value in given.items() if value is not None}
    return ExportOptions(**chosen)


def write_model(
    run: Run,
    parsed: pd.DataFrame,
    label: Labels | None,
    path: Path,
    *,
    threshold: float,
    options: ExportOptions,
    lean: bool = True,
    around: Callable[[bytes], Mapping[Path, bytes]] = lambda _: {},
) -> list[str]:
    """Write the ONNX file, proved, and with ``lean`` the one without reasons if there is one.

    What it returns says so. ``around`` gives what else is written, by path; it is asked before
    anything is.
    """
    full, without_reasons = proved_files(
        run.scorer,
        run.schema,
        parsed,
        label,
        metrics=run.metrics,
        threshold=threshold,
        attribution=run.attribution,
        options=options,
    )
    surroundings = around(full.content)
    files = {path: full}
    if lean and without_reasons is not None:
        files[path.with_suffix(f".lean{path.suffix}")] = without_reasons
    said = []
    for name, content in surroundings.items():
        with whole_file(name) as temporary:
            temporary.write_bytes(content)
    for name, file in files.items():
        with whole_file(name) as temporary:
            temporary.write_bytes(file.content)
        parts = [
            f"{name.name}{'' if file is full else ' (without reasons)'}: "
            f"{len(file.content):,} bytes",
            f"equals torch to {file.parity.max_difference:.1e} on {file.parity.n_rows:,} real and "
            "hostile rows"
            + (f", the reasons of {n} on a kink left out" if (n := file.parity.n_kinks) else ""),
        ]
        if file.rounding is not None:
            parts.append(
                f"weights as {options.dtype} move a probability by up to {file.rounding:.1e}"
            )
        said.append("; ".join(parts) + ".")
    return said


def _at_threshold(run: Run, threshold: float) -> dict[str, Any]:
    """Return the test metrics of a run at another threshold."""
    tally = Tally(threshold=threshold)
    for frame in sources.read_chunks(run.folder / PREDICTIONS, columns=[PROBABILITY, "label"]):
        probability, label = (
            torch.tensor(frame[name].to_numpy(np.float32)) for name in (PROBABILITY, "label")
        )
        tally.update(probability, label)
    return tally.with_intervals(threshold, seed=run.config.seed)
