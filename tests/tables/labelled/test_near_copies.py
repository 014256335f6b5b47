"""Near copies: found beyond what similar customers are, in bounded memory, and not by chance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_torch.tables.labelled import near_copies
from churn_torch.tables.labelled.near_copies import NearCopies, NearCopyCounter
from churn_torch.tables.schema import Column, Kind, Schema, Storage

RANDOM = np.random.default_rng(0)


def customers(n: int) -> tuple[pd.DataFrame, np.ndarray]:
    numbers = {f"x{i}": RANDOM.normal(100, 30, n) for i in range(8)}
    plans = {f"plan{i}": pd.Series(RANDOM.choice(["a", "b"], n), dtype="str") for i in range(3)}
    days = {"day": RANDOM.integers(18_000, 19_000, n) + 0.25}
    label = (RANDOM.random(n) < 0.3).astype(np.float32)
    return pd.DataFrame({**numbers, **plans, **days}), label


def schema_of(parsed: pd.DataFrame) -> Schema:
    def column(name: str) -> Column:
        kind = (Kind.NUMERIC, Storage.NUMBER)
        if parsed[name].dtype == "str":
            kind = (Kind.CATEGORICAL, Storage.TEXT)
        elif name == "day":
            kind = (Kind.DATETIME, Storage.DATETIME)
        return Column(name, *kind, n_distinct=parsed[name].nunique())

    return Schema(tuple(map(column, parsed)), "churn", "yes", "no")


def count(
    parsed: pd.DataFrame, label: np.ndarray, chunk: int = 333, without: frozenset[str] = frozenset()
) -> NearCopies:
    """Count in rows of which every fifth, at random, is a test row."""
    part = np.where(np.random.default_rng(1).random(len(parsed)) < 0.2, 2, 0).astype(np.int8)
    counter = NearCopyCounter(schema_of(parsed))
    for start in range(0, len(parsed), chunk):
        here = slice(start, start + chunk)
        counter.add(parsed.iloc[here].reset_index(drop=True), label[here], part[here])
    return counter.count(without)


def with_copies(n: int, n_copies: int, change) -> tuple[pd.DataFrame, np.ndarray]:
    parsed, label = customers(n)
    copies = change(parsed.iloc[:n_copies].copy())
    both = pd.concat([parsed, copies], ignore_index=True)
    order = np.random.default_rng(2).permutation(len(both))
    return both.iloc[order].reset_index(drop=True), np.concatenate([label, label[:n_copies]])[order]


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.assign(x0=rows["x0"] + 20),
        lambda rows: rows.assign(x0=rows["x0"] + 20, plan1="c"),
        lambda rows: rows.assign(**{f"x{i}": rows[f"x{i}"] * 1.00001 for i in range(8)}),
        lambda rows: rows.assign(day=rows["day"] + 0.5, x1=rows["x1"].round()),
    ],
    ids=["one cell", "two cells", "digits", "time of day"],
)
def test_near_copies_are_counted(change) -> None:
    found = count(*with_copies(1_500, 150, change))
    # A copied row and its copy are in different parts with a chance of 32 %; one of them counts.
    assert (found.n_columns, found.n_near) == (2, pytest.approx(48, abs=15))
    assert 250 < found.n_test < 400


def test_exact_copies_and_three_other_cells_are_none() -> None:
    assert count(*with_copies(1_500, 150, lambda rows: rows)).n_near == 0
    three = count(*with_copies(1_500, 150, lambda rows: rows.assign(x0=1.0, x1=1.0, x2=1.0)))
    assert three.n_near == 0


def test_copies_with_labels_of_their_own_teach_nothing() -> None:
    parsed, label = with_copies(1_500, 150, lambda rows: rows.assign(x0=rows["x0"] + 20))
    assert count(parsed, np.random.default_rng(3).permutation(label)).n_near == 0


@pytest.mark.parametrize("seed", range(4))
def test_customers_alike_by_chance_are_none(seed: int) -> None:
    random = np.random.default_rng(seed)
    n, kind = 2_000, random.integers(0, 4, 2_000)
    columns = {
        f"c{i}": np.where(random.random(n) < 0.7, kind, random.integers(0, 4, n)) for i in range(10)
    }
    parsed = pd.DataFrame(columns).astype(str).radd("v").astype("str")
    rule = (parsed["c0"] == "v1") | ((parsed["c3"] == "v2") & (parsed["c4"] != "v0"))
    noise = (kind == 1) | (random.random(n) < 0.1)
    for label in (rule, noise, random.random(n) < 0.3):
        assert count(parsed, np.asarray(label, np.float32), chunk=n).n_near == 0


@pytest.mark.parametrize("seed", range(3))
def test_customers_of_a_few_kinds_are_none(seed: int) -> None:
    random = np.random.default_rng(seed)
    n, kind = 1_000, random.integers(0, 10, 1_000)
    usual = random.integers(0, 4, (10, 12))[kind]
    cells = np.where(random.random((n, 12)) < 0.04, random.integers(0, 4, (n, 12)), usual)
    parsed = pd.DataFrame(cells).add_prefix("c").astype(str).astype("str")
    for chance in (0.03, 0.2, np.where(kind < 2, 0.6, 0.02)):
        label = (random.random(n) < chance).astype(np.float32)
        assert count(parsed, label, chunk=n).n_near == 0


def test_a_column_that_tells_churn_does_not_count() -> None:
    parsed, label = customers(1_000)
    small = pd.DataFrame({f"c{i}": (parsed[f"x{i}"] > 100) * 1.0 for i in range(8)})
    leaked = small.assign(reason=label, more=label)
    assert count(leaked, label, without=frozenset(["reason", "more"])).n_near == 0


def test_a_large_table_is_sampled_with_its_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_copies, "KEPT_ROWS", 1_000)
    parsed, label = with_copies(6_000, 3_000, lambda rows: rows.assign(x7=rows["x7"] + 20))
    sampled = count(parsed, label)
    assert 20 < sampled.n_test < 400
    assert sampled.n_near / sampled.n_test == pytest.approx(0.53, abs=0.15)
    assert count(parsed, label, chunk=9_000) == sampled  # chunks do not matter


def test_few_columns_or_rows_say_nothing() -> None:
    parsed, label = customers(300)
    assert count(parsed[["x0", "x1", "plan0"]], label) == NearCopies(0, 0, 0)
    assert count(parsed.iloc[:2], label[:2]).n_near == 0
    counter = NearCopyCounter(schema_of(parsed))
    assert counter.count() == NearCopies(0, 0, 2)
