from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from churn_torch.evaluation.leakage.column_scores import binned
from churn_torch.explanation.accumulated_effects import EffectCurve, effect_curve
from churn_torch.explanation.column_steps import Steps, cut_steps
from tests.explanation.made_rows import made_logit, made_rows, made_schema

SCHEMA = made_schema()
NAMES = [column.name for column in SCHEMA.features]
PARSED = made_rows(60).parsed
LEVELS = binned(PARSED, SCHEMA)


def cut(name: str, parsed: pd.DataFrame = PARSED, most: int = 8) -> Steps | None:
    return cut_steps(parsed, binned(parsed, SCHEMA), SCHEMA, name, most)


def curve_of(name: str, parsed: pd.DataFrame = PARSED, draws: int = 5) -> EffectCurve:
    steps = cut(name, parsed)
    assert steps is not None
    return effect_curve(made_logit, parsed, steps, draws=draws)


def logit_at(row: pd.Series, name: str, cell: object) -> float:
    return float(made_logit(pd.DataFrame([{**row, name: cell}]))[0])


def slow_number_curve(name: str, edges: list[float], parsed: pd.DataFrame = PARSED) -> list[float]:
    """The paper's estimate, row by row: centred on the curve interpolated at the rows."""
    curve = [0.0]
    for low, high in itertools.pairwise(edges):
        differences = [
            logit_at(row, name, high) - logit_at(row, name, low)
            for _, row in parsed.iterrows()
            if low < row[name] <= high or (row[name] == low == edges[0])
        ]
        curve.append(curve[-1] + sum(differences) / len(differences))
    at_rows = []
    middle = sorted(np.interp(x, edges, range(len(edges))) for x in parsed[name] if not np.isnan(x))
    place = round(float(np.median(middle)))
    missing = [row for _, row in parsed.iterrows() if np.isnan(row[name])]
    moved = [logit_at(row, name, np.nan) - logit_at(row, name, edges[place]) for row in missing]
    at_rows += [float(np.interp(x, edges, curve)) for x in parsed[name] if not np.isnan(x)]
    if missing:
        of_missing = curve[place] + sum(moved) / len(moved)
        at_rows += [of_missing] * len(missing)
        curve.append(of_missing)
    return [value - sum(at_rows) / len(parsed) for value in curve]


@pytest.mark.parametrize("name", ["months", "charges", "member", "joined"])
def test_numbers_are_those_of_a_slow_reference(name):
    steps = cut(name)
    expected = slow_number_curve(name, steps.cells.tolist())
    curve = curve_of(name)
    given = [*curve.effect, *((curve.missing[0],) if curve.missing else ())]
    np.testing.assert_allclose(given, expected, atol=1e-10)
    assert (curve.n_missing > 0) == (name == "months")


def test_numbers_of_few_values_are_those_of_a_slow_reference():
    tied = _with(PARSED, "charges", PARSED["charges"] // 20 * 20)
    steps = cut("charges", tied)
    assert 2 < len(steps.cells) < 8  # quantiles that are equal are one cell
    expected = slow_number_curve("charges", steps.cells.tolist(), tied)
    np.testing.assert_allclose(curve_of("charges", tied).effect, expected, atol=1e-10)


def slow_category_curve(name: str, cells: list[str]) -> list[float]:
    """Appendix E of the paper: both neighbours' rows give the difference of two categories."""
    curve = [0.0]
    for one, other in itertools.pairwise(cells):
        differences = [
            logit_at(row, name, other) - logit_at(row, name, one)
            for _, row in PARSED.iterrows()
            if row[name] in (one, other)
        ]
        curve.append(curve[-1] + sum(differences) / len(differences))
    mean = sum(curve[cells.index(cell)] for cell in PARSED[name]) / len(PARSED)
    return [value - mean for value in curve]


@pytest.mark.parametrize("name", ["region", "self"])
def test_categories_are_those_of_a_slow_reference(name):
    steps = cut(name)
    expected = slow_category_curve(name, steps.cells.tolist())
    np.testing.assert_allclose(curve_of(name).effect, expected, atol=1e-10)


def test_similar_categories_are_neighbours():
    rows = made_rows(4000).parsed
    noisy = rows["charges"] + np.random.default_rng(0).normal(0, 15, len(rows))
    words = np.array(["d", "a", "e", "b", "c"], dtype=object)
    level = np.clip(noisy // 20, 0, 4).astype(int)
    steps = cut("self", _with(rows, "self", words[level]))
    assert steps.at in (tuple(words), tuple(words[::-1]))


def test_columns_that_do_not_interact_have_their_own_effects():
    def logit(parsed: pd.DataFrame) -> np.ndarray:
        return np.asarray(2 * parsed["charges"] - 0.3 * parsed["months"].fillna(0), float)

    steps = cut("charges")
    curve = effect_curve(logit, PARSED, steps, draws=5)
    assert np.diff(curve.effect) == pytest.approx(2 * np.diff(steps.cells))
    # Every row agrees, so the bands hold the place of zero alone.
    assert np.diff(np.array(curve.high) - curve.effect) == pytest.approx(0, abs=1e-5)


def test_bands_are_those_of_a_slow_bootstrap():
    draws, n = 40, len(PARSED)
    steps = cut("region")
    rng = np.random.default_rng(0)
    curves = []
    for _ in range(draws):
        chosen = rng.integers(0, n, n)
        again = Steps(
            *("region", steps.kind, steps.cells, steps.at),
            steps.position[chosen],
            steps.steps[chosen],
        )
        frame = PARSED.take(chosen).reset_index(drop=True)
        curves.append(effect_curve(made_logit, frame, again, draws=2).effect)
    curve = effect_curve(made_logit, PARSED, steps, draws=draws)
    low, high = np.quantile(curves, [0.025, 0.975], axis=0)
    np.testing.assert_allclose(curve.low, low, atol=1e-10)
    np.testing.assert_allclose(curve.high, high, atol=1e-10)


def test_bands_hold_the_effect_among_many_rows():
    many = made_rows(20_000, seed=1).parsed
    whole = cut("region", many)
    truth = dict(zip(whole.at, effect_curve(made_logit, many, whole, draws=2).effect, strict=True))
    held = []
    for seed in range(40):
        parsed = made_rows(200, seed=100 + seed).parsed
        # In the order of the whole, or the two would be different effects.
        place = {cell: i for i, cell in enumerate(whole.cells)}
        position = parsed["region"].map(place).to_numpy(float)
        below = position.astype(int)
        above = np.where(position < len(place) - 1, position + 1, 0).astype(int)
        steps = Steps(
            *("region", whole.kind, whole.cells, whole.at),
            position,
            np.stack([below, above], axis=1),
        )
        curve = effect_curve(made_logit, parsed, steps)
        ends = zip(curve.at, curve.low, curve.high, strict=True)
        held += [low <= truth[at] <= high for at, low, high in ends]
    assert 0.9 < np.mean(held) < 0.99


def test_cells_are_as_people_read_them():
    joined = curve_of("joined")
    assert joined.kind == "date"
    first = pd.Timestamp("1970-01-01") + pd.Timedelta(days=PARSED["joined"].min())
    assert joined.at[0] == str(first.date())
    assert curve_of("member").at == ("no", "yes")
    assert curve_of("charges").kind == "number"
    assert sum(curve_of("months").n_rows) + curve_of("months").n_missing == len(PARSED)


@pytest.mark.parametrize(
    ("name", "cells"),
    [("months", np.nan), ("months", 3.0), ("region", "north"), ("self", ""), ("joined", np.nan)],
)
def test_a_column_of_one_value_has_no_curve(name, cells):
    assert cut(name, _with(PARSED, name, cells)) is None


def _with(frame: pd.DataFrame, name: str, cells: object) -> pd.DataFrame:
    changed = frame.copy()
    changed[name] = cells
    return changed


def test_a_category_of_one_row():
    parsed = _with(PARSED, "region", ["only here", *PARSED["region"][1:]])
    curve = curve_of("region", parsed)
    assert curve.n_rows[curve.at.index("only here")] == 1
    assert np.isfinite([*curve.effect, *curve.low, *curve.high]).all()


def test_the_most_frequent_of_many_categories_are_shown():
    words = np.array([f"level {min(i % 40, 25)}" for i in range(len(PARSED))], dtype=object)
    curve = curve_of("region", _with(PARSED, "region", words))
    assert len(curve.at) == 9
    assert "level 25" in curve.at
    assert sum(curve.n_rows) < len(PARSED)


def test_three_rows_are_enough_for_a_curve():
    curve = curve_of("charges", PARSED.iloc[:3])
    assert np.isfinite([*curve.effect, *curve.low, *curve.high]).all()


def test_the_spread_is_the_standard_deviation_over_the_rows():
    curve = curve_of("region")
    effect = dict(zip(curve.at, curve.effect, strict=True))
    assert curve.spread == pytest.approx(PARSED["region"].map(effect).std(ddof=0))
    curve, months = curve_of("months"), PARSED["months"]
    known = np.interp(months.dropna(), curve.at, curve.effect)
    assert curve.missing is not None
    effects = [*known, *[curve.missing[0]] * curve.n_missing]
    assert curve.spread == pytest.approx(np.std(effects))
