"""Chunks of rows preprocessed into blocks, and the first test rows as they were parsed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from churn_torch.models.preprocessing.preprocess import Columns, Preprocess
from churn_torch.tables.encode import encode
from churn_torch.tables.labelled.rows import PARTS, Rows
from churn_torch.tables.schema import Schema
from churn_torch.training.rows.store import Block

# What contacting each of some rows brings, knowing who leaves: [N].
PayoffOf = Callable[[Rows], npt.NDArray[np.floating[Any]]]

# Parsed test rows kept for the proof of the exported file.
SAMPLE_ROWS = 2_000
# Numbers preprocessed at a time: they stay in a core's cache, and no second thread is woken.
CELLS = 32_768
TEST = PARTS.index("test")


def blocks_of(
    chunk: Rows,
    schema: Schema,
    preprocess: Preprocess,
    mean_weight: float,
    payoff_of: PayoffOf | None,
) -> Iterator[tuple[str, Block]]:
    """Preprocess a chunk and yield its rows by part, a few rows at a time."""
    columns = Columns.from_arrays(encode(chunk.parsed, schema))
    single = {"label": torch.from_numpy(chunk.label)}
    if chunk.weight is not None:
        # With a mean of 1 a mean over weighted rows needs no other divisor than their number.
        single["weight"] = torch.from_numpy(chunk.weight / mean_weight).float()
    if chunk.treatment is not None:
        single["treatment"] = torch.from_numpy(chunk.treatment)
    if payoff_of is not None:
        single["payoff"] = torch.from_numpy(payoff_of(chunk)).float()
    if chunk.lifetime is not None:
        single["entry"], single["last"] = torch.from_numpy(chunk.lifetime).unbind(1)
    n_rows = max(1, CELLS // max(1, preprocess.n_dense))
    for start in range(0, len(chunk.label), n_rows):
        here = slice(start, start + n_rows)
        with torch.no_grad():
            block = Block(
                *preprocess.compact(*columns.take(here)),
                **{name: array[here] for name, array in single.items()},
            )
        for position, part in enumerate(PARTS):
            rows = torch.from_numpy(np.flatnonzero(chunk.part[here] == position))
            if len(rows):
                yield part, block.each(partial(torch.index_select, dim=0, index=rows))


class FirstTestRows:
    """The first test rows."""

    def __init__(self) -> None:
        self.frames: list[pd.DataFrame] = []
        self.n_rows = 0

    def add(self, chunk: Rows) -> None:
        """Keep its test rows, as long as there are not enough."""
        if self.n_rows < SAMPLE_ROWS:
            test = np.flatnonzero(chunk.part == TEST)[: SAMPLE_ROWS - self.n_rows]
            self.frames.append(chunk.parsed.take(test))
            self.n_rows += len(test)

    def frame(self) -> pd.DataFrame:
        """Return the rows that were kept."""
        return pd.concat(self.frames, ignore_index=True)
