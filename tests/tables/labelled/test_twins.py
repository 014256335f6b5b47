"""Twins: copies are told from rows that agree by chance, counted, and kept together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_torch.tables.labelled import twins
from churn_torch.tables.labelled.twins import (
    TwinCounter,
    column_hashes,
    telling_columns,
    twin_groups,
)
from churn_torch.tables.schema import Column, Kind, Schema, Storage

RANDOM = np.random.default_rng(0)


def schema_of(parsed: pd.DataFrame, id: str | None = None) -> Schema:
    columns = [
        Column(
            name,
            Kind.CATEGORICAL if parsed[name].dtype == "str" else Kind.NUMERIC,
            Storage.TEXT if parsed[name].dtype == "str" else Storage.NUMBER,
            n_distinct=parsed[name].nunique(),
        )
        for name in parsed
    ]
    if id is not None:
        columns.append(Column(id, Kind.ID, Storage.TEXT))
    return Schema(tuple(columns), "churn", "yes", "no")


def measures(n: int) -> pd.DataFrame:
    """Rows that differ in numbers, as customers do."""
    numbers = {f"x{i}": RANDOM.normal(size=n).round(2) for i in range(5)}
    return pd.DataFrame({**numbers, "plan": pd.Series(RANDOM.choice(["a", "b"], n), dtype="str")})


def categories(n: int, n_columns: int, n_values: int) -> pd.DataFrame:
    """Rows of few values, of which many are alike by chance."""
    words = np.array([f"v{i}" for i in range(n_values)])
    return pd.DataFrame(
        {f"c{i}": pd.Series(RANDOM.choice(words, n), dtype="str") for i in range(n_columns)}
    )


def count(parsed: pd.DataFrame, ids: list | None = None, chunk: int = 70) -> twins.Twins:
    """Count the twins of rows of which every fifth is a test row."""
    schema = schema_of(parsed, None if ids is None else "id")
    carried = pd.DataFrame({"id": pd.Series(range(len(parsed)) if ids is None else ids)})
    part = np.where(np.arange(len(parsed)) % 5 == 0, 2, np.arange(len(parsed)) % 2).astype(np.int8)
    counter = TwinCounter(schema)
    for start in range(0, len(parsed), chunk):
        here = slice(start, start + chunk)
        rows = parsed.iloc[here].reset_index(drop=True)
        counter.add(rows, carried.iloc[here].reset_index(drop=True), part[here])
    return counter.count()


def test_copies_are_counted() -> None:
    rows = measures(61)
    assert count(rows) == twins.Twins(13, 0, 0)
    # Of six copies some are test rows, and at least one of the others is a training row.
    copied = pd.concat([rows] * 6, ignore_index=True)
    assert count(copied) == twins.Twins(74, 74, 0)
    twice = pd.concat([rows, rows.iloc[:10]], ignore_index=True)
    assert 0 < count(twice).n_copies <= 3


@pytest.mark.parametrize(
    "shape", [(700, 10, 3), (200, 5, 3), (500, 15, 2), (300, 3, 4), (99, 1, 3)]
)
def test_rows_of_few_values_are_alike_by_chance(shape: tuple[int, int, int]) -> None:
    assert count(categories(*shape)).n_copies == 0


def test_a_table_of_few_different_rows_says_nothing() -> None:
    prices = pd.concat([measures(15)] * 40, ignore_index=True)
    assert count(prices).n_copies == 0


def test_ids_are_counted_but_for_missing_ones() -> None:
    rows = measures(100)
    assert count(rows, ids=[f"C{i}" for i in range(100)]).n_same_id == 0
    assert count(rows, ids=[f"C{i // 5}" for i in range(100)]).n_same_id == 20
    assert count(rows, ids=[None] * 100).n_same_id == 0


def test_a_large_table_is_sampled_with_its_twins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twins, "COUNTED_ROWS", 400)
    rows = measures(301)
    counted = count(pd.concat([rows] * 6, ignore_index=True))
    assert 20 < counted.n_test < 120
    assert counted.n_copies == counted.n_test


def test_equal_cells_have_equal_hashes() -> None:
    frame = pd.DataFrame({"a": [0.0, -0.0, np.nan, -np.nan], "b": ["", "x", "x", ""]})
    frame["b"] = frame["b"].astype("str")
    a, b = column_hashes(frame, ["a", "b"])
    assert (a[0] == a[1], a[2] == a[3], a[0] == a[2]) == (True, True, False)
    assert (b[1] == b[2], b[0] == b[3], b[0] == b[1]) == (True, True, False)
    same = pd.DataFrame({"a": [1.0], "b": np.array([1], np.float32)})
    a, b = column_hashes(same, ["a", "b"])
    assert a != b  # or (1, 2) would be the row (2, 1)
    np.testing.assert_array_equal(column_hashes(same.astype(np.float32), ["a", "b"]), [a, b])


def test_telling_columns_are_those_of_many_values() -> None:
    rows = measures(50).assign(few=RANDOM.integers(0, 3, 50))
    assert set(telling_columns(schema_of(rows))) < {f"x{i}" for i in range(5)}
    assert telling_columns(schema_of(rows[["x0", "x1"]])) == []


def groups(parsed: pd.DataFrame, ids: list | None = None) -> list[int]:
    named = None if ids is None else pd.Series(ids)
    found = twin_groups(parsed, schema_of(parsed), named)
    return pd.factorize(found)[0].tolist()


def test_groups_of_copies_near_copies_and_ids() -> None:
    rows = measures(6)
    near = rows.copy()
    near.loc[0, "x0"] += 1  # the column that tells most may be the one that differs
    near.loc[1, "plan"] = "other"
    near.loc[2, ["x1", "x2"]] += 1
    both = pd.concat([rows, near], ignore_index=True)
    assert groups(rows) == [0, 1, 2, 3, 4, 5]
    assert groups(both) == [0, 1, 2, 3, 4, 5, 0, 1, 6, 3, 4, 5]
    ids = ["A", None, "", "B", "C", "A"]
    assert groups(rows, ids) == [0, 1, 2, 3, 4, 0]


def test_near_copies_by_chance_are_no_group() -> None:
    rows = categories(300, 8, 3)
    assert len(set(groups(rows))) > 250  # of rows that agree in seven columns there are many more


def test_a_very_large_table_is_grouped_by_copies_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twins, "NEAR_CELLS", 10)
    rows = measures(6)
    both = pd.concat([rows, rows.assign(x0=rows["x0"] + (rows.index < 3))], ignore_index=True)
    assert groups(both) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 3, 4, 5]
