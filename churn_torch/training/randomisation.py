"""Whether an earlier campaign was randomised: do the features tell who was contacted?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize
from scipy.special import expit

from churn_torch.errors import InputError
from churn_torch.evaluation.auroc_interval import auroc_interval
from churn_torch.evaluation.gains import Floats
from churn_torch.models.preprocessing.expansion import Expansion
from churn_torch.models.scorer import Scorer
from churn_torch.training.rows.batches import spread_sample
from churn_torch.training.rows.store import Part

# Training rows that are looked at: half of them to learn from, half to measure on.
MOST_ROWS = 20_000
# Cells of features that are looked at: fewer rows of a wide table.
MOST_CELLS = 10_000_000
# A randomised campaign is taken for another one once in 10,000.
CONFIDENCE = 1 - 2e-4
PENALTY = 1e-3


def check_randomised(scorer: Scorer, train: Part, *, column: str) -> tuple[float, float, float]:
    """Refuse a treatment that the features predict better than chance.

    A logistic regression learns the treatment from one half of a sample of the training rows and
    ranks the other half. In a randomised campaign its AUROC is 0.5 but for chance.

    Args:
        scorer: With fitted preprocessing.
        train: Training rows with a treatment.
        column: The column of the treatment, for the message.

    Returns:
        The AUROC and its interval.

    Raises:
        InputError: The interval lies above 0.5.
    """
    expansion = Expansion(scorer.preprocess)
    sample = spread_sample(train, min(MOST_ROWS, max(200, MOST_CELLS // expansion.n_features)))
    assert sample.treatment is not None
    order = np.random.default_rng(0).permutation(len(sample.label))
    with torch.no_grad():
        x = expansion(sample.dense, sample.codes).numpy()[order].astype(np.float64)
    treated = sample.treatment.numpy()[order].astype(np.float64)
    half = len(order) // 2
    weights = _logistic(x[:half], treated[:half])
    found, interval = _auroc(x[half:] @ weights, treated[half:] == 1)
    if interval[0] > 0.5:
        raise InputError(
            "data.treatment",
            expected="a campaign whose customers were chosen at random, or their chances in "
            "data.treatment_probability",
            got=f"a column {column!r} that the features predict (AUROC {found:.3f}, at least "
            f"{interval[0]:.3f}; chosen at random it would be 0.5): contacted customers differed "
            "from the others before the contact",
            fix="take the rows of a randomised campaign, or name the column of each customer's "
            "chance",
        )
    return found, *interval


def _logistic(x: Floats, label: Floats) -> Floats:
    """Return the weights of a logistic regression with a slight L2 penalty."""
    rate = label.mean().clip(1e-6, 1 - 1e-6)
    start = np.zeros(x.shape[1] + 1)
    start[-1] = np.log(rate / (1 - rate))

    def loss_and_gradient(w: Floats) -> tuple[float, Floats]:
        z = x @ w[:-1] + w[-1]
        residual = (expit(z) - label) / len(label)
        loss = np.mean(np.logaddexp(0, z) - label * z) + PENALTY / 2 * w[:-1] @ w[:-1]
        return loss, np.append(residual @ x + PENALTY * w[:-1], residual.sum())

    found = minimize(
        loss_and_gradient, start, jac=True, method="L-BFGS-B", options={"maxiter": 100}
    )
    return np.asarray(found.x[:-1])


def _auroc(
    rank: Floats,
    treated: npt.NDArray[np.bool_],
) -> tuple[float, tuple[float, float]]:
    _, group = np.unique(-rank, return_inverse=True)
    treated_in = np.bincount(group[treated], minlength=group.max() + 1)
    others_in = np.bincount(group[~treated], minlength=group.max() + 1)
    if not treated_in.sum() or not others_in.sum():
        return 0.5, (0.0, 1.0)
    below = others_in.sum() - np.cumsum(others_in) + others_in / 2
    area = float(treated_in @ below / treated_in.sum() / others_in.sum())
    return area, auroc_interval(others_in, treated_in, confidence=CONFIDENCE)
