"""The metrics of runs that are compared: of the rows or of the folds that they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from churn_torch.decisions.offer_profit import row_profits
from churn_torch.decisions.offers import Offer
from churn_torch.errors import InputError
from churn_torch.evaluation.comparison import METRICS, estimates
from churn_torch.evaluation.paired_metrics import Estimates, Floats
from churn_torch.evaluation.paired_survival import survival_estimates
from churn_torch.evaluation.resampled_t_test import fold_estimates, tested_to_learned
from churn_torch.evaluation.survival_metrics import known_outcomes
from churn_torch.tables.labelled.carried import FOLDS
from churn_torch.workflows.artefacts import METRICS as RUN_METRICS
from churn_torch.workflows.same_rows import FEWEST, SameRows
from churn_torch.workflows.stored_config import damaged_run
from churn_torch.workflows.tested_runs import KEY, TestedRun
from churn_torch.workflows.typed_config import read_options

# With fewer rows of a class an interval is rough (benchmarks/comparison_coverage.py).
FEW = 20


def row_metrics(
    runs: Sequence[TestedRun], rows: SameRows
) -> tuple[tuple[Estimates, ...], list[str]]:
    """Return every metric of runs on the same rows, and sentences on what to keep in mind.

    Raises:
        InputError: The offer that the runs share cannot be.
    """
    if rows.observed is not None:
        return _lifetime_metrics(rows, rows.observed)
    profit, note = _profits(runs, rows)
    measured = estimates(rows.label, rows.probability, profit=profit, clusters=rows.clusters)
    return measured, [*rows.notes, *note, *_few(len(rows.label), int(rows.label.sum()))]


def _lifetime_metrics(
    rows: SameRows, observed: npt.NDArray[np.int64]
) -> tuple[tuple[Estimates, ...], list[str]]:
    known = known_outcomes(observed, rows.label, rows.horizon)
    n_left, n_stayed = int(known.left.sum()), int(known.stayed.sum())
    if min(n_left, n_stayed) < FEWEST:
        raise InputError(
            KEY,
            expected=f"{FEWEST} or more test rows that left within the horizon, and that stayed",
            got=f"{n_left} and {n_stayed}",
            fix="train with a larger data.split.test, or another data.horizon",
        )
    measured = survival_estimates(
        rows.probability, observed, rows.label, horizon=rows.horizon, clusters=rows.clusters
    )
    return measured, [
        *rows.notes,
        f"AUROC, log-loss and Brier score are of leaving within {rows.horizon} periods, with "
        "inverse censoring weights.",
        *_few(n_left + n_stayed, n_left),
    ]


def fold_metrics(runs: Sequence[TestedRun]) -> tuple[tuple[Estimates, ...], list[str]]:
    """Return the metrics of cross-validations over the same folds, with corrected covariance.

    Raises:
        InputError: metrics.json of a run does not name the folds of its predictions.
    """
    folds = [_folds(run) for run in runs]
    places = list(folds[0])
    ratio = tested_to_learned(
        [int(folds[0][place]["n"]) for place in places],
        int(runs[0].metrics["data"]["n_rows"]),
        by_time=_by_time(runs[0]),
    )
    shared = [name for name in METRICS if all(name in one[place] for one in folds for place in one)]
    measured = tuple(
        fold_estimates(
            name, np.array([[one[place][name] for place in places] for one in folds]), ratio
        )
        for name in shared
    )
    return measured, [
        "Folds share training rows; their errors are corrected for that (Nadeau & Bengio 2003)."
    ]


def _by_time(run: TestedRun) -> bool:
    return "time" in ((run.config["data"].get("split") or {}).get("by") or ())


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
        most = n_tested if _by_time(run) else max(int(one["n"]) for one in folds.values())
        if not 0 < most < int(run.metrics["data"]["n_rows"]):
            raise ValueError("no row is left to learn from")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        damaged = damaged_run(Path(run.folder), f"{RUN_METRICS} does not name its folds")
        raise InputError(KEY, expected=damaged.expected, got=damaged.got, fix=damaged.fix) from (
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
        f"Only {fewer} {whom}: with fewer than {FEW} the intervals are rough: those of the "
        "log-loss and of lift may be too wide, that of the Brier score a little too narrow."
    ]
