"""Counterfactuals: what would have to change for a customer to fall below the threshold.

The fewest cells are changed, and by as little as suffices: a counterfactual is the nearest row that
the model decides otherwise (Wachter, Mittelstadt & Russell 2017, "Counterfactual explanations
without opening the black box", Harvard J. Law & Tech. 31). Several are given, which change
different columns (Mothilal, Sharma & Tan 2020, "Explaining machine learning classifiers through
diverse counterfactual explanations", FAT*). They are of use only where people can act on them and
where such customers exist (Poyiadzi et al. 2020, "FACE", AIES): only actionable columns change,
within the training range, and to cells that occur together (`ExistingCells`).

The distance is that of Gower (1971, "A general coefficient of similarity", Biometrics 27): 1 for a
category, the share of the training range for a number. Of changes that are equally near, the one
with the lowest probability comes first. Only answers of the model are used.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.errors import InputError, suggest
from churn_torch.explanation.existing_cells import Cells, ExistingCells
from churn_torch.explanation.explained_model import ExplainedModel, Floats

MOST_CHANGES = 3
# Columns that change together.
MOST_COLUMNS = 6
# Sets of columns of one size, and candidates of one size, that are tried.
MOST_SETS, MOST_CANDIDATES = 500, 20_000
# In so many steps a number that suffices is brought nearer, twice.
_STEPS = 32


@dataclass(frozen=True)
class Counterfactual:
    """New cells with which the probability of a customer is below the threshold.

    Attributes:
        cells: Parsed cells by column; all others stay as they are.
        distance: Gower's, summed over the columns.
        probability: With the new cells.
    """

    cells: dict[str, str | float]
    distance: float
    probability: float


def check_actionable(actionable: Sequence[str], names: Sequence[str]) -> None:
    """Refuse a column that may change and is no input of the model.

    Args:
        actionable: ``explain.actionable``.
        names: The inputs.

    Raises:
        InputError: There is one.
    """
    for name in actionable:
        if name not in names:
            raise InputError(
                "explain.actionable",
                expected="columns that the model learns from",
                got=f"{name!r}, which is none of them{suggest(name, names)}",
                fix="name inputs of the model, or leave it out",
            )


def counterfactuals(
    model: ExplainedModel,
    customer: pd.DataFrame,
    existing: ExistingCells,
    actionable: Sequence[str],
    *,
    most: int = MOST_CHANGES,
) -> tuple[Counterfactual, ...]:
    """Return what would bring a customer below the threshold, the fewest columns and nearest first.

    Every set of columns appears once, and none that holds a smaller one that suffices. Where there
    are fewer than ``most`` sets, other categories of these sets follow. All candidates are tried
    where there are not too many (`MOST_CANDIDATES` of each number of columns); beyond, those cells
    which alone lower the probability most, which misses nothing in an additive model whose cells
    may be combined freely.

    Args:
        model: Gives the probabilities.
        customer: One parsed row.
        existing: Of the rows whose cells may be combined; its ``actionable`` holds all of these.
        actionable: The columns that may change.
        most: How many to return.
    """
    return _Search(model, customer, existing, list(dict.fromkeys(actionable))).found(most)


class _Search:
    """The search for one customer."""

    def __init__(
        self,
        model: ExplainedModel,
        customer: pd.DataFrame,
        existing: ExistingCells,
        actionable: list[str],
    ) -> None:
        self.model, self.existing = model, existing
        self.row: dict[str, Any] = {str(n): cells.iloc[0] for n, cells in customer.items()}
        self.threshold = np.float32(model.threshold)
        names = [c.name for c in model.schema.features]
        self.cells = {name: existing.new_cells(name, self.row[name]) for name in actionable}
        self.cells = {name: cells for name, cells in self.cells.items() if len(cells)}
        self.kept = {
            name: {k: existing.goes_with(name, cells, k, self.row[k]) for k in names if k != name}
            for name, cells in self.cells.items()
        }

    def found(self, most: int) -> tuple[Counterfactual, ...]:
        best: list[tuple[tuple[str, ...], list[Counterfactual]]] = []
        order = self._by_effect()
        for size in range(1, min(len(order), MOST_COLUMNS) + 1):
            if len(best) >= most or (best and size > len(best[0][0]) + 1):
                break
            smaller = [set(names) for names, _ in best]
            sets = [
                names
                for names in itertools.combinations(_affordable(order, size), size)
                if not any(one <= set(names) for one in smaller)
            ]
            fitting = list(self._sufficient(sets))
            best += sorted(fitting, key=lambda found: _rank(found[1][0]))
        chosen = [found[0] for _, found in best]
        others = sorted(itertools.chain(*(found[1:] for _, found in best)), key=_rank)
        return tuple([*chosen, *others][:most])

    def _by_effect(self) -> list[str]:
        """Order columns, and the cells of each, by the probability with that change alone."""
        if not self.cells:
            return []
        grids = [{name: cells} for name, cells in self.cells.items()]
        probabilities = self._probabilities(grids)
        self.effect = dict(zip(self.cells, probabilities, strict=True))
        return sorted(self.cells, key=lambda name: float(self.effect[name].min()))

    def _sufficient(
        self, sets: Sequence[tuple[str, ...]]
    ) -> Iterator[tuple[tuple[str, ...], list[Counterfactual]]]:
        """Yield the sets of columns that suffice, each with its changes, the nearest first."""
        options = {names: self._options(names) for names in sets}
        n_cells = max((len(cells) for cells in self.cells.values()), default=0)
        while n_cells > 1 and _n_candidates(options, n_cells) > MOST_CANDIDATES:
            n_cells = max(1, n_cells * 3 // 4)
        grids = [
            self._existing_grid({name: options[names][name][:n_cells] for name in names})
            for names in sets
        ]
        for names, grid, probability in zip(sets, grids, self._probabilities(grids), strict=True):
            if (probability < self.threshold).any():
                yield names, self._nearest(grid, probability)

    def _options(self, names: tuple[str, ...]) -> dict[str, Cells]:
        """Return the cells of some columns that fit all kept cells, the most effective first."""
        options = {}
        for name in names:
            masks = [mask for kept, mask in self.kept[name].items() if kept not in names]
            fits = np.logical_and.reduce(masks) if masks else np.ones(len(self.cells[name]), bool)
            order = np.argsort(self.effect[name], kind="stable")
            options[name] = self.cells[name][order][fits[order]]
        return options

    def _existing_grid(self, options: Mapping[str, Cells]) -> dict[str, Cells]:
        """Return all combinations of cells that occur."""
        grid = dict(zip(options, map(np.ravel, np.meshgrid(*options.values())), strict=True))
        if not len(next(iter(grid.values()))):
            return grid
        occurs = self.existing.occur_together(grid)
        return {name: cells[occurs] for name, cells in grid.items()}

    def _nearest(self, grid: Mapping[str, Cells], probability: Floats) -> list[Counterfactual]:
        """Return a change for each combination of categories that suffices, the nearest first."""
        distance = self._distance(grid)
        texts = [name for name in grid if self.existing.is_text(name)]
        taken: set[tuple[int, ...]] = set()
        found = []
        for place in np.lexsort((probability, distance.round(9))):
            words = tuple(int(grid[name][place]) for name in texts)
            if probability[place] >= self.threshold or words in taken:
                continue
            taken.add(words)
            found.append(self._nearer({name: cells[place] for name, cells in grid.items()}))
        return sorted(found, key=_rank)

    def _nearer(self, change: dict[str, Any]) -> Counterfactual:
        """Bring the numbers of a change nearer to the customer's, one after the other.

        Each is looked for in steps from the customer's number to the new one, then in steps of a
        step.
        """
        numbers = [name for name in change if not self.existing.is_text(name)]
        for name in numbers:
            start = float(self.row[name])
            if not math.isfinite(start):
                continue
            low = start
            for _ in range(2):
                steps, width = np.linspace(low, change[name], _STEPS + 1, retstep=True)
                values = np.unique(steps.round(self.existing.digits(name)))
                grid = {n: np.full(len(values), cell) for n, cell in change.items()}
                grid[name] = values
                fits = self._fits(name, values, set(change)) & self.existing.occur_together(grid)
                (probability,) = self._probabilities([grid])
                fits &= probability < self.threshold
                if fits.any():
                    change = {**change, name: values[fits][np.abs(values[fits] - start).argmin()]}
                low = change[name] - width
        grid = {name: np.array([cell]) for name, cell in change.items()}
        (probability,) = self._probabilities([grid])
        words = self.existing.words
        cells = {
            name: str(words(name)[cell]) if self.existing.is_text(name) else float(cell)
            for name, cell in change.items()
        }
        return Counterfactual(cells, float(self._distance(grid)[0]), float(probability[0]))

    def _fits(self, name: str, values: Floats, changed: set[str]) -> npt.NDArray[np.bool_]:
        fits = self.existing.in_training_range(name, values) & (values != self.row[name])
        for kept in self.kept[name].keys() - changed:
            fits &= self.existing.goes_with(name, values, kept, self.row[kept])
        return np.asarray(fits)

    def _distance(self, grid: Mapping[str, Cells]) -> Floats:
        total = np.zeros(len(next(iter(grid.values()))))
        for name, cells in grid.items():
            column, cell = self.model.schema[name], self.row[name]
            if self.existing.is_text(name) or not math.isfinite(cell):
                total += 1
                continue
            span = (column.maximum or 0.0) - (column.minimum or 0.0)
            total += np.abs(cells - cell) / (span or 1.0)
        return total

    def _probabilities(self, grids: Sequence[Mapping[str, Cells]]) -> list[Floats]:
        """Return the probabilities of the customer with the cells of each grid, in one batch."""
        sizes = [len(next(iter(grid.values()))) for grid in grids]
        n = sum(sizes)
        if not n:
            return [np.empty(0) for _ in grids]
        rows = {}
        for name in self.row:
            rows[name] = self._column(name, [grid.get(name) for grid in grids], sizes)
        probability = self.model.probability(pd.DataFrame(rows, copy=False))
        return np.split(probability, np.cumsum(sizes)[:-1])

    def _column(self, name: str, new: Sequence[Cells | None], sizes: Sequence[int]) -> pd.Series:
        cell = self.row[name]
        if not self.existing.is_text(name):
            parts = [np.full(n, cell) if c is None else c for c, n in zip(new, sizes, strict=True)]
            return pd.Series(np.concatenate(parts).astype(np.float64))
        words = self.existing.words(name).append(pd.Index([cell], dtype=object))
        parts = [
            np.full(n, len(words) - 1) if c is None else c for c, n in zip(new, sizes, strict=True)
        ]
        codes = np.concatenate(parts)
        used, codes = np.unique(codes, return_inverse=True)
        different, again = np.unique(words[used].to_numpy(object), return_inverse=True)
        return pd.Series(pd.Categorical.from_codes(again[codes], pd.Index(different, dtype=object)))


def _rank(found: Counterfactual) -> tuple[int, float, float]:
    return len(found.cells), round(found.distance, 9), found.probability


def _affordable(order: list[str], size: int) -> list[str]:
    """Return the first columns, so many that there are at most `MOST_SETS` sets of a size."""
    n = len(order)
    while n > size and math.comb(n, size) > MOST_SETS:
        n -= 1
    return order[:n]


def _n_candidates(options: Mapping[Any, Mapping[str, Cells]], n_cells: int) -> int:
    """Count the combinations where each column has so many cells at most."""
    return sum(
        math.prod(min(len(cells), n_cells) for cells in of_set.values())
        for of_set in options.values()
    )
