"""A column cut into steps, over which the differences of a model are accumulated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.tables.labelled.rows import readable_span
from churn_torch.tables.schema import Column, Kind, Schema

Floats = npt.NDArray[np.float64]
Logit = Callable[[pd.DataFrame], Floats]

NUMBER, DATE, YES_NO, CATEGORY = "number", "date", "yes or no", "category"
MISSING = "missing"


@dataclass(frozen=True)
class Steps:
    """A column cut into K steps between K + 1 cells.

    Attributes:
        column: Its name.
        kind: `NUMBER`, `DATE`, `YES_NO` or `CATEGORY`.
        cells: ``[K + 1]`` cells as `churn_torch.tables.encode.parse` gives them, in order.
        at: The same as people read them: numbers as such, all else as text.
        position: ``[N]`` where each row stands between them, from 0 to K; NaN for none.
        steps: ``[N, S]`` the steps, from 1, whose differences are taken at a row; 0 for none.
            A number is in one step. A category is at the ends of two.
    """

    column: str
    kind: str
    cells: npt.NDArray[Any] | pd.Categorical
    at: tuple[float, ...] | tuple[str, ...]
    position: Floats
    steps: npt.NDArray[np.int64]

    @property
    def n_rows(self) -> tuple[int, ...]:
        """Rows of each cell, and those between it and the cell before."""
        present = self.position[~np.isnan(self.position)]
        rows = np.bincount(np.ceil(present).astype(np.int64), minlength=len(self.cells))
        return tuple(rows.tolist())


def cut_steps(
    parsed: pd.DataFrame, levels: pd.DataFrame, schema: Schema, name: str, most: int
) -> Steps | None:
    """Cut a column into steps; None where its cells do not differ.

    Numbers and dates are cut at quantiles of equal numbers of rows. Categories are ordered so that
    neighbours are alike in the other columns (`similar_order`); of more than there are places for,
    the most frequent.

    Args:
        parsed: N rows (`churn_torch.tables.encode.parse`).
        levels: Their levels (`churn_torch.evaluation.leakage.column_scores.binned`).
        schema: The columns.
        name: The column.
        most: Most steps.
    """
    column = schema[name]
    if Schema.is_text(column):
        return _of_text(parsed, levels, schema, column, most)
    x = parsed[name].to_numpy(np.float64)
    present = x[~np.isnan(x)]
    if not len(present):
        return None
    shares = np.linspace(0, 1, most + 1)
    edges = np.unique(np.quantile(present, shares, method="inverted_cdf"))
    n_steps = len(edges) - 1
    if not n_steps:
        return None
    position = np.interp(x, edges, np.arange(n_steps + 1))
    step = np.where(np.isnan(x), 0, np.searchsorted(edges, x).clip(1, n_steps))
    at: tuple[float, ...] | tuple[str, ...] = tuple(edges.tolist())
    kind = NUMBER
    if column.kind is Kind.BOOLEAN:
        kind, at = YES_NO, tuple("yes" if edge else "no" for edge in edges)
    elif column.kind is Kind.DATETIME:
        kind, at = DATE, tuple(str(readable_span(edge, edge, column)[0]) for edge in edges.tolist())
    return Steps(name, kind, edges, at, position, step[:, None])


def similar_order(level: npt.NDArray[np.int64], others: pd.DataFrame, schema: Schema) -> Any:
    """Return the levels of a category in an order in which neighbours are alike elsewhere.

    Two levels differ by the sum, over the other columns, of the distance of what their rows hold
    there: the largest difference of the cumulative shares of numbers, and half the sum of the
    differences of the shares of categories. The order is that of the first coordinate of
    multidimensional scaling.
    Source: Apley & Zhu 2020, "Visualizing the effects of predictor variables in black box
    supervised learning models", appendix E.

    Args:
        level: ``[N]`` from 0 to L - 1; each has rows.
        others: The levels of the other columns, N rows.
        schema: The columns.

    Returns:
        ``[L]``, the levels in order.
    """
    n_levels = int(level.max()) + 1
    distance = np.zeros((n_levels, n_levels))
    for name in others:
        codes = others[name].to_numpy()
        width = int(codes.max()) + 1
        counts = np.bincount(level * width + codes, minlength=n_levels * width)
        shares = counts.reshape(n_levels, width) / np.bincount(level)[:, None]
        is_text = Schema.is_text(schema[str(name)])
        if not is_text:
            shares = shares.cumsum(1)
        for row in range(n_levels):
            apart = np.abs(shares - shares[row])
            distance[row] += apart.sum(1) / 2 if is_text else apart.max(1)
    centred = np.eye(n_levels) - 1 / n_levels
    first = np.linalg.eigh(-0.5 * centred @ distance**2 @ centred)[1][:, -1]
    # An eigenvector has no sign of its own.
    first = np.round(first * np.sign(first[np.abs(first).argmax()]), 9)
    return np.argsort(first, kind="stable")


def _of_text(
    parsed: pd.DataFrame, levels: pd.DataFrame, schema: Schema, column: Column, most: int
) -> Steps | None:
    codes, words = pd.factorize(parsed[column.name], sort=True)
    counts = np.bincount(codes)
    kept = np.sort(np.argsort(-counts, kind="stable")[: most + 1])
    if len(kept) < 2:
        return None
    level = np.full(len(counts), -1)
    level[kept] = np.arange(len(kept))
    level = level[codes]
    chosen = np.flatnonzero(level >= 0)
    others = levels.drop(columns=column.name).take(chosen)
    order = similar_order(level[chosen], others, schema)
    place = np.empty(len(kept), np.int64)
    place[order] = np.arange(len(kept))
    position = np.where(level >= 0, place[level], -1)
    below = np.where(position > 0, position, 0)
    above = np.where((position >= 0) & (position < len(kept) - 1), position + 1, 0)
    cells = pd.Categorical(np.asarray(words, dtype=object)[kept[order]])
    return Steps(
        column.name,
        YES_NO if column.kind is Kind.BOOLEAN else CATEGORY,
        cells,
        tuple(str(cell).strip() or MISSING for cell in cells),
        np.where(position >= 0, position, np.nan),
        np.stack([below, above], axis=1),
    )


def with_cells(parsed: pd.DataFrame, cells: Mapping[str, Any]) -> pd.DataFrame:
    """Return rows in which some columns hold other cells."""
    changed = parsed.copy(deep=False)
    for name, values in cells.items():
        changed[name] = values
    return changed
