"""A scorecard's features: the same from raw columns and from cells, centred, and as named."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from churn_torch.models.preprocessing.expansion import Expansion
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.models.preprocessing.statistics import PreprocessOptions
from churn_torch.models.scorecard.features import PAIR_FUNCTIONS, ScorecardFeatures, pair_term
from churn_torch.models.scorecard.layout import ScorecardLayout
from tests.models.scorecard.made_scorecard import N, learned


def test_features_from_cells_are_those_from_columns():
    made = learned()
    x = made.features(*made.columns)
    assert x.shape == (N, made.features.n_features)
    compact = made.features.compact(*made.columns)
    assert compact.dense.shape == (N, 0)
    torch.testing.assert_close(Expansion(made.features)(*compact), x)
    starts = made.features.code_starts
    for i in range(made.features.n_codes):
        assert starts[i] <= compact.codes[:, i].min()
        assert compact.codes[:, i].max() < starts[i + 1]


def test_features_are_centred_on_the_training_rows():
    made = learned()
    torch.testing.assert_close(
        made.features(*made.columns).mean(0), torch.zeros(made.features.n_features),
        atol=1e-5, rtol=0,
    )  # fmt: skip


def test_what_no_training_row_showed_adds_nothing():
    made = learned()
    nothing = Columns(
        torch.full((1, len(made.schema.float32)), torch.nan),
        torch.full((1, len(made.schema.float64)), torch.nan, dtype=torch.float64),
        torch.ones(1, len(made.schema.text), dtype=torch.int64),
    )
    x = made.features(*nothing)
    share = made.features.of_column()
    # seen was never missing, town was never unseen.
    for name in ("seen", "town"):
        own = share[:, made.features.columns.index(name)] == 1
        assert own.any()
        assert not x[0, own].any()
    assert x[0, share[:, made.features.columns.index("usage")] == 1].any()


def test_columns_share_their_pairs_features():
    made = learned()
    share = made.features.of_column()
    assert share.shape == (made.features.n_features, len(made.features.columns))
    torch.testing.assert_close(share.sum(1), torch.ones(made.features.n_features))
    assert set(share.unique().tolist()) == {0.0, 0.5, 1.0}
    assert len(set(made.features.feature_names)) == made.features.n_features


def test_a_pair_adds_nothing_that_its_columns_add_alone():
    made = learned()
    names = list(made.features.columns)
    for a, b in (("usage", "plan"), ("usage", "seen"), ("plan", "town")):
        term = pair_term(
            made.schema, ScorecardLayout.of(made.schema), *sorted((names.index(a), names.index(b)))
        )
        table = term.table.reshape(*(len(axis.basis) for axis in term.axes), -1)
        for axis, observed in enumerate(term.axes):
            # Over observed levels of an axis without a level of its own for missing.
            if not observed.basis[0].any():
                np.testing.assert_allclose(table.sum(axis), 0, atol=1e-9)
        assert table.shape[2] <= max(PAIR_FUNCTIONS, table.shape[0] * table.shape[1])


def test_a_number_beside_few_levels_keeps_its_bins():
    made = learned()
    names = list(made.features.columns)
    i, j = sorted((names.index("usage"), names.index("plan")))
    term = pair_term(made.schema, ScorecardLayout.of(made.schema), i, j)
    assert dict(zip(term.columns, term.fine, strict=True))[names.index("usage")]
    i, j = sorted((names.index("usage"), names.index("seen")))
    assert pair_term(made.schema, ScorecardLayout.of(made.schema), i, j).fine == (False, False)


@pytest.mark.parametrize("n", [0, 1])
def test_any_number_of_rows(n: int):
    made = learned()
    few = made.columns.take(slice(0, n))
    assert made.features(*few).shape == (n, made.features.n_features)


def test_the_schema_alone_decides_the_shapes():
    made = learned()
    again = ScorecardFeatures(made.schema.from_json(made.schema.to_json()), PreprocessOptions())
    again.load_state_dict(made.features.state_dict())
    torch.testing.assert_close(again(*made.columns), made.features(*made.columns))
