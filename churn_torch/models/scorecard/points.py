"""The points of a scorecard: what each bin of each column, and of each pair, adds to the logit."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from churn_torch.models.nets.linear import Linear
from churn_torch.models.scorecard.features import ScorecardFeatures
from churn_torch.models.scorer import Scorer
from churn_torch.tables.schema import Column, Kind, Schema

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Points:
    """A term as a person reads it.

    Attributes:
        columns: One name or two.
        levels: Of each column, its levels in words.
        log_odds: What each cell adds to the log-odds of the mean training row; ``[n]``, or
            ``[n, m]`` for a pair.
        share: Share of the training rows in each cell, of the same shape.
        at: Of a number read at values rather than in bins these values, one for each level but
            the first, which is missing.
    """

    columns: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    log_odds: Array
    share: Array
    at: Array | None = None

    @property
    def importance(self) -> float:
        """Standard deviation of what the term adds to the training rows."""
        mean = float((self.log_odds * self.share).sum())
        return float(np.sqrt((np.square(self.log_odds - mean) * self.share).sum()))


def scorecard_points(scorer: Scorer) -> tuple[list[Tensor], Tensor]:
    """Return the points of each cell of each term, ``[n_codes]`` float64, and the base, log-odds.

    Base and points add up to the logit before calibration; points are 0 on average.
    """
    assert isinstance(scorer.net, Linear)
    tables = [table.double() for table in scorer.preprocess.code_tables()]
    sizes = [table.shape[1] for table in tables]
    weights = scorer.net.linear.weight.detach()[0].double()
    baseline = weights * scorer.baseline.double()
    parts = zip(tables, torch.split(weights, sizes), torch.split(baseline, sizes), strict=True)
    points = [table @ weight - typical.sum() for table, weight, typical in parts]
    bias = scorer.net.linear.bias.detach().double()[0]
    return points, bias - scorer.prior_shift + baseline.sum()


def read_points(scorer: Scorer, schema: Schema, share: Tensor) -> tuple[list[Points], float]:
    """Return the terms of a scorecard, those that matter most first, and the base in log-odds.

    Args:
        scorer: A trained scorecard.
        schema: Its completed schema.
        share: ``[n_cells]``, the share of the training rows in each cell of each term.
    """
    features = scorer.preprocess
    assert isinstance(features, ScorecardFeatures)
    named = schema.inputs
    points, base = scorecard_points(scorer)
    shares = torch.split(share, [term.n_codes for term in features.terms])
    found = []
    for term, of_cell, of_rows in zip(features.terms, points, shares, strict=True):
        levels = tuple(
            _levels(features, named[c], c, fine=fine)
            for c, fine in zip(term.columns, term.fine, strict=True)
        )
        shape = tuple(len(words) for words in levels)
        found.append(
            Points(
                tuple(named[c].name for c in term.columns),
                levels,
                of_cell.numpy().reshape(shape),
                of_rows.numpy().reshape(shape),
            )
        )
    return sorted(found, key=lambda term: -term.importance), float(base)


def _levels(
    features: ScorecardFeatures, column: Column, place: int, *, fine: bool
) -> tuple[str, ...]:
    """Return the levels of a column in words, in the order of its codes."""
    coarse = features.coarse_levels(place)
    if Schema.is_text(column):
        words = np.array(column.vocabulary or (), dtype=object)
        if not fine:
            kept = coarse[2:] > 1
            rest = "other" if not kept.all() else "unseen or rare"
            return ("missing", rest, *words[kept])
        return ("missing", "unseen or rare", *words)
    cuts = features.cuts(place)
    if not fine:
        # The edges at which one wider bin ends and the next begins.
        cuts = cuts[np.diff(coarse[1:]) > 0]
    edges = [value_in_words(column, cut) for cut in cuts]
    if not column.bins:
        return ("missing",)
    if not edges:
        return ("missing", "any")
    if column.kind is Kind.BOOLEAN and len(edges) == 1:
        return ("missing", "no", "yes")
    between = [f"{low} to {high}" for low, high in itertools.pairwise(edges)]
    return ("missing", f"up to {edges[0]}", *between, f"above {edges[-1]}")


def value_in_words(column: Column, value: float) -> str:
    """Return a number or a date as people write it."""
    if column.kind is Kind.DATETIME:
        return str(np.datetime64(0, "s") + np.timedelta64(round(value * 86_400), "s"))[:16]
    return f"{value:.7g}" if not column.needs_float64 else f"{value:.12g}"


def strongest_level(term: Points, *, highest: bool) -> str:
    """Return the cell with training rows that adds most, or least, in words."""
    seen = np.where(term.share > 0, term.log_odds, -np.inf if highest else np.inf)
    at = np.unravel_index(seen.argmax() if highest else seen.argmin(), seen.shape)
    words = [
        f"{name} {levels[i]}" for name, levels, i in zip(term.columns, term.levels, at, strict=True)
    ]
    return ", ".join(words)
