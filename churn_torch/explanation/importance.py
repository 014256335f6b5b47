"""Importance by permutation: how much worse a model is where some columns hold others' cells."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from churn_torch.evaluation.leakage.column_leakage import auroc
from churn_torch.evaluation.share_intervals import CONFIDENCE
from churn_torch.explanation.column_steps import with_cells
from churn_torch.explanation.explained_model import ExplainedModel, ExplainedRows, Floats

REPEATS = 5
Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


@dataclass(frozen=True)
class Importance:
    """How much a model needs a column, or columns that are strongly correlated.

    Attributes:
        columns: Their names.
        log_loss_rise: Mean rise of the log-loss where the cells are permuted.
        low: Lower end of its 95 % interval.
        high: Upper end.
        auroc_fall: Mean fall of the AUROC.
        mean_reason: Mean absolute reason of the columns together, in log-odds.
        reason_low: Lower end of its 95 % interval.
        reason_high: Upper end.
    """

    columns: tuple[str, ...]
    log_loss_rise: float
    low: float
    high: float
    auroc_fall: float
    mean_reason: float
    reason_low: float
    reason_high: float


def importance(
    model: ExplainedModel,
    rows: ExplainedRows,
    groups: Sequence[Sequence[str]],
    *,
    repeats: int = REPEATS,
    seed: int = 0,
) -> Iterator[Importance]:
    """Yield how much the model needs each group of columns.

    The cells of a group move together, from one row to another, so that strongly correlated columns
    do not stand in for each other. The interval holds the uncertainty about the rows: each counts
    by its own label and by the cells that it lends to another row.
    Source: Fisher, Rudin & Dominici 2019, "All models are wrong, but many are useful".

    Args:
        model: What is asked.
        rows: N rows that it has not learned from, of both classes.
        groups: Names of columns.
        repeats: Permutations of each group.
        seed: Of the permutations.
    """
    rng = np.random.default_rng(seed)
    label = rows.label.astype(np.float64)
    logit, reasons = model.logit(rows.parsed), model.reasons(rows.parsed)
    loss, area = _loss(logit, label), auroc(logit, rows.label)
    every = rows.parsed.take(np.tile(np.arange(len(label)), repeats))  # asked about at once
    for columns in groups:
        orders = np.stack([rng.permutation(len(label)) for _ in range(repeats)])
        moved = {name: rows.parsed[name].take(orders.ravel()).array for name in columns}
        logits = model.logit(with_cells(every, moved)).reshape(orders.shape)
        falls = [area - auroc(logit, rows.label) for logit in logits]
        rise, half = permuted_mean(_loss(logits, label) - loss, orders)
        places = [model.names.index(name) for name in columns]
        size = np.abs(reasons[:, places].sum(1))
        reason = float(size.mean())
        reason_half = Z * float(size.std()) / math.sqrt(len(size))
        yield Importance(
            tuple(columns),
            rise,
            rise - half,
            rise + half,
            float(np.mean(falls)),
            reason,
            max(reason - reason_half, 0.0),
            reason + reason_half,
        )


def permuted_mean(values: Floats, orders: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Return the mean of values of pairs of rows, and half the length of its 95 % interval.

    A value is the sum of a mean, an effect of its row, an effect of the row whose cells were given,
    and a rest. The variance of the mean is ``var(sum of both effects of a row) / N + var(rest) /
    (N R)``. A row's mean as receiver plus its mean as lender has the variance ``var(sum of both
    effects) + (var(values) + var(rest)) / R``, so ``var(values) / R`` is taken off that.
    Source: Hoeffding 1948, "A class of statistics with asymptotically normal distribution".

    Args:
        values: ``[R, N]`` of each repeat and row.
        orders: ``[R, N]`` the row whose cells each row was given.
    """
    n_repeats, n = values.shape
    lent = np.empty_like(values)
    np.put_along_axis(lent, orders, values, axis=1)
    both = values.mean(0) + lent.mean(0)
    rest = values.var() / n_repeats
    variance = max(float(both.var()) - float(rest), float(rest)) / n
    return float(values.mean()), Z * math.sqrt(variance)


def _loss(logit: Floats, label: Floats) -> Floats:
    return np.asarray(np.logaddexp(0.0, logit) - label * logit)
