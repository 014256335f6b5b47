"""Curves of scores on rows whose outcome is known: ROC, precision-recall, gains, distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from churn_torch.evaluation.gains import gains
from churn_torch.evaluation.reliability import Groups

# Points of a curve and bins of the distribution, at most: more cannot be seen.
MOST_POINTS = 200
BINS = 25

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ScoreCurves:
    """Curves over the customers taken, the most probable first; shares from 0 to 1.

    Attributes:
        taken: ``[P]`` share of the customers, from 0 to 1.
        recall: ``[P]`` share of the churners among them (the gains curve, and the height of the
            ROC curve).
        false_positive_rate: ``[P]`` share of the other customers among them.
        precision: ``[P]`` churn rate among them; that of the first point is that of the second.
        edges: ``[B + 1]`` of bins of the probability, over the range that occurs.
        churners: ``[B]`` share of the churners in each bin.
        others: ``[B]`` share of the other customers in each bin.
    """

    taken: tuple[float, ...]
    recall: tuple[float, ...]
    false_positive_rate: tuple[float, ...]
    precision: tuple[float, ...]
    edges: tuple[float, ...]
    churners: tuple[float, ...]
    others: tuple[float, ...]


def score_curves(groups: Groups) -> ScoreCurves:
    """Return the curves of rows of both classes.

    Rows of equal probability are taken together. Beyond 200 of such groups only those nearest to
    even shares of the customers are points of the curves.

    Args:
        groups: Of the rows (`churn_torch.evaluation.reliability.grouped`).
    """
    positives = groups.n_churners[None, ::-1]
    rows, churners = (curve[0] for curve in gains(groups.n_rows[None, ::-1] - positives, positives))
    n, n_churners = int(rows[-1]), int(churners[-1])
    kept = np.arange(len(rows))
    if len(rows) > MOST_POINTS:
        kept = np.unique(np.searchsorted(rows, np.linspace(0, n, MOST_POINTS)))
    rows, churners = rows[kept], churners[kept]
    precision = churners[1:] / rows[1:]
    edges = np.linspace(groups.probability[0], groups.probability[-1], BINS + 1)
    if edges[0] == edges[-1]:
        edges = np.array([edges[0], np.nextafter(edges[0], 2.0)])

    def shares(counts: npt.NDArray[np.int64]) -> tuple[float, ...]:
        binned, _ = np.histogram(groups.probability, edges, weights=counts)
        return tuple((binned / counts.sum()).tolist())

    return ScoreCurves(
        taken=tuple((rows / n).tolist()),
        recall=tuple((churners / n_churners).tolist()),
        false_positive_rate=tuple(((rows - churners) / (n - n_churners)).tolist()),
        precision=(float(precision[0]), *precision.tolist()),
        edges=tuple(edges.tolist()),
        churners=shares(groups.n_churners.astype(np.int64)),
        others=shares((groups.n_rows - groups.n_churners).astype(np.int64)),
    )
