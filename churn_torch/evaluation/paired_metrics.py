"""Metrics of several models on the same rows, with the covariance that the shared rows give them.

AUROC has the covariance of DeLong, DeLong & Clarke-Pearson 1988, "Comparing the areas under two or
more correlated receiver operating characteristic curves", from midranks in O(N log N) as in Sun &
Xu 2014, "Fast implementation of DeLong's algorithm"; where several rows belong to one customer that
of Obuchowski 1997, "Nonparametric analysis of clustered ROC curve data". Log-loss, Brier score and
profit are means over rows, lift is a ratio of means at a cut that the rows decide too, and has the
covariance of its influence function. So nothing has to be drawn again and again.

Probabilities are ``[R, N]``, a line for each of R models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from churn_torch.evaluation import gains
from churn_torch.evaluation.auroc_interval import placements

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.intp]
# Churners that a difference of lifts counts on top, as if one of two models alone had them in its
# top: models that take nearly the same rows differ in a handful of churners, or in none. Chosen by
# simulation (benchmarks/comparison_coverage.py), as Agresti & Min 2005, "Simple improved confidence
# intervals for comparing matched proportions", add half a pair to each cell.
PRIOR_CHURNERS = 0.5
EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Estimates:
    """A metric of R models.

    Attributes:
        metric: Its name.
        value: ``[R]``.
        parts: Independent summands of the covariance of the values, ``[R, R]``, each with its
            degrees of freedom.
        cross: What else belongs to the covariance, ``[R, R]``; None for nothing.
    """

    metric: str
    value: Floats
    parts: tuple[tuple[Floats, float], ...]
    cross: Floats | None = None

    @property
    def covariance(self) -> Floats:
        """The covariance of the values, ``[R, R]``."""
        total = sum(part for part, _ in self.parts)
        return np.asarray(total if self.cross is None else total + self.cross)


class Ranked(NamedTuple):
    """The rows of a model by probability, in groups of ties, most probable group first.

    Attributes:
        group: ``[N]``, the group of each row.
        negatives: ``[G]``, non-churners of each group.
        positives: ``[G]``, churners.
    """

    group: Codes
    negatives: npt.NDArray[np.int64]
    positives: npt.NDArray[np.int64]


def ranked(label: Bools, probability: npt.NDArray[np.floating]) -> Ranked:
    """Rank the rows of one model.

    Args:
        label: ``[N]``, whether a row is a churner.
        probability: ``[N]``.
    """
    order = np.argsort(-probability, kind="stable")
    ordered = probability[order]
    group = np.empty(len(order), np.intp)
    group[order] = np.cumsum(np.diff(ordered, prepend=ordered[:1]) != 0)
    n_groups = int(group[order[-1]]) + 1
    rows = np.bincount(group, minlength=n_groups)
    positives = np.bincount(group[label], minlength=n_groups)
    return Ranked(group, rows - positives, positives)


def auroc_estimates(
    label: Bools, models: Sequence[Ranked], clusters: Codes | None = None
) -> Estimates:
    """Return the AUROC of R models with DeLong's covariance, with clusters that of Obuchowski.

    Args:
        label: ``[N]``, whether a row is a churner; both classes have two rows or more.
        models: The rows of each model.
        clusters: ``[N]``, the customer of each row, from 0 on; None where no customer has several.
    """
    n, n_positive = len(label), int(label.sum())
    n_negative = n - n_positive
    values, of_positives, of_negatives = [], [], []
    for group, negatives, positives in models:
        below, above = placements(negatives, positives)
        area = float(positives @ below) / n_positive
        values.append(area)
        of_positives.append(below[group[label]] - area)
        of_negatives.append(above[group[~label]] - area)
    positive, negative = np.stack(of_positives), np.stack(of_negatives)
    cross = None
    if clusters is not None:
        n_clusters = int(clusters.max()) + 1
        positive_sums = _sums(positive, clusters[label], n_clusters)
        negative_sums = _sums(negative, clusters[~label], n_clusters)
        joint = positive_sums @ negative_sums.T
        scale = n_clusters / (n_clusters - 1) / n_positive / n_negative
        cross = scale * (joint + joint.T)
        positive = positive_sums[:, np.bincount(clusters[label], minlength=n_clusters) > 0]
        negative = negative_sums[:, np.bincount(clusters[~label], minlength=n_clusters) > 0]
    parts = (_part(positive, n_positive), _part(negative, n_negative))
    return Estimates("auroc", np.array(values), parts, cross)


def loss_estimates(
    label: Bools, probability: npt.NDArray[np.floating], clusters: Codes | None = None
) -> tuple[Estimates, Estimates]:
    """Return the log-loss and the Brier score of R models; see `mean_estimates`.

    Args:
        label: As for `auroc_estimates`.
        probability: ``[R, N]``, clipped as scikit-learn does for the log-loss.
        clusters: As for `auroc_estimates`.
    """
    wide = probability.astype(np.float64)
    clipped = wide.clip(EPS, 1 - EPS)
    log_loss = -np.where(label, np.log(clipped), np.log1p(-clipped))
    return (
        mean_estimates("log_loss", log_loss, clusters, label=label),
        mean_estimates("brier", np.square(wide - label), clusters, label=label),
    )


def mean_estimates(
    metric: str,
    values: Floats,
    clusters: Codes | None = None,
    *,
    label: Bools | None = None,
) -> Estimates:
    """Return a metric that is the mean of a number of each row.

    Args:
        metric: Its name.
        values: ``[R, N]``.
        clusters: As for `auroc_estimates`.
        label: As for `auroc_estimates`, where churners vary more than the others: few of them do
            not show how much, so each class has degrees of freedom of its own. Clusters hold rows
            of both, and have one for all.
    """
    mean, n = values.mean(axis=1), values.shape[1]
    deviations = values - mean[:, None]
    if label is None or clusters is not None:
        return Estimates(metric, mean, (_part(_summed(deviations, clusters), n),))
    of_classes = (deviations[:, rows] for rows in (label, ~label))
    parts = [(each @ each.T / n / (n - 1), max(each.shape[1] - 1.0, 1.0)) for each in of_classes]
    return Estimates(metric, mean, tuple(parts))


def influence_estimates(
    metric: str, values: Floats, influence: Floats, clusters: Codes | None = None
) -> Estimates:
    """Return a metric by what each row adds to it.

    Args:
        metric: Its name.
        values: ``[R]``.
        influence: ``[R, N]``; those of a model add up to 0.
        clusters: As for `auroc_estimates`.
    """
    n = influence.shape[1]
    return Estimates(metric, values, (_part(_summed(influence * n, clusters), n),))


def lift_estimates(
    label: Bools,
    models: Sequence[Ranked],
    clusters: Codes | None = None,
    *,
    percent: int = 10,
) -> Estimates:
    """Return the lift in the top ``percent`` of the rows.

    The cut is a probability that the rows decide: what one more row above it changes is the churn
    rate around the cut.

    Args:
        label: As for `auroc_estimates`.
        models: As for `auroc_estimates`.
        clusters: As for `auroc_estimates`.
        percent: Per cent of the rows that are taken.
    """
    n, n_positive = len(label), int(label.sum())
    taken = gains.top_rows(Fraction(percent, 100), n)
    values, influences = [], []
    for group, negatives, positives in models:
        curve = gains.gains(negatives[None], positives[None])
        value = gains.lift(*curve, percent).item()
        before = curve[0][0, :-1]
        share = np.clip((taken - before) / (negatives + positives), 0, 1)[group]
        captured = value * taken / n
        at_cut = gains.rate_around(*curve, taken)
        influence = share * label - captured * label - at_cut * (share - taken / n)
        values.append(value)
        influences.append(influence * n * n / taken / n_positive)
    spread, freedom = _part(_summed(np.stack(influences), clusters), n)
    one_more = n / taken / n_positive
    spread += np.eye(len(spread)) * PRIOR_CHURNERS / 2 * one_more**2
    return Estimates(f"lift_at_{percent}", np.array(values), ((spread, freedom),))


def _summed(deviations: Floats, clusters: Codes | None) -> Floats:
    return deviations if clusters is None else _sums(deviations, clusters, int(clusters.max()) + 1)


def _sums(values: Floats, clusters: Codes, n_clusters: int) -> Floats:
    """Return the sum of each cluster, ``[R, C]``."""
    return np.stack([np.bincount(clusters, one, minlength=n_clusters) for one in values])


def _part(deviations: Floats, n_rows: int) -> tuple[Floats, float]:
    """Return the covariance of means of ``n_rows`` rows, and its degrees of freedom.

    Args:
        deviations: ``[R, C]`` from the mean, summed by cluster where rows are clustered.
        n_rows: Rows in all clusters.
    """
    n = deviations.shape[1]
    return n / (n - 1) / n_rows**2 * (deviations @ deviations.T), float(n - 1)
