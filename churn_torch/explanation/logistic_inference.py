"""Logistic regression with standard errors: maximum likelihood, in float64.

Standard errors come from the Hessian at the optimum (Wald); or they are robust, from the squares of
the rows' gradients (the sandwich of Huber 1967 and White 1980, HC0); or robust with rows of one
customer taken together (Liang & Zeger 1986, with the correction ``G / (G - 1) * (N - 1) / (N - k)``
for G customers, N rows and k coefficients, and Student's t of G - 1 degrees of freedom, because few
customers do not show how much they vary). With a penalty the covariance is the inverse of the
penalised Hessian, which is that of the posterior under the prior that the penalty stands for (Wood
2006, "On confidence intervals for generalized additive models").
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

Floats = npt.NDArray[np.float64]

# In directions in which the design varies less, relative to the most, it is exactly collinear.
_RANK_TOLERANCE = 1e-9
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
    scale: Floats
    freedom: float
    is_separated: bool

    def estimate(self, contrast: Floats) -> tuple[float, float]:
        """Return a linear combination of the coefficients, and its standard error."""
        variance = float(contrast @ self.covariance @ contrast)
        return float(contrast @ self.coefficients), max(variance, 0.0) ** 0.5

    def is_estimable(self, contrast: Floats) -> bool:
        """Tell whether the rows determine a linear combination of the coefficients."""
        if not self.null.shape[1]:
            return True
        scaled = contrast / self.scale
        return float(np.linalg.norm(self.null.T @ scaled)) < 1e-6 * float(np.linalg.norm(scaled))


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
    centered = design - mean
    scale = np.sqrt(weight @ centered**2 / weight.sum())
    scale[scale == 0] = 1.0
    centered /= scale
    values, vectors = np.linalg.eigh(centered.T @ (weight[:, None] * centered))
    kept = values > _RANK_TOLERANCE * max(values.max(initial=0.0), 1e-300)
    basis, null = vectors[:, kept], vectors[:, ~kept]
    z = np.column_stack([np.ones(n), centered @ basis])
    # The penalty in the coordinates of the basis: the coefficients are basis @ theta / scale.
    penalty = np.zeros((z.shape[1], z.shape[1]))
    penalty[1:, 1:] = l2 * basis.T @ (basis / scale[:, None] ** 2)
    theta = np.zeros(z.shape[1])
    rate = weight @ target / weight.sum()
    theta[0] = np.log(rate / (1 - rate))
    for _ in range(_STEPS):
        probability = expit(z @ theta)
        curvature = weight * probability * (1 - probability)
        hessian = z.T @ (curvature[:, None] * z) + penalty
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
    inverse = np.linalg.pinv(z.T @ (curvature[:, None] * z) + penalty, hermitian=True)
    covariance, freedom = inverse, np.inf
    if robust or group is not None:
        scores = z * (weight * (target - probability))[:, None]
        factor = 1.0
        if group is not None:
            _, of_group = np.unique(group, return_inverse=True)
            n_groups = int(of_group.max()) + 1
            summed = np.zeros((n_groups, z.shape[1]))
            np.add.at(summed, of_group, scores)
            scores = summed
            freedom = n_groups - 1
            factor = n_groups / freedom * (n - 1) / (n - z.shape[1])
        covariance = factor * inverse @ (scores.T @ scores) @ inverse
    to_raw = basis / scale[:, None]
    coefficients = to_raw @ theta[1:]
    wrong = (logit > 0) != (target > 0.5)
    return LogisticFit(
        coefficients,
        float(theta[0] - mean @ coefficients),
        to_raw @ covariance[1:, 1:] @ to_raw.T,
        null,
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


def inflation(design: Floats, of_column: npt.NDArray[np.int64], n_columns: int) -> Floats:
    """Return the variance inflation factor of each column, ``[n_columns]``; 1 is none.

    Of a column with several features it is the generalised one, to the power of 1 over their
    number, so that the same limits hold (Fox & Monette 1992, "Generalized collinearity
    diagnostics"). Columns that others determine exactly have about 1e9.

    Args:
        design: ``[N, k]`` features.
        of_column: ``[k]`` the column that each is made of.
        n_columns: How many columns there are.
    """
    blocks = []
    for column in range(n_columns):
        block = design[:, of_column == column]
        centered = block - block.mean(0)
        size = np.linalg.norm(centered, axis=0)
        centered = centered[:, size > 0] / size[size > 0]
        if not centered.shape[1]:
            blocks.append(np.empty((len(design), 0)))
            continue
        left, sizes, _ = np.linalg.svd(centered, full_matrices=False)
        blocks.append(left[:, sizes > 1e-6 * sizes[0]])
    ends = np.cumsum([0, *(block.shape[1] for block in blocks)])
    whole = np.hstack(blocks)
    values, vectors = np.linalg.eigh(whole.T @ whole)
    inverse = (vectors / values.clip(1e-9)) @ vectors.T
    factors = np.ones(n_columns)
    for column, (start, end) in enumerate(itertools.pairwise(ends)):
        if end > start:
            determinant = np.linalg.slogdet(inverse[start:end, start:end])[1]
            factors[column] = np.exp(max(determinant, 0.0) / (end - start))
    return factors


def condition_number(design: Floats) -> float:
    """Return the condition number of features and a constant, each scaled to length 1.

    Above 30 some coefficients are hard to tell apart. Directions of exact collinearity do not
    count. Source: Belsley, Kuh & Welsch 1980, "Regression diagnostics".

    Args:
        design: ``[N, k]`` features.
    """
    whole = np.column_stack([np.ones(len(design)), design])
    size = np.linalg.norm(whole, axis=0)
    whole = whole[:, size > 0] / size[size > 0]
    values = np.linalg.eigvalsh(whole.T @ whole)
    kept = values[values > _RANK_TOLERANCE * values[-1]]
    return float(np.sqrt(kept[-1] / kept[0]))
