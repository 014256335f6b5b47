"""Segments of a tree: their words say exactly which rows they hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_torch.evaluation.groups.segment_tree import (
    ABOVE,
    IS,
    IS_NOT,
    MISSING,
    UP_TO,
    Condition,
    Segment,
    SegmentTrees,
)
from churn_torch.tables.schema import Column, Kind, Schema, Storage

N = 400
RANDOM = np.random.default_rng(0)
SCHEMA = Schema(
    (
        Column("tenure", Kind.NUMERIC, Storage.NUMBER),
        Column("senior", Kind.BOOLEAN, Storage.NUMBER),
        Column("joined", Kind.DATETIME, Storage.DATETIME),
        Column("plan", Kind.CATEGORICAL, Storage.TEXT),
        Column("constant", Kind.NUMERIC, Storage.NUMBER),
    ),
    "churn",
    "1",
    "0",
)
TENURE = RANDOM.integers(0, 12, N).astype(float)
TENURE[RANDOM.random(N) < 0.15] = np.nan
TENURE[:3] = np.inf
ROWS = pd.DataFrame(
    {
        "tenure": TENURE,
        "senior": RANDOM.integers(0, 2, N).astype(float),
        "joined": 19_000 + 100 * RANDOM.random(N),
        "plan": pd.Series(RANDOM.choice(["basic", "gold", ""], N), dtype="str"),
        "constant": np.ones(N),
    }
)


def segments(target: np.ndarray, rows: pd.DataFrame = ROWS, **more: object) -> list[Segment]:
    given = {"depth": 3, "fewest_rows": 10, "seed": 0, **more}
    everything = np.ones(len(rows), bool)
    return SegmentTrees(rows, SCHEMA, everything, **given).segments(target)  # type: ignore[arg-type]


def holds(condition: Condition, rows: pd.DataFrame) -> np.ndarray:
    """The rows of a condition, from its words alone."""
    cells = rows[condition.column]
    is_text = condition.column == "plan"
    missing = ((cells == "") if is_text else cells.isna()).to_numpy()
    value: object = condition.value
    if condition.column == "joined":
        value, cells = np.datetime64(condition.value).astype(float), np.floor(cells)
    elif condition.value == MISSING:
        return missing if condition.operator == IS else ~missing
    elif not is_text:
        value = {"yes": 1.0, "no": 0.0}.get(condition.value) or float(
            condition.value.replace("no", "0").replace("yes", "1")
        )
    inside = {
        IS: cells == value,
        IS_NOT: cells != value,
        UP_TO: cells <= value if not is_text else None,
        ABOVE: cells > value if not is_text else None,
    }[condition.operator]
    return np.asarray(inside) | (missing & condition.or_missing)


@pytest.mark.parametrize("seed", range(8))
def test_the_words_say_which_rows_are_in_a_segment(seed: int) -> None:
    target = np.random.default_rng(seed).normal(size=N)
    target += np.where(np.isnan(TENURE), 1.0, np.sin(np.nan_to_num(TENURE, posinf=0) + seed))
    found = segments(target)
    assert len(found) >= 6
    for one in found:
        told = np.all([holds(condition, ROWS) for condition in one.conditions], axis=0)
        np.testing.assert_array_equal(told, one.rows)
        assert one.rows.sum() >= 10
        kinds = [(condition.column, condition.operator) for condition in one.conditions]
        bounds = [kind for kind in kinds if kind[1] in (UP_TO, ABOVE)]
        assert len(set(bounds)) == len(bounds)  # the narrower of two bounds is said


def condition_of(target: np.ndarray) -> set[str]:
    return {one.conditions[0].in_words() for one in segments(target, depth=1)}


def test_how_conditions_are_written() -> None:
    missing, plan = np.isnan(TENURE), ROWS["plan"]
    few = (TENURE <= 4).astype(float)
    assert condition_of(few) == {"tenure up to 4", "tenure above 4 or missing"}
    assert condition_of(few + missing) == {"tenure up to 4 or missing", "tenure above 4"}
    assert condition_of(missing.astype(float)) == {"tenure missing", "tenure other than missing"}
    assert condition_of((TENURE == 0) * 1.0) == {"tenure 0", "tenure above 0 or missing"}
    assert condition_of((plan == "gold") * 1.0) == {"plan gold", "plan other than gold"}
    assert condition_of((plan == "") * 1.0) == {"plan missing", "plan other than missing"}
    assert condition_of(ROWS["senior"].to_numpy()) == {"senior yes", "senior no"}
    late = (ROWS["joined"] >= 19_040).to_numpy(float)
    assert condition_of(late) == {"joined up to 2022-02-16", "joined above 2022-02-16"}


def test_rows_that_the_tree_did_not_see_are_in_its_segments_too() -> None:
    grown_on = np.arange(N) % 2 == 0
    target = np.where(grown_on, ROWS["senior"], 99.0)
    trees = SegmentTrees(ROWS, SCHEMA, grown_on, depth=1, fewest_rows=10, seed=0)
    for one in trees.segments(target):
        assert one.conditions[0].column == "senior"
        np.testing.assert_array_equal(one.rows, holds(one.conditions[0], ROWS))


def test_categories_of_few_rows_are_no_segments() -> None:
    rare = ROWS.assign(plan=np.where(np.arange(N) < 9, "rare", "basic"))
    target = (np.arange(N) < 9).astype(float)
    assert all(c.value != "rare" for one in segments(target, rare) for c in one.conditions)


def test_nothing_to_split_on() -> None:
    empty = Schema((Column("constant", Kind.NUMERIC, Storage.NUMBER),), "churn", "1", "0")
    trees = SegmentTrees(ROWS, empty, np.ones(N, bool), depth=2, fewest_rows=10, seed=0)
    assert trees.segments(TENURE) == []
    assert segments(np.zeros(N)) == []
