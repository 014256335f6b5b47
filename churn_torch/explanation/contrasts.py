"""Contrasts: combinations of coefficients in model space that mean something to a reader."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from churn_torch.explanation.additive_terms import MISSING, UNSEEN
from churn_torch.explanation.logistic_inference import Floats
from churn_torch.explanation.scorecard_points import levels_of_term
from churn_torch.models.preprocessing.preprocess import Columns, Preprocess
from churn_torch.models.scorecard.features import ScorecardFeatures
from churn_torch.models.scorer import CHUNK_ROWS
from churn_torch.tables.schema import Kind, Schema

_DAYS_A_YEAR = 365.25


class Contrast(NamedTuple):
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


def of_features(preprocess: Preprocess, schema: Schema, x: Floats) -> Iterator[Contrast]:
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
        yield Contrast(column.name, term, unit, one, sd)
    frequencies = preprocess.get_buffer("frequencies_").double().numpy()
    start = k - len(frequencies)
    for i in range(n_numbers, start):
        column_name, name = preprocess.feature_columns[i], preprocess.feature_names[i]
        words = name.removeprefix(column_name).strip()
        term = "missing against present" if words == "is missing" else words
        yield Contrast(column_name, term, "", np.eye(k)[i], None)
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


def of_terms(features: ScorecardFeatures, schema: Schema, columns: Columns) -> Iterator[Contrast]:
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
) -> Iterator[Contrast]:
    """Yield each level of a column against the most frequent one."""
    if len(observed) < 2:
        return
    reference = observed[int(np.argmax(share))]
    codes = table.double().numpy()
    for code in observed:
        if code != reference:
            vector = np.zeros(k)
            vector[start : start + table.shape[1]] = codes[code] - codes[reference]
            yield Contrast(column, f"{words[code]} against {words[reference]}", "", vector, None)
