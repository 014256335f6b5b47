"""The order of a comparison: the test rows of runs matched, measured and put into words."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from churn_torch.console import show
from churn_torch.errors import InputError, suggest
from churn_torch.evaluation.comparison import (
    METRICS,
    Comparison,
    PairedDifference,
    comparison,
)
from churn_torch.report.comparison import comparison_sentences, comparison_tables
from churn_torch.whole_files import write_text
from churn_torch.workflows.compared_metrics import fold_metrics, row_metrics
from churn_torch.workflows.csv_tables import csv_text
from churn_torch.workflows.run_names import run_names
from churn_torch.workflows.same_rows import same_rows
from churn_torch.workflows.tested_runs import read_tested_runs
from churn_torch.workflows.typed_config import plain_config, read_options

if TYPE_CHECKING:
    from omegaconf import DictConfig


@dataclass(frozen=True, kw_only=True)
class CompareOptions:
    """All of conf/compare.yaml."""

    runs: Sequence[str] = ()
    metric: str = "auroc"
    group: str | None = None
    out: str | None = None


def compare(config: DictConfig | Mapping[str, Any]) -> Comparison:
    """Compare runs on the test rows that they share, or cross-validations on their folds.

    Args:
        config: The composed configuration (conf/compare.yaml).

    Raises:
        InputError: There are fewer than two runs, a run is not finished, or they were not tested on
            the same rows.
    """
    options = read_options(CompareOptions, plain_config(config))
    _check(options)
    found = compare_runs(options.runs, metric=options.metric, group=options.group)
    if options.out is not None:
        write_text(Path(options.out), _written(found, options))
    for sentence in comparison_sentences(found):
        show(sentence)
    for table in comparison_tables(found):
        show(table)
    if options.out is not None:
        show(f"Every difference is written to {options.out}.")
    return found


def compare_runs(
    folders: Sequence[str],
    *,
    metric: str = "auroc",
    group: str | None = None,
    names: Sequence[str] | None = None,
) -> Comparison:
    """Compare run folders; none of their content is executed.

    Args:
        folders: Two or more. The first is the one that the others are compared with.
        metric: The metric that is put into words.
        group: As for `churn_torch.workflows.same_rows.same_rows`.
        names: Of the runs; None for what tells their choices apart.

    Raises:
        InputError: As for `compare`.
    """
    runs = read_tested_runs(folders, group=group)
    if names is None:
        names = run_names(folders, [run.config for run in runs])
    if all(run.is_cross_validation for run in runs):
        same_rows(runs)
        measured, notes = fold_metrics(runs)
        measured_on = f"{len(runs[0].metrics['folds'])} folds"
    else:
        rows = same_rows(runs, group=group)
        measured, notes = row_metrics(runs, rows)
        who = "churners" if rows.observed is None else "of whom left while observed"
        measured_on = f"{len(rows.label):,} test rows ({int(rows.label.sum()):,} {who})"
    if metric not in (known := [one.metric for one in measured]):
        raise InputError(
            "metric",
            expected=f"one of {', '.join(known)} with these runs",
            got=repr(metric),
            fix="train each run with the same offer=... and data.value=..."
            if metric == "profit"
            else "",
        )
    return comparison(names, measured, metric, measured_on=measured_on, notes=notes)


def job_differences(
    folders: Sequence[str], names: Sequence[str], metric: str
) -> tuple[PairedDifference, ...]:
    """Return how the other jobs of a sweep differ on their test rows from the best one.

    Args:
        folders: Run folders, that of the job first that validation rows found best: test rows
            have no part in the choice, so nothing is corrected for it.
        names: Of the jobs.
        metric: The metric.

    Raises:
        InputError: As for `compare`.
    """
    return compare_runs(folders, metric=metric, names=names).differences[metric]


def _check(options: CompareOptions) -> None:
    if options.metric not in METRICS:
        raise InputError(
            "metric",
            expected=f"one of {', '.join(METRICS)}",
            got=f"{options.metric!r}{suggest(options.metric, METRICS)}",
        )
    if options.out is None:
        return
    out = Path(options.out)
    if out.suffix.lower() not in (".csv", ".json"):
        raise InputError("out", expected="a file that ends in .csv or .json", got=repr(options.out))
    if any(os.path.realpath(out.parent) == os.path.realpath(run) for run in options.runs):
        raise InputError(
            "out",
            expected="a file outside the run folders",
            got=repr(options.out),
            fix="a run folder keeps what its training wrote",
        )


def _written(found: Comparison, options: CompareOptions) -> str:
    if str(options.out).lower().endswith(".json"):
        content = {"runs": dict(zip(found.names, options.runs, strict=True)), **asdict(found)}
        return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    rows = [
        {"compared_with": to, **asdict(one)}
        for to, by_metric in (("first", found.differences), ("best", found.to_best))
        for pairs in by_metric.values()
        for one in pairs
    ]
    return csv_text(pd.DataFrame(rows))
