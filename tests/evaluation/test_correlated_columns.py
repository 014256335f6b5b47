"""Groups of correlated columns against Spearman's correlation, eta and a slow canonical one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from churn_torch.evaluation.correlated_columns import (
    correlated_groups,
    correlations,
    joint_reasons,
)
from churn_torch.tables.encode import parse
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.options import ColumnRoles


def groups_of(frame: pd.DataFrame, *, strong: float = 0.8):
    frame = frame.assign(churned=np.arange(len(frame)) % 2)
    schema = infer(frame, ColumnRoles(target="churned"))
    return correlated_groups(parse(frame, schema), schema, strong=strong)


def made(n: int = 600, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    tenure = random.gamma(2, 12, n)
    internet = random.choice(["dsl", "fibre", "none"], n)
    return pd.DataFrame(
        {
            "tenure": tenure,
            "total": tenure * random.uniform(40, 60, n),
            "internet": internet,
            "backup": np.where(internet == "none", "no internet", random.choice(["yes", "no"], n)),
            "noise": random.normal(size=n),
            "plan": random.choice(["a", "b", "c"], n),
        }
    )


def test_columns_that_move_together_are_grouped_and_no_others() -> None:
    groups = groups_of(made())
    assert {frozenset(g.columns) for g in groups} == {
        frozenset({"tenure", "total"}),
        frozenset({"internet", "backup"}),
    }
    assert [g.strength for g in groups] == sorted((g.strength for g in groups), reverse=True)


def test_the_correlation_of_two_numbers_is_spearmans() -> None:
    frame = made()[["tenure", "total"]]
    (group,) = groups_of(frame, strong=0.5)
    assert group.strength == pytest.approx(spearmanr(frame.tenure, frame.total).statistic)
    assert group.sentence.startswith("tenure and total move together (correlation 0.9")


def test_the_correlation_of_a_number_and_a_category_is_that_of_its_group_means() -> None:
    random = np.random.default_rng(1)
    plan = random.choice(["a", "b", "c"], 500)
    frame = pd.DataFrame({"plan": plan, "price": random.normal(size=500) + 3 * (plan == "a")})
    ranks = frame["price"].rank()
    means = ranks.groupby(frame["plan"]).transform("mean")
    (group,) = groups_of(frame, strong=0.3)
    assert group.strength == pytest.approx(np.sqrt(means.var() / ranks.var()))


def test_the_correlation_of_two_categories_is_the_first_canonical_one() -> None:
    random = np.random.default_rng(2)
    first = random.choice(["a", "b", "c"], 400)
    second = np.where(random.random(400) < 0.7, first, random.choice(["a", "b", "c"], 400))
    frame = pd.DataFrame({"first": first, "second": second})
    table = pd.crosstab(frame["first"], frame["second"]).to_numpy() / 400
    rows, columns = table.sum(1), table.sum(0)
    scaled = (table - np.outer(rows, columns)) / np.sqrt(np.outer(rows, columns))
    (group,) = groups_of(frame, strong=0.3)
    assert group.strength == pytest.approx(np.linalg.svd(scaled)[1][0])


def test_columns_that_are_missing_together_are_a_group() -> None:
    frame = made()[["noise", "tenure"]].copy()
    frame.loc[frame.index % 3 == 0, ["noise", "tenure"]] = np.nan
    (group,) = groups_of(frame)
    assert group.strength == pytest.approx(1.0)


def test_every_pair_of_a_group_is_strong() -> None:
    random = np.random.default_rng(3)
    first = random.normal(size=2_000)
    middle = first + 0.6 * random.normal(size=2_000)
    last = middle + 0.6 * random.normal(size=2_000)
    frame = pd.DataFrame({"first": first, "middle": middle, "last": last})
    groups = groups_of(frame)
    assert [len(group.columns) for group in groups] == [2]


@pytest.mark.parametrize("seed", range(20))
def test_chance_makes_no_group(seed: int) -> None:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({f"n{i}": random.normal(size=80) for i in range(8)})
    for i in range(8):
        frame[f"c{i}"] = random.choice(list("abcdefgh"), 80)
    assert groups_of(frame) == ()


def test_few_rows_constants_and_one_column_make_no_group() -> None:
    assert groups_of(made(40)) == ()
    assert groups_of(made()[["tenure"]]) == ()
    frame = made()[["tenure"]].assign(same=1.5)
    assert groups_of(frame) == ()


def test_a_column_beside_the_table_is_compared_with_each_of_its_columns() -> None:
    rng = np.random.default_rng(0)
    group = rng.integers(0, 3, 2_000)
    frame = pd.DataFrame(
        {
            "alike": np.array(["x", "y", "z"])[group],
            "near": group == 0,
            "number": rng.normal(size=2_000),
        }
    ).astype({"near": float})
    schema = infer(frame.assign(churned=group % 2), ColumnRoles(target="churned"))
    values = pd.Series(group.astype(str)).astype("category")
    found = correlations(values, parse(frame, schema), schema)
    assert found["alike"] == pytest.approx(1)
    assert found["near"] == pytest.approx(1)
    assert found["number"] < 0.1
    assert correlations(values[:40], parse(frame[:40], schema), schema) == {}


GROUP = {"columns": ["a", "b", "c"], "strength": 0.9, "sentence": "..."}


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        ({"a": 0.5, "b": -0.3, "c": 0.01, "d": 2.0}, [(GROUP, pytest.approx(0.21))]),
        ({"a": 0.5, "b": 0.01, "c": 0.0, "d": 2.0}, []),
        ({"a": 0.5, "d": 2.0}, []),
    ],
)
def test_a_group_matters_where_two_of_its_reasons_do(reasons, expected) -> None:
    assert joint_reasons(reasons, [GROUP]) == expected
