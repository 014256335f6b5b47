"""Coefficients of a logistic regression or a scorecard, as odds ratios with intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from churn_torch.explanation.additive_terms import MISSING, UNSEEN
from churn_torch.explanation.logistic_inference import (
    SEPARATED_ERROR,
    Floats,
    LogisticFit,
    condition_number,
    fit_logistic,
    inflation,
)
from churn_torch.explanation.scorecard_points import levels_of_term
from churn_torch.models.nets.linear import Linear
from churn_torch.models.preprocessing.preprocess import Columns, Preprocess
from churn_torch.models.scorecard.features import ScorecardFeatures
from churn_torch.models.scorer import CHUNK_ROWS, Scorer
from churn_torch.tables.schema import Kind, Schema

# Cells of the design matrix; more rows are thinned out.
MOST_CELLS = 40_000_000
_Z = NormalDist().inv_cdf(0.975)
_DAYS_A_YEAR = 365.25
# Limits above which collinearity is named (Fox & Monette 1992; Belsley et al. 1980).
_INFLATED = 10.0
_ILL_CONDITIONED = 30.0


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
        condition_number: Of the design matrix.
        inflation: Variance inflation by column; 1 is none.
    """

    rows: tuple[Coefficient, ...]
    method: str
    warnings: tuple[str, ...]
    condition_number: float
    inflation: dict[str, float]


class _Contrast(NamedTuple):
    """A linear combination of model-space coefficients that means something to a reader.

    Attributes:
        column: The column.
        term: What is compared.
        unit: What one unit is.
        vector: ``[k]``.
        sd: Standard deviation of the column in its unit; None for levels.
    """

    column: str
    term: str
    unit: str
    vector: Floats
    sd: float | None


def has_coefficients(scorer: Scorer) -> bool:
    """Tell whether a scorer is a logistic regression or a scorecard."""
    return isinstance(scorer.net, Linear) and scorer.effect is None


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
) -> Coefficients:
    """Return the coefficients of a logistic regression or a scorecard with their uncertainty.

    A logistic regression is fitted again without its penalty, because intervals around shrunken
    coefficients would be around the wrong place; the model's own stand beside. A scorecard has too
    many bins for that, and where the columns separate the classes there is no optimum: there the
    intervals are those of the penalised estimate.

    Args:
        scorer: One for which `has_coefficients` is true.
        schema: Its completed schema.
        columns: N training rows.
        label: ``[N]`` of 0 and 1.
        weight: ``[N]`` how much each row counts.
        l2: ``penalty.l2`` of the training.
        robust: Standard errors of the sandwich.
        group: ``[N]`` the customer of each row, whose rows are then taken together.
    """
    n = len(label)
    step = max(1, -(-n * scorer.preprocess.n_features // MOST_CELLS))
    columns, label = columns.take(slice(None, None, step)), label[::step]
    with torch.no_grad():
        parts = [scorer.preprocess(*rows).double() for rows in columns.in_chunks(CHUNK_ROWS)]
    x = torch.cat(parts).numpy()
    weight = None if weight is None else weight[::step]
    group = None if group is None else group[::step]
    penalty = l2 * (len(label) if weight is None else float(weight.sum()))
    features = scorer.preprocess
    is_scorecard = isinstance(features, ScorecardFeatures)
    how: dict[str, Any] = {"weight": weight, "robust": robust, "group": group}
    fit = fit_logistic(x, label, l2=penalty if is_scorecard else 0.0, **how)
    warnings = []
    is_penalised = is_scorecard
    if fit.is_separated:
        is_penalised = True
        fit = fit_logistic(x, label, l2=max(penalty, 1e-4 * len(label)), **how)
        warnings.append(
            "The columns tell churners from others without an error in these rows, so odds ratios "
            "have no finite estimate; those shown are held back by the penalty"
        )
    if step > 1:
        warnings.append(f"One in {step} of the {n:,} training rows was taken")
    if isinstance(features, ScorecardFeatures):
        contrasts = _of_terms(features, schema, columns)
    else:
        contrasts = _of_features(features, schema, x)
    rows = _rows(fit, contrasts, scorer, warnings)
    names, of_column = _columns_of_features(scorer.preprocess)
    factors: dict[str, float] = {}
    condition = math.nan
    if not is_scorecard:
        factors = dict(zip(names, inflation(x, of_column, len(names)).tolist(), strict=True))
        condition = condition_number(x)
        warnings += _collinearity(factors, condition)
    if scorer.preprocess.smooth_clip:
        warnings.append(
            "With preprocess.scaling=robust numbers count less the further out they lie, so their "
            "odds ratios per unit hold near the median"
        )
    return Coefficients(
        tuple(rows),
        _method(is_penalised, robust, group, weight, is_scorecard, l2),
        tuple(f"{warning}." for warning in warnings),
        condition,
        factors,
    )


def _rows(
    fit: LogisticFit, contrasts: Iterable[_Contrast], scorer: Scorer, warnings: list[str]
) -> list[Coefficient]:
    """Return the rows that can be estimated, and add warnings on the others."""
    assert isinstance(scorer.net, Linear)
    own = scorer.net.linear.weight.detach()[0].double().numpy()
    rows, undetermined, separated = [], [], []
    for contrast in contrasts:
        estimate, error = fit.estimate(contrast.vector)
        if not fit.is_estimable(contrast.vector):
            undetermined.append(f"{contrast.column} ({contrast.term})")
        elif error > SEPARATED_ERROR:
            separated.append(f"{contrast.column} ({contrast.term})")
        elif error > 0:
            rows.append(_coefficient(contrast, estimate, error, float(contrast.vector @ own)))
    if undetermined:
        warnings.append(
            f"{_listed(undetermined)} cannot be told from other columns, which say exactly the "
            "same in these rows, and are left out"
        )
    if separated:
        warnings.append(
            f"{_listed(separated)}: all rows of one side are churners, or none is, so there is no "
            "finite odds ratio; left out"
        )
    strength: dict[str, float] = {}
    for row in rows:
        z = abs(row.estimate) / row.std_error
        strength[row.column] = max(strength.get(row.column, 0.0), z)
    return sorted(rows, key=lambda row: -strength[row.column])


def _coefficient(contrast: _Contrast, estimate: float, error: float, own: float) -> Coefficient:
    low, high = estimate - _Z * error, estimate + _Z * error
    return Coefficient(
        contrast.column,
        contrast.term,
        contrast.unit,
        estimate,
        error,
        low,
        high,
        math.erfc(abs(estimate) / error / math.sqrt(2)),
        _exp(estimate),
        _exp(low),
        _exp(high),
        None if contrast.sd is None else _exp(estimate * contrast.sd),
        own,
    )


def _exp(value: float) -> float:
    return math.exp(min(value, 700.0))


def _of_features(preprocess: Preprocess, schema: Schema, x: Floats) -> Iterator[_Contrast]:
    """Yield units of numbers and levels of categories."""
    k = preprocess.n_features
    scales = [preprocess.get_buffer(f"{group}_scale_") for group in ("float32", "float64")]
    scale = torch.cat([part.double() for part in scales]).numpy()
    n_numbers = len(scale)
    for i, (column, size) in enumerate(zip(schema.numbers, scale, strict=True)):
        one = np.zeros(k)
        a_unit = _DAYS_A_YEAR if column.kind is Kind.DATETIME else 1.0
        one[i] = a_unit / size
        term, unit = "per unit", ""
        if column.kind is Kind.BOOLEAN:
            term = "yes against no"
        elif column.kind is Kind.DATETIME:
            term, unit = "per year", "year"
        sd = None if column.kind is Kind.BOOLEAN else float(x[:, i].std() * size / a_unit)
        yield _Contrast(column.name, term, unit, one, sd)
    frequencies = preprocess.get_buffer("frequencies_").double().numpy()
    start = k - len(frequencies)
    for i in range(n_numbers, start):
        column_name, name = preprocess.feature_columns[i], preprocess.feature_names[i]
        words = name.removeprefix(column_name).strip()
        term = "missing against present" if words == "is missing" else words
        yield _Contrast(column_name, term, "", np.eye(k)[i], None)
    tables = zip(schema.text, preprocess.code_tables(), preprocess.code_starts, strict=False)
    for column, table, first in tables:
        end = start + table.shape[1]
        share = frequencies[start + len(frequencies) - k : end + len(frequencies) - k]
        levels = (MISSING, UNSEEN, *(column.vocabulary or ()))
        seen = preprocess.get_buffer("observed_")[first : first + len(levels), 0]
        # In the order of their features.
        observed = seen.nonzero().flatten().tolist()
        yield from _levels(column.name, levels, table, observed, share, start, k)
        start = end


def _of_terms(features: ScorecardFeatures, schema: Schema, columns: Columns) -> Iterator[_Contrast]:
    """Yield the bins of each column against its most frequent one; pairs are left out."""
    cells = torch.cat([features.cells(rows) for rows in columns.in_chunks(CHUNK_ROWS)])
    starts = features.cell_starts
    start = 0
    for i, (term, table) in enumerate(zip(features.terms, features.code_tables(), strict=True)):
        width = table.shape[1]
        if len(term.columns) == 1 and width:
            words = levels_of_term(features, schema, term)[0]
            counts = torch.bincount(cells[:, i] - starts[i], minlength=len(words)).tolist()
            observed = [code for code, count in enumerate(counts) if count]
            share = [counts[code] for code in observed]
            name = schema.inputs[term.columns[0]].name
            yield from _levels(name, words, table, observed, share, start, features.n_features)
        start += width


def _levels(
    column: str,
    words: Sequence[str],
    table: Tensor,
    observed: Sequence[int],
    share: Floats | Sequence[float],
    start: int,
    k: int,
) -> Iterator[_Contrast]:
    """Yield each level of a column against the most frequent one."""
    if len(observed) < 2:
        return
    reference = observed[int(np.argmax(share))]
    codes = table.double().numpy()
    for code in observed:
        if code != reference:
            vector = np.zeros(k)
            vector[start : start + table.shape[1]] = codes[code] - codes[reference]
            yield _Contrast(column, f"{words[code]} against {words[reference]}", "", vector, None)


def _columns_of_features(preprocess: Preprocess) -> tuple[list[str], npt.NDArray[np.int64]]:
    if isinstance(preprocess, ScorecardFeatures):
        return [], np.empty(0, np.int64)
    names = list(dict.fromkeys(preprocess.feature_columns))
    return names, np.array([names.index(name) for name in preprocess.feature_columns])


def _collinearity(factors: dict[str, float], condition: float) -> list[str]:
    said = []
    inflated = sorted((f for f in factors.items() if f[1] > _INFLATED), key=lambda f: -f[1])
    if inflated:
        named = [
            f"{name} (exactly)" if factor > 1e4 else f"{name} ({factor:.0f})"
            for name, factor in inflated
        ]
        said.append(
            "Other columns nearly determine these, which makes their intervals wide (variance "
            f"inflation in brackets): {_listed(named)}"
        )
    if condition > _ILL_CONDITIONED:
        said.append(
            f"The condition number is {condition:.0f}; above 30 columns are nearly collinear"
        )
    return said


def _listed(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


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
