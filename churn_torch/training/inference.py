"""A scorer's logits and probabilities for the rows of a part, block by block."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from churn_torch.models.nets.event_net import EventNet, EventReader
from churn_torch.models.nets.survival import Hazard
from churn_torch.models.preprocessing.expansion import Expansion
from churn_torch.models.scorer import Scorer
from churn_torch.training.rows.batches import InOrder, rows_to_expand
from churn_torch.training.rows.store import Block, Part

_SUMMED_ROWS = 8_192


class Scored(NamedTuple):
    """Scored rows of a part, every array ``[N]`` and in its order.

    Attributes:
        probability: Calibrated probabilities; with `uplift` those of customers left alone.
        label: 1 for churners.
        uplift: By how much a contact lowers the probability; None where that was not learned.
        treatment: 1 for customers who were contacted; None where that is not known.
        spend: What a customer who stays is expected to spend; None where that was not learned.
        survival: Chances to stay for 1, 2, ... more periods; None where that was not learned.
        stayed: Periods before the first one observed; None where that was not learned.
        last: The last period observed; as ``stayed``.
        horizon: Periods within which the probability is to leave; as ``stayed``.
    """

    probability: Tensor
    label: Tensor
    uplift: Tensor | None = None
    treatment: Tensor | None = None
    spend: Tensor | None = None
    survival: Tensor | None = None
    stayed: Tensor | None = None
    last: Tensor | None = None
    horizon: int = 0

    @property
    def outcome(self) -> Tensor:
        """1 for those who left, or who left within the horizon; NaN where that is not known."""
        if self.stayed is None or self.last is None:
            return self.label
        n_periods, left = self.last - self.stayed, self.label == 1
        return torch.where(
            n_periods >= self.horizon,
            (left & (n_periods <= self.horizon)).float(),
            torch.where(left, 1.0, math.nan),
        )

    @property
    def judged(self) -> tuple[Tensor, Tensor]:
        """Probabilities and labels of the customers whose label is that of their probability.

        What a customer who was contacted would have done without says no label. Nor does one say
        whether a customer leaves within the horizon who was observed for less.
        """
        if self.stayed is not None:
            label = self.outcome
            known = ~torch.isnan(label)
            return self.probability[known], label[known]
        if self.treatment is None:
            return self.probability, self.label
        alone = self.treatment == 0
        return self.probability[alone], self.label[alone]


def scored(scorer: Scorer, part: Part) -> Iterator[Scored]:
    """Yield the calibrated probabilities and the labels of a part, in its order.

    The scorer is in evaluation mode.
    """
    for block, logit in _raw_logits(scorer, part, 1):
        with torch.no_grad():
            probability = scorer.calibrated(logit, block.entry)
            uplift = spend = None
            if scorer.effect is not None:
                uplift = _each(scorer, block, probability, scorer.uplift)
            if scorer.spend is not None:
                spend = _each(scorer, block, probability, lambda x, _: _expected(scorer, x))
            rows = Scored(probability, block.label, uplift, block.treatment, spend)
            yield rows if scorer.hazard is None else _with_times(rows, scorer.hazard, block, logit)


def _with_times(rows: Scored, hazard: Hazard, block: Block, logit: Tensor) -> Scored:
    assert block.entry is not None
    survival = hazard.survival(logit, block.entry)
    return rows._replace(
        survival=survival, stayed=block.entry, last=block.last, horizon=hazard.horizon
    )


def _expected(scorer: Scorer, x: Tensor) -> Tensor:
    assert scorer.spend is not None
    spend: Tensor = scorer.spend(x)
    return spend


def _each(
    scorer: Scorer, block: Block, probability: Tensor, output: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """Return an output of model-space rows and their probabilities, chunk by chunk."""
    expansion = Expansion(scorer.preprocess)
    chunk_rows = min(rows_to_expand(expansion.n_features), scorer.chunk_rows)
    chunks = zip(block.in_chunks(chunk_rows), torch.split(probability, chunk_rows), strict=True)
    return torch.cat([output(expansion(chunk.dense, chunk.codes), p) for chunk, p in chunks])


def sampled_logits(
    scorer: Scorer, part: Part, most_rows: int
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return raw logits, labels and weights, ``[N]``, of every k-th row, so that N is bounded.

    Of customers who were contacted there are none.
    """
    step = -(-part.n_rows // most_rows)
    blocks: list[tuple[Tensor, ...]] = []
    for block, logit in _raw_logits(scorer, part, step):
        arrays = [logit, block.label] + ([] if block.weight is None else [block.weight])
        if block.treatment is not None:
            arrays = [array[block.treatment == 0] for array in arrays]
        blocks.append(tuple(array.clone() for array in arrays))
    logit, label, *weight = map(torch.cat, zip(*blocks, strict=True))
    return logit, label, weight[0] if weight else None


def _raw_logits(scorer: Scorer, part: Part, step: int) -> Iterator[tuple[Block, Tensor]]:
    """Yield every ``step``-th row with the net's logits, block by block."""
    expansion = Expansion(scorer.preprocess)
    chunk_rows = min(rows_to_expand(expansion.n_features), scorer.chunk_rows)
    for rows in InOrder(part):
        block = rows.block.take(slice(-rows.first_row % step, None, step))
        with torch.no_grad():
            logits = [
                scorer.net(expansion(chunk.dense, chunk.codes))
                for chunk in block.in_chunks(chunk_rows)
            ]
        if logits:
            yield block, torch.cat(logits)


def mean_row(scorer: Scorer, part: Part) -> Tensor:
    """Return the mean of a part's model-space rows, ``[n_features]`` float32."""
    expansion = Expansion(scorer.preprocess)
    total = torch.zeros(expansion.n_features, dtype=torch.float64)
    for rows in InOrder(part):
        # Short sums are exact enough in float32; the long one is not.
        for chunk in rows.block.in_chunks(_SUMMED_ROWS):
            every = torch.ones(len(chunk.label), 1)
            total += expansion.sums(chunk.dense, chunk.codes, every)[:, 0]
    return (total / part.n_rows).float()


@torch.no_grad()
def fit_baseline(scorer: Scorer, part: Part) -> None:
    """Set the row that reasons are measured from: the mean row, of sequences the mean logit.

    The mean of the events of customers is no customer's; a length of -1 says that the mean of
    their logits is meant (`churn_torch.models.nets.event_net.EventReader`).

    Args:
        scorer: Trained, in evaluation mode.
        part: The training rows.
    """
    scorer.baseline.copy_(mean_row(scorer, part))
    if not isinstance(scorer.net, EventNet):
        return
    expansion = Expansion(scorer.preprocess)
    readers = [reader for reader in scorer.net.readers if isinstance(reader, EventReader)]
    total = torch.zeros(len(readers), dtype=torch.float64)
    chunk_rows = min(rows_to_expand(expansion.n_features), scorer.chunk_rows)
    for rows in InOrder(part):
        for chunk in rows.block.in_chunks(chunk_rows):
            x = expansion(chunk.dense, chunk.codes)
            total += torch.stack([reader(x).double().sum() for reader in readers])
    for reader, logit in zip(readers, total / part.n_rows, strict=True):
        reader.typical.copy_(logit)
        scorer.baseline[reader.layout.start] = -1


def cell_shares(scorer: Scorer, part: Part) -> Tensor:
    """Return the share of a part's rows that have each code, ``[n_codes]`` float64."""
    counts = torch.zeros(scorer.preprocess.code_starts[-1], dtype=torch.float64)
    for rows in InOrder(part):
        counts += torch.bincount(rows.block.codes.flatten(), minlength=len(counts))
    return counts / part.n_rows
