"""The preprocessing is fitted on training rows only, the same for any chunks of the rows."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from churn_torch.models.scorecard.layout import ScorecardLayout
from churn_torch.tables.encode import parse
from churn_torch.tables.labelled.rows import Rows
from churn_torch.training import fit_preprocessing as preprocessing
from churn_torch.training.fit_preprocessing import fit_preprocessing
from tests.models.scorecard.made_scorecard import frame, learned
from tests.training.conftest import options_of

OVERRIDES = ["model=scorecard", "model.bins=8", "model.pair_bins=5", "model.pairs=2"]


def table(*, n_chunks: int = 1, spoil: bool = False) -> SimpleNamespace:
    """The made table, every third row of it for testing."""
    raw, schema = frame(), learned().plain
    parsed = parse(raw, schema)
    label = (raw["churned"] == "yes").to_numpy(np.float32)
    part = np.where(np.arange(len(raw)) % 3 == 2, 2, 0).astype(np.int8)
    if spoil:
        parsed.loc[part == 2, "usage"] = 1e6
        label[part == 2] = 1

    def chunks() -> Iterator[Rows]:
        for rows in np.array_split(np.arange(len(raw)), n_chunks):
            yield Rows(
                parsed.iloc[rows].reset_index(drop=True), label[rows],
                raw.iloc[rows][[]].reset_index(drop=True), part[rows],
            )  # fmt: skip

    weights = np.bincount(label[part == 0].astype(int)).astype(np.float64)
    return SimpleNamespace(
        schema=schema, chunks=chunks, counts={"train": int((part == 0).sum())},
        weight_by_class={"train": weights},
    )  # fmt: skip


def same(one: tuple, other: tuple) -> bool:
    tables = [learned[1].tables for learned in (one, other)]
    return one[0] == other[0] and all(
        np.allclose(a, b, atol=1e-12) for a, b in zip(*tables, strict=True)
    )


def test_chunks_and_other_parts_change_nothing():
    options = options_of(*OVERRIDES)
    whole = fit_preprocessing(options, table(), watch=iter)
    assert ScorecardLayout.of(whole[0]).pairs[0] == ("usage", "plan")
    assert same(whole, fit_preprocessing(options, table(n_chunks=7), watch=iter))
    assert same(whole, fit_preprocessing(options, table(spoil=True), watch=iter))


def test_a_large_table_is_sampled_evenly(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(preprocessing, "SCORECARD_ROWS", 400)
    seen = []
    monkeypatch.setattr(
        preprocessing,
        "fit_scorecard",
        lambda columns, *args, **kwargs: seen.append(len(columns.codes)),
    )
    for n_chunks in (1, 7):
        fit_preprocessing(options_of(*OVERRIDES), table(n_chunks=n_chunks), watch=iter)
    assert seen == [334, 334]  # every third of 1,000


def test_other_models_need_one_pass():
    passes = []
    fit_preprocessing(
        options_of(), table(), watch=lambda rows: passes.append(1) or iter(list(rows))
    )
    assert len(passes) == 1
