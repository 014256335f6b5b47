"""A threshold for each group of customers, so that the groups are flagged, or found, equally often.

Source: Hardt, Price & Srebro 2016, "Equality of opportunity in supervised learning"; there a group
may have two thresholds with a draw between them, here it has one, so that nobody is drawn by lot.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from churn_torch.evaluation.groups.group_metrics import FEWEST
from churn_torch.evaluation.thresholds import between

EQUAL_SELECTION_RATE, EQUAL_RECALL = "equal_selection_rate", "equal_recall"
# Each rule with the gap that it is to close.
RULES = {EQUAL_SELECTION_RATE: "demographic_parity", EQUAL_RECALL: "equal_opportunity"}


def group_thresholds(
    rule: str,
    codes: npt.NDArray[np.int64],
    n_groups: int,
    probability: npt.NDArray[np.floating[Any]],
    label: npt.NDArray[np.floating[Any]],
    *,
    threshold: float,
) -> npt.NDArray[np.float64]:
    """Return the threshold of each group, chosen on rows that are not the test rows.

    Args:
        rule: ``equal_selection_rate``: the same share of each group is flagged as of all customers
            now; ``equal_recall``: the same share of its churners as of all churners now.
        codes: ``[N]`` groups of the rows.
        n_groups: K.
        probability: ``[N]``.
        label: ``[N]``.
        threshold: The common one; groups with fewer than ``FEWEST`` rows (churners) keep it.

    Shape:
        [K]
    """
    counted = np.ones(len(label), np.bool_) if rule == EQUAL_SELECTION_RATE else label == 1
    thresholds = np.full(n_groups, float(threshold))
    if not counted.any():
        return thresholds
    share = float((probability[counted] >= np.float32(threshold)).mean())
    for group in range(n_groups):
        ranked = np.sort(probability[counted & (codes == group)])[::-1]
        if len(ranked) >= FEWEST:
            flagged = round(share * len(ranked))
            # Above everybody where nobody is to be flagged, below where everybody is.
            ends = np.concatenate([[1.1], ranked, [0.0]])
            thresholds[group] = between(float(ends[flagged]), float(ends[flagged + 1]))
    return thresholds
