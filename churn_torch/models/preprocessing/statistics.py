"""Statistics of the training rows for the preprocessing: vocabularies, medians, scales, shares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch

from churn_torch.errors import InputError
from churn_torch.models.preprocessing.calendar import CALENDAR_PARTS
from churn_torch.models.preprocessing.heavy_tails import Limits, heavy_tail
from churn_torch.models.preprocessing.moments import (
    Moments,
    RunningStatistics,
    blocks,
    calendar_sums,
)
from churn_torch.models.preprocessing.piecewise_linear import PiecewiseLayout, fit_pieces
from churn_torch.models.preprocessing.scaling import scale_numbers
from churn_torch.tables.schema import Column, Kind, Schema
from churn_torch.tables.text_counts import TextCounts

Array = np.ndarray[Any, np.dtype[np.float64]]

# Columns with a larger |center| / scale need float64 (timestamps, ids used as numbers). Below it,
# rounding the input and the center to float32 costs less than 1e-4 of the scale.
FLOAT64_RATIO = 800.0
# The least interquartile range, as a share of the range, that can be a scale: squares of numbers in
# units of a smaller one do not fit in float32.
LEAST_QUARTILE_SHARE = 1e-15


@dataclass(frozen=True, kw_only=True)
class PreprocessOptions:
    """How columns are cleaned and transformed.

    Attributes:
        outliers: ``quantile`` winsorises numbers at ``quantiles``. ``none`` clips them only beyond
            one training range from either end, so that a huge value (a typing error) still gives
            a finite logit in float32. ``auto`` is ``none``, but winsorises the columns with a
            heavy tail (`churn_torch.models.preprocessing.heavy_tails`).
        quantiles: Lower and upper quantile kept by winsorising.
        scaling: ``standard`` (mean, standard deviation), or ``robust`` (median, interquartile
            range, then the smooth clip of RealMLP, Holzmüller et al. 2024).
        bins: Most pieces that a number column is cut into
            (`churn_torch.models.preprocessing.piecewise_linear`); 0 is none.
        min_count: A category seen in fewer training rows counts as rare.
        max_categories: Most categories kept for a column; the others count as rare.
    """

    outliers: Literal["auto", "none", "quantile"] = "auto"
    quantiles: tuple[float, float] = (0.01, 0.99)
    scaling: Literal["standard", "robust"] = "standard"
    bins: int = 0
    min_count: int = 5
    max_categories: int = 256

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        low, high = self.quantiles
        if self.outliers not in ("auto", "none", "quantile"):
            raise InputError(
                "preprocess.outliers", expected="auto, none or quantile", got=repr(self.outliers)
            )
        if self.scaling not in ("standard", "robust"):
            raise InputError(
                "preprocess.scaling", expected="standard or robust", got=repr(self.scaling)
            )
        if not 0 <= low < high <= 1:
            raise InputError(
                "preprocess.quantiles", expected="0 <= low < high <= 1", got=f"[{low}, {high}]"
            )
        if self.bins < 0 or self.bins == 1:
            raise InputError(
                "preprocess.bins", expected="0 (no bins) or 2 and more", got=str(self.bins)
            )
        if self.min_count < 1 or self.max_categories < 1:
            raise InputError(
                "preprocess",
                expected="min_count >= 1 and max_categories >= 1",
                got=f"{self.min_count} and {self.max_categories}",
            )


@dataclass(frozen=True)
class Statistics:
    """Statistics of the training rows for `Preprocess`, in float64.

    Attributes:
        numbers: One row per number column (float32, then float64): fill, lower, upper, center,
            scale.
        missing_share: Training share of missing values for each number column with a flag.
        part_means: Training mean of each calendar part of each date, ``[n_dates, n_parts]``.
        frequencies: Training share of each one-hot feature.
        pieces: One row per piece of the number columns: low edge, width, mean, in model space.
        sequences: The statistics of the events of each group of sequences.
    """

    numbers: Array
    missing_share: Array
    part_means: Array
    frequencies: Array
    pieces: Array
    sequences: tuple[Statistics, ...]


def fit_statistics(
    chunks: Iterable[pd.DataFrame], schema: Schema, options: PreprocessOptions
) -> tuple[Schema, Statistics]:
    """Learn vocabularies and statistics from training rows only.

    It takes one pass in bounded memory, and the result does not depend on how the rows are divided
    into chunks. Counts, ranges, means and standard deviations are exact. Quantiles, and statistics
    of winsorised numbers, come from a uniform random sample of ``SAMPLE_ROWS`` rows, so they are
    exact up to that many rows. The texts of a column are counted exactly up to ``COUNTED_TEXTS``
    different ones. Beyond that, the rarest are dropped from time to time, and count as rare.

    Args:
        chunks: Parsed training rows (`churn_torch.tables.encode.parse`).
        schema: The inferred schema; text facts are added to a copy of it.
        options: How to clean and scale.

    Returns:
        The completed schema, with vocabularies and facts of the training rows, and the statistics.
    """
    texts = {column.name: TextCounts() for column in schema.text}
    numbers = RunningStatistics([c for c in schema.features if c.name not in texts])
    for block in blocks(chunks):
        numbers.add(block)
        for name, counts in texts.items():
            counts.add(pd.concat([piece[name] for piece in block]))

    facts: dict[str, Column] = {}
    scales: dict[str, tuple[float, ...]] = {}
    pieces: dict[str, Array] = {}
    for column, moments, sample in numbers.per_column():
        name, n_rows = column.name, numbers.n_rows
        scales[name], tail = _fit_number(moments, sample, n_rows, options)
        facts[name] = _fit_range(column, moments, n_rows, *scales[name][-2:])
        if tail is not None:
            note = "; ".join(filter(None, (column.note, tail.note)))
            facts[name] = replace(facts[name], note=note)
        pieces[name] = _fit_pieces(sample, scales[name], options)
    frequencies: dict[str, Array] = {}
    for column in schema.text:
        facts[column.name], seen = _fit_categories(column, texts[column.name], options)
        frequencies[column.name] = seen / numbers.n_rows

    layout = PiecewiseLayout({name: len(rows) for name, rows in pieces.items() if len(rows)})
    completed = layout.attach(schema.with_columns(facts))
    rows = [scales[column.name] for column in completed.numbers]
    missing_share, part_means = _shares_and_parts(completed, numbers, scales)
    return completed, Statistics(
        numbers=np.array(rows, dtype=np.float64).reshape(len(rows), 5),
        missing_share=missing_share,
        part_means=part_means,
        frequencies=np.concatenate([np.zeros(0), *(frequencies[c.name] for c in completed.text)]),
        pieces=np.concatenate([np.zeros((0, 3)), *(pieces[c.name] for c in completed.numbers)]),
        sequences=(),
    )


def _shares_and_parts(
    schema: Schema, numbers: RunningStatistics, scales: Mapping[str, tuple[float, ...]]
) -> tuple[Array, Array]:
    """Return the fields ``missing_share`` and ``part_means`` of `Statistics`."""
    n_rows = numbers.n_rows
    missing = {c.name: n_rows - moments.count for c, moments, _ in numbers.per_column()}
    shares = [missing[c.name] / n_rows for c in schema.numbers if c.has_missing]
    means = []
    for column in schema.float64:
        if column.kind is Kind.DATETIME:
            fill = np.array(scales[column.name][:1])
            filled = missing[column.name] * calendar_sums(fill)
            means.append((numbers.part_sums[column.name] + filled) / n_rows)
    return (
        np.array(shares, dtype=np.float64),
        np.array(means, dtype=np.float64).reshape(-1, len(CALENDAR_PARTS)),
    )


def _fit_categories(
    column: Column, counts: TextCounts, options: PreprocessOptions
) -> tuple[Column, Array]:
    """Return the column's facts and the number of rows of each one-hot feature."""
    # Ties are broken by the text itself, so that row order cannot change the vocabulary.
    kept = dict(sorted(counts.most_frequent(options.max_categories, options.min_count).items()))
    n_rare = counts.n_present - sum(kept.values())
    fitted = replace(
        column,
        vocabulary=tuple(kept),
        has_missing=counts.n_missing > 0,
        has_rare=n_rare > 0,
        rare_share=n_rare / max(1, counts.n_present + counts.n_missing),
    )
    seen = [counts.n_missing] * fitted.has_missing + [n_rare] * fitted.has_rare
    return fitted, np.array([*seen, *kept.values()], dtype=np.float64)


def _fit_range(
    column: Column, moments: Moments, n_rows: int, center: float, scale: float
) -> Column:
    if not moments.count:
        return replace(column, has_missing=True)
    # With the scale in use, because outliers that are winsorised would hide the true scale.
    blurred = abs(center) > FLOAT64_RATIO * scale
    return replace(
        column,
        has_missing=moments.count < n_rows,
        needs_float64=blurred and moments.minimum < moments.maximum,
        minimum=moments.minimum,
        maximum=moments.maximum,
    )


def _fit_number(
    moments: Moments, sample: Array, n_rows: int, options: PreprocessOptions
) -> tuple[tuple[float, ...], Limits | None]:
    """Return fill, lower, upper, center and scale of one column, and what is done to its tail."""
    if not moments.count:
        return (0.0, 0.0, 0.0, 0.0, 1.0), None
    missing = np.isnan(sample)
    # If the sample holds none of the few present values, their mean has to do.
    present = np.array([moments.mean]) if missing.all() else sample[~missing]
    fill, tail = float(np.median(present)), None
    if options.outliers == "auto":
        tail = heavy_tail(present, fill, moments.minimum, moments.maximum)
    if options.outliers == "quantile":
        lower, upper = np.quantile(present, options.quantiles)
    else:
        lower, upper = _limits(moments, tail)
    if options.scaling == "standard" and options.outliers != "quantile" and tail is None:
        center, scale = _filled_moments(moments, n_rows - moments.count, fill)
    else:
        x = np.clip(np.where(missing, fill, sample), lower, upper)
        if options.scaling == "standard":
            center, scale = x.mean(), x.std()
        else:
            low, center, high = np.quantile(x, (0.25, 0.5, 0.75))
            # RealMLP's fallback to the range when half of the rows are equal, or nearly.
            span = min(moments.maximum, upper) - max(moments.minimum, lower)
            scale = high - low if high - low > LEAST_QUARTILE_SHARE * span else span / 2
    # A column of one value has no scale. Neither rounding noise nor a number that is zero in
    # float32 may become its scale.
    tiny = max(1e-30, 1e-12 * abs(center))
    if not scale > tiny:
        return (fill, float(center), float(center), float(center), 1.0), tail
    return (fill, float(lower), float(upper), float(center), float(scale)), tail


def _limits(moments: Moments, tail: Limits | None) -> tuple[float, float]:
    """Return the limits of a heavy tail, else one training range beyond either end."""
    low, high = moments.minimum, moments.maximum
    if tail is not None and tail.lower is not None:
        low = tail.lower
    if tail is not None and tail.upper is not None:
        high = tail.upper
    span = high - low
    return (
        low if tail is not None and tail.lower is not None else low - span,
        high if tail is not None and tail.upper is not None else high + span,
    )


def _fit_pieces(sample: Array, numbers: tuple[float, ...], options: PreprocessOptions) -> Array:
    """Return the pieces of one column, in model space."""
    if not options.bins:
        return np.zeros((0, 3))
    fill, *limits_and_scale = torch.tensor(numbers, dtype=torch.float64)
    x = torch.from_numpy(sample)
    filled = torch.where(x.isnan(), fill, x)
    z = scale_numbers(filled, *limits_and_scale, smooth=options.scaling == "robust")
    return fit_pieces(z.numpy(), np.isnan(sample), options.bins)


def _filled_moments(moments: Moments, n_missing: int, fill: float) -> tuple[float, float]:
    """Return mean and standard deviation of all rows when the missing ones take ``fill``."""
    filled = replace(moments)
    if n_missing:
        filled.merge(n_missing, fill, 0.0)
    return filled.mean, float(np.sqrt(filled.squares / filled.count))
