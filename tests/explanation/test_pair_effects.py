from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from churn_torch.evaluation.leakage.column_scores import binned
from churn_torch.explanation.column_steps import Steps, cut_steps
from churn_torch.explanation.pair_effects import pair_effect
from tests.explanation.made_rows import made_logit, made_rows, made_schema

SCHEMA = made_schema()
PARSED = made_rows(45, seed=3).parsed
LEVELS = binned(PARSED, SCHEMA)


def cut(name: str, parsed: pd.DataFrame = PARSED) -> Steps:
    steps = cut_steps(parsed, binned(parsed, SCHEMA), SCHEMA, name, 3)
    assert steps is not None
    return steps


def logit_at(row: pd.Series, **cells: object) -> float:
    return float(made_logit(pd.DataFrame([{**row, **cells}]))[0])


def between(table: np.ndarray, first: float, second: float) -> float:
    """Interpolate a table of values at whole positions, one column after the other."""
    lines = [float(np.interp(second, range(table.shape[1]), line)) for line in table]
    return float(np.interp(first, range(table.shape[0]), lines))


def ends_of(steps: Steps, row: int) -> list[int]:
    return [int(step) for step in steps.steps[row] if step]


def slow_pair(first: Steps, second: Steps) -> tuple[np.ndarray, float]:
    """The paper's estimate, row by row; a cell without rows takes that of the nearest ones."""
    shape = (len(first.cells), len(second.cells))
    here = [r for r in range(len(PARSED)) if ends_of(first, r) and ends_of(second, r)]
    cells: dict[tuple[int, int], list[float]] = {}
    for row in here:
        one = PARSED.iloc[row]
        for k, m in itertools.product(ends_of(first, row), ends_of(second, row)):
            value = {
                (i, j): logit_at(one, **{first.column: first.cells[i]},
                                 **{second.column: second.cells[j]})
                for i in (k - 1, k) for j in (m - 1, m)
            }  # fmt: skip
            second_difference = value[k, m] - value[k - 1, m] - value[k, m - 1]
            cells.setdefault((k, m), []).append(second_difference + value[k - 1, m - 1])
    table = np.zeros(shape)
    for k, m in itertools.product(range(1, shape[0]), range(1, shape[1])):
        apart = {cell: (cell[0] - k) ** 2 + (cell[1] - m) ** 2 for cell in cells}
        nearest = [cell for cell in cells if apart[cell] == min(apart.values())]
        added = np.mean([np.mean(cells[cell]) for cell in nearest])
        table[k, m] = table[k - 1, m] + table[k, m - 1] - table[k - 1, m - 1] + added
    alone = []
    for steps, other, turned in ((first, second, table), (second, first, table.T)):
        by_step: dict[int, list[float]] = {}
        for row in here:
            at = other.position[row]
            for k in ends_of(steps, row):
                change = between(turned, k, at) - between(turned, k - 1, at)
                by_step.setdefault(k, []).append(change)
        means = [np.mean(by_step.get(k, [0.0])) for k in range(1, len(steps.cells))]
        alone.append(np.concatenate([[0.0], np.cumsum(means)]))
    table = table - alone[0][:, None] - alone[1]
    at_rows = [between(table, first.position[row], second.position[row]) for row in here]
    return table - np.mean(at_rows), float(np.std(at_rows))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("months", "charges"),
        ("charges", "region"),
        ("member", "months"),
        ("region", "joined"),
        ("region", "self"),
    ],
)
def test_pairs_are_those_of_a_slow_reference(one, other):
    first, second = cut(one), cut(other)
    pair = pair_effect(made_logit, PARSED, first, second)
    expected, strength = slow_pair(first, second)
    np.testing.assert_allclose(pair.effect, expected, atol=1e-10)
    assert pair.strength == pytest.approx(strength, abs=1e-10)
    assert (pair.first_at, pair.second_at) == (first.at, second.at)
    both = ~np.isnan(first.position) & ~np.isnan(second.position)
    assert np.sum(pair.n_rows) == both.sum()


def test_columns_that_add_up_have_no_effect_together():
    def logit(parsed: pd.DataFrame) -> np.ndarray:
        known = parsed["months"].fillna(0).to_numpy(float)
        return np.sin(known) + parsed["charges"].to_numpy(float) ** 2

    pair = pair_effect(logit, PARSED, cut("months"), cut("charges"))
    assert np.abs(pair.effect).max() < 1e-9
    assert pair.strength < 1e-9


def test_a_product_is_all_effect_of_both():
    rng = np.random.default_rng(0)
    parsed = made_rows(2000).parsed
    parsed["charges"] = rng.normal(0, 1, len(parsed))
    parsed["joined"] = rng.normal(0, 1, len(parsed))

    def logit(parsed: pd.DataFrame) -> np.ndarray:
        return parsed["charges"].to_numpy(float) * parsed["joined"].to_numpy(float)

    first, second = cut("charges", parsed), cut("joined", parsed)
    pair = pair_effect(logit, parsed, first, second)
    expected = np.outer(first.cells, second.cells)
    assert np.abs(np.array(pair.effect) - expected).max() < 0.3
    assert pair.strength == pytest.approx(1.0, abs=0.2)


def test_no_row_on_both_columns():
    parsed = PARSED.copy()
    half = np.arange(len(parsed)) % 2 == 0
    parsed["months"] = np.where(half, np.nan, parsed["charges"])
    parsed["joined"] = np.where(half, parsed["joined"], np.nan)
    months, joined = cut("months", parsed), cut("joined", parsed)
    assert pair_effect(made_logit, parsed, months, joined) is None
