"""The shapes of an additive model: what each value of each column adds to the logit."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from churn_torch.models.attribution import Attribution
from churn_torch.models.preprocessing.preprocess import Columns, Preprocess
from churn_torch.models.scorecard.points import Array, Points, value_in_words
from churn_torch.tables.encode import FIRST_CATEGORY
from churn_torch.tables.schema import Column, Kind, Schema

# Most values of a number that its shape is read at.
MOST_VALUES = 101


def values_of(column: Column) -> Array:
    """Return the values of a number at which its shape is read, from end to end of its range."""
    if column.minimum is None or column.maximum is None:
        return np.zeros(0)
    if column.kind is Kind.BOOLEAN:
        return np.array([0.0, 1.0])
    n = min(max(column.n_distinct, 2), MOST_VALUES) if column.minimum < column.maximum else 1
    return np.linspace(column.minimum, column.maximum, n)


def read_shapes(
    attribution: Attribution, schema: Schema, dense: Tensor, codes: Tensor
) -> tuple[list[Points], float]:
    """Return the shape of each column, those that matter most first, and the base in log-odds.

    Where reasons are exact and come from one pass, what a column adds does not depend on the
    others: one row then reads one level of every column, whatever the net.

    Args:
        attribution: Of a net without anything between columns; not of a scorecard.
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
    found = []
    for i, column in enumerate((*numbers, *schema.text)):
        text = i >= len(numbers)
        if text:
            words = ("missing", "unseen or rare", *(column.vocabulary or ()))
        elif column.kind is Kind.BOOLEAN:
            words = ("missing", "no", "yes")[: n_levels[i]]
        else:
            words = ("missing", *(value_in_words(column, value) for value in values[i]))
        drawn = not text and column.kind is not Kind.BOOLEAN and len(values[i]) > 1
        found.append(
            Points(
                (column.name,),
                (words,),
                added[: n_levels[i], i],
                shares[i] / max(len(dense), 1),
                at=values[i] if drawn else None,
            )
        )
    return sorted(found, key=lambda term: -term.importance), attribution.base()


def _rows(schema: Schema, values: list[Array], n_levels: list[int]) -> Columns:
    """Return rows of which the l-th has each column at its level l, or at its last."""
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
    """Return how many rows are nearest to each value of each number; the first are missing."""
    numbers = schema.numbers
    flags = [column.has_missing for column in numbers]
    flag_at = len(numbers) + np.cumsum(flags) - 1
    middles = [(v[1:] + v[:-1]) / 2 for v in values]
    n_levels = [1 + len(m) for m in middles] + [FIRST_CATEGORY] * len(schema.text)
    # In model space, where the rows are; the first row there is a missing value.
    edges = preprocess.compact(*_rows(schema, middles, n_levels)).dense.contiguous()
    found = []
    for i, value in enumerate(values):
        missing = torch.zeros(len(dense), dtype=torch.bool)
        if flags[i]:
            missing = dense[:, flag_at[i]] > 0
        present = dense[~missing, i].contiguous()
        ends = edges[1 : 1 + len(middles[i]), i].contiguous()
        nearest = torch.searchsorted(ends, present)
        counts = torch.bincount(nearest, minlength=max(len(value), 1)).double().numpy()
        counts = counts[: len(value)]
        found.append(np.concatenate([[float(missing.sum())], counts]))
    return found
