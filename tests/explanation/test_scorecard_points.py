"""The bins of a scorecard have words, and their effects are centred."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from churn_torch.explanation.scorecard_points import read_scorecard
from churn_torch.models.scorecard.layout import ScorecardLayout
from tests.models.scorecard.made_scorecard import N, learned, scorer


def shares() -> torch.Tensor:
    features = learned().features
    cells = features.cells(learned().columns)
    return torch.bincount(cells.flatten(), minlength=features.code_starts[-1]).double() / N


def test_terms_are_read_in_words_the_strongest_first():
    terms, base = read_scorecard(scorer(), learned().schema, shares())
    assert np.isfinite(base)
    effects = [term.importance for term in terms]
    assert effects == sorted(effects, reverse=True)
    for term in terms:
        assert term.log_odds.shape == term.share.shape == tuple(map(len, term.levels))
        assert term.share.sum() == pytest.approx(1)
        assert all(len(set(words)) == len(words) for words in term.levels)
        assert float((term.log_odds * term.share).sum()) == pytest.approx(0, abs=1e-4)
        assert term.extreme_level(highest=True).startswith(term.columns[0])
    by_name = {term.columns: term for term in terms}
    plan = by_name[("plan",)]
    assert plan.levels == (("missing", "unseen or rare", "a", "b", "c"),)
    usage = by_name[("usage",)].levels[0]
    assert usage[0] == "missing"
    assert usage[1].startswith("up to -")
    assert usage[-1].startswith("above ")
    assert all(" to " in word for word in usage[2:-1])
    assert by_name[("member",)].levels == (("missing", "no", "yes"),)
    assert by_name[("since",)].levels[0][1].startswith("up to 2020-")
    pair = by_name[("usage", "plan")]
    assert pair.levels[0] == usage  # plan has few levels, so usage keeps its bins


def test_wider_bins_have_the_edges_of_those_in_them():
    made = learned()
    cuts = made.features.cuts(list(made.features.columns).index("seen"))
    terms, _ = read_scorecard(scorer(), made.schema, shares())
    pairs = [t for t in terms if len(t.columns) == 2 and "seen" in t.columns]
    for term in pairs:
        words = term.levels[term.columns.index("seen")]
        assert len(words) <= 1 + ScorecardLayout.of(made.schema).pair_bins["seen"]
        assert {float(w.split()[-1]) for w in words[1:-1]} <= {float(f"{c:.12g}") for c in cuts}
