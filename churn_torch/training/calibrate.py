"""Fit a scorer's calibrator on the validation rows."""

from __future__ import annotations

import numpy as np

from churn_torch.models.calibration import Auto, Calibrator
from churn_torch.models.calibration.auto import Choice
from churn_torch.models.nets.linear import Linear
from churn_torch.models.scorer import Scorer
from churn_torch.training.inference import sampled_logits
from churn_torch.training.rows.store import Part

# Validation rows that a calibrator is fitted on, at most.
CALIBRATION_ROWS = 1_000_000
# Standard errors by which `Auto` must find a calibrator better than none. Maximum likelihood makes
# the probabilities of a linear net right on average already, so there it takes more.
MARGIN, LINEAR_MARGIN = 1.0, 2.0


def calibrate(scorer: Scorer, validation: Part) -> Choice | None:
    """Fit the scorer's calibrator; return how it was chosen, if it was.

    Of a scorer of uplift it is fitted on the customers who were not contacted.

    Args:
        scorer: Trained, in evaluation mode.
        validation: Preprocessed rows, of which at most ``CALIBRATION_ROWS`` are looked at.
    """
    calibrator = scorer.calibrator
    if type(calibrator) is Calibrator:  # calibration=none
        return None
    raw, labels, weights = sampled_logits(scorer, validation, CALIBRATION_ROWS)
    logit = (raw - scorer.prior_shift).double().numpy()
    label = labels.double().numpy()
    weight = np.ones(len(label))
    if weights is not None:
        weight = weights.double().numpy()
        kept = weight > 0
        logit, label, weight = logit[kept], label[kept], weight[kept]
        # So many rows of equal weight would be as sure of a rate (Kish 1965, "Survey sampling").
        weight = weight * weight.sum() / np.sum(weight**2)
    if isinstance(calibrator, Auto):
        margin = LINEAR_MARGIN if isinstance(scorer.net, Linear) else MARGIN
        calibrator.fit(logit, label, weight, margin=margin)
        return calibrator.choice
    calibrator.fit(logit, label, weight)
    return None
