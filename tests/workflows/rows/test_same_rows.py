"""Test rows are matched by id or row number, or the runs are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.workflows.rows.same_rows import SameRows, same_rows
from churn_torch.workflows.runs.tested_runs import read_tested_runs
from tests.workflows.made_runs import made_folds, made_rows, made_run


def matched(*folders: str, group: str | None = None) -> SameRows:
    return same_rows(read_tested_runs(folders, group=group), group=group)


@pytest.mark.parametrize("id", [None, "customer id"])
def test_rows_may_be_in_another_order(tmp_path: Path, id: str | None) -> None:
    first, second = made_rows(1, id=id), made_rows(2, id=id)
    mixed = second.sample(frac=1, random_state=0)
    rows = matched(made_run(tmp_path / "a", first), made_run(tmp_path / "b", mixed))
    np.testing.assert_array_equal(rows.probability[1], second["churn_probability"])
    np.testing.assert_array_equal(rows.label, first["label"] == 1)
    assert rows.clusters is None
    assert rows.notes == ()


def test_another_table_with_the_same_customers_is_a_note(tmp_path: Path) -> None:
    first = made_run(tmp_path / "a", made_rows(1, id="id"))
    other = {"data": {"fingerprint": "bee", "n_rows": 800}}
    second = made_run(tmp_path / "b", made_rows(2, id="id"), metrics=other)
    (note,) = matched(first, second).notes
    assert "another table" in note
    assert "bee and f00" in note


def test_another_table_without_an_id_is_refused(tmp_path: Path) -> None:
    first = made_run(tmp_path / "a", made_rows(1))
    other = {"data": {"fingerprint": "bee", "n_rows": 800}}
    second = made_run(tmp_path / "b", made_rows(2), metrics=other)
    with pytest.raises(InputError, match=r"fingerprint f00 and .* on one with bee; train both on"):
        matched(first, second)


def test_another_split_is_refused_with_what_differs(tmp_path: Path) -> None:
    first = made_run(tmp_path / "a", made_rows(1))
    rows = made_rows(2).assign(row=np.arange(120) * 5)
    second = made_run(tmp_path / "b", rows, seed=1, optimizer__lr=3)
    with pytest.raises(
        InputError,
        match=r"the same test rows, got 18 in common of the 120 of .*120 of .*b' "
        r"\(seed=0 and seed=1\); train both with the same seed",
    ):
        matched(first, second)
    fewer = made_run(tmp_path / "c", made_rows(2).iloc[:100])
    with pytest.raises(InputError, match=r"got 100 in common of the 120 of"):
        matched(first, fewer)
    with pytest.raises(InputError, match=r"got 100 in common of the 100 of"):
        matched(fewer, first)


def test_other_outcomes_are_refused(tmp_path: Path) -> None:
    first, rows = made_run(tmp_path / "a", made_rows(1)), made_rows(2)
    rows.loc[:2, "label"] = 1 - rows.loc[:2, "label"]
    with pytest.raises(InputError, match=r"got 3 rows that are churners in one of .* only"):
        matched(first, made_run(tmp_path / "b", rows))


def test_an_id_in_one_run_only_is_refused(tmp_path: Path) -> None:
    first = made_run(tmp_path / "a", made_rows(1, id="id"))
    with pytest.raises(InputError, match=r"the same data\.id in all .* got 'id' in .*'row' in"):
        matched(first, made_run(tmp_path / "b", made_rows(2)))


def test_a_cross_validation_and_a_split_are_refused(tmp_path: Path) -> None:
    rows, metrics = made_folds(0.0)
    folds = made_run(tmp_path / "folds", rows, metrics=metrics)
    one = made_run(tmp_path / "one", made_rows(1))
    for runs in ((folds, one), (one, folds)):
        with pytest.raises(InputError, match=r"the cross-validation '.*folds' and '.*one', which"):
            matched(*runs)


def test_too_few_churners_are_refused(tmp_path: Path) -> None:
    rows = made_rows(1).assign(label=[1] + 119 * [0])
    with pytest.raises(InputError, match=r"2 or more test rows of both .*, got 1 churners in 120"):
        matched(made_run(tmp_path / "a", rows), made_run(tmp_path / "b", rows))


def household(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(household=np.arange(120) // 4)


def test_the_group_of_the_split_clusters_the_rows(tmp_path: Path) -> None:
    split = {"data__split": {"by": "group", "column": "household"}}
    runs = [made_run(tmp_path / str(i), household(made_rows(i)), **split) for i in (1, 2)]
    rows = matched(*runs)
    assert rows.clusters is not None
    assert rows.clusters.tolist() == (np.arange(120) // 4).tolist()
    assert "(household) are not independent, and count together: 30 customers" in rows.notes[0]


def test_a_group_can_be_named(tmp_path: Path) -> None:
    runs = [made_run(tmp_path / str(i), household(made_rows(i))) for i in (1, 2)]
    assert matched(*runs).clusters is None
    named = matched(*runs, group="household").clusters
    assert named is not None
    assert named.max() == 29


def test_an_id_with_several_rows_clusters_them(tmp_path: Path) -> None:
    runs = []
    for seed in (1, 2):
        rows = made_rows(seed, id="id").assign(id=[f"C-{i // 2}" for i in range(120)])
        rows = rows.sample(frac=1, random_state=seed).sort_values("id", kind="stable")
        runs.append(made_run(tmp_path / str(seed), rows.sort_index()))
    rows = matched(*runs)
    assert rows.clusters is not None
    assert rows.clusters.max() == 59


def test_one_group_is_refused(tmp_path: Path) -> None:
    runs = [made_run(tmp_path / str(i), made_rows(i).assign(all=1)) for i in (1, 2)]
    with pytest.raises(InputError, match=r"^group: expected a column with several customers"):
        matched(*runs, group="all")
