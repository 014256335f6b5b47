"""From a fitted scorer to a run whose ONNX file is verified and written.

A training, the average of a cross-validation and `ChurnClassifier.export` all publish like this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd

import churn_torch
from churn_torch.errors import ParityError
from churn_torch.evaluation.correlated_columns import correlated_groups
from churn_torch.export.metadata import describe_reasons
from churn_torch.export.typical_customer import typical_customer
from churn_torch.export.verified_files import ExportOptions, VerifiedFile, verified_files
from churn_torch.models.attribution import fit_attribution
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.tables.encode import encode
from churn_torch.tables.labelled.rows import Labels
from churn_torch.whole_files import write_all
from churn_torch.workflows.measurement.net_value import net_value_of
from churn_torch.workflows.runs.run_folder import Run


class Published(NamedTuple):
    """What became of a run's ONNX file.

    Attributes:
        run: With the metrics added that the file needs.
        said: A sentence for the user about each file that was written.
        refused: Why there is none: it did not answer as the scorer does.
    """

    run: Run
    said: list[str]
    refused: ParityError | None = None


def publish_or_keep(
    run: Run,
    parsed: pd.DataFrame,
    label: Labels | None,
    *,
    options: ExportOptions,
) -> Published:
    """Publish into the run folder; where the file is refused, tell how to write it later.

    A refused file is no fault of the user, whose training may have taken hours: the caller saves
    the run all the same, and then raises ``refused``.

    Args:
        run: As for `publish`.
        parsed: As for `publish`.
        label: As for `publish`.
        options: As for `publish`.
    """
    run = described(run, parsed)
    try:
        said = write_model(run, parsed, label, run.model, threshold=run.threshold, options=options)
    except ParityError as error:
        return Published(run, [], error.with_run(str(run.folder)))
    return Published(run, said)


def publish(
    run: Run,
    parsed: pd.DataFrame,
    label: Labels | None,
    path: Path,
    *,
    threshold: float,
    options: ExportOptions,
) -> tuple[Run, list[str]]:
    """Fit the reasons of a scorer and choose its typical customer, then export and verify it.

    Args:
        run: Its metrics are complete except for what this function adds.
        parsed: Parsed real rows: the reasons are fitted and the file is verified on them.
        label: Their labels, NaN where unknown; only a compressed file needs them.
        path: The ONNX file to write.
        threshold: The decision threshold.
        options: What goes into the file.

    Returns:
        The run with the metrics added, and a sentence for the user about each file.

    Raises:
        ParityError: onnxruntime and torch disagree; nothing is written.
    """
    run = described(run, parsed)
    return run, write_model(run, parsed, label, path, threshold=threshold, options=options)


def described(run: Run, parsed: pd.DataFrame) -> Run:
    """Return the run with what its ONNX file needs: its reasons and its typical customer.

    Args:
        run: As for `publish`.
        parsed: As for `publish`.
    """
    columns = Columns.from_arrays(encode(parsed, run.schema))
    reasons = describe_reasons(fit_attribution(run.scorer, columns), columns)
    base_rate = run.metrics["data"]["base_rate"]
    groups = correlated_groups(parsed, run.schema)
    names = {column.name for column in run.schema.inputs}  # without those that were not selected
    added = {
        "correlated_columns": [asdict(group) for group in groups],
        "explain": {"actionable": [n for n in run.options.explain.actionable if n in names]},
        "reasons": reasons,
        "typical_customer": typical_customer(run.scorer, run.schema, parsed, base_rate),
        "version": churn_torch.__version__,
    }
    return replace(run, metrics={**run.metrics, **added})


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
    """Verify the ONNX file and write it; with ``lean`` also the file without reasons, if any.

    Args:
        run: From `publish`, or loaded.
        parsed: As for `publish`.
        label: As for `publish`.
        path: As for `publish`.
        threshold: As for `publish`.
        options: As for `publish`.
        lean: Whether to write the second file.
        around: Returns other files to write, by path; it is called before anything is written.

    Returns:
        A sentence for each file.

    Raises:
        ParityError: onnxruntime and torch disagree; nothing is written.
    """
    net_value, why_not = net_value_of(run.options, run.schema)
    full, without_reasons = verified_files(
        run.scorer,
        run.schema,
        parsed,
        label,
        metrics=run.metrics,
        threshold=threshold,
        attribution=run.attribution,
        options=options,
        net_value=net_value,
    )
    surroundings = around(full.content)
    files = {path: full}
    if lean and without_reasons is not None:
        files[path.with_suffix(f".lean{path.suffix}")] = without_reasons
    contents = {**surroundings, **{name: file.content for name, file in files.items()}}
    write_all(contents)
    said = [
        _sentence(name.name, file, options.dtype, is_lean=file is not full)
        for name, file in files.items()
    ]
    return [*said, *([why_not] if why_not else [])]


def _sentence(name: str, file: VerifiedFile, dtype: str, *, is_lean: bool) -> str:
    parity = file.parity
    sentence = f"{name}{' (without reasons)' if is_lean else ''}: {len(file.content):,} bytes. "
    sentence += (
        f"Verified: matches PyTorch within {parity.max_difference:.1e} on {parity.n_rows:,} real "
        "and edge-case rows"
    )
    if parity.n_kinks:
        sentence += (
            f"; the reasons of {parity.n_kinks} of them, on a kink of the net, were left out"
        )
    if parity.n_rounded:
        sentence += (
            f"; the probabilities of {parity.n_rounded} of them, in which numbers too large for "
            "float32 cancel out, were left out"
        )
    if file.rounding is not None:
        sentence += f"; storing weights as {dtype} moves a probability by up to {file.rounding:.1e}"
    return f"{sentence}."
