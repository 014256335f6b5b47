"""Logistic regression with standard errors: maximum likelihood, in float64.

Standard errors come from the Hessian at the optimum (Wald); or they are robust, from the squares of
the rows' gradients (the sandwich of Huber 1967 and White 1980, HC0); or robust with rows of one
customer taken together (Liang & Zeger 1986, with the correction ``G / (G - 1) * (N - 1) / (N - k)``
for G customers, N rows and k coefficients, and Student's t of G - 1 degrees of freedom, because few
customers do not show how much they vary). Of fewer than `FEW_GROUPS` customers each is left out in
turn, one step of Newton's method away from the optimum (the linearised jackknife CV3L of MacKinnon,
Nielsen & Webb 2024, "Cluster-robust jackknife and bootstrap inference for logistic regression
models"). With a penalty the covariance is the inverse of the
penalised Hessian, which is that of the posterior under the prior that the penalty stands for (Wood
2006, "On confidence intervals for generalized additive models").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

Floats = npt.NDArray[np.float64]

# In directions in which the design varies less, relative to the most, it is exactly collinear.
RANK_TOLERANCE = 1e-9
# Rows that are multiplied at a time, so that no second matrix of all rows is in memory.
_BLOCK_ROWS = 2_048
# With fewer customers leaving one out changes the coefficients more than its rows' gradients say.
FEW_GROUPS = 200
_STEPS = 80
_DECREMENT = 1e-9
# Larger standard errors of log-odds are those of coefficients without a finite optimum.
SEPARATED_ERROR = 50.0


@dataclass(frozen=True)
class LogisticFit:
    """A fitted logistic regression.

    Attributes:
        coefficients: ``[k]`` of the features.
        intercept: The log-odds where all features are 0.
        covariance: ``[k, k]`` of the coefficients; 0 in directions that the rows do not determine.
        null: ``[k, m]``, a basis of these directions, scaled by ``scale``.
        of_one: ``[k, m]``, directions that the rows of one customer alone determine, scaled so;
            looked for among few customers.
        scale: ``[k]`` sizes of the features.
        freedom: Degrees of freedom of the standard errors: customers less one where their rows are
            taken together, else infinite.
        is_separated: The features tell churners from others without an error, so that there is no
            finite optimum.
    """

    coefficients: Floats
    intercept: float
    covariance: Floats
    null: Floats
    of_one: Floats
    scale: Floats
    freedom: float
    is_separated: bool

    def estimate(self, contrast: Floats) -> tuple[float, float]:
        """Return a linear combination of the coefficients, and its standard error."""
        variance = float(contrast @ self.covariance @ contrast)
        return float(contrast @ self.coefficients), max(variance, 0.0) ** 0.5

    def is_estimable(self, contrast: Floats) -> bool:
        """Tell whether the rows determine a linear combination of the coefficients."""
        return not self._leans_on(self.null, contrast)

    def is_of_one_group(self, contrast: Floats) -> bool:
        """Tell whether one customer's rows alone determine it, so that its error is unknown."""
        return self._leans_on(self.of_one, contrast)

    def _leans_on(self, directions: Floats, contrast: Floats) -> bool:
        scaled = contrast / self.scale
        return float(np.linalg.norm(directions.T @ scaled)) > 1e-6 * float(np.linalg.norm(scaled))


def fit_logistic(
    design: Floats,
    label: npt.NDArray[Any],
    weight: Floats | None = None,
    *,
    l2: float = 0.0,
    robust: bool = False,
    group: npt.NDArray[Any] | None = None,
) -> LogisticFit:
    """Fit a logistic regression by Newton's method.

    Features may be collinear: the coefficients with the smallest norm are taken.

    Args:
        design: ``[N, k]`` features, without a constant.
        label: ``[N]`` of 0 and 1, both of them there.
        weight: ``[N]`` how much each row counts; the standard errors are those of
            ``weight.sum()`` rows.
        l2: Penalty ``l2 / 2 * sum of squares`` of the coefficients, on the sum of the losses.
        robust: Standard errors of the sandwich.
        group: ``[N]`` the customer of each row, for standard errors that take the rows of one
            together; implies ``robust``.
    """
    n = len(design)
    weight = np.ones(n) if weight is None else np.asarray(weight, np.float64)
    target = np.asarray(label, np.float64)
    mean = weight @ design / weight.sum()
    products = weighted_products(design, weight, mean)
    scale = np.sqrt(np.diag(products) / weight.sum())
    scale[scale == 0] = 1.0
    values, vectors = np.linalg.eigh(products / np.outer(scale, scale))
    kept = values > RANK_TOLERANCE * max(values.max(initial=0.0), 1e-300)
    basis, null = vectors[:, kept], vectors[:, ~kept]
    z = np.ones((n, 1 + basis.shape[1]))
    for rows in _blocks(n):
        z[rows, 1:] = (design[rows] - mean) / scale @ basis
    # The penalty in the coordinates of the basis: the coefficients are basis @ theta / scale.
    penalty = np.zeros((z.shape[1], z.shape[1]))
    penalty[1:, 1:] = l2 * basis.T @ (basis / scale[:, None] ** 2)
    theta = np.zeros(z.shape[1])
    rate = weight @ target / weight.sum()
    theta[0] = np.log(rate / (1 - rate))
    for _ in range(_STEPS):
        probability = expit(z @ theta)
        curvature = weight * probability * (1 - probability)
        hessian = weighted_products(z, curvature) + penalty
        gradient = z.T @ (weight * (probability - target)) + penalty @ theta
        step = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
        decrement = float(gradient @ step)
        if decrement > _DECREMENT:
            step *= _shortened(z, target, weight, penalty, theta, step)
        theta = theta - step
        if decrement < _DECREMENT:
            break
    logit = z @ theta
    probability = expit(logit)
    curvature = weight * probability * (1 - probability)
    hessian = weighted_products(z, curvature) + penalty
    residual = weight * (target - probability)
    covariance = np.asarray(np.linalg.pinv(hessian, hermitian=True), np.float64)
    freedom = np.inf
    of_one = np.empty((z.shape[1], 0))
    if group is not None:
        _, of_group = np.unique(group, return_inverse=True)
        freedom = int(of_group.max())
        if freedom + 1 < FEW_GROUPS:
            covariance, of_one = _jackknife(z, curvature, residual, of_group, hessian)
        else:
            covariance = _clustered(z, residual, of_group, covariance)
    elif robust:
        covariance = covariance @ weighted_products(z, residual**2) @ covariance
    to_raw = basis / scale[:, None]
    coefficients = to_raw @ theta[1:]
    wrong = (logit > 0) != (target > 0.5)
    return LogisticFit(
        coefficients,
        float(theta[0] - mean @ coefficients),
        to_raw @ covariance[1:, 1:] @ to_raw.T,
        null,
        basis @ of_one[1:],
        scale,
        freedom,
        is_separated=l2 == 0 and not wrong.any() and float(np.abs(logit).min()) > 5,
    )


def _shortened(
    z: Floats, target: Floats, weight: Floats, penalty: Floats, theta: Floats, step: Floats
) -> float:
    """Return by how much to shorten a step, so that the loss does not rise."""

    def loss(at: Floats) -> float:
        logit = z @ at
        likelihood = weight @ (np.logaddexp(0, logit) - target * logit)
        return float(likelihood + at @ penalty @ at / 2)

    now, part = loss(theta), 1.0
    while part > 1e-6 and loss(theta - part * step) > now:
        part /= 2
    return part


def weighted_products(rows: Floats, weight: Floats, mean: Floats | float = 0.0) -> Floats:
    """Return the weighted sums of squares and products of columns, ``[k, k]``.

    Args:
        rows: ``[N, k]``.
        weight: ``[N]``.
        mean: ``[k]`` what is taken off each row.
    """
    total = np.zeros((rows.shape[1],) * 2)
    for of_block in _blocks(len(rows)):
        block = rows[of_block] - mean
        total += block.T @ (weight[of_block, None] * block)
    return total


def _blocks(n_rows: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK_ROWS) for start in range(0, n_rows, _BLOCK_ROWS))


def _clustered(
    z: Floats, residual: Floats, of_group: npt.NDArray[np.int64], inverse: Floats
) -> Floats:
    n_groups = int(of_group.max()) + 1
    scores = np.zeros((n_groups, z.shape[1]))
    for rows in _blocks(len(z)):
        np.add.at(scores, of_group[rows], z[rows] * residual[rows, None])
    factor = n_groups / (n_groups - 1) * (len(z) - 1) / (len(z) - z.shape[1])
    return np.asarray(factor * inverse @ (scores.T @ scores) @ inverse)


def _jackknife(
    z: Floats,
    curvature: Floats,
    residual: Floats,
    of_group: npt.NDArray[np.int64],
    hessian: Floats,
) -> tuple[Floats, Floats]:
    """Return how leaving out each group in turn changes the coefficients, as a covariance.

    And the directions that are then not determined, in columns.
    """
    n_groups = int(of_group.max()) + 1
    changes, of_one = np.empty((n_groups, z.shape[1])), []
    for group in range(n_groups):
        rows = np.flatnonzero(of_group == group)
        values, vectors = np.linalg.eigh(hessian - weighted_products(z[rows], curvature[rows]))
        kept = values > RANK_TOLERANCE * values[-1]
        of_one.append(vectors[:, ~kept])
        score = z[rows].T @ residual[rows]
        changes[group] = vectors[:, kept] @ (vectors[:, kept].T @ score / values[kept])
    covariance = (n_groups - 1) / n_groups * changes.T @ changes
    return covariance, np.hstack(of_one)
