"""Whether chance decided who was contacted: what the columns tell of the treatment.

If chance chose the contacted customers, no column differs between the two groups but by chance. A
logistic regression of the treatment on the features is fitted on half of the rows and judged on the
other half; its AUROC is about 0.5. Standardised differences of the columns say which one differs
(Austin 2009, "Balance diagnostics for comparing the distribution of baseline covariates"); above
0.1 is usually called an imbalance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.errors import InputError
from churn_torch.evaluation.auroc_interval import auroc_interval
from churn_torch.evaluation.gains import Floats, auroc, gains

# A column is imbalanced by this standardised difference, and by so many standard errors.
IMBALANCE = 0.1
_ERRORS = 3.5
# The treatment can be told from the columns: so sure, and by so much at least.
_CONFIDENCE = 0.999
_LEAST_AUROC = 0.55
_MOST_ROWS = 50_000
_MOST_LEVELS = 20
_PENALTY = 1.0


@dataclass(frozen=True)
class Balance:
    """What the columns tell of the treatment.

    Attributes:
        auroc: Of the treatment, predicted from the features for rows that were not learned from.
        interval: Its 95 % interval; 0.5 lies in it where chance chose.
        differences: Standardised difference of each column, or of its level that differs most,
            between contacted and other customers; largest first.
        imbalanced: Columns whose difference is above 0.1, and above 3.5 standard errors.
        told: Whether the treatment can be told from the columns: the 99.9 % interval is above 0.5,
            and the AUROC is 0.55 or more.
    """

    auroc: float
    interval: tuple[float, float]
    differences: dict[str, float]
    imbalanced: list[str]
    told: bool


def balance(
    features: pd.DataFrame, treatment: Floats, *, weight: Floats | None = None, seed: int = 0
) -> Balance:
    """Compare contacted customers with the others.

    Args:
        features: N rows of columns that were known before the contact: numbers (NaN if missing),
            or text.
        treatment: ``[N]``, 1 for contacted customers, else 0; both occur.
        weight: ``[N]`` inverse probability weights of the standardised differences, where the
            probability of treatment is known and not constant; None for equal weights.
        seed: Of the halves, and of the sample of 50,000 rows that is taken of more.
    """
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(features))[:_MOST_ROWS]
    treated = treatment[chosen] == 1
    matrix, names = _matrix(features.iloc[chosen])
    own = np.ones(len(chosen)) if weight is None else weight[chosen]
    # Every other row of each group is judged, in an order by chance.
    judged = np.empty(len(treated), np.bool_)
    for side in (treated, ~treated):
        judged[side] = np.arange(side.sum()) % 2 == 0
    score = matrix[judged] @ _logistic(matrix[~judged], treated[~judged])
    value, group = np.unique(-score, return_inverse=True)
    others, contacted = (
        np.bincount(group[side[judged]], minlength=len(value)) for side in (~treated, treated)
    )
    area = float(auroc(*gains(others[None], contacted[None]))[0])
    low, _ = auroc_interval(others, contacted, confidence=_CONFIDENCE)
    differences = _differences(matrix, names, treated, own)
    least = max(IMBALANCE, _ERRORS * _standard_error(treated, own))
    return Balance(
        auroc=area,
        interval=auroc_interval(others, contacted),
        differences=differences,
        imbalanced=[name for name, value in differences.items() if abs(value) > least],
        told=low > 0.5 and area >= _LEAST_AUROC,
    )


def check_randomised(found: Balance, *, probability_given: bool) -> None:
    """Refuse a treatment that can be told from the columns, if its probability is not known.

    Raises:
        InputError: It is such a treatment.
    """
    if found.told and not probability_given:
        worst = ", ".join(f"{k} {v:+.2f}" for k, v in list(found.differences.items())[:3])
        low, high = found.interval
        raise InputError(
            "data.treatment",
            expected="a treatment that chance decided, so that no column tells it",
            got=f"one that the columns tell with an AUROC of {found.auroc:.3f} "
            f"[{low:.3f} to {high:.3f}], most by (standardised difference) {worst}",
            fix="give data.treatment_probability, the probability of each customer to be "
            "contacted, or exclude columns that were filled after the contact",
        )


def _matrix(features: pd.DataFrame) -> tuple[Floats, list[str]]:
    """Return standardised columns and the name of the feature of each."""
    parts: list[Floats] = []
    names: list[str] = []
    for name, cells in features.items():
        if pd.api.types.is_numeric_dtype(cells.dtype):
            numbers = cells.to_numpy(np.float64, na_value=np.nan)
            missing = ~np.isfinite(numbers)
            mean = float(numbers[~missing].mean()) if not missing.all() else 0.0
            columns = [np.where(missing, mean, numbers), missing]
        else:
            texts = cells.astype(str)
            columns = [
                (texts == level).to_numpy() for level in texts.value_counts().index[:_MOST_LEVELS]
            ]
        for column in columns:
            spread = float(column.std())
            if spread > 0:
                parts.append((column - column.mean()) / spread)
                names.append(str(name))
    return np.column_stack(parts) if parts else np.zeros((len(features), 0)), names


def _logistic(matrix: Floats, treated: npt.NDArray[np.bool_]) -> Floats:
    """Return the weights of a logistic regression with a small ridge penalty; Newton's method.

    The intercept is left out of what is returned: it orders nothing.
    """
    x = np.column_stack([matrix, np.ones(len(matrix))])
    penalty = np.full(x.shape[1], _PENALTY)
    penalty[-1] = 1e-9
    beta = np.zeros(x.shape[1])
    for _ in range(8):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        gradient = x.T @ (p - treated) + penalty * beta
        curvature = (x.T * (p * (1 - p))) @ x + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        beta = beta - step
        if np.abs(step).max() < 1e-6:
            break
    return beta[:-1]


def _differences(
    matrix: Floats, names: list[str], treated: npt.NDArray[np.bool_], weight: Floats
) -> dict[str, float]:
    """Return the largest standardised difference of each feature, largest first."""
    means, variances = [], []
    for side in (treated, ~treated):
        w = weight[side] / weight[side].sum()
        means.append(w @ matrix[side])
        variances.append(w @ (matrix[side] - means[-1]) ** 2)
    spread = np.sqrt((variances[0] + variances[1]) / 2)
    gap = means[0] - means[1]
    standardised = np.divide(gap, spread, out=np.sign(gap) * np.inf, where=spread > 0)
    largest: dict[str, float] = {}
    for name, value in zip(names, standardised.tolist(), strict=True):
        if abs(value) > abs(largest.get(name, 0.0)) or name not in largest:
            largest[name] = value
    return dict(sorted(largest.items(), key=lambda item: -abs(item[1])))


def _standard_error(treated: npt.NDArray[np.bool_], weight: Floats) -> float:
    """Return the standard error of a standardised difference that is 0 in truth."""
    sides = (weight[side] for side in (treated, ~treated))
    return float(np.sqrt(sum((w @ w) / w.sum() ** 2 for w in sides)))
