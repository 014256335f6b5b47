"""Leakage: columns that tell churn too well, such as one that is filled after the churn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.evaluation.leakage.simple_model import fit, inputs_of
from churn_torch.tables.schema import Schema

# A column whose AUROC is above this is suspicious.
SUSPICIOUS = 0.98
# So is a column whose missing cells reach this, or one that reaches it and leaves to 1 at most this
# share of what all other columns together leave.
NEARLY, LEFT = 0.9, 1 / 3
# Cells tell one class where the other has at most this share of the rows that it has elsewhere, and
# where they hold so many rows of the class that chance (below exp(-20)) does not explain it.
PURE, COVERED, _LOG_CHANCE = 0.02, 0.1, -20.0
# Columns and rows that are taken together, at most, and the fewest other columns.
_TOGETHER, _ROWS, _OTHERS = 20, 10_000, 3
# Columns that may be far ahead, at most: more are the nature of the table.
_MOST_AHEAD = 2
_FEWEST_CHURNERS = 30
# Numbers with more values are compared by quantile bins, and in their order.
_LEVELS = 64
_ROWS_A_LEVEL = 10

Labels = npt.NDArray[np.float32]


@dataclass(frozen=True)
class LoneTeller:
    """A column that alone tells churn.

    Attributes:
        column: Its name.
        auroc: The AUROC of its values, or of their being missing.
        missing: Which class its missing cells stand for, where these tell it: 1 for churn, 0 for
            none; else None.
        rest: The AUROC of all other columns together, where it is far behind; else None.
    """

    column: str
    auroc: float
    missing: int | None = None
    rest: float | None = None


@dataclass(frozen=True)
class OneSided:
    """Cells of a column that only rows of one class have.

    Attributes:
        column: Its name.
        cells: ``missing``, ``filled``, or the text of the cells.
        told: The class: 1 for churn, 0 for none.
        n_rows: The rows with these cells that were looked at.
        covered: The share of the class that they hold.
    """

    column: str
    cells: str
    told: int
    n_rows: int
    covered: float


def lone_tellers(
    parsed: pd.DataFrame, label: Labels, schema: Schema, scores: Mapping[str, float] | None = None
) -> list[LoneTeller]:
    """Return the columns that alone tell churn, on training rows.

    A category is scored by the churn rate of its other rows, so that categories of few rows gain
    nothing from their own labels.

    Args:
        parsed: N rows of features (`churn_torch.tables.encode.parse`).
        label: ``[N]``, 1 for churn and 0 for none.
        schema: The columns.
        scores: From `column_aurocs`, where they are known.
    """
    n, n_positive = len(label), int(label.sum())
    # The chance that a column without any relation to churn tells so few rows apart.
    log_chance = sum(map(math.lgamma, (n_positive + 1, n - n_positive + 1))) - math.lgamma(n + 1)
    if log_chance > -math.log(10 * len(schema.features)):
        return []
    nearly = NEARLY if min(n_positive, n - n_positive) >= _FEWEST_CHURNERS else SUSPICIOUS
    found = []
    for column in schema.features:
        cells = parsed[column.name]
        missing = ((cells == "") if Schema.is_text(column) else cells.isna()).to_numpy()
        of_missing = auroc(missing.astype(np.float64), label)
        if max(of_missing, 1 - of_missing) > nearly:
            told = LoneTeller(column.name, max(of_missing, 1 - of_missing), int(of_missing > 0.5))
            found.append(told)
            continue
        if Schema.is_text(column):
            best = auroc(_others_rate(pd.factorize(cells)[0], label), label)
        else:
            best = _of_numbers(cells.to_numpy(dtype=np.float64), label)
        if best > SUSPICIOUS:
            found.append(LoneTeller(column.name, best))
    if nearly == SUSPICIOUS:
        return found
    scores = column_aurocs(parsed, label, schema) if scores is None else scores
    return found + _far_ahead(parsed, label, schema, scores, {one.column for one in found})


def column_aurocs(parsed: pd.DataFrame, label: Labels, schema: Schema) -> dict[str, float]:
    """Return the AUROC of each column alone, of levels whose churn rate other rows give."""
    scores = {}
    for column in schema.features:
        cells = parsed[column.name]
        if Schema.is_text(column):
            scores[column.name] = held_out_auroc(pd.factorize(cells)[0], label)
        else:
            numbers = cells.to_numpy(dtype=np.float64)
            in_order = _in_order(numbers, label)
            scores[column.name] = max(in_order, held_out_auroc(_bins(numbers), label))
    return scores


def one_sided(parsed: pd.DataFrame, label: Labels, schema: Schema) -> list[OneSided]:
    """Return the columns with cells that only rows of one class have.

    Missing and filled cells of every column are looked at, for either class, and each category for
    churn: a status such as ``closed``, which only some of those who leave get.

    Args:
        parsed: As for `lone_tellers`.
        label: As for `lone_tellers`.
        schema: As for `lone_tellers`.
    """
    n_of = np.array([(label == 0).sum(), (label == 1).sum()], dtype=np.float64)
    if n_of.min() < _FEWEST_CHURNERS:
        return []
    found = []
    for column in schema.features:
        cells = parsed[column.name]
        is_text = Schema.is_text(column)
        missing = ((cells == "") if is_text else cells.isna()).to_numpy()
        states: list[tuple[str, npt.NDArray[np.bool_], tuple[int, ...]]] = []
        if missing.any():
            states += [("missing", missing, (0, 1)), ("filled", ~missing, (0, 1))]
        if is_text:
            codes, levels = pd.factorize(cells)
            counts = np.bincount(codes, weights=label, minlength=len(levels))
            frequent = np.flatnonzero(counts >= COVERED * n_of[1]).tolist()
            states += [(str(levels[i]), codes == i, (1,)) for i in frequent if levels[i] != ""]
        for cell, of_state, classes in states:
            told = _told(of_state, label, n_of, classes)
            if told is not None:
                covered = float((of_state & (label == told)).sum() / n_of[told])
                found.append(OneSided(column.name, cell, told, int(of_state.sum()), covered))
                break
    return found


def _told(
    state: npt.NDArray[np.bool_],
    label: Labels,
    n_of: npt.NDArray[np.float64],
    classes: tuple[int, ...],
) -> int | None:
    """Return the class that rows in a state are of, where hardly any is of the other."""
    n = float(state.sum())
    n_churn = float(label[state].sum())
    for told in classes:
        other = n_churn if told == 0 else n - n_churn
        usual = float(n_of[1 - told] / n_of.sum())
        if not n or n - other < COVERED * n_of[told] or other > PURE * usual * n:
            continue
        # Chernoff's bound for so few of the other class among n rows.
        share = other / n
        distance = (1 - share) * math.log((1 - share) / (1 - usual))
        distance += share * math.log(share / usual) if share else 0.0
        if -n * distance < _LOG_CHANCE:
            return told
    return None


def _far_ahead(
    parsed: pd.DataFrame,
    label: Labels,
    schema: Schema,
    scores: Mapping[str, float],
    found: set[str],
) -> list[LoneTeller]:
    """Return the columns that tell far more than all the others together."""
    ahead = [name for name, score in scores.items() if score >= NEARLY and name not in found]
    others = sorted(
        (name for name, score in scores.items() if score < NEARLY and name not in found),
        key=lambda name: -scores[name],
    )
    if not 0 < len(ahead) <= _MOST_AHEAD or len(others) < _OTHERS:
        return []
    rows = np.random.default_rng(0).permutation(len(label))[:_ROWS]
    inputs = inputs_of(parsed.take(rows), schema, others[:_TOGETHER])
    label, half = label[rows], np.arange(len(rows)) % 2 == 0
    areas = [
        auroc(inputs[~one] @ fit(inputs[one], label[one]), label[~one]) for one in (half, ~half)
    ]
    rest = max(float(np.mean(areas)), *(scores[name] for name in others))
    return [
        LoneTeller(name, scores[name], rest=rest)
        for name in ahead
        if 1 - scores[name] <= LEFT * (1 - rest)
    ]


def _of_numbers(numbers: npt.NDArray[np.float64], label: Labels) -> float:
    """Return the best AUROC of numbers: in their order, either way round, or by bins."""
    by_bins = auroc(_others_rate(_bins(numbers), label), label)
    return max(_in_order(numbers, label), by_bins)


def _in_order(numbers: npt.NDArray[np.float64], label: Labels) -> float:
    """Return the AUROC of numbers in their order, the best way round and place of the missing."""
    in_order, missing = [], np.isnan(numbers)
    for place in (-np.inf, np.inf) if missing.any() else (0.0,):
        area = auroc(np.where(missing, place, numbers), label)
        in_order += [area, 1 - area]
    return max(in_order)


def _bins(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return the bin of each number: of its value where there are few, else between quantiles."""
    present = numbers[~np.isnan(numbers)]
    edges = np.unique(present)
    if len(edges) > _LEVELS:
        n_bins = max(1, min(_LEVELS, len(present) // _ROWS_A_LEVEL))
        edges = np.unique(np.quantile(present, np.arange(1, n_bins) / n_bins))
    bins = np.searchsorted(edges, numbers, side="right")
    return np.where(np.isnan(numbers), len(edges) + 1, bins)


def _others_rate(level: npt.NDArray[np.int64], label: Labels) -> npt.NDArray[np.float64]:
    """Return the churn rate among the other rows of each row's level, shrunk to the mean."""
    n_rows = np.bincount(level)
    n_positive = np.bincount(level, weights=label)
    return np.asarray((n_positive[level] - label + label.mean()) / n_rows[level])


def held_out_auroc(level: npt.NDArray[np.int64], label: Labels) -> float:
    """Return the AUROC of levels whose churn rate every other row gives, for the rows between.

    The mean of both ways. Unlike the rate of a row's other rows it does not order the rows of one
    level against their labels.
    """
    areas = []
    for half in (0, 1):
        tested = np.arange(len(label)) % 2 == half
        n_rows = np.bincount(level[~tested], minlength=int(level.max()) + 1)
        n_positive = np.bincount(level[~tested], weights=label[~tested], minlength=len(n_rows))
        rate = (n_positive + label.mean()) / (n_rows + 1)
        areas.append(auroc(rate[level[tested]], label[tested]))
    return float(np.mean(areas))


def auroc(score: npt.NDArray[np.float64], label: Labels) -> float:
    """Return the area under the ROC curve of a score; equal scores count as half."""
    _, level, counts = np.unique(score, return_inverse=True, return_counts=True)
    positives = np.bincount(level, weights=label, minlength=len(counts))
    negatives = counts - positives
    below = np.cumsum(negatives) - negatives
    pairs = float(positives.sum() * negatives.sum())
    return float(positives @ (below + negatives / 2)) / pairs if pairs else 0.5
