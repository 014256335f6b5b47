"""How much single columns tell of churn: levels of each column, and two statistics of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.tables.encode import encode
from churn_torch.tables.schema import Schema

# Bins of a number column, of equal numbers of rows.
BINS = 10

Levels = npt.NDArray[np.int64]
Labels = npt.NDArray[np.float32]


def binned(parsed: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Return each column as levels: categories by code, numbers by quantile; 0 is missing.

    Args:
        parsed: Rows of features (`churn_torch.tables.encode.parse`).
        schema: Completed.
    """
    texts = [column.name for column in schema.text]
    codes = encode(parsed, schema).codes
    levels = dict(zip(texts, codes.T, strict=True))
    for name in parsed.columns.difference(texts, sort=False):
        x = parsed[name].to_numpy(np.float64)
        present = x[~np.isnan(x)]
        cuts = np.arange(1, BINS) / BINS if len(present) else np.zeros(0)
        edges = np.unique(np.quantile(present, cuts)) if len(cuts) else cuts
        levels[name] = np.where(np.isnan(x), 0, 1 + np.searchsorted(edges, x, side="left"))
    return pd.DataFrame(levels)[list(parsed.columns)]


def counts_of(level: Levels, label: Labels) -> npt.NDArray[np.float64]:
    """Return the rows of each level that occurs, by class: ``[L, 2]``, those who stay first."""
    codes, _ = pd.factorize(level)
    rows = np.bincount(codes).astype(np.float64)
    churners = np.bincount(codes, weights=label, minlength=len(rows))
    return np.stack([rows - churners, churners], axis=1)


def pearson_chi2(counts: npt.NDArray[np.float64]) -> tuple[float, int]:
    """Return Pearson's chi-square statistic of independence, and its degrees of freedom.

    Args:
        counts: From `counts_of`.
    """
    expected = counts.sum(1, keepdims=True) * counts.sum(0) / counts.sum()
    difference = (counts - expected) ** 2
    ratio = np.divide(difference, expected, out=np.zeros_like(expected), where=expected > 0)
    return float(ratio.sum()), len(counts) - 1


def mutual_information(counts: npt.NDArray[np.float64]) -> float:
    """Return the mutual information of level and label in nats, minus its value by chance.

    By chance it is ``(levels - 1) / (2 N)``.
    Source: Miller 1955, "Note on the bias of information estimates".

    Args:
        counts: From `counts_of`.
    """
    n = counts.sum()
    apart = counts.sum(1, keepdims=True) * counts.sum(0)
    ratio = np.divide(counts * n, apart, out=np.ones_like(counts), where=counts > 0)
    return float((counts * np.log(ratio)).sum() / n - (len(counts) - 1) / (2 * n))
