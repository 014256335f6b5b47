"""Splits for tests: every kind of tie, and models as they come."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from hypothesis import strategies as st
from torch import Tensor

from churn_torch.evaluation.split_metrics import SplitMetrics

# Few distinct values make ties; the extremes are those of float32, which the models give.
PROBABILITIES = st.one_of(
    st.sampled_from([0.0, 1.0, 0.5, 0.25, 2.0**-149, 1 - 2.0**-24]),
    st.floats(0, 1, width=32),
)


@st.composite
def splits(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    """Probabilities and labels of 2 to 40 rows with both classes."""
    rows = draw(st.lists(st.tuples(PROBABILITIES, st.integers(0, 1)), max_size=38))
    rows += [(draw(PROBABILITIES), 0), (draw(PROBABILITIES), 1)]
    probability, label = zip(*rows, strict=True)
    return torch.tensor(probability, dtype=torch.float32), torch.tensor(label)


def arrays(
    probability: Tensor, label: Tensor
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    return probability.double().numpy(), label.double().numpy()


def split_metrics(probability: Tensor, label: Tensor, **arguments: Any) -> SplitMetrics:
    result = SplitMetrics(**arguments)
    result.update(probability, label)
    return result


def imbalanced(n: int = 4000, seed: int = 0) -> tuple[Tensor, Tensor]:
    """A split with 5 % churn and a fair model."""
    generator = torch.Generator().manual_seed(seed)
    label = (torch.rand(n, generator=generator) < 0.05).long()
    logit = torch.randn(n, generator=generator) + 1.2 * label - 3.2
    return torch.sigmoid(logit), label


def realistic(base_rate: float, n: int = 200_000) -> tuple[Tensor, Tensor]:
    """A calibrated model whose logits have a standard deviation of 1.5."""
    generator = torch.Generator().manual_seed(0)
    logit = 1.5 * torch.randn(n, generator=generator) + math.log(base_rate / (1 - base_rate))
    probability = torch.sigmoid(logit)
    return probability, torch.rand(n, generator=generator) < probability
