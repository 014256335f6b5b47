"""Columns that alone tell churn: found whatever they hold, and not by chance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from churn_torch.evaluation.leakage.column_leakage import (
    LoneTeller,
    OneSided,
    auroc,
    held_out_auroc,
    lone_tellers,
    one_sided,
)
from churn_torch.tables.schema import Column, Kind, Schema, Storage

N = 2_000
RANDOM = np.random.default_rng(0)
LABEL = (RANDOM.random(N) < 0.2).astype(np.float32)
NOISE = RANDOM.normal(size=N)


def told(cells: object, label: np.ndarray = LABEL) -> list[LoneTeller]:
    series = pd.Series(cells)
    is_text = series.dtype == object or series.dtype == "str"
    series = series.astype("str") if is_text else series.astype("float64")
    kind = (Kind.CATEGORICAL, Storage.TEXT) if is_text else (Kind.NUMERIC, Storage.NUMBER)
    schema = Schema((Column("x", *kind),), "churn", "1", "0")
    return lone_tellers(pd.DataFrame({"x": series}), label, schema)


@pytest.mark.parametrize(
    "cells",
    [
        LABEL,
        1 - LABEL,
        NOISE + 9 * LABEL,
        NOISE - 9 * LABEL,
        np.abs(NOISE) * (1 - LABEL) + 50 * LABEL * np.sign(NOISE),  # both ends are churn
        np.where(LABEL == 1, 99.0, np.where(NOISE > 1, np.nan, NOISE)),
        np.where(LABEL == 1, "cancelled", np.where(NOISE > 0, "active", "trial")),
        np.where(LABEL == 1, np.where(NOISE > 0, "price", "move"), np.where(NOISE > 1, "", "ok")),
        [f"{int(label)}-{i % 300}" for i, label in enumerate(LABEL)],  # many small categories
    ],
)
def test_a_column_that_is_the_label_is_found(cells: object) -> None:
    (found,) = told(cells)
    assert found.auroc > 0.98
    assert found.missing is None


@pytest.mark.parametrize(("missing", "stands_for"), [(LABEL == 0, 0), (LABEL == 1, 1)])
def test_missing_cells_that_are_the_label(missing: np.ndarray, stands_for: int) -> None:
    for cells in (np.where(missing, np.nan, NOISE), np.where(missing, "", "some reason")):
        assert told(cells) == [LoneTeller("x", 1.0, stands_for)]
    nearly = missing ^ (RANDOM.random(N) < 0.005)
    assert told(np.where(nearly, np.nan, NOISE))[0].missing == stands_for


@pytest.mark.parametrize(
    "cells",
    [
        NOISE,
        NOISE + 2 * LABEL,  # a good column: AUROC .92
        np.where(RANDOM.random(N) < 0.3, np.nan, NOISE),
        np.full(N, np.nan),
        np.full(N, "a"),
        [f"k{i}" for i in range(N)],  # every category in one row
        [f"k{i}" for i in RANDOM.integers(0, 900, N)],  # few rows each
        np.where(NOISE + 2 * LABEL > 1, "high", "low"),
    ],
)
def test_other_columns_are_not(cells: object) -> None:
    assert told(cells) == []


def test_so_few_rows_that_chance_tells_them_apart_say_nothing() -> None:
    label = np.array([1, 0, 0, 0, 0], np.float32)
    assert told(label, label) == []
    assert told(np.tile(label, 4), np.tile(label, 4)) != []
    assert told(np.zeros(9), np.zeros(9, np.float32)) == []


def test_auroc_is_that_of_scikit_learn() -> None:
    for score in (NOISE, NOISE.round(), NOISE + LABEL, np.zeros(N)):
        assert auroc(score, LABEL) == pytest.approx(roc_auc_score(LABEL, score), abs=1e-12)


def schema_of(frame: pd.DataFrame) -> Schema:
    columns = []
    for name in frame:
        text = frame[name].dtype == "str"
        kind = (Kind.CATEGORICAL, Storage.TEXT) if text else (Kind.NUMERIC, Storage.NUMBER)
        columns.append(Column(name, *kind))
    return Schema(tuple(columns), "churn", "1", "0")


def others(strength: float) -> pd.DataFrame:
    numbers = {f"x{i}": RANDOM.normal(size=N) + strength * LABEL for i in range(4)}
    return pd.DataFrame(numbers)


def test_a_column_far_ahead_of_all_others_together() -> None:
    ahead = NOISE + 2.5 * LABEL
    frame = others(0.3).assign(level=ahead)
    (found,) = lone_tellers(frame, LABEL, schema_of(frame))
    assert (found.column, found.missing) == ("level", None)
    assert found.auroc == pytest.approx(roc_auc_score(LABEL, ahead), abs=1e-12)
    assert found.rest is not None
    assert found.rest < 0.75
    # Not so where the others together tell nearly as much, or there are hardly any others.
    frame = others(1.2).assign(level=ahead)
    assert lone_tellers(frame, LABEL, schema_of(frame)) == []
    frame = frame[["x0", "level"]]
    assert lone_tellers(frame, LABEL, schema_of(frame)) == []


def test_missing_cells_that_are_nearly_the_label() -> None:
    errors = RANDOM.random(N) < 0.05
    assert told(np.where((LABEL == 1) ^ errors, NOISE, np.nan))[0].missing == 0
    assert told(np.where((LABEL == 1) ^ (RANDOM.random(N) < 0.3), NOISE, np.nan)) == []


def sided(cells: object) -> list[OneSided]:
    frame = pd.DataFrame({"x": pd.Series(cells)})
    if frame["x"].dtype == object:
        frame = frame.astype("str")
    return one_sided(frame, LABEL, schema_of(frame))


def test_cells_that_only_one_class_has() -> None:
    third = (LABEL == 1) & (RANDOM.random(N) < 0.3)
    n = int(third.sum())
    share = n / LABEL.sum()
    assert sided(np.where(third, 1.0, np.nan)) == [OneSided("x", "filled", 1, n, share)]
    assert sided(np.where(third, "", "b").astype(object)) == [OneSided("x", "missing", 1, n, share)]
    status = np.where(third, "closed", np.where(NOISE > 0, "a", "b")).astype(object)
    assert sided(status) == [OneSided("x", "closed", 1, n, share)]
    stay = (LABEL == 0) & (RANDOM.random(N) < 0.3)
    (found,) = sided(np.where(stay, 1.0, np.nan))
    assert (found.cells, found.told) == ("filled", 0)


@pytest.mark.parametrize(
    "cells",
    [
        np.where(RANDOM.random(N) < 0.3, np.nan, NOISE),
        np.where((LABEL == 1) & (RANDOM.random(N) < 0.05), 1.0, np.nan),  # few of the churners
        np.where(RANDOM.random(N) < 0.1 + 0.6 * LABEL, 1.0, np.nan),  # of both classes
        np.array([f"k{i}" for i in range(N)], dtype=object),
    ],
)
def test_cells_of_both_classes_or_of_few_rows_say_nothing(cells: np.ndarray) -> None:
    assert sided(cells) == []


def test_the_rate_of_other_rows_gives_a_level_its_auroc() -> None:
    level = (NOISE + LABEL > 0.5).astype(np.int64)
    expected = roc_auc_score(LABEL, level)
    assert held_out_auroc(level, LABEL) == pytest.approx(expected, abs=0.02)
    assert held_out_auroc(np.arange(N) % 7, LABEL) == pytest.approx(0.5, abs=0.05)
