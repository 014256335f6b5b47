"""Shape functions of an additive model: what each value of each column adds to the logit."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from churn_torch.explanation.additive_terms import (
    MISSING,
    UNSEEN,
    AdditiveTerm,
    Array,
    value_in_words,
)
from churn_torch.models.attribution import Attribution
from churn_torch.models.preprocessing.preprocess import Columns, Preprocess
from churn_torch.tables.encode import FIRST_CATEGORY
from churn_torch.tables.schema import Column, Kind, Schema

# Most values at which the shape function of a number is evaluated.
MOST_VALUES = 101


def values_of(column: Column) -> Array:
    """Return values over the training range of a number, at which its function is evaluated."""
    if column.minimum is None or column.maximum is None:
        return np.zeros(0)
    if column.kind is Kind.BOOLEAN:
        return np.array([0.0, 1.0])
    n = min(max(column.n_distinct, 2), MOST_VALUES) if column.minimum < column.maximum else 1
    return np.linspace(column.minimum, column.maximum, n)


def read_shape_functions(
    attribution: Attribution, schema: Schema, dense: Tensor, codes: Tensor
) -> tuple[list[AdditiveTerm], float]:
    """Return the shape function of each column, most important first, and the base in log-odds.

    In an additive net, what a column adds does not depend on the other columns. So one row can
    evaluate one level of every column at once.

    Args:
        attribution: Of a net without interactions between columns; not of a scorecard.
        schema: Its completed schema.
        dense: ``[N, n_dense]`` training rows as `Preprocess.compact` makes them.
        codes: ``[N, n_text]``, the same rows.
    """
    preprocess = attribution.scorer.preprocess
    numbers = schema.numbers
    values = [values_of(column) for column in numbers]
    n_levels = [1 + len(v) for v in values]
    n_levels += [FIRST_CATEGORY + len(column.vocabulary or ()) for column in schema.text]
    added = attribution.explain(_rows(schema, values, n_levels)).double().numpy()
    shares = [
        *_number_shares(preprocess, schema, values, dense),
        *(
            torch.bincount(codes[:, i].long() - start, minlength=n).double().numpy()
            for i, (start, n) in enumerate(
                zip(preprocess.code_starts, n_levels[len(numbers) :], strict=False)
            )
        ),
    ]
    terms = []
    for i, column in enumerate(schema.inputs):
        is_text = i >= len(numbers)
        if is_text:
            words = (MISSING, UNSEEN, *(column.vocabulary or ()))
        elif column.kind is Kind.BOOLEAN:
            words = (MISSING, "no", "yes")[: n_levels[i]]
        else:
            words = (MISSING, *(value_in_words(column, value) for value in values[i]))
        is_curve = not is_text and column.kind is not Kind.BOOLEAN and len(values[i]) > 1
        terms.append(
            AdditiveTerm(
                (column.name,),
                (words,),
                added[: n_levels[i], i],
                shares[i] / max(len(dense), 1),
                values=values[i] if is_curve else None,
            )
        )
    return sorted(terms, key=lambda term: -term.importance), attribution.base()


def _rows(schema: Schema, values: list[Array], n_levels: list[int]) -> Columns:
    """Return rows: in row l, each column has its level l, or its last level if it has fewer."""
    most = max(n_levels)
    numbers = [
        np.pad(np.concatenate([[np.nan], v]), (0, most - 1 - len(v)), mode="edge") for v in values
    ]
    n_float32 = len(schema.float32)
    float32, float64 = (
        torch.from_numpy(np.array(part, dtype=np.float64).reshape(-1, most).T.copy())
        for part in (numbers[:n_float32], numbers[n_float32:])
    )
    level = torch.arange(most)[:, None]
    text = torch.tensor(n_levels[len(values) :], dtype=torch.int64)
    return Columns(float32.float(), float64, torch.minimum(level, text - 1))


def _number_shares(
    preprocess: Preprocess, schema: Schema, values: list[Array], dense: Tensor
) -> list[Array]:
    """Return how many rows are missing, then how many are nearest to each value, of each number."""
    numbers = schema.numbers
    flags = [column.has_missing for column in numbers]
    flag_at = len(numbers) + np.cumsum(flags) - 1
    middles = [(v[1:] + v[:-1]) / 2 for v in values]
    n_levels = [1 + len(m) for m in middles] + [FIRST_CATEGORY] * len(schema.text)
    # In model space, as the rows are; the first row stands for a missing value.
    edges = preprocess.compact(*_rows(schema, middles, n_levels)).dense.contiguous()
    shares = []
    for i, value in enumerate(values):
        missing = torch.zeros(len(dense), dtype=torch.bool)
        if flags[i]:
            missing = dense[:, flag_at[i]] > 0
        present = dense[~missing, i].contiguous()
        ends = edges[1 : 1 + len(middles[i]), i].contiguous()
        nearest = torch.searchsorted(ends, present)
        counts = torch.bincount(nearest, minlength=max(len(value), 1)).double().numpy()
        counts = counts[: len(value)]
        shares.append(np.concatenate([[float(missing.sum())], counts]))
    return shares
