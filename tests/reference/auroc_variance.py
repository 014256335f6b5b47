"""DeLong's variance of the AUROC straight from its definition: slow, pair by pair, in NumPy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def delong(probability: Array, label: Array) -> tuple[float, float]:
    """Return the AUROC and its variance (DeLong, DeLong and Clarke-Pearson 1988, section 3)."""
    churners, others = probability[label == 1], probability[label == 0]
    won = np.array([[0.5 * (c == o) + 1.0 * (c > o) for o in others] for c in churners])
    of_churners, of_others = won.mean(axis=1), won.mean(axis=0)
    area = won.mean()
    s10 = sum((v - area) ** 2 for v in of_churners) / (len(churners) - 1)
    s01 = sum((v - area) ** 2 for v in of_others) / (len(others) - 1)
    return float(area), float(s10 / len(churners) + s01 / len(others))
