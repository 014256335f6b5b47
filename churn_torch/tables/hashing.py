"""Hashes that are the same on every machine: a row's random draw without keeping any state."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

Hashes = npt.NDArray[np.uint64]

_GOLDEN = 0x9E3779B97F4A7C15


def splitmix64(values: npt.NDArray[np.uint64 | np.int64]) -> Hashes:
    """Mix the bits of whole numbers, so that any two results differ in about half of their bits.

    The output function of SplitMix64 (Steele, Lea and Flood 2014) at ``values`` as the state. It
    is a bijection, so different numbers never share a hash.

    Shape:
        [N] to [N].
    """
    mixed = values.astype(np.uint64) + np.uint64(_GOLDEN)  # overflow is intended
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def text_hashes(text: pd.Series[str]) -> Hashes:
    """Hash texts (SipHash with a fixed key, as pandas does it).

    Shape:
        [N].
    """
    return np.asarray(pd.util.hash_pandas_object(text, index=False), dtype=np.uint64)
