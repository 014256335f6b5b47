"""The search finds the pair that matters, from training rows and their weights."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from churn_torch.models.scorecard.binning import ScorecardOptions
from churn_torch.models.scorecard.fit import L2, fit_scorecard
from churn_torch.models.scorecard.layout import ScorecardLayout
from tests.models.scorecard.made_scorecard import N, learned

OPTIONS = ScorecardOptions(bins=8, pair_bins=5, pairs=2)


def test_the_pair_that_matters_is_found_first_and_copies_never_pair():
    made = learned()
    assert ScorecardLayout.of(made.schema).pairs[0] == ("usage", "plan")
    assert len(ScorecardLayout.of(made.schema).pairs) <= 3
    assert all("copy" not in pair for pair in ScorecardLayout.of(made.schema).pairs)
    assert not ScorecardLayout.of(learned(pairs=0).schema).pairs


def test_the_default_penalty_stands_for_the_fitted_penalties():
    made = learned()
    x = made.features(*made.columns).double().numpy()
    model = LogisticRegression(C=1 / (L2 * N), tol=1e-8, max_iter=1000)
    chance = model.fit(x, made.label).predict_proba(x)[:, 1]
    assert roc_auc_score(made.label, chance) > 0.8
    # What does not matter is shrunk to next to nothing.
    share = made.features.of_column().numpy()
    added = x * model.coef_[0]
    spread = {
        name: float(np.std(added[:, share[:, i] == 1].sum(1)))
        for i, name in enumerate(made.features.columns)
    }
    assert max(spread["town"], spread["seen"], spread["since"]) < 0.25


def test_a_class_weight_multiplies_the_odds():
    made = learned()
    effects = [
        fit_scorecard(
            made.columns, made.label, None, made.plain, made.statistics, OPTIONS,
            n_train=N, positive_weight=weight,
        )[1].effects
        for weight in (1.0, 3.0)
    ]  # fmt: skip
    for one, other in zip(*effects, strict=True):
        np.testing.assert_allclose(other - one, np.log(3) / len(effects[0]))


def test_rows_without_weight_teach_nothing_and_a_double_one_counts_twice():
    made = learned()
    half = N // 2
    weight = torch.cat([torch.full((half,), 2.0), torch.zeros(N - half)])
    first = fit_scorecard(
        made.columns, made.label, weight, made.plain, made.statistics, OPTIONS, n_train=N
    )
    flipped = made.label.clone()
    flipped[half:] = 1 - flipped[half:]
    same = fit_scorecard(
        made.columns, flipped, weight, made.plain, made.statistics, OPTIONS, n_train=N
    )
    assert first[0] == same[0]
    for one, other in zip(first[1].tables, same[1].tables, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)
