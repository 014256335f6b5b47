"""The order of a comparison: the test rows of runs matched, measured and put into words."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_torch.console import show
from churn_torch.decisions.offer_profit import row_profits
from churn_torch.decisions.offers import Offer
from churn_torch.errors import InputError, suggest
from churn_torch.evaluation.comparison import (
    METRICS,
    Comparison,
    PairedDifference,
    comparison,
    estimates,
)
from churn_torch.evaluation.paired_metrics import Estimates, Floats
from churn_torch.evaluation.resampled_t_test import fold_estimates, tested_to_learned
from churn_torch.report.comparison import comparison_sentences, comparison_tables
from churn_torch.tables.labelled.carried import FOLDS
from churn_torch.whole_files import write_text
from churn_torch.workflows.artefacts import METRICS as RUN_METRICS
from churn_torch.workflows.run_names import run_names
from churn_torch.workflows.same_rows import SameRows, check_same_folds, same_rows
from churn_torch.workflows.stored_config import damaged_run
from churn_torch.workflows.tested_runs import TestedRun, read_tested_runs
from churn_torch.workflows.typed_config import plain_config, read_options

if TYPE_CHECKING:
    from omegaconf import DictConfig

# With fewer rows of a class an interval is rough (benchmarks/comparison_coverage.py).
FEW = 15


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
        check_same_folds(runs)
        measured: Sequence[Estimates] = _fold_metrics(runs)
        n_folds = len(runs[0].metrics["folds"])
        measured_on = f"{n_folds} folds"
        notes = [
            "Folds share training rows; their errors are corrected for that (Nadeau & Bengio 2003)."
        ]
    else:
        rows = same_rows(runs, group=group)
        profit, note = _profits(runs, rows)
        measured = estimates(rows.label, rows.probability, profit=profit, clusters=rows.clusters)
        n, n_churners = len(rows.label), int(rows.label.sum())
        measured_on = f"{n:,} test rows ({n_churners:,} churners)"
        notes = [*rows.notes, *note, *_few(n, n_churners)]
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
    if any(out.resolve().parent == Path(run).resolve() for run in options.runs):
        raise InputError(
            "out",
            expected="a file outside the run folders",
            got=repr(options.out),
            fix="a run folder keeps what its training wrote",
        )
    if not out.parent.is_dir():
        raise InputError("out", expected="a file in a folder that is there", got=repr(options.out))


def _fold_metrics(runs: Sequence[TestedRun]) -> list[Estimates]:
    """Return the metrics of cross-validations, fold by fold, with corrected covariance."""
    folds = [_folds(run) for run in runs]
    places = list(folds[0])
    split = runs[0].config["data"].get("split") or {}
    ratio = tested_to_learned(
        [int(folds[0][place]["n"]) for place in places],
        int(runs[0].metrics["data"]["n_rows"]),
        by_time=split.get("by") == "time",
    )
    return [
        fold_estimates(name, np.array([[one[place][name] for place in places] for one in folds]),
                       ratio)
        for name in METRICS
        if all(name in fold for one in folds for fold in one.values())
    ]  # fmt: skip


def _folds(run: TestedRun) -> dict[tuple[int, int], Mapping[str, float]]:
    """Return the metrics of each fold by its place; the rows say which places there are."""
    try:
        folds = {(one["repeat"], one["fold"]): one["test"] for one in run.metrics["folds"]}
        places = set(run.rows[list(FOLDS)].drop_duplicates().itertuples(index=False, name=None))
        named = [float(one[name]) for one in folds.values() for name in one if name in METRICS]
        n_tested = sum(int(one["n"]) for one in folds.values())
        whole = folds.keys() == places and n_tested == len(run.rows)
        if not (whole and named and np.isfinite(named).all() and len(folds) > 1):
            raise ValueError("its folds are not those of its predictions")
        if not 0 < max(one["n"] for one in folds.values()) < int(run.metrics["data"]["n_rows"]):
            raise ValueError("a fold tests every row")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        damaged = damaged_run(Path(run.folder), f"{RUN_METRICS} does not name its folds")
        raise InputError("runs", expected=damaged.expected, got=damaged.got, fix=damaged.fix) from (
            error
        )
    return folds


def _profits(runs: Sequence[TestedRun], rows: SameRows) -> tuple[Floats | None, list[str]]:
    """Return the profit of each row by each run's decision, ``[R, N]``, or why there is none."""
    offers = [run.config.get("offer") or {} for run in runs]
    if not any(offers):
        return None, []
    first = offers[0]
    if not isinstance(first, Mapping) or len(first) != 1 or any(o != first for o in offers):
        return None, ["Profit is not compared: the runs do not share one and the same offer."]
    if rows.value is None:
        return None, ["Profit is not compared: the runs do not value customers in the same way."]
    ((name, keys),) = first.items()
    offer = read_options(Offer, keys if isinstance(keys, Mapping) else {}, f"offer.{name}.")
    offer.check(str(name))
    profits = [
        row_profits(offer, probability, rows.label, rows.value, threshold=run.threshold)
        for run, probability in zip(runs, rows.probability, strict=True)
    ]
    return np.stack(profits), [
        f"Profit is that of the offer {name}, at the decision threshold of each run."
    ]


def _few(n: int, n_churners: int) -> list[str]:
    fewer = min(n_churners, n - n_churners)
    if fewer >= FEW:
        return []
    whom = "churners" if fewer == n_churners else "customers who stayed"
    return [
        f"Only {fewer} {whom}: with fewer than {FEW} the intervals, of lift above all, are not "
        "sure to hold the truth as often as they say."
    ]


def _written(found: Comparison, options: CompareOptions) -> str:
    if str(options.out).lower().endswith(".json"):
        content = {"runs": dict(zip(found.names, options.runs, strict=True)), **asdict(found)}
        return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    text = io.StringIO()
    writer: csv.DictWriter[str] | None = None
    for to, by_metric in (("first", found.differences), ("best", found.to_best)):
        for one in (each for pairs in by_metric.values() for each in pairs):
            row = {"compared_with": to, **asdict(one)}
            if writer is None:
                writer = csv.DictWriter(text, list(row), lineterminator="\n")
                writer.writeheader()
            writer.writerow(row)
    return text.getvalue()
