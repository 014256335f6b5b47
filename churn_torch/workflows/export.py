"""The order of an export: a run's ONNX file is verified and written, with what its target needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from omegaconf import DictConfig

from churn_torch.console import show
from churn_torch.errors import InputError, suggest
from churn_torch.evaluation.split_metrics import SplitMetrics
from churn_torch.export import triton, web
from churn_torch.serving.outputs import PROBABILITY
from churn_torch.tables.encode import parse
from churn_torch.tables.labelled.read import located
from churn_torch.tables.labels import parse_target
from churn_torch.tables.options import SourceOptions
from churn_torch.tables.readers import sources
from churn_torch.training.process_state import alone
from churn_torch.training.rows.compact_blocks import SAMPLE_ROWS
from churn_torch.whole_files import new_folders
from churn_torch.workflows.configuration.typed_config import plain_config, read_options
from churn_torch.workflows.runs.artefacts import MODEL, PREDICTIONS
from churn_torch.workflows.runs.publish import write_model
from churn_torch.workflows.runs.run_folder import Run, load_run


@dataclass(frozen=True, kw_only=True)
class ExportChoices:
    """The same choices as `ExportOptions`; None keeps the choice of the training."""

    outputs: Sequence[str] | None = None
    opset: int | None = None
    dtype: str | None = None


@dataclass(frozen=True, kw_only=True)
class ExportCommandOptions(SourceOptions):
    """All of conf/export.yaml."""

    run: str = "outputs/latest"
    target: str = "onnx"
    out: str | None = None
    threshold: float | None = None
    export: ExportChoices = field(default_factory=ExportChoices)
    runtime: str | None = None
    source: str | None = None
    trust: Sequence[str] = ()


class Target(NamedTuple):
    """What an export writes at `out`.

    Attributes:
        place: The path of the ONNX file in the folder ``out``; empty where ``out`` is the file.
        around: From the file and the options to the other files in the folder, by their paths.
        hint: How to use the result, for the user.
    """

    place: str = ""
    around: Callable[[bytes, ExportCommandOptions], Mapping[str, bytes]] = lambda *_: {}
    hint: str = ""


TARGETS = {
    "onnx": Target(),
    "triton": Target(triton.MODEL, lambda model, _: {triton.CONFIG: triton.config(model).encode()}),
    "web": Target(web.MODEL, lambda _, chosen: web.files(chosen.runtime), web.HINT),
}


@alone()
def export(config: DictConfig | Mapping[str, Any], *, source: Any = None) -> Path:
    """Write a run's ONNX file again, alone or with the other files of a target.

    Args:
        config: The composed configuration (conf/export.yaml).
        source: A table that takes the place of ``config.source``, as for `churn_torch.train`.

    Returns:
        The ONNX file written.

    Raises:
        InputError: The run, the target or the rows to verify the file on cannot be used.
        ParityError: onnxruntime and torch disagree; nothing is written.
    """
    chosen = read_options(ExportCommandOptions, plain_config(config))
    if chosen.target not in TARGETS:
        raise InputError(
            "target",
            expected=" or ".join(TARGETS),
            got=f"{chosen.target!r}{suggest(str(chosen.target), TARGETS)}",
        )
    target = TARGETS[chosen.target]
    run = load_run(chosen.run, trust=chosen.trust)
    if chosen.target == "web" and run.schema.sequences:
        raise InputError(
            "target",
            expected="onnx or triton for a model with data.sequences",
            got="web, whose page has no fields for lists",
            fix="serve the model (churn-torch serve), or train one without lists",
        )
    if source is None:
        source = chosen.source
        if source is None:
            run.check_table("source=TABLE")
            source = run.options.data.source
    if source is None:
        raise InputError(
            "source",
            expected="rows to verify the file on",
            got="none, as the run was trained on a DataFrame",
            fix="name a table with source=TABLE",
        )
    source = located(source)
    reading = run.options.data.reading
    if chosen.source is not None:  # it need not be written as the table of the run is
        reading = chosen.reading
    chunks = sources.read_chunks(source, reading=reading, rows=SAMPLE_ROWS, announce=show)
    frame = next(chunks)
    parsed = parse(frame, run.schema)
    out = (
        Path(chosen.out) if chosen.out else run.folder / (chosen.target if target.place else MODEL)
    )
    path = out / target.place
    sources.check_output(path, source, reading)
    threshold = run.threshold
    if chosen.threshold is not None:
        threshold = chosen.threshold
        if not 0 <= threshold <= 1:
            raise InputError("threshold", expected="a number from 0 to 1", got=repr(threshold))
        metrics = {**run.metrics, "test": _at_threshold(run, threshold)}
        # Measured at the old threshold, and the validation rows are not in the run folder.
        del metrics["validation"]
        metrics.pop("decision", None)  # this threshold is nobody's optimum
        run = replace(run, metrics=metrics)
    changes = {key: value for key, value in vars(chosen.export).items() if value is not None}
    options = replace(run.options.export, **changes)
    label = parse_target(frame, run.schema) if run.schema.target in frame else None
    with new_folders(path.parent):
        sentences = write_model(
            run,
            parsed,
            label,
            path,
            threshold=threshold,
            options=options,
            lean=not target.place,  # a page or a repository has one file
            around=lambda model: {out / k: v for k, v in target.around(model, chosen).items()},
        )
    for line in sentences:
        show(line)
    if target.hint:
        show(target.hint.format(out=out))
    return path


def _at_threshold(run: Run, threshold: float) -> dict[str, Any]:
    """Return the test metrics of a run at another threshold."""
    measured = SplitMetrics(threshold=threshold)
    for frame in sources.read_chunks(run.folder / PREDICTIONS, columns=[PROBABILITY, "label"]):
        probability, label = (
            torch.tensor(frame[name].to_numpy(np.float32)) for name in (PROBABILITY, "label")
        )
        measured.update(probability, label)
    return measured.with_intervals(threshold)
