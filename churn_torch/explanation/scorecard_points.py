"""A scorecard in words: the bins of each column and each pair, and what they add."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import Tensor

from churn_torch.explanation.additive_terms import MISSING, UNSEEN, AdditiveTerm, value_in_words
from churn_torch.models.scorecard.features import ScorecardFeatures, Term
from churn_torch.models.scorecard.points import scorecard_points
from churn_torch.models.scorer import Scorer
from churn_torch.tables.schema import Column, Kind, Schema


def read_scorecard(
    scorer: Scorer, schema: Schema, share: Tensor
) -> tuple[list[AdditiveTerm], float]:
    """Return the terms of a scorecard, most important first, and the base in log-odds.

    Args:
        scorer: A trained scorecard.
        schema: Its completed schema.
        share: ``[n_cells]``, the share of the training rows in each cell of each term.
    """
    features = scorer.preprocess
    assert isinstance(features, ScorecardFeatures)
    columns = schema.inputs
    points, base = scorecard_points(scorer)
    shares = torch.split(share, [term.n_codes for term in features.terms])
    terms = []
    for term, of_cell, of_rows in zip(features.terms, points, shares, strict=True):
        levels = levels_of_term(features, schema, term)
        shape = tuple(len(words) for words in levels)
        terms.append(
            AdditiveTerm(
                tuple(columns[c].name for c in term.columns),
                levels,
                of_cell.numpy().reshape(shape),
                of_rows.numpy().reshape(shape),
            )
        )
    return sorted(terms, key=lambda term: -term.importance), float(base)


def levels_of_term(
    features: ScorecardFeatures, schema: Schema, term: Term
) -> tuple[tuple[str, ...], ...]:
    """Return the levels of each column of a term in words, in the order of their codes."""
    return tuple(
        _levels(features, schema.inputs[c], c, fine=fine)
        for c, fine in zip(term.columns, term.fine, strict=True)
    )


def _levels(
    features: ScorecardFeatures, column: Column, position: int, *, fine: bool
) -> tuple[str, ...]:
    """Return the levels of a column in words, in the order of its codes."""
    coarse = features.coarse_levels(position)
    if Schema.is_text(column):
        words = np.array(column.vocabulary or (), dtype=object)
        if fine:
            return (MISSING, UNSEEN, *words)
        kept = coarse[2:] > 1
        return (MISSING, UNSEEN if kept.all() else "other", *words[kept])
    if len(coarse) == 1:  # no bins
        return (MISSING,)
    cuts = features.cuts(position)
    if not fine:
        # The edges between two coarse bins.
        cuts = cuts[np.diff(coarse[1:]) > 0]
    edges = [value_in_words(column, cut) for cut in cuts]
    if not edges:
        return (MISSING, "any")
    if column.kind is Kind.BOOLEAN and len(edges) == 1:
        return (MISSING, "no", "yes")
    between = [f"{low} to {high}" for low, high in itertools.pairwise(edges)]
    return (MISSING, f"up to {edges[0]}", *between, f"above {edges[-1]}")
