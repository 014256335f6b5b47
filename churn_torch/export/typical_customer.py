"""A typical customer for examples and the what-if page; it is not the row of a real customer."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pandas as pd
import torch

from churn_torch.models.preprocessing.preprocess import Columns, Preprocess
from churn_torch.models.scorer import Scorer
from churn_torch.serving.session import Array
from churn_torch.tables.encode import encode
from churn_torch.tables.schema import Column, Kind, Schema

Row = dict[str, Any]

# The share of the sample whose probabilities are nearest to the base rate; neighbourhoods are taken
# from these rows.
NEAR_BASE_RATE = 1 / 5
# Rows of a neighbourhood, and how many neighbourhoods are tried.
N_NEIGHBOURS = 20
N_CENTRES = 50
# Steps that numbers are rounded to, at least, within the range of most rows.
MIN_STEPS = 20


@torch.no_grad()
def typical_customer(scorer: Scorer, schema: Schema, parsed: pd.DataFrame, base_rate: float) -> Row:
    """Return a raw value for each input that together have about the base rate.

    The medians and most frequent categories of all columns, taken together, are often a customer
    with an unusual probability. This function looks at rows with a probability near the base rate.
    It takes those of them that are nearest to the mean training row (``scorer.baseline``),
    summarises the neighbourhood of each by the medians of its numbers and its most frequent
    categories, and returns the summary whose probability is nearest to the base rate.

    The result is not the row of a real customer: numbers are rounded, categories are frequent
    enough to be in the vocabulary, and no cell is missing. From fewer than ``N_NEIGHBOURS`` rows it
    returns the training medians and most frequent categories (`training_defaults`).

    Args:
        scorer: Trained, in evaluation mode.
        schema: Its completed schema.
        parsed: Parsed real rows.
        base_rate: The churn rate of the training rows.
    """
    # The events of no two customers agree, and those of one are not shown: there are none.
    lists: Row = {column.name: [] for column in schema.lists}
    defaults = training_defaults(scorer.preprocess, schema) | lists
    if len(parsed) < N_NEIGHBOURS:
        return defaults
    columns = Columns.from_arrays(encode(parsed, schema))
    n_near = max(2 * N_NEIGHBOURS, int(NEAR_BASE_RATE * len(parsed)))
    near = (scorer.score(columns) - base_rate).abs().argsort(stable=True)[:n_near]
    x = scorer.preprocess(*columns.take(near))
    centres = (x - scorer.baseline).square().sum(1).argsort(stable=True)[:N_CENTRES]
    distance = torch.cdist(x[centres], x)
    nearest = near[distance.argsort(dim=1, stable=True)[:, :N_NEIGHBOURS]].numpy()
    numbers = {c.name: _medians(parsed[c.name].to_numpy(float), nearest, c) for c in schema.numbers}
    texts = {
        c.name: _modes(columns.codes[:, i].numpy(), nearest, c) for i, c in enumerate(schema.text)
    }
    summaries = [
        {
            name: values[i] if values[i] is not None else defaults[name]
            for name, values in (numbers | texts).items()
        }
        | lists
        for i in range(len(centres))
    ]
    rows = pd.DataFrame(summaries)
    probability = scorer.score(Columns.from_arrays(encode(rows, schema))).numpy()
    return summaries[int(np.argmin(np.abs(probability - base_rate)))]


def training_defaults(preprocess: Preprocess, schema: Schema) -> Row:
    """Return the training median of each number and the most frequent category of each text."""
    fills = [preprocess.get_buffer(f"{group}_fill_").double() for group in ("float32", "float64")]
    names = [column.name for column in schema.numbers]
    defaults: Row = dict(zip(names, torch.cat(fills).tolist(), strict=True))
    frequencies = iter(preprocess.get_buffer("frequencies_").tolist())
    for column in schema.text:
        # One feature each for missing, rare and every word.
        unknown = [""] * (column.has_missing + column.has_rare)
        shares = {word: next(frequencies) for word in (*unknown, *(column.vocabulary or ()))}
        shares.pop("", None)
        defaults[column.name] = max(shares, key=lambda word: shares[word], default="")
    return defaults


def _medians(values: Array, rows: Array, column: Column) -> list[float | None]:
    """Return the rounded median of each group of rows, None where all cells are missing.

    Args:
        values: ``[N]``, NaN or infinite for missing.
        rows: ``[C, n]``, the positions of the rows of each group.
        column: The column.
    """
    values = np.where(np.isfinite(values), values, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a group without values
        medians = np.nanmedian(values[rows], axis=1).tolist()
    digits = _digits(values[~np.isnan(values)], column)
    return [None if math.isnan(m) else _rounded(m, digits, column) for m in medians]


def _digits(values: Array, column: Column) -> int:
    """Return to how many digits after the point a number of the column is rounded."""
    if column.kind is Kind.BOOLEAN or not len(values):
        return 0
    low, high = np.quantile(values, [0.05, 0.95])
    spread = high - low or np.ptp(values)
    digits = -math.floor(math.log10(spread / MIN_STEPS)) if spread > 0 else 0
    return min(digits, 0) if (values == np.rint(values)).all() else digits


def _rounded(value: float, digits: int, column: Column) -> float:
    """Return the number rounded, but not outside the training range."""
    low = -math.inf if column.minimum is None else column.minimum
    high = math.inf if column.maximum is None else column.maximum
    return min(max(round(value, digits), low), high)


def _modes(codes: Array, rows: Array, column: Column) -> list[str | None]:
    """Return the most frequent category of each group of rows, None where all cells are unknown."""
    vocabulary = column.vocabulary or ()
    modes: list[str | None] = []
    for group in rows:
        counts = np.bincount(codes[group], minlength=2 + len(vocabulary))[2:]
        modes.append(vocabulary[counts.argmax()] if counts.any() else None)
    return modes
