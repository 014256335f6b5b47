"""Compact rows expand to what the whole preprocessing gives, and sums over them are the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from churn_torch.models.preprocessing.expansion import Expansion
from churn_torch.models.preprocessing.preprocess import Columns, Preprocess
from churn_torch.models.preprocessing.statistics import PreprocessOptions, fit_statistics
from churn_torch.tables.encode import encode
from churn_torch.tables.schema import Schema
from tests.models.preprocessing.test_preprocess import SCHEMA, customers


def fitted(
    schema: Schema = SCHEMA, missing: float = 0.15, bins: int = 0
) -> tuple[Preprocess, Columns]:
    train = customers(300, missing=missing)[[column.name for column in schema.features]]
    options = PreprocessOptions(bins=bins)
    completed, statistics = fit_statistics([train], schema, options)
    preprocess = Preprocess(completed, options)
    preprocess.load_statistics(statistics)
    # Other rows, with missing and unseen values that training did not show.
    other = customers(200, seed=1, missing=0.3)[[column.name for column in schema.features]]
    for column in completed.text:
        other.loc[3, column.name] = "never seen"
    return preprocess, Columns.from_arrays(encode(other, completed))


def without(kind: str) -> Schema:
    columns = tuple(c for c in SCHEMA.columns if Schema.is_text(c) is (kind != "text"))
    kept = columns if kind == "text" else tuple(c for c in columns if c.name != "churn")
    return Schema(kept, "churn", "1", "0")


@pytest.mark.parametrize("bins", [0, 5])
@pytest.mark.parametrize("missing", [0.0, 0.15])
@pytest.mark.parametrize("schema", [SCHEMA, without("text"), without("numbers")])
def test_expansion_of_compact_rows_is_the_forward(
    schema: Schema, missing: float, bins: int
) -> None:
    preprocess, columns = fitted(schema, missing, bins)
    expansion = Expansion(preprocess)
    expected = preprocess(*columns)
    compact = preprocess.compact(*columns)
    assert compact.dense.shape[1] == preprocess.n_dense
    torch.testing.assert_close(expansion(*compact), expected, rtol=0, atol=1e-7)


@given(st.integers(1, 3), st.integers(0, 2**31), st.sampled_from([0, 4]))
def test_linear_and_sums_are_those_of_the_expanded_rows(
    n_problems: int, seed: int, bins: int
) -> None:
    preprocess, columns = fitted(bins=bins)
    expansion = Expansion(preprocess)
    compact = preprocess.compact(*columns)
    x = expansion(*compact).double().numpy()
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(preprocess.n_features, n_problems)).astype(np.float32)
    np.testing.assert_allclose(
        expansion.linear(*compact, torch.from_numpy(weight)), x @ weight, atol=1e-4
    )
    row_weight = rng.normal(size=(len(x), n_problems)).astype(np.float32)
    np.testing.assert_allclose(
        expansion.sums(*compact, torch.from_numpy(row_weight)), x.T @ row_weight, atol=1e-3
    )
    np.testing.assert_allclose(
        expansion.square_sums(*compact, torch.from_numpy(row_weight)),
        np.square(x).T @ row_weight,
        atol=1e-3,
    )
