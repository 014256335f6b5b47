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


def delong_covariance(probability: Array, label: Array) -> Array:
    """Return the covariance of the AUROC of models, ``[R, R]``, each pair of rows on its own."""
    n_models = len(probability)
    of_churners, of_others = [], []
    for one in probability:
        churners, others = one[label == 1], one[label == 0]
        won = np.array([[0.5 * (c == o) + 1.0 * (c > o) for o in others] for c in churners])
        of_churners.append(won.mean(axis=1))
        of_others.append(won.mean(axis=0))
    covariance = np.zeros((n_models, n_models))
    for placements in (np.array(of_churners), np.array(of_others)):
        covariance += np.atleast_2d(np.cov(placements)) / placements.shape[1]
    return covariance


def obuchowski(probability: Array, label: Array, cluster: Array) -> Array:
    """Return the covariance where rows are clustered (Obuchowski 1997, equations 5 to 7)."""
    n_models, names = len(probability), np.unique(cluster)
    m, n = (label == 1).sum(), (label == 0).sum()
    v10, v01 = np.zeros((2, n_models, len(label)))
    for k, one in enumerate(probability):
        for i in range(len(label)):
            rest = one[label != label[i]]
            won = ((one[i] > rest) + 0.5 * (one[i] == rest)).mean()
            v10[k, i], v01[k, i] = (won, 0) if label[i] else (0, 1 - won)
    area = v10.sum(axis=1) / m
    of_churners = np.array([v10[:, cluster == c].sum(axis=1)
                            - (label[cluster == c] == 1).sum() * area for c in names])  # fmt: skip
    of_others = np.array([v01[:, cluster == c].sum(axis=1)
                          - (label[cluster == c] == 0).sum() * area for c in names])  # fmt: skip
    with_churners = len(np.unique(cluster[label == 1]))
    with_others = len(np.unique(cluster[label == 0]))
    s10 = with_churners / (with_churners - 1) / m * of_churners.T @ of_churners
    s01 = with_others / (with_others - 1) / n * of_others.T @ of_others
    s11 = len(names) / (len(names) - 1) * of_churners.T @ of_others
    return s10 / m + s01 / n + (s11 + s11.T) / (m * n)
