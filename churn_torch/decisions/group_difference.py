"""How a treated group differs from a control group: estimates with intervals of 95 %."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from churn_torch.evaluation.share_intervals import CONFIDENCE, wilson

Floats = npt.NDArray[np.floating[Any]]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Estimate:
    """A number with its interval of 95 %; NaN where it cannot be known.

    Attributes:
        value: The estimate.
        low: Lower end of the interval.
        high: Upper end.
    """

    value: float
    low: float
    high: float

    def times(self, factor: float) -> Estimate:
        """Return the estimate in other units; the factor is 0 or more."""
        return Estimate(self.value * factor, self.low * factor, self.high * factor)


UNKNOWN = Estimate(math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class Counts:
    """Churners of the two groups.

    Attributes:
        treated: Customers in the treated group.
        control: Customers in the control group.
        churned_treated: Those of the treated who left.
        churned_control: Those of the control group who left.
    """

    treated: int
    control: int
    churned_treated: int
    churned_control: int

    @property
    def is_comparable(self) -> bool:
        """Whether there are customers in both groups."""
        return self.treated > 0 and self.control > 0

    @property
    def rate_treated(self) -> float:
        """Churn rate of the treated; NaN where there are none."""
        return self.churned_treated / self.treated if self.treated else math.nan

    @property
    def rate_control(self) -> float:
        """Churn rate of the control group; NaN where there is none."""
        return self.churned_control / self.control if self.control else math.nan


def count(churned: Floats, treated: Bools) -> Counts:
    """Count the churners of both groups.

    Args:
        churned: ``[N]``, 1 for a customer who left, 0 for one who stayed.
        treated: ``[N]``, whether the customer is in the treated group.
    """
    n_treated = int(treated.sum())
    left = int(churned[treated].sum())
    return Counts(n_treated, len(treated) - n_treated, left, int(churned.sum()) - left)


def rate_difference(counts: Counts) -> Estimate:
    """Return the churn rate of the control group minus that of the treated.

    Source: Newcombe 1998, "Interval estimation for the difference between independent proportions",
    method 10: Wilson's intervals of the two rates, put together.
    """
    if not counts.is_comparable:
        return UNKNOWN
    treated, control = counts.rate_treated, counts.rate_control
    low_t, high_t = wilson(counts.churned_treated, counts.treated)
    low_c, high_c = wilson(counts.churned_control, counts.control)
    value = control - treated
    return Estimate(
        value,
        value - math.hypot(control - low_c, high_t - treated),
        value + math.hypot(high_c - control, treated - low_t),
    )


def relative_risk(counts: Counts) -> Estimate:
    """Return the churn rate of the treated in times of that of the control group.

    Source: Donner & Zou 2012, "Closed-form confidence intervals for functions of the normal mean
    and standard deviation": Wilson's intervals of the two rates, put together for their ratio.
    """
    if not counts.is_comparable:
        return UNKNOWN
    treated, control = counts.rate_treated, counts.rate_control
    low_t, high_t = wilson(counts.churned_treated, counts.treated)
    low_c, high_c = wilson(counts.churned_control, counts.control)
    product = treated * control

    def root(of_treated: float, of_control: float) -> float:
        return product + math.sqrt(max(product**2 - of_treated * of_control, 0.0))

    of_low, of_high = low_t * (2 * treated - low_t), high_t * (2 * treated - high_t)
    lowest = root(of_low, high_c * (2 * control - high_c))
    largest = low_c * (2 * control - low_c)
    return Estimate(
        treated / control if control else math.nan,
        of_low / lowest if lowest else 0.0,
        root(of_high, largest) / largest if largest else math.inf,
    )


def mean_difference(outcome: Floats, treated: Bools, covariates: Floats | None = None) -> Estimate:
    """Return the mean outcome of the treated minus that of the control group.

    With covariates that were known before the treatment, such as the predicted probability, each
    group gets a linear regression of its own, and the difference is that of their predictions for
    the mean customer of both groups: the less of the outcome is left to chance, the narrower is the
    interval. It stays right where the regression is wrong. CUPED (Deng et al. 2013) is the same
    idea with one slope for both groups.

    Source: Lin 2013, "Agnostic notes on regression adjustments to experimental data"; standard
    errors HC2 (MacKinnon & White 1985), which without covariates are those of Welch's test; the
    degrees of freedom are Satterthwaite's.

    Args:
        outcome: ``[N]``.
        treated: ``[N]``.
        covariates: ``[N, K]``; None for the plain difference.

    Returns:
        The estimate; unknown where a group has too few customers for an error.
    """
    n = len(outcome)
    if not 0 < treated.sum() < n:
        return UNKNOWN
    centred = np.empty((n, 0)) if covariates is None else covariates - covariates.mean(0)
    # Columns that are nearly constant tell nothing, and their scale would be noise.
    scale = centred.std(0)
    centred = centred[:, scale > 0] / scale[scale > 0]
    design = np.column_stack([np.ones(n), centred])
    means, variances, freedom = [], [], []
    for group in (treated, ~treated):
        if group.sum() < design.shape[1] + 1:
            return UNKNOWN
        mean, variance = _intercept(design[group], outcome[group])
        means.append(mean)
        variances.append(variance)
        freedom.append(int(group.sum()) - design.shape[1])
    value, variance = means[0] - means[1], sum(variances)
    if not variance > 0:
        return Estimate(value, value, value)
    satterthwaite = sum(v**2 / df for v, df in zip(variances, freedom, strict=True))
    half = student.ppf((1 + CONFIDENCE) / 2, variance**2 / satterthwaite) * math.sqrt(variance)
    return Estimate(value, value - float(half), value + float(half))


def _intercept(design: Floats, outcome: Floats) -> tuple[float, float]:
    """Return the intercept of a regression and its HC2 variance."""
    inverse = np.linalg.pinv(design)
    weights = inverse[0]
    leverage = np.einsum("nk,kn->n", design, inverse)
    residual = outcome - design @ (inverse @ outcome)
    # A row that alone decides a coefficient has leverage 1, and no residual.
    kept = np.maximum(1 - leverage, 1e-9)
    return float(weights @ outcome), float(np.sum(weights**2 * residual**2 / kept))
