"""How strongly each column goes along with churn, whatever a model makes of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import chdtrc

from churn_torch.evaluation.leakage.column_scores import (
    counts_of,
    mutual_information,
    pearson_chi2,
)

# Levels of which fewer rows of a class are expected are put together, as the chi-square
# distribution is too rough for them (Cochran 1954, "Some methods for strengthening the common
# chi-square tests").
FEWEST_EXPECTED = 1


@dataclass(frozen=True)
class Association:
    """How strongly one column goes along with churn.

    Attributes:
        column: Its name.
        chi2_p_value: Of Pearson's chi-square test that column and churn are independent.
        mutual_information: In bits, less what chance alone would give, and at least 0.
    """

    column: str
    chi2_p_value: float
    mutual_information: float


def associations(levels: pd.DataFrame, label: npt.NDArray[np.float32]) -> tuple[Association, ...]:
    """Return the association of each column with churn, the strongest first.

    Args:
        levels: N rows (`churn_torch.evaluation.leakage.column_scores.binned`).
        label: ``[N]`` of 1 for churners and 0 for the others.
    """
    found = []
    for name in levels:
        counts = _without_rare(counts_of(levels[name].to_numpy(), label))
        statistic, freedom = pearson_chi2(counts)
        # The distribution has no degree of freedom where there is one level.
        p_value = float(chdtrc(freedom, statistic)) if freedom else 1.0
        bits = max(mutual_information(counts), 0.0) / math.log(2)
        found.append(Association(str(name), p_value, bits))
    return tuple(sorted(found, key=lambda one: -one.mutual_information))


def _without_rare(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the counts with the levels of few rows put together, until they are not few."""
    counts = counts[np.argsort(counts.sum(1), kind="stable")]
    expected = counts.sum(1) * counts.sum(0).min() / counts.sum()
    n_rare = int((expected < FEWEST_EXPECTED).sum())
    if not n_rare:
        return counts
    n_together = max(n_rare, 1 + int(np.searchsorted(expected.cumsum(), FEWEST_EXPECTED)))
    return np.concatenate([counts[:n_together].sum(0, keepdims=True), counts[n_together:]])
