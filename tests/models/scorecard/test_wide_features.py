"""Wide features: the plain ones, and terms that add up to the scorecard."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from churn_torch.models.preprocessing.expansion import Expansion
from churn_torch.models.preprocessing.preprocess import Preprocess
from churn_torch.models.preprocessing.statistics import PreprocessOptions
from churn_torch.models.scorecard.fit import L2
from churn_torch.models.scorecard.layout import ScorecardLayout
from tests.models.scorecard.made_scorecard import N, learned


def test_wide_features_are_the_plain_ones_and_one_a_term():
    made = learned()
    plain = Preprocess(made.schema, PreprocessOptions())
    plain.load_statistics(made.statistics)
    x = made.wide(*made.columns)
    assert x.shape == (N, made.wide.n_features)
    assert (
        made.wide.n_terms
        == len(made.features.terms)
        > len(ScorecardLayout.of(made.schema).pairs)
        > 0
    )
    torch.testing.assert_close(x[:, : -made.wide.n_terms], plain(*made.columns))
    compact = made.wide.compact(*made.columns)
    assert compact.dense.shape == (N, made.wide.n_dense)
    assert compact.codes.shape == (N, made.wide.n_codes)
    torch.testing.assert_close(Expansion(made.wide)(*compact), x)
    share = made.wide.of_column()
    torch.testing.assert_close(share.sum(1), torch.ones(made.wide.n_features))
    assert len(set(made.wide.feature_names)) == made.wide.n_features


def test_the_terms_add_up_to_the_optimum_of_the_scorecard():
    """The search ends where the exact fit of its features does."""
    made = learned()
    x = made.features(*made.columns).double().numpy()
    model = LogisticRegression(C=1 / (L2 * N), tol=1e-8, max_iter=1000).fit(x, made.label)
    added = made.wide(*made.columns)[:, -made.wide.n_terms :].sum(1).numpy()
    np.testing.assert_allclose(added, model.decision_function(x), atol=0.02)
