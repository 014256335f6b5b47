"""Bins of equal relative width for probabilities, to count any number of rows in a fixed table.

The bit pattern of a non-negative float32 grows with its value, so its leading bits number bins in
order: 2^16 bins between p and 2 p. Numbers that are round in binary (0.5, 0.375) are edges. All
probabilities below 2^-32 share one bin, and exactly 1 has its own.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from churn_torch.evaluation.gains import Ints

DROPPED_BITS = 7  # of the 23 bits after the point
BELOW = np.array(2.0**-32, np.float32).view(np.int32).item() >> DROPPED_BITS
N_BINS = 2 + (np.array(1, np.float32).view(np.int32).item() >> DROPPED_BITS) - BELOW


def bin_of(probability: npt.NDArray[np.float32]) -> npt.NDArray[np.int32]:
    """Return the bin of each probability, 0 to ``N_BINS - 1``, in the order of probabilities."""
    leading = np.asarray(probability).view(np.int32) >> DROPPED_BITS
    index: npt.NDArray[np.int32] = np.maximum(leading - (BELOW - 1), 0)
    return index


def lower_edge(index: Ints) -> npt.NDArray[np.float32]:
    """Return the smallest probability of each bin."""
    bits = (index + (BELOW - 1)) << DROPPED_BITS
    return np.where(index > 0, bits, 0).astype(np.int32).view(np.float32)


def edge_below(probability: float) -> float:
    """Return the largest edge that is not above a probability."""
    return float(lower_edge(bin_of(np.array(probability, np.float32))))
