"""Validation rows for calibrators: logits and labels, from plain to degenerate."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import log_loss

from churn_torch.models.calibration import Calibrator

Array = npt.NDArray[np.float64]

DEGENERATE: dict[str, tuple[list[float], list[float]]] = {
    "one row": ([0.3], [1.0]),
    "two rows": ([-1.0, 1.0], [0.0, 1.0]),
    "two rows, the wrong way round": ([1.0, -1.0], [0.0, 1.0]),
    "constant logits": ([0.7] * 10, [0.0, 1.0] * 5),
    "all zero": ([0.0] * 6, [0.0, 1.0] * 3),
    "separable": ([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0], [0.0] * 3 + [1.0] * 3),
    "separable, the wrong way round": ([3.0, 2.0, 1.0, -1.0, -2.0, -3.0], [0.0] * 3 + [1.0] * 3),
    "only churners": ([-1.0, 0.0, 2.0], [1.0] * 3),
    "no churners": ([-1.0, 0.0, 2.0], [0.0] * 3),
    "huge": ([-1e6, -1e5, 1e5, 1e6] * 3, [0.0, 1.0, 0.0, 1.0] * 3),
    "tiny": ([-1e-30, 0.0, 1e-30], [0.0, 1.0, 0.0]),
    "neighbours in float32": ([1.0, 1.0 + 2**-23, 1.0 + 2**-22], [0.0, 0.0, 1.0]),
}

PROBES = torch.tensor(
    [-3.4e38, -1e6, -50.0, -2.0, -1.0, -1e-30, 0.0, 0.3, 1.0, 1 + 2**-23, 2.0, 50.0, 1e6, 3.4e38]
)


@st.composite
def scored(draw: st.DrawFn) -> tuple[Array, Array]:
    """Logits as float32 nets give them, and labels."""
    logit = st.one_of(st.floats(-30, 30, width=32), st.sampled_from([0.0, 1.0, -1.0, 1e4, -1e4]))
    rows = draw(st.lists(st.tuples(logit, st.integers(0, 1)), min_size=1, max_size=40))
    logits, labels = zip(*rows, strict=True)
    return np.array(logits, dtype=np.float64), np.array(labels, dtype=np.float64)


def sample(
    n: int = 2000, seed: int = 0, slope: float = 1.0, shift: float = 0.0
) -> tuple[Array, Array]:
    """Logits whose true log-odds are ``slope * logit + shift``."""
    rng = np.random.default_rng(seed)
    logit = rng.normal(size=n).astype(np.float32).astype(np.float64) * 2
    return logit, (rng.random(n) < expit(slope * logit + shift)).astype(np.float64)


def loss(logit: Array, label: Array) -> float:
    return log_loss(label, expit(logit), labels=[0, 1])


def calibrated(calibrator: Calibrator, logit: Array | list[float]) -> Array:
    given_logit = torch.tensor(logit, dtype=torch.float32)
    return calibrator(given_logit).double().numpy()


def fitted(cls: type[Calibrator], logit: Any, label: Any, **options: Any) -> Calibrator:
    calibrator = cls(**options)
    calibrator.fit(np.array(logit, dtype=np.float64), np.array(label, dtype=np.float64))
    return calibrator
