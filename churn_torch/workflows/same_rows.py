"""The test rows that runs have in common: matched by id or row number, or refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.errors import InputError
from churn_torch.tables.labelled.carried import FOLDS, ROW, VALUE
from churn_torch.workflows.run_names import differing
from churn_torch.workflows.tested_runs import KEY, TestedRun

# Fewer rows of a class have no spread.
FEWEST = 2
# No column of a table is likely to have these names.
_NTH, _POSITION = " occurrence", " position"


class SameRows(NamedTuple):
    """N test rows of R runs.

    Attributes:
        label: ``[N]``, whether a row is a churner.
        probability: ``[R, N]``.
        value: ``[N]``, what each customer is worth; None where the runs do not say the same.
        clusters: ``[N]``, the customer of each row, from 0 on; None where no customer has several.
        notes: Sentences on what was found.
        observed: ``[N]``, the periods that customers were observed in, of models of time to churn;
            None of others.
        horizon: Periods within which their probabilities are; 0 of others.
    """

    label: npt.NDArray[np.bool_]
    probability: npt.NDArray[np.float32]
    value: npt.NDArray[np.float64] | None
    clusters: npt.NDArray[np.intp] | None
    notes: tuple[str, ...]
    observed: npt.NDArray[np.int64] | None = None
    horizon: int = 0


def same_rows(runs: Sequence[TestedRun], *, group: str | None = None) -> SameRows:
    """Put the test rows of runs into one order.

    Args:
        runs: Two or more.
        group: The column that names a customer with several rows; None for the group of the split,
            else the id where one names several rows.

    Raises:
        InputError: The runs were not tested on the same rows, or these have too few of a class.
    """
    first, notes = runs[0], []
    orders = [np.arange(len(first.label))]
    for run in runs[1:]:
        _check_kind(first, run)
        by_id = first.id == run.id != ROW
        if first.fingerprint != run.fingerprint:
            if not by_id:
                _refuse_tables(first, run)
            notes.append(
                f"{run.folder} was trained on another table than {first.folder} (fingerprints "
                f"{run.fingerprint} and {first.fingerprint}); its test rows have the same "
                f"{first.id} and the same outcomes."
            )
        orders.append(_order(first, run))
    for run, order in zip(runs[1:], orders[1:], strict=True):
        if (run.label[order] != first.label).any():
            raise InputError(
                KEY,
                expected="the same outcome of each row in all runs",
                got=f"{int((run.label[order] != first.label).sum()):,} rows that are churners in "
                f"one of {first.folder!r} and {run.folder!r} only",
                fix="train both with the same data.target and data.positive",
            )
    if first.observed is not None:
        _check_lifetimes(first.observed, runs[1:], orders[1:])
    n_churners = int(first.label.sum())
    if min(n_churners, len(first.label) - n_churners) < FEWEST:
        raise InputError(
            KEY,
            expected=f"{FEWEST} or more test rows of both classes",
            got=f"{n_churners} churners in {len(first.label)} rows",
            fix="train with a larger data.split.test",
        )
    clusters = _clusters(first, group)
    if clusters is not None:
        notes.append(
            f"Rows of one customer ({group or _customer(first)}) are not independent, and count "
            f"together: {int(clusters.max()) + 1:,} customers."
        )
    probability = np.stack([run.probability[o] for run, o in zip(runs, orders, strict=True)])
    value = _value(runs, orders)
    return SameRows(
        first.label, probability, value, clusters, tuple(notes), first.observed, first.horizon
    )


def _check_kind(first: TestedRun, run: TestedRun) -> None:
    if first.is_cross_validation != run.is_cross_validation:
        folds, one = (first, run) if first.is_cross_validation else (run, first)
        raise InputError(
            KEY,
            expected="trainings with one split, or cross-validations",
            got=f"the cross-validation {folds.folder!r} and {one.folder!r}, which has one split",
            fix="train both with the same cv.folds",
        )
    if first.horizon != run.horizon:
        ends = [
            f"within {one.horizon} periods" if one.horizon else "whether customers leave"
            for one in (first, run)
        ]
        raise InputError(
            KEY,
            expected="probabilities of the same",
            got=f"{ends[0]} in {first.folder!r} and {ends[1]} in {run.folder!r}",
            fix="train both with one data.horizon, and both or neither with model=survival",
        )
    if first.id != run.id:
        raise InputError(
            KEY,
            expected="the same data.id in all runs, by which their test rows are matched",
            got=f"{first.id!r} in {first.folder!r} and {run.id!r} in {run.folder!r}",
            fix="train both with the same data.id",
        )


def _check_lifetimes(
    observed: npt.NDArray[np.int64],
    runs: Sequence[TestedRun],
    orders: Sequence[npt.NDArray[np.intp]],
) -> None:
    for run, order in zip(runs, orders, strict=True):
        assert run.observed is not None
        if others := int((run.observed[order] != observed).sum()):
            raise InputError(
                KEY,
                expected="customers who were observed for the same periods in all runs",
                got=f"{others:,} with other ones in {run.folder!r}",
                fix="train all with one data.duration, data.entry and data.period",
            )


def _refuse_tables(first: TestedRun, run: TestedRun) -> None:
    raise InputError(
        KEY,
        expected="runs on the same table, or with a data.id by which rows are matched",
        got=f"{first.folder!r} on a table with fingerprint {first.fingerprint} and "
        f"{run.folder!r} on one with {run.fingerprint}",
        fix="train both on one table",
    )


def _order(first: TestedRun, run: TestedRun) -> npt.NDArray[np.intp]:
    """Return the positions of the first run's rows in those of another."""
    wanted, given = first.rows[first.keys], run.rows[run.keys]
    if len(wanted) == len(given) and all(
        np.array_equal(wanted[name].to_numpy(), given[name].to_numpy()) for name in first.keys
    ):
        return np.arange(len(given))
    wanted, given = _numbered(wanted), _numbered(given)
    joined = wanted.merge(
        given.assign(**{_POSITION: np.arange(len(given))}), how="left", on=list(wanted.columns)
    )
    common = int(joined[_POSITION].notna().sum())
    if common < len(wanted) or common < len(given):
        more = f" ({between})" if (between := _between(first, run)) else ""
        what = "folds" if first.is_cross_validation else "test rows"
        raise InputError(
            KEY,
            expected=f"runs with the same {what}",
            got=f"{common:,} in common of the {len(wanted):,} of {first.folder!r} and the "
            f"{len(given):,} of {run.folder!r}{more}",
            fix="train both with the same seed, data.split and cv",
        )
    return joined[_POSITION].to_numpy(np.intp)


def _numbered(keys: pd.DataFrame) -> pd.DataFrame:
    """Return keys as text, and the rows of one key numbered in their order."""
    keys = keys.astype("str")
    nth = keys.groupby(list(keys.columns), sort=False, dropna=False).cumcount()
    return keys.assign(**{_NTH: nth.to_numpy()})


def _between(first: TestedRun, run: TestedRun) -> str:
    """Return the choices about rows that differ, such as ``seed=0 and seed=1``."""
    about_rows = {
        key: values
        for key, values in differing([first.config, run.config]).items()
        if key == "seed" or key.startswith(("data.s", "data.t", "data.n", "data.p", "cv."))
    }
    return ", ".join(" and ".join(f"{key}={value}" for value in values)
                     for key, values in list(about_rows.items())[:3])  # fmt: skip


def _customer(run: TestedRun) -> str:
    """Return the column that names a customer: that of the group if it was read, else the id."""
    groups = [name for name in run.rows.columns if name not in (*FOLDS, run.id, VALUE)]
    return groups[0] if groups else run.id


def _clusters(run: TestedRun, group: str | None) -> npt.NDArray[np.intp] | None:
    names = run.rows[group or _customer(run)]
    codes, levels = pd.factorize(names, use_na_sentinel=False)
    if len(levels) == len(codes) or run.is_cross_validation:
        return None
    if len(levels) < FEWEST:
        raise InputError(
            "group", expected="a column with several customers", got=f"{names.name!r} with one"
        )
    return np.asarray(codes, np.intp)


def _value(
    runs: Sequence[TestedRun], orders: Sequence[npt.NDArray[np.intp]]
) -> npt.NDArray[np.float64] | None:
    if any(VALUE not in run.rows for run in runs):
        return None
    values = [run.rows[VALUE].to_numpy(np.float64)[o] for run, o in zip(runs, orders, strict=True)]
    # Of equal sums of money, rounded on the way to a file or not.
    same = all(np.allclose(one, values[0], rtol=1e-9, atol=0) for one in values[1:])
    return values[0] if same and (values[0] >= 0).all() else None
