"""A scorer's raw logits of the rows of a part, block by block."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from churn_torch.models.expansion import Expansion
from churn_torch.models.scorer import Scorer
from churn_torch.training.batches import BLOCK_BYTES, InOrder
from churn_torch.training.store import Block, Part


def raw_logits(scorer: Scorer, rows: Block) -> Tensor:
    """Return the raw logit of each row, ``[N]`` float32; the scorer is in evaluation mode."""
    expansion = Expansion(scorer.preprocess)
    chunk_rows = max(BLOCK_BYTES // (4 * expansion.n_features), 1)
    with torch.no_grad():
        return torch.cat(
            [
                scorer.net(expansion(chunk.dense, chunk.codes))
                for chunk in rows.in_chunks(chunk_rows)
            ]
        )


def scored(scorer: Scorer, part: Part) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the calibrated probabilities and the labels of a part, both ``[N]``, in its order."""
    for run in InOrder(part):
        with torch.no_grad():
            yield scorer.calibrated(raw_logits(scorer, run.rows)), run.rows.label


def sampled_logits(scorer: Scorer, part: Part, most_rows: int) -> tuple[Tensor, Tensor]:
    """Return raw logits and labels, both ``[N]``, of every k-th row, so that N is bounded."""
    step = -(-part.n_rows // most_rows)
    logits, labels = [], []
    for run in InOrder(part):
        rows = run.rows.take(slice(-run.first_row % step, None, step))
        logits.append(raw_logits(scorer, rows))
        labels.append(rows.label.clone())
    return torch.cat(logits), torch.cat(labels)
