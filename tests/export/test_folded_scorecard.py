"""A folded scorecard against the scorer it was made from, on rows that lie on every edge too."""

from __future__ import annotations

import numpy as np
import torch

from churn_torch.export.folded_scorecard import FoldedScorecard
from churn_torch.models.attribution import Attribution, fit_attribution
from churn_torch.models.calibration import Platt
from churn_torch.models.nets.mlp import MLP
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.models.scorer import Scorer
from tests.models.scorecard.made_scorecard import learned, scorer


def on_edges(columns: Columns) -> Columns:
    """Rows whose numbers are edges of bins, and the numbers next to them."""
    features = learned().features
    numbers = []
    for group, x in (("float32", columns.float32), ("float64", columns.float64)):
        cuts = features.get_buffer(f"{group}_cuts_").T
        near = [cuts, torch.nextafter(cuts, cuts - 1), torch.nextafter(cuts, cuts + 1)]
        numbers.append(torch.cat([x[:50], *near]))
    n = max(map(len, numbers))
    return Columns(*numbers, columns.codes[:n])


def test_the_same_probability_and_reasons():
    made, card = learned(), scorer()
    folded = FoldedScorecard(card)
    for columns in (made.columns, on_edges(made.columns)):
        probability, reasons = folded(*columns)
        np.testing.assert_allclose(probability, card.score(columns), atol=1e-6)
        attribution = Attribution(card, 1)
        np.testing.assert_allclose(reasons, attribution.explain(columns), atol=2e-5)
        with torch.no_grad():
            logit = card.raw_logit(*columns) - card.prior_shift
        np.testing.assert_allclose(reasons.sum(1) + attribution.base(), logit, atol=2e-5)


def test_reasons_are_exact_with_one_point():
    attribution = fit_attribution(scorer(), learned().columns)
    assert attribution.n_points == 1
    assert attribution.error(learned().columns) < 2e-5


def test_it_fits_scorecards_only():
    card = scorer()
    assert FoldedScorecard.fits(card)
    net = MLP(n_features=card.preprocess.n_features, width=2)
    assert not FoldedScorecard.fits(Scorer(card.preprocess, net, Platt()))
