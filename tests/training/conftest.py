"""A scorer and its batches, as the pipeline makes them before the fit."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from omegaconf import DictConfig

from churn_torch.commandline import compose
from churn_torch.models.preprocess import Columns
from churn_torch.models.scorer import Scorer
from churn_torch.models.statistics import fit_statistics
from churn_torch.tables.encode import encode
from churn_torch.tables.labelled import read_labelled
from churn_torch.training.batches import Batch
from churn_torch.training.build import build_options, build_scorer


class Prepared(NamedTuple):
    config: DictConfig
    scorer: Scorer
    train: Batch
    validation: Batch


@pytest.fixture
def prepare(customers_csv: Path, table_keys: tuple[str, ...]) -> Callable[..., Prepared]:
    """Return a function from overrides to an untrained scorer and the rows for it."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)  # as the pipeline does

    def prepare(*overrides: str) -> Prepared:
        config = compose("train", [*table_keys, f"data.source={customers_csv}", *overrides])
        torch.manual_seed(0)
        table = read_labelled(config.data, seed=config.seed)
        rows = table.parsed.take(table.split.train)
        schema, statistics = fit_statistics([rows], table.schema, build_options(config))
        scorer = build_scorer(config, schema)
        scorer.preprocess.load_statistics(statistics)
        parts = [
            Batch(
                Columns.from_arrays(encode(table.parsed.take(part), schema)),
                torch.from_numpy(table.label[part]),
            )
            for part in (table.split.train, table.split.validation)
        ]
        return Prepared(config, scorer, *parts)

    return prepare
