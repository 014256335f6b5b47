"""Segments that a shallow tree of a target proposes, with their conditions in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.tables.labelled.rows import readable_span
from churn_torch.tables.schema import Column, Kind, Schema

IS, IS_NOT, UP_TO, ABOVE = "is", "is not", "up to", "above"
MISSING = "missing"

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Condition:
    """A condition on a column.

    Attributes:
        column: Its name.
        operator: ``is``, ``is not``, ``up to`` or ``above``.
        value: In words, such as ``5``, ``2024-05-01``, ``yes`` or ``missing``.
        or_missing: Whether rows in which the cell is missing belong to it too.
    """

    column: str
    operator: str
    value: str
    or_missing: bool = False

    def in_words(self) -> str:
        """Return the condition as it follows ``customers with``."""
        between = {IS: "", IS_NOT: "other than ", UP_TO: "up to ", ABOVE: "above "}
        words = f"{self.column} {between[self.operator]}{self.value}"
        return f"{words} or {MISSING}" if self.or_missing else words


class Segment(NamedTuple):
    """Rows and what they are: ``rows`` is ``[N]``, whether a row is in it."""

    rows: Bools
    conditions: tuple[Condition, ...]


class SegmentTrees:
    """Trees over the columns of N rows, grown on some of them.

    Args:
        parsed: N rows of features (`churn_torch.tables.encode.parse`).
        schema: The columns.
        grown_on: ``[N]``, the rows that the trees see.
        depth: Conditions of a segment, at most.
        fewest_rows: Rows of a segment among ``grown_on``, at least.
        seed: Of ties between columns.
    """

    def __init__(
        self,
        parsed: pd.DataFrame,
        schema: Schema,
        grown_on: Bools,
        *,
        depth: int,
        fewest_rows: int,
        seed: int,
    ) -> None:
        self._grown_on, self._depth, self._fewest = grown_on, depth, fewest_rows
        self._seed = seed
        self._meaning: list[_Number | _Category] = []
        values: list[Any] = []
        for column in schema.features:
            for one, meaning in self._inputs(parsed[column.name], column):
                values.append(one)
                self._meaning.append(meaning)
        self._values = np.stack(values, axis=1).astype(np.float32) if values else None

    def segments(self, target: Floats) -> list[Segment]:
        """Return the segments of all nodes of a tree of an ``[N]`` target, but for the root."""
        # scikit-learn takes half a second to import.
        from sklearn.tree import DecisionTreeRegressor

        if self._values is None:
            return []
        tree = DecisionTreeRegressor(
            max_depth=self._depth, min_samples_leaf=self._fewest, random_state=self._seed
        )
        tree.fit(self._values[self._grown_on], target[self._grown_on])
        members = tree.decision_path(self._values).toarray().astype(bool)
        nodes = _nodes(tree.tree_, self._meaning)
        return [Segment(members[:, node], conditions) for node, conditions in nodes]

    def _inputs(
        self, cells: pd.Series, column: Column
    ) -> Iterator[tuple[npt.NDArray[Any], _Number | _Category]]:
        """Yield ``[N]`` ranks of numbers, NaN where missing, or whether rows have a category."""
        if Schema.is_text(column):
            codes, words = pd.factorize(cells)
            n_rows = np.bincount(codes[self._grown_on], minlength=len(words))
            enough = (n_rows >= self._fewest) & (n_rows <= self._grown_on.sum() - self._fewest)
            for code in np.flatnonzero(enough).tolist():
                yield codes == code, _Category(column, str(words[code]))
            return
        # Ranks: scikit-learn would make float32 of dates and of large numbers, and refuse infinity.
        numbers = cells.to_numpy(np.float64)
        if column.kind is Kind.DATETIME:  # a day is exact enough to read
            numbers = np.floor(numbers)
        missing = np.isnan(numbers)
        distinct, ranks = np.unique(numbers[~missing], return_inverse=True)
        if len(distinct) > 1 or (len(distinct) and missing.any()):
            values = np.full(len(numbers), np.nan)
            values[~missing] = ranks
            yield values, _Number(column, distinct, bool(missing.any()))


def _nodes(
    tree: Any, meaning: Sequence[_Number | _Category]
) -> Iterator[tuple[int, tuple[Condition, ...]]]:
    """Yield every node of a tree but the root, with its conditions."""
    waiting: list[tuple[int, tuple[Condition, ...]]] = [(0, ())]
    while waiting:
        node, conditions = waiting.pop()
        if node:
            yield node, conditions
        if tree.children_left[node] < 0:
            continue
        left, right = meaning[tree.feature[node]].sides(
            float(tree.threshold[node]), bool(tree.missing_go_to_left[node])
        )
        for child, more in ((tree.children_left, left), (tree.children_right, right)):
            waiting.append((int(child[node]), _joined(conditions, more)))


def _joined(conditions: tuple[Condition, ...], more: Condition) -> tuple[Condition, ...]:
    """Add a condition, and leave out what it makes superfluous of those of its column."""
    others = tuple(one for one in conditions if one.column != more.column)
    if more.operator == IS and not more.or_missing:
        return (*others, more)
    same = [one for one in conditions if one.column == more.column]
    or_missing = more.or_missing and all(one.or_missing for one in same)
    same = [one for one in same if one.operator != more.operator or more.operator == IS_NOT]
    same.append(more)
    if any(one.operator in (IS, UP_TO, ABOVE) for one in same):  # of numbers, so they are known
        same = [one for one in same if one.operator != IS_NOT]
    if more.operator == IS:
        same = [more]
    return (*others, *(replace(one, or_missing=or_missing) for one in same))


class _Number(NamedTuple):
    """A column of numbers or dates: its distinct values, rising, and whether cells are missing."""

    column: Column
    distinct: Floats
    has_missing: bool

    def sides(self, threshold: float, missing_left: bool) -> tuple[Condition, Condition]:
        name, n = self.column.name, len(self.distinct)
        if threshold >= n - 1:  # scikit-learn's infinity: all numbers on the left
            return Condition(name, IS_NOT, MISSING), Condition(name, IS, MISSING)
        low = int(threshold)
        words = self._words(self.distinct[low])
        left_missing = self.has_missing and missing_left
        left = Condition(name, UP_TO if low else IS, words, left_missing)
        right_missing = self.has_missing and not missing_left
        if low == n - 2:
            right = Condition(name, IS, self._words(self.distinct[-1]), right_missing)
        else:
            right = Condition(name, ABOVE, words, right_missing)
        return left, right

    def _words(self, value: float) -> str:
        if self.column.kind is Kind.BOOLEAN and value in (0.0, 1.0):
            return "yes" if value else "no"
        if self.column.kind is Kind.DATETIME and np.isfinite(value):
            return str(readable_span(value, value, self.column)[0])
        return f"{value:.6g}" if abs(value) < 1e6 else f"{value:.0f}"


class _Category(NamedTuple):
    """A category of a column, or that its cells are missing."""

    column: Column
    word: str

    def sides(self, threshold: float, missing_left: bool) -> tuple[Condition, Condition]:
        name, word = self.column.name, self.word or MISSING
        return Condition(name, IS_NOT, word), Condition(name, IS, word)
