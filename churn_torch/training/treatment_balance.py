"""Whether chance decided who was contacted, from the preprocessed training rows."""

from __future__ import annotations

import pandas as pd
import torch

from churn_torch.evaluation.uplift.randomisation import Balance, balance
from churn_torch.models.preprocessing.expansion import Expansion
from churn_torch.models.scorer import Scorer
from churn_torch.training.rows.batches import spread_sample
from churn_torch.training.rows.store import Part

# Training rows that are looked at, and cells of their features: fewer rows of a wide table.
MOST_ROWS, MOST_CELLS = 50_000, 5_000_000


def balance_of(scorer: Scorer, train: Part) -> Balance:
    """Compare the features of contacted customers with those of the others.

    Args:
        scorer: With fitted preprocessing.
        train: Training rows with a treatment.
    """
    expansion = Expansion(scorer.preprocess)
    n_rows = min(MOST_ROWS, max(1_000, MOST_CELLS // expansion.n_features))
    rows = spread_sample(train, n_rows)
    assert rows.treatment is not None
    with torch.no_grad():
        x = expansion(rows.dense, rows.codes).double().numpy()
    features = pd.DataFrame(x, columns=scorer.preprocess.feature_columns)
    return balance(features, rows.treatment.double().numpy())
