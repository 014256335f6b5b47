"""A scorer and its rows, as the pipeline makes them before the fit; processes; linear models."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from churn_torch.cli.compose import compose
from churn_torch.models.preprocessing.expansion import Expansion
from churn_torch.models.preprocessing.statistics import fit_statistics
from churn_torch.models.scorer import Scorer
from churn_torch.tables.labelled.in_memory import MemoryTable
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.training.build import build_scorer
from churn_torch.training.rows.materialize import Store, materialized
from churn_torch.training.rows.store import MemoryPart
from churn_torch.workflows.options import TrainOptions, train_options


class Prepared(NamedTuple):
    options: TrainOptions
    scorer: Scorer
    table: MemoryTable
    store: Store

    @property
    def train(self) -> MemoryPart:
        return self.store.parts["train"]

    @property
    def validation(self) -> MemoryPart:
        return self.store.parts["validation"]

    def features(self, part: str = "train") -> np.ndarray:
        """Model-space rows in float64."""
        block = self.store.parts[part].block
        return Expansion(self.scorer.preprocess)(block.dense, block.codes).double().numpy()

    def weight(self, part: str = "train") -> np.ndarray:
        block = self.store.parts[part].block
        weight = torch.ones_like(block.label) if block.weight is None else block.weight
        return weight.double().numpy()

    def weighted(self) -> Prepared:
        """The same with weights of which some are 0; those of the training rows average 1."""
        generator = torch.Generator().manual_seed(0)
        for name, part in self.store.parts.items():
            weight = torch.empty(part.n_rows).exponential_(generator=generator)
            weight[torch.rand(part.n_rows, generator=generator) < 0.2] = 0
            if name == "train":
                weight /= weight.mean()
            self.store.parts[name] = MemoryPart(part.block._replace(weight=weight))
        return self

    def label(self, part: str = "train") -> np.ndarray:
        return self.store.parts[part].block.label.double().numpy()


@pytest.fixture
def prepare(
    customers_csv: Path, table_keys: tuple[str, ...], tmp_path: Path
) -> Callable[..., Prepared]:
    """Return a function from overrides to an untrained scorer and the rows for it."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)  # as the pipeline does

    def prepare(*overrides: str) -> Prepared:
        options = train_options(
            compose("train", [*table_keys, f"data.source={customers_csv}", *overrides])
        )
        torch.manual_seed(0)
        table = read_labelled(options.data, seed=options.seed)
        learned = (rows.of("train").parsed for rows in table.chunks())
        schema, statistics = fit_statistics(learned, table.schema, options.preprocess)
        scorer = build_scorer(options, schema)
        scorer.preprocess.load_statistics(statistics)
        with materialized(
            table, schema, scorer.preprocess, watch=iter, announce=pytest.fail,
            folder=tmp_path / "features", keep=False, most_bytes=0.0, choices="",
        ) as store:  # fmt: skip
            return Prepared(options, scorer, table, store)

    return prepare


@pytest.fixture
def as_process(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    """Return a function that pretends to be one of several processes."""

    def become(rank: int, world: int) -> None:
        monkeypatch.setattr(torch.distributed, "is_available", lambda: True)
        monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
        monkeypatch.setattr(torch.distributed, "get_rank", lambda: rank)
        monkeypatch.setattr(torch.distributed, "get_world_size", lambda: world)

    return become
