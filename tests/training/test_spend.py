"""The fit of the spend head, against scikit-learn's Poisson regression."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import mean_poisson_deviance

from churn_torch.errors import InputError
from churn_torch.models.spend_head import SpendHead
from churn_torch.training.spend import PENALTIES, fit_spend


def spent(prepared, part: str, rng: np.random.Generator) -> np.ndarray:
    """Amounts that depend on the first feature; churners have none that may be looked at."""
    x, label = prepared.features(part), prepared.label(part)
    amounts = rng.gamma(1.5, 20 * np.exp(0.5 * x[:, 0]))
    return np.where(label == 1, np.nan, amounts)


def test_the_fit_is_a_poisson_regression_of_those_who_stay(prepare):
    prepared, rng = prepare(), np.random.default_rng(0)
    spend = {part: spent(prepared, part, rng) for part in ("train", "validation")}
    prepared.scorer.spend = head = SpendHead(prepared.scorer.preprocess.n_features)
    fit = fit_spend(prepared.scorer, prepared.store, spend)

    stays = {part: prepared.label(part) == 0 for part in spend}
    x = {part: prepared.features(part)[stays[part]] for part in spend}
    y = {part: spend[part][stays[part]] for part in spend}
    scale = y["train"].mean()
    deviances = {}
    for penalty in PENALTIES:
        peer = PoissonRegressor(alpha=penalty, tol=1e-9, max_iter=2000)
        peer.fit(x["train"], y["train"] / scale)
        inside = peer.predict(x["train"])
        guess = peer.predict(x["validation"]).clip(inside.min(), inside.max())
        deviances[penalty] = mean_poisson_deviance(y["validation"] / scale, guess)
        if penalty == fit.penalty:
            known = peer.predict(x["train"]) * scale
    assert fit.penalty == min(deviances, key=lambda penalty: deviances[penalty])
    assert fit.deviance[0] == pytest.approx(deviances[fit.penalty], rel=1e-3)
    constant = mean_poisson_deviance(y["validation"] / scale, np.ones(len(y["validation"])))
    assert fit.deviance[1] == pytest.approx(constant)
    assert fit.n_rows == stays["train"].sum()
    with torch.no_grad():
        ours = head(torch.from_numpy(x["train"]).float()).numpy()
        np.testing.assert_allclose(ours, known, rtol=0.01)
        assert ours.sum() == pytest.approx(y["train"].sum(), rel=1e-3)  # the total is that of rows
        odd = head(1e3 * torch.ones(1, x["train"].shape[1]))
    assert ours.min() * 0.999 <= odd.item() <= ours.max() * 1.001


def test_nothing_to_learn_from_is_refused(prepare):
    prepared = prepare()
    prepared.scorer.spend = SpendHead(prepared.scorer.preprocess.n_features)
    nothing = {
        part: np.zeros(prepared.store.parts[part].n_rows) for part in ("train", "validation")
    }
    with pytest.raises(InputError, match=r"data.spend: expected 20 or more training rows"):
        fit_spend(prepared.scorer, prepared.store, nothing)
