"""Column selection: four scores of how much a column predicts churn, from training rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from churn_torch.errors import InputError, suggest
from churn_torch.evaluation.leakage.column_scores import (
    counts_of,
    mutual_information,
    pearson_chi2,
)
from churn_torch.evaluation.log_loss import LogLoss
from churn_torch.models.preprocessing.expansion import Expansion
from churn_torch.models.preprocessing.preprocess import Columns, Preprocess
from churn_torch.models.scorer import CHUNK_ROWS, Scorer
from churn_torch.tables.encode import encode
from churn_torch.tables.labelled.rows import Rows
from churn_torch.tables.schema import Kind, Schema
from churn_torch.training.logistic.loss_sums import LogisticSums, hessian_sum
from churn_torch.training.logistic.newton import Newton
from churn_torch.training.logistic.problem import Penalty
from churn_torch.training.rows.batches import rows_to_expand, spread_sample
from churn_torch.training.rows.store import Block, Part

METHODS = ("none", "chi2", "mutual_info", "l1", "permutation")
# Most rows for l1 and permutation.
MOST_ROWS = 200_000
SHUFFLES = 5
# Strengths of L1 to try: from the one that admits the first column down to this share of it.
STRENGTHS, WEAKEST = 40, 1e-3


@dataclass(frozen=True)
class Selection:
    """The columns of a table, ranked.

    Attributes:
        method: One of `METHODS`.
        scores: By column, best first; above 0 where a column predicts better than chance.
        chosen: The columns that are kept, best first.
    """

    method: str
    scores: Mapping[str, float]
    chosen: tuple[str, ...]

    def narrowed(self, schema: Schema) -> Schema:
        """Return the schema with the other columns left out."""
        left_out = {
            name: replace(
                schema[name],
                kind=Kind.IGNORED,
                note=f"left out: {self.method} score {score:.3g}, not among the chosen",
            )
            for name, score in self.scores.items()
            if name not in self.chosen
        }
        return schema.with_columns(left_out)


def check_selection(method: object, k: object) -> None:
    """Check the options of a selection.

    Raises:
        InputError: The method is unknown, or ``k`` is not a number of columns.
    """
    if method not in METHODS:
        raise InputError(
            "features.select",
            expected=f"one of {', '.join(METHODS)}",
            got=f"{method!r}{suggest(str(method), METHODS)}",
        )
    if k is not None and (not isinstance(k, int) or isinstance(k, bool) or k < 1):
        raise InputError(
            "features.k",
            expected="a whole number above 0, or null for all columns that score above 0",
            got=repr(k),
        )


def choose(method: str, scores: Mapping[str, float], k: int | None) -> Selection:
    """Choose the k best columns, or all, of those that score above 0; of equals the first.

    Raises:
        InputError: There are fewer columns than k, or none scores above 0.
    """
    if k is not None and k > len(scores):
        raise InputError(
            "features.k",
            expected=f"at most the {len(scores)} columns there are",
            got=str(k),
            fix="lower it, or set features.select=none",
        )
    ranked = dict(sorted(scores.items(), key=lambda item: -item[1]))
    chosen = tuple(name for name in list(ranked)[:k] if ranked[name] > 0)
    if not chosen:
        raise InputError(
            "features.select",
            expected=f"a column that {method} scores above 0",
            got=f"none in {len(scores)}",
            fix="check the target, which no column predicts, or set features.select=none",
        )
    return Selection(method, ranked, chosen)


def chi2_scores(levels: pd.DataFrame, label: npt.NDArray[np.float32]) -> dict[str, float]:
    """Return phi squared of each column's levels and the label, minus its value by chance.

    ``chi2 / N - (levels - 1) / N``.
    Source: Bergsma 2013, "A bias-correction for Cramér's V and Tschuprow's T".
    """
    scores = {}
    for name in levels:
        statistic, freedom = pearson_chi2(counts_of(levels[name].to_numpy(), label))
        scores[str(name)] = (statistic - freedom) / len(label)
    return scores


def mutual_info_scores(levels: pd.DataFrame, label: npt.NDArray[np.float32]) -> dict[str, float]:
    """Return the mutual information of each column's levels and the label, minus that by chance."""
    return {
        str(name): mutual_information(counts_of(levels[name].to_numpy(), label)) for name in levels
    }


def l1_scores(
    preprocess: Preprocess, train: Part, validation: Part, *, l2: float, k: int | None
) -> dict[str, float]:
    """Return the strength of L1 below which each column enters a logistic regression; 0 for never.

    The path goes down from the strength that keeps every column out, and each solution starts from
    the one before. Features are scaled to equal spread. The path ends when k columns are in, or,
    without k, where the validation log-loss is lowest. Of columns that enter in one step, the one
    with the larger weights scores slightly more.

    Args:
        preprocess: With its statistics loaded.
        train: Rows to learn from.
        validation: Rows to judge by.
        l2: The other half of the elastic net.
        k: Columns wanted.
    """
    expansion = Expansion(preprocess)
    rows, held = spread_sample(train, MOST_ROWS), spread_sample(validation, MOST_ROWS)
    of_column = preprocess.of_column().double()
    spread = _spreads(expansion, rows)
    point = torch.zeros(expansion.n_features + 1, dtype=torch.float64)
    point = _solved(expansion, rows, spread, point, Penalty(1e30, l2))  # the intercept alone
    strongest = float(_mean_loss(expansion, rows, spread, point)[1][:-1].abs().max())
    scores, best, steps_ago = dict.fromkeys(preprocess.columns, 0.0), np.inf, 0
    kept = scores
    for strength in strongest * np.geomspace(1, WEAKEST, STRENGTHS)[1:]:
        point = _solved(expansion, rows, spread, point, Penalty(float(strength), l2))
        size = of_column.T @ point[:-1].abs()
        tie_break = size / (1 + size.max()) * 1e-6
        for i, name in enumerate(preprocess.columns):
            if size[i] > 0 and not scores[name]:
                scores[name] = float(strength * (1 + tie_break[i]))
        loss = _mean_loss(expansion, held, spread, point)[0]
        steps_ago += 1
        if loss < best:
            best, steps_ago, kept = loss, 0, dict(scores)
        if k is not None and sum(score > 0 for score in scores.values()) >= k:
            return scores
        if k is None and steps_ago == 5:
            break
    return scores if k is not None else kept


def permutation_scores(
    scorer: Scorer, schema: Schema, rows: Rows, *, seed: int
) -> dict[str, float]:
    """Return the mean rise of the log-loss when a column's cells are shuffled.

    The table's columns are shuffled, not the features that the model makes of them.
    Source: Breiman 2001, "Random forests"; Fisher, Rudin & Dominici 2019, "All models are wrong,
    but many are useful".

    Args:
        scorer: Trained on other rows, in evaluation mode.
        schema: Completed by those rows.
        rows: Rows to measure the log-loss on.
        seed: Of the shuffles.
    """
    rows = rows.take(np.arange(0, len(rows.label), -(-len(rows.label) // MOST_ROWS)))
    columns = Columns.from_arrays(encode(rows.parsed, schema))
    before, generator = _log_loss(scorer, columns, rows), torch.Generator().manual_seed(seed)
    rises = []
    for group, cells in columns._asdict().items():
        if cells is None:  # no lists, which no choice of columns takes
            continue
        for i in range(cells.shape[1]):
            rise = []
            for _ in range(SHUFFLES):
                order = torch.randperm(len(cells), generator=generator)
                shuffled = cells.clone()
                shuffled[:, i] = cells[order, i]
                changed = columns._replace(**{group: shuffled})
                rise.append(_log_loss(scorer, changed, rows) - before)
            rises.append(float(np.mean(rise)))
    return dict(zip(scorer.preprocess.columns, rises, strict=True))


@torch.no_grad()
def _log_loss(scorer: Scorer, columns: Columns, rows: Rows) -> float:
    loss = LogLoss()
    label = torch.from_numpy(rows.label)
    weight = None if rows.weight is None else torch.from_numpy(rows.weight)
    logit = torch.cat([scorer.raw_logit(*chunk) for chunk in columns.in_chunks(CHUNK_ROWS)])
    loss.update(logit - scorer.prior_shift, label, weight)
    return float(loss.compute())


def _spreads(expansion: Expansion, rows: Block) -> Tensor:
    """Return the standard deviation of each feature, 1 where it has none, and 1."""
    x = torch.ones(len(rows.label), 1)
    mean = expansion.sums(rows.dense, rows.codes, x)[:, 0].double() / len(x)
    square = expansion.square_sums(rows.dense, rows.codes, x)[:, 0].double() / len(x)
    spread = (square - mean**2).clamp(min=0).sqrt()
    return torch.cat([torch.where(spread > 1e-6, spread, 1.0), torch.ones(1)])


def _mean_loss(
    expansion: Expansion, rows: Block, spread: Tensor, point: Tensor
) -> tuple[float, Tensor]:
    """Return the mean loss of a linear model of features of equal spread, and its gradient."""
    sums = LogisticSums.zeros(expansion.n_features, 1, point.device)
    weight = (point / spread).float().unsqueeze(1)
    for chunk in rows.in_chunks(rows_to_expand(expansion.n_features)):
        sums.add(expansion, chunk, weight, positive_weight=1)
    return float(sums.loss[0] / sums.n_rows[0]), sums.gradient[:, 0] / sums.n_rows[0] / spread


def _solved(
    expansion: Expansion, rows: Block, spread: Tensor, point: Tensor, penalty: Penalty
) -> Tensor:
    """Return the optimum of a linear model, from a point near it."""
    n_rows = len(rows.label) if rows.weight is None else float(rows.weight.double().sum())
    for _ in range(12):
        hessian = hessian_sum(
            expansion,
            rows,
            (point / spread).float(),
            positive_weight=1,
            chunk_rows=rows_to_expand(expansion.n_features),
        )
        hessian = hessian / n_rows / torch.outer(spread, spread)
        problem = Newton(point, penalty, hessian, tolerance=1e-7, memory=10)
        for _ in range(6):
            problem.tell(*_mean_loss(expansion, rows, spread, problem.trial))
            if problem.done:
                return problem.point
        point = problem.point
    return point
