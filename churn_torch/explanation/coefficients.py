"""Coefficients of a logistic regression or a scorecard, as odds ratios with intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import stdtr, stdtrit

from churn_torch.explanation.collinearity import (
    collinearity_said,
    condition_number,
    first_names,
    inflation,
)
from churn_torch.explanation.contrasts import Contrast, of_features, of_terms
from churn_torch.explanation.logistic_inference import (
    SEPARATED_ERROR,
    Floats,
    LogisticFit,
    fit_logistic,
)
from churn_torch.explanation.person_periods import person_periods
from churn_torch.models.nets.linear import Linear
from churn_torch.models.preprocessing.preprocess import Columns, Preprocess
from churn_torch.models.scorecard.features import ScorecardFeatures
from churn_torch.models.scorer import CHUNK_ROWS, Scorer
from churn_torch.tables.schema import Schema

# Cells of the design matrix that are worth their time: more make intervals narrower than anyone
# needs. The rows of a narrow table take memory of their own.
MOST_CELLS = 10_000_000
_FEWEST_FEATURES = 10


@dataclass(frozen=True)
class Coefficient:
    """A coefficient in raw units; intervals of 95 %.

    Attributes:
        column: The column.
        term: What is compared: ``per unit``, ``yes against no``, ``a against b``.
        unit: What one unit is, where that needs a word; else empty.
        estimate: Change of the log-odds.
        std_error: Its standard error.
        low: Lower end.
        high: Upper end.
        p_value: Of the hypothesis that it is 0, two-sided.
        odds_ratio: ``exp(estimate)``.
        odds_low: Lower end.
        odds_high: Upper end.
        odds_ratio_per_sd: Odds ratio of one standard deviation; None for levels.
        model: The same in the trained model, with its penalty.
    """

    column: str
    term: str
    unit: str
    estimate: float
    std_error: float
    low: float
    high: float
    p_value: float
    odds_ratio: float
    odds_low: float
    odds_high: float
    odds_ratio_per_sd: float | None
    model: float


@dataclass(frozen=True)
class Coefficients:
    """The coefficients of a model, before calibration.

    Attributes:
        rows: The most certain column first.
        method: How they were found, in a sentence.
        warnings: Sentences on separation and collinearity.
        condition_number: Of the design matrix; None for a scorecard, whose bins make it useless.
        inflation: Variance inflation by column; 1 is none.
    """

    rows: tuple[Coefficient, ...]
    method: str
    warnings: tuple[str, ...]
    condition_number: float | None
    inflation: dict[str, float]


def has_coefficients(scorer: Scorer) -> bool:
    """Tell whether a scorer is a logistic regression or a scorecard, or the former of a hazard."""
    if not isinstance(scorer.net, Linear) or scorer.effect is not None:
        return False
    return scorer.hazard is None or not isinstance(scorer.preprocess, ScorecardFeatures)


def most_rows(scorer: Scorer) -> int:
    """Return how many rows the coefficients of a scorer are worth."""
    n_features = max(scorer.preprocess.n_features, _FEWEST_FEATURES)
    if scorer.hazard is None:
        return max(1, MOST_CELLS // n_features)
    n_baselines = len(scorer.hazard.baseline)  # a customer has a row for about half of them
    return max(1, 2 * MOST_CELLS // ((n_features + n_baselines) * (n_baselines // 2 + 1)))


def coefficients(
    scorer: Scorer,
    schema: Schema,
    columns: Columns,
    label: npt.NDArray[Any],
    *,
    weight: Floats | None = None,
    l2: float,
    robust: bool = False,
    group: npt.NDArray[Any] | None = None,
    lifetime: npt.NDArray[Any] | None = None,
) -> Coefficients:
    """Return the coefficients of a logistic regression or a scorecard with their uncertainty.

    Those of a hazard are of the odds to leave in a period.

    A logistic regression is fitted again without its penalty, because intervals around shrunken
    coefficients would be around the wrong place; the model's own stand beside. A scorecard has too
    many bins for that, and where the columns separate the classes there is no optimum: there the
    intervals are those of the penalised estimate.

    Args:
        scorer: One for which `has_coefficients` is true.
        schema: Its completed schema.
        columns: N training rows, about `most_rows` of them at most.
        label: ``[N]`` of 0 and 1.
        weight: ``[N]`` how much each row counts.
        l2: ``penalty.l2`` of the training.
        robust: Standard errors of the sandwich.
        group: ``[N]`` the customer of each row, whose rows are then taken together.
        lifetime: ``[N, 2]`` the periods observed, of a hazard.
    """
    if (of_one := label.min()) == label.max():
        who = "churners" if of_one else "customers who stay"
        said = f"The {len(label):,} rows are all of {who}."
        return Coefficients((), "Not measured.", (said,), None, {})
    x = _features(scorer.preprocess, columns, len(label))
    penalty = l2 * (len(label) if weight is None else float(weight.sum()))
    features = scorer.preprocess
    is_scorecard = isinstance(features, ScorecardFeatures)
    design, fit_weight, fit_group = x, weight, group
    if scorer.hazard is not None:
        assert lifetime is not None
        design, label, fit_weight, customer = person_periods(scorer.hazard, x, lifetime, label)
        fit_weight = fit_weight if weight is None else fit_weight * weight[customer]
        if group is not None:
            fit_group = group[customer]
        elif robust:
            fit_group = customer
    how: dict[str, Any] = {"weight": fit_weight, "robust": robust, "group": fit_group}
    fit = fit_logistic(design, label, l2=penalty if is_scorecard else 0.0, **how)
    warnings = []
    is_penalised = is_scorecard
    if fit.is_separated:
        is_penalised = True
        fit = fit_logistic(design, label, l2=max(penalty, 1e-4 * len(label)), **how)
        warnings.append(
            "The columns tell churners from others without an error in these rows, so odds ratios "
            "have no finite estimate; those shown are held back by the penalty"
        )
    contrasts: Iterable[Contrast]
    if isinstance(features, ScorecardFeatures):
        contrasts = of_terms(features, schema, columns)
    else:
        behind = (0, design.shape[1] - x.shape[1])  # the baselines
        contrasts = [
            contrast._replace(vector=np.pad(contrast.vector, behind))
            for contrast in of_features(features, schema, x)
            # How long customers have stayed is 0 where all were observed from their start.
            if scorer.hazard is None or np.ptp(x @ contrast.vector) > 0
        ]
    rows = _rows(fit, contrasts, scorer, warnings)
    names, of_column = _columns_of_features(scorer.preprocess)
    factors: dict[str, float] = {}
    condition = None
    if not is_scorecard:
        factors = dict(zip(names, inflation(x, of_column, len(names)).tolist(), strict=True))
        condition = condition_number(x)
        warnings += collinearity_said(factors, condition)
    if scorer.preprocess.smooth_clip:
        warnings.append(
            "With preprocess.scaling=robust numbers count less the further out they lie, so their "
            "odds ratios per unit hold near the median"
        )
    return Coefficients(
        tuple(rows),
        _method(is_penalised, robust, group, weight, is_scorecard, l2)
        if scorer.hazard is None
        else "The odds are those of leaving in a period, with a baseline for each. "
        + _method(is_penalised, robust, group, weight, is_scorecard, l2),
        tuple(f"{warning}." for warning in warnings),
        condition,
        factors,
    )


def _features(preprocess: Preprocess, columns: Columns, n_rows: int) -> Floats:
    x, start = np.empty((n_rows, preprocess.n_features)), 0
    with torch.no_grad():
        for rows in columns.in_chunks(CHUNK_ROWS):
            features = preprocess(*rows)
            x[start : start + len(features)] = features.numpy()
            start += len(features)
    return x


def _rows(
    fit: LogisticFit, contrasts: Iterable[Contrast], scorer: Scorer, warnings: list[str]
) -> list[Coefficient]:
    """Return the rows that can be estimated, and add warnings on the others."""
    assert isinstance(scorer.net, Linear)
    own = scorer.net.linear.weight.detach()[0].double().numpy()
    rows, undetermined, of_one, separated = [], [], [], []
    for contrast in contrasts:
        estimate, error = fit.estimate(contrast.vector)
        if not fit.is_estimable(contrast.vector):
            undetermined.append(f"{contrast.column} ({contrast.term})")
        elif fit.is_of_one_group(contrast.vector):
            of_one.append(f"{contrast.column} ({contrast.term})")
        elif error > SEPARATED_ERROR:
            separated.append(f"{contrast.column} ({contrast.term})")
        elif error > 0:
            model = float(contrast.vector[: len(own)] @ own)
            rows.append(_coefficient(contrast, estimate, error, fit.freedom, model))
    if undetermined:
        warnings.append(
            f"{first_names(undetermined)} cannot be told from other columns, which say exactly the "
            "same in these rows, and are left out"
        )
    if of_one:
        warnings.append(
            f"{first_names(of_one)}: the rows of one customer alone tell, so nobody knows how much "
            "it varies between customers; left out"
        )
    if separated:
        warnings.append(
            f"{first_names(separated)}: all rows of one side are churners, or none is, so there is "
            "no finite odds ratio; left out"
        )
    strength: dict[str, float] = {}
    for row in rows:
        z = abs(row.estimate) / row.std_error
        strength[row.column] = max(strength.get(row.column, 0.0), z)
    return sorted(rows, key=lambda row: -strength[row.column])


def _coefficient(
    contrast: Contrast, estimate: float, error: float, freedom: float, own: float
) -> Coefficient:
    half = float(stdtrit(freedom, 0.975)) * error
    low, high = estimate - half, estimate + half
    return Coefficient(
        contrast.column,
        contrast.term,
        contrast.unit,
        estimate,
        error,
        low,
        high,
        float(2 * stdtr(freedom, -abs(estimate) / error)),
        _exp(estimate),
        _exp(low),
        _exp(high),
        None if contrast.sd is None else _exp(estimate * contrast.sd),
        own,
    )


def _exp(value: float) -> float:
    return math.exp(min(value, 700.0))


def _columns_of_features(preprocess: Preprocess) -> tuple[list[str], npt.NDArray[np.int64]]:
    if isinstance(preprocess, ScorecardFeatures):
        return [], np.empty(0, np.int64)
    names = list(dict.fromkeys(preprocess.feature_columns))
    return names, np.array([names.index(name) for name in preprocess.feature_columns])


def _method(
    is_penalised: bool,
    robust: bool,
    group: npt.NDArray[Any] | None,
    weight: Floats | None,
    is_scorecard: bool,
    l2: float,
) -> str:
    said = "Maximum likelihood on the training rows, without the model's penalty"
    if is_penalised:
        said = f"The penalised estimate (penalty.l2={l2:g}); its intervals are narrower for that"
    if is_scorecard:
        said += "; pairs of columns are part of the fit and not shown"
    if group is not None:
        said += "; standard errors take the rows of one customer together"
    elif robust:
        said += "; robust standard errors (sandwich)"
    else:
        said += "; standard errors from the Hessian (Wald)"
    if weight is not None:
        said += "; weights count as rows do, so say explain.robust=true where they are for sampling"
    return f"{said}. Before calibration."
