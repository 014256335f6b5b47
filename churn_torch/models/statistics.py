"""What the training rows teach the preprocessing: vocabularies, medians, scales, frequencies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch

from churn_torch.errors import InputError
from churn_torch.models.calendar import CALENDAR_PARTS, calendar_parts
from churn_torch.tables.schema import Column, Kind, Schema

Array = np.ndarray[Any, np.dtype[np.float64]]

# |center| / scale beyond which float32 would blur a column (timestamps, ids used as numbers):
# below it, rounding the input and the center costs less than 1e-4 of the scale.
WIDE_RATIO = 800.0


@dataclass(frozen=True, kw_only=True)
class PreprocessOptions:
    """How columns are cleaned and transformed.

    Attributes:
        outliers: ``quantile`` winsorises numbers at ``quantiles``; ``none`` lets them run one
            training range beyond either end of it, so that a huge raw value (a typing error) stays
            a finite logit in float32.
        quantiles: Lower and upper quantile kept by winsorising.
        scaling: ``standard`` (mean, standard deviation), or ``robust`` (median, interquartile
            range, then the smooth clip of RealMLP, Holzmüller et al. 2024).
        min_count: A category seen in fewer training rows counts as rare.
        max_categories: Most categories kept a column; the others count as rare.
    """

    outliers: Literal["none", "quantile"] = "none"
    quantiles: tuple[float, float] = (0.01, 0.99)
    scaling: Literal["standard", "robust"] = "standard"
    min_count: int = 5
    max_categories: int = 256

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        low, high = self.quantiles
        if self.outliers not in ("none", "quantile"):
            raise InputError(
                f"preprocess.outliers: expected none or quantile, got {self.outliers!r}."
            )
        if self.scaling not in ("standard", "robust"):
            raise InputError(
                f"preprocess.scaling: expected standard or robust, got {self.scaling!r}."
            )
        if not 0 <= low < high <= 1:
            raise InputError(
                f"preprocess.quantiles: expected 0 <= low < high <= 1, got [{low}, {high}]."
            )
        if self.min_count < 1 or self.max_categories < 1:
            raise InputError(
                "preprocess: expected min_count >= 1 and max_categories >= 1, got "
                f"{self.min_count} and {self.max_categories}."
            )


@dataclass(frozen=True)
class Statistics:
    """What `Preprocess` needs to know of the training rows, in float64.

    Attributes:
        numbers: One row per number column (numeric, then wide): fill, lower, upper, center, scale.
        missing_share: Training share of missing values for each number column with a flag.
        part_means: Training mean of each calendar part of each date, ``[n_dates, n_parts]``.
        frequencies: Training share of each one-hot feature.
    """

    numbers: Array
    missing_share: Array
    part_means: Array
    frequencies: Array


def fit_statistics(
    chunks: Iterable[pd.DataFrame], schema: Schema, options: PreprocessOptions
) -> tuple[Schema, Statistics]:
    """Learn vocabularies and numbers from training rows, and from nothing else.

    Args:
        chunks: Parsed training rows (`churn_torch.tables.encode.parse`).
        schema: The inferred schema; text facts are added to a copy of it.
        options: How to clean and scale.

    Returns:
        The schema with vocabularies and training facts filled in, and the numbers.
    """
    frame = pd.concat(list(chunks), ignore_index=True)
    facts: dict[str, Column] = {}
    scales: dict[str, tuple[float, ...]] = {}
    frequencies: dict[str, Array] = {}
    for column in schema.features:
        values = frame[column.name]
        if schema.is_text(column):
            facts[column.name], frequencies[column.name] = _fit_categories(column, values, options)
        else:
            scales[column.name] = _fit_number(values.to_numpy(np.float64), options)
            facts[column.name] = _fit_range(
                column, values.to_numpy(np.float64), *scales[column.name][-2:]
            )
    fitted = schema.with_columns(facts)
    numbers = [*fitted.numeric, *fitted.wide]
    dates = [column for column in fitted.wide if column.kind is Kind.DATETIME]
    rows = [scales[column.name] for column in numbers]
    parts = [
        calendar_parts(torch.from_numpy(_impute(frame[column.name].to_numpy(np.float64))))
        for column in dates
    ]
    shares = [float(frame[column.name].isna().mean()) for column in numbers if column.has_missing]
    return fitted, Statistics(
        numbers=np.array(rows, dtype=np.float64).reshape(len(rows), 5),
        missing_share=np.array(shares, dtype=np.float64),
        part_means=np.array([p.double().mean(0).numpy() for p in parts], dtype=np.float64).reshape(
            len(dates), len(CALENDAR_PARTS)
        ),
        frequencies=np.concatenate([np.zeros(0), *(frequencies[c.name] for c in fitted.text)]),
    )


def _fit_categories(
    column: Column, values: pd.Series[str], options: PreprocessOptions
) -> tuple[Column, Array]:
    counts = values[values != ""].value_counts()
    # Ties broken by the text itself, so that row order cannot change the vocabulary.
    counts = counts.sort_index().sort_values(ascending=False, kind="stable")
    kept = counts[counts >= options.min_count].iloc[: options.max_categories]
    kept = kept.sort_index()
    n_missing = int((values == "").sum())
    n_rare = int(counts.sum() - kept.sum())
    fitted = replace(
        column,
        vocabulary=tuple(str(value) for value in kept.index),
        has_missing=n_missing > 0,
        has_rare=n_rare > 0,
    )
    seen = [n_missing] * fitted.has_missing + [n_rare] * fitted.has_rare + list(kept)
    return fitted, np.array(seen, dtype=np.float64) / len(values)


def _fit_range(column: Column, values: Array, center: float, scale: float) -> Column:
    present = values[~np.isnan(values)]
    if not len(present):
        return replace(column, has_missing=True)
    # Judged by the scale in use: outliers that winsorising cuts off would hide the true one.
    wide = abs(center) > WIDE_RATIO * scale
    return replace(
        column,
        has_missing=len(present) < len(values),
        wide=wide and bool(present.min() < present.max()),
        has_time=column.kind is Kind.DATETIME and bool(np.any(present % 1 != 0)),
        minimum=float(present.min()),
        maximum=float(present.max()),
    )


def _impute(values: Array) -> Array:
    missing = np.isnan(values)
    fill = 0.0 if missing.all() else np.median(values[~missing])
    return np.where(missing, fill, values)


def _fit_number(values: Array, options: PreprocessOptions) -> tuple[float, ...]:
    """Return fill, lower, upper, center and scale of one column."""
    present = values[~np.isnan(values)]
    if not len(present):
        return 0.0, 0.0, 0.0, 0.0, 1.0
    fill = float(np.median(present))
    if options.outliers == "quantile":
        lower, upper = np.quantile(present, options.quantiles)
    else:
        span = present.max() - present.min()
        lower, upper = present.min() - span, present.max() + span
    x = np.clip(_impute(values), lower, upper)
    if options.scaling == "standard":
        center, scale = x.mean(), x.std()
    else:
        low, center, high = np.quantile(x, (0.25, 0.5, 0.75))
        # RealMLP's fallback when half of the rows are equal: the range stands in.
        scale = high - low if high > low else (x.max() - x.min()) / 2
    # A column of one value has no scale of its own; rounding noise must not become its scale,
    # nor a number that float32 holds as zero.
    tiny = max(1e-30, 1e-12 * abs(center))
    if not scale > tiny:
        return fill, float(center), float(center), float(center), 1.0
    return fill, float(lower), float(upper), float(center), float(scale)
