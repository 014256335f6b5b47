"""A scorer and its rows, as the workflows make them before the fit; linear models; processes."""

from __future__ import annotations

import copy
import dataclasses
import functools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from churn_torch.cli.compose import compose
from churn_torch.cli.error_messages import CONF
from churn_torch.models.preprocessing.expansion import Expansion
from churn_torch.models.preprocessing.statistics import Statistics, fit_statistics
from churn_torch.models.scorer import Scorer
from churn_torch.tables.labelled.in_memory import MemoryTable
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.tables.schema import Schema
from churn_torch.training.build import build_preprocess, build_scorer
from churn_torch.training.rows.materialize import Store, materialized
from churn_torch.training.rows.store import MemoryPart
from churn_torch.workflows.configuration.options import TrainOptions, train_options
from churn_torch.workflows.configuration.typed_config import plain_config

GROUPS = {path.name for path in CONF.iterdir() if path.is_dir()}


@functools.cache
def options_of(*overrides: str) -> TrainOptions:
    """The options of a training on the command line; they are frozen, so tests share them.

    Hydra takes a third of a second to compose, so it chooses the groups alone (model=mlp), once.
    The optimizer is Adam unless it is chosen: these tests are below the choice that auto makes.
    """
    if not any(each.startswith(("optimizer=", "model=scorecard")) for each in overrides):
        overrides = (*overrides, "optimizer=adam")
    groups = [each for each in overrides if each.partition("=")[0] in GROUPS]
    content = copy.deepcopy(composed(*groups))
    for override in overrides:
        if override not in groups:
            *path, name = override.partition("=")[0].split(".")
            node: Any = content
            for key in path:
                node = node[key]
            node[name] = OmegaConf.select(
                OmegaConf.from_dotlist([override]), ".".join([*path, name])
            )
            if OmegaConf.is_config(node[name]):
                node[name] = OmegaConf.to_container(node[name])
    return train_options(content)


@functools.cache
def composed(*groups: str) -> dict[str, Any]:
    """The configuration of some groups as plain values."""
    return plain_config(compose("train", list(groups)))


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


class Read(NamedTuple):
    """The customers, read and preprocessed."""

    table: MemoryTable
    schema: Schema
    statistics: Statistics
    store: Store


def read(options: TrainOptions) -> Read:
    """Read and preprocess the table of the options."""
    table = read_labelled(options.data, seed=options.seed)
    learned = (rows.of("train").parsed for rows in table.chunks())
    schema, statistics = fit_statistics(learned, table.schema, options.preprocess)
    preprocess = build_preprocess(options, schema)
    preprocess.load_statistics(statistics)
    with materialized(
        table, schema, preprocess, watch=iter, announce=pytest.fail,
        folder=Path("nowhere"), cache=None, most_bytes=0.0, choices="",
    ) as store:  # fmt: skip
        return Read(table, schema, statistics, store)


@pytest.fixture(scope="session")
def read_once() -> dict[str, Read]:
    """What has been read, by the options that decide it: most tests learn from the same rows."""
    return {}


@pytest.fixture
def prepare(
    customers_csv: Path, table_keys: tuple[str, ...], read_once: dict[str, Read]
) -> Callable[..., Prepared]:
    """Return a function from overrides to an untrained scorer and rows of the test's own."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)  # as the workflows do

    def prepare(*overrides: str) -> Prepared:
        options = options_of(*table_keys, f"data.source={customers_csv}", *overrides)
        key = repr((options.data, options.seed, options.preprocess))
        if key not in read_once:
            read_once[key] = read(options)
        table, schema, statistics, store = read_once[key]
        torch.manual_seed(0)
        scorer = build_scorer(options, schema)
        scorer.preprocess.load_statistics(statistics)
        parts: dict[str, Any] = {
            name: MemoryPart(part.block.each(torch.clone)) for name, part in store.parts.items()
        }
        return Prepared(options, scorer, table, dataclasses.replace(store, parts=parts))

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
