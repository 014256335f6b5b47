"""Hashes: the published ones, and nothing of their input is left to see."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churn_torch.tables.hashing import splitmix64, text_hashes


def test_splitmix64_is_the_published_generator() -> None:
    # The first outputs of the reference implementation (Vigna, splitmix64.c) from seed 1234567:
    # its state grows by the golden ratio before each output.
    state = np.uint64(1234567) + np.arange(3, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    assert splitmix64(state).tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]


def test_hashes_differ_and_spread() -> None:
    hashes = splitmix64(np.arange(100_000))
    assert len(np.unique(hashes)) == 100_000
    counts = np.histogram(hashes / 2.0**64, bins=20, range=(0, 1))[0]
    assert np.abs(counts - 5000).max() < 5 * np.sqrt(5000)


def test_texts_hash_the_same_always() -> None:
    text = pd.Series(["customer 1", "日本", ""], dtype="str")
    # Written down once: parts that were dealt out by them must not change with a new pandas.
    assert text_hashes(text).tolist() == [
        9938189543605126207,
        17040212410883982529,
        1760245841805064774,
    ]
    assert np.array_equal(text_hashes(text[::-1]), text_hashes(text)[::-1])
