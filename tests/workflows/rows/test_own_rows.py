from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_torch.errors import InputError
from churn_torch.explanation.explained_model import ExplainedRows
from churn_torch.tables.labelled.rows import Rows
from churn_torch.workflows.rows.own_rows import own_rows, sample_own_rows, sample_rows


@pytest.mark.parametrize("part", ["train", "test"])
def test_rows_are_those_of_the_run(customers_run, part):
    rows = Rows.joined(list(own_rows(customers_run, part, carry=["household"])))
    assert len(rows.label) == customers_run.metrics["data"][f"n_{part}"]
    assert "household" in rows.carried
    if part == "test":
        stored = pd.read_parquet(customers_run.folder / "predictions.parquet")
        stored = stored.set_index("customer id")["label"]
        own = pd.Series(rows.label, index=rows.carried["customer id"].to_numpy())
        assert own.equals(stored.loc[own.index].astype(np.float32))


def test_a_sample_of_a_part(customers_run):
    whole = sample_own_rows(customers_run, "test", 10_000, seed=0)
    few = sample_own_rows(customers_run, "test", 20, seed=0)
    assert len(few.label) == 20
    ids = whole.carried["customer id"].tolist()
    places = [ids.index(each) for each in few.carried["customer id"]]
    assert places == sorted(places)
    pd.testing.assert_frame_equal(few.parsed, whole.parsed.iloc[places].reset_index(drop=True))
    assert np.array_equal(few.label, whole.label[places])


def rows_of(positions: range) -> ExplainedRows:
    parsed = pd.DataFrame({"x": np.array(positions, dtype=float)})
    return ExplainedRows(parsed, np.array(positions, np.float32), parsed.rename(columns={"x": "y"}))


@given(st.lists(st.integers(0, 30), min_size=1, max_size=6), st.integers(1, 40))
def test_the_sample_does_not_depend_on_the_chunks(sizes, n_rows):
    starts = np.cumsum([0, *sizes])
    chunks = [rows_of(range(a, b)) for a, b in itertools.pairwise(starts)]
    sample = sample_rows(iter(chunks), n_rows, seed=3)
    whole = sample_rows([rows_of(range(sum(sizes)))], n_rows, seed=3)
    assert len(sample.label) == min(n_rows, sum(sizes))
    assert np.array_equal(sample.label, whole.label)
    assert np.array_equal(sample.parsed["x"], sample.label)
    assert np.array_equal(sample.carried["y"], sample.label)
    assert len(set(sample.label)) == len(sample.label)


def test_each_row_is_as_likely():
    counts = np.zeros(40)
    for seed in range(150):
        sample = sample_rows([rows_of(range(25)), rows_of(range(25, 40))], 10, seed=seed)
        counts[sample.label.astype(int)] += 1
    # Binomial with mean 37.5 and standard deviation 5.3.
    assert 17 < counts.min() < counts.max() < 58


def test_a_mean_of_folds_has_no_rows_of_its_own(customers_run):
    cv = replace(customers_run.options.cv, average=True)
    averaged = replace(customers_run, options=replace(customers_run.options, cv=cv))
    with pytest.raises(InputError, match=r"held test rows back, .*or name new rows \(source=FILE"):
        sample_own_rows(averaged, "test", 10, seed=0)


def test_a_source_that_has_changed(customers_run):
    data = {**customers_run.metrics["data"], "fingerprint": "another"}
    changed = replace(customers_run, metrics={**customers_run.metrics, "data": data})
    with pytest.raises(InputError, match=r"source has changed; name new rows with source=FILE"):
        sample_own_rows(changed, "test", 10, seed=0)
