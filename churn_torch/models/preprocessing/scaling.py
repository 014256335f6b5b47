"""Scaling of numbers, the one formula that training, model and export share."""

from __future__ import annotations

import torch
from torch import Tensor


def scale_numbers(
    x: Tensor, lower: Tensor, upper: Tensor, center: Tensor, scale: Tensor, *, smooth: bool
) -> Tensor:
    """Clip to ``[lower, upper]``, subtract ``center``, divide by ``scale``.

    Args:
        x: Numbers without missing values.
        lower: Lower limit.
        upper: Upper limit.
        center: What becomes 0.
        scale: What becomes 1.
        smooth: Apply `smooth_clip` at the end.
    """
    z = (clip(x, lower, upper) - center) / scale
    return smooth_clip(z) if smooth else z


def clip(x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
    """Clip to ``[lower, upper]``, with operators that every ONNX runtime has."""
    return torch.minimum(torch.maximum(x, lower), upper)


def smooth_clip(z: Tensor) -> Tensor:
    """Squash numbers smoothly into (-3, 3) (RealMLP, Holzmüller et al. 2024)."""
    return z / torch.sqrt(1 + (z / 3) ** 2)
