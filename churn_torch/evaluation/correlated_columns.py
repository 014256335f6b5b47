"""Correlated columns: groups whose reasons cannot be told apart.

Where two columns carry the same information, a model may take it from either, and how it divides
the reason between them is arbitrary. Each column is coded as its ranks, as its categories, and as
whether its cells are missing. Two columns correlate as strongly as the best pair of linear
combinations of their codes: their first canonical correlation (Hotelling 1936, "Relations between
two sets of variates"). Of two numbers that is Spearman's correlation, of a number and a category
the correlation ratio of the ranks.

Groups come from complete linkage, so that in a group every column correlates with every other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.tables.schema import Schema

# Half of what one column says is then said by the other: 0.8 squared is 0.64.
STRONG = 0.8
MOST_ROWS = 5_000
# With fewer rows, correlation by chance is no longer small.
FEWEST_ROWS = 50
# Categories in a smaller share of the rows count as one: few rows agree by chance.
_SMALLEST_SHARE = 0.05

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CorrelatedGroup:
    """Columns that move together.

    Attributes:
        columns: Their names, in the order of the schema.
        strength: The smallest correlation between two of them.
        sentence: What that means for their reasons.
    """

    columns: tuple[str, ...]
    strength: float
    sentence: str


def correlated_groups(
    parsed: pd.DataFrame, schema: Schema, *, strong: float = STRONG
) -> tuple[CorrelatedGroup, ...]:
    """Return the groups of columns that correlate strongly, the strongest first.

    Args:
        parsed: N rows of features (`churn_torch.tables.encode.parse`); of many, some are taken.
        schema: The columns.
        strong: Two columns that correlate less are not put together.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if len(parsed) < FEWEST_ROWS:
        return ()
    step = -(-len(parsed) // MOST_ROWS)
    names, codes = [], []
    for column in schema.inputs:
        code = _code(parsed[column.name].iloc[::step], is_text=Schema.is_text(column))
        if code.shape[1]:
            names.append(column.name)
            codes.append(code)
    if len(names) < 2:
        return ()
    correlation = _canonical(codes, at_least=strong)
    tree = linkage(squareform(1 - correlation, checks=False), "complete")
    of_group = fcluster(tree, 1 - strong, "distance")
    groups = []
    for group in np.unique(of_group):
        here = np.flatnonzero(of_group == group)
        if len(here) > 1:
            within = correlation[np.ix_(here, here)][np.triu_indices(len(here), 1)]
            columns = tuple(names[i] for i in here)
            strength = float(within.min())
            groups.append(CorrelatedGroup(columns, strength, _sentence(columns, strength)))
    return tuple(sorted(groups, key=lambda group: -group.strength))


def correlations(values: pd.Series, parsed: pd.DataFrame, schema: Schema) -> dict[str, float]:
    """Return how strongly each column of a table correlates with a column beside it.

    Args:
        values: ``[N]`` numbers, dates or texts.
        parsed: As for `correlated_groups`, of the same rows.
        schema: The columns.

    Returns:
        By name; empty with fewer than ``FEWEST_ROWS`` rows.
    """
    if len(parsed) < FEWEST_ROWS:
        return {}
    if pd.api.types.is_datetime64_any_dtype(values):
        values = (values - values.min()).dt.total_seconds()
    is_text = not pd.api.types.is_numeric_dtype(values)
    found = {}
    code = _code(values, is_text=is_text)
    for column in schema.inputs:
        other = _code(parsed[column.name], is_text=Schema.is_text(column))
        found[column.name] = (
            float(_canonical([code, other], at_least=0.0)[0, 1])
            if (code.shape[1] and other.shape[1])
            else 0.0
        )
    return found


def joint_reasons(
    reasons: Mapping[str, float], groups: Sequence[Mapping[str, Any]], *, smallest: float = 0.05
) -> list[tuple[Mapping[str, Any], float]]:
    """Return the groups that matter for one row, each with the sum of its reasons.

    Args:
        reasons: What each input adds to the log-odds.
        groups: Mappings with the fields of `CorrelatedGroup`, as a file has them.
        smallest: A group matters where two or more of its reasons are at least so large.
    """
    found = []
    for group in groups:
        parts = [reasons[name] for name in group["columns"] if name in reasons]
        if sum(abs(part) >= smallest for part in parts) >= 2:
            found.append((group, float(sum(parts))))
    return found


def _sentence(columns: Sequence[str], strength: float) -> str:
    *most, last = columns
    pair = len(columns) == 2
    how = f"{strength:.2f}" if pair else f"each pair at least {strength:.2f}"
    return (
        f"{', '.join(most)} and {last} move together (correlation {how}): how a reason is divided "
        "between them is arbitrary, so read their reasons as one"
    )


def _code(cells: pd.Series, *, is_text: bool) -> Floats:
    """Return an orthonormal basis of a column's codes, ``[n, k]``; k is 0 for a constant."""
    n = len(cells)
    if is_text:
        codes, counts = np.unique(pd.factorize(cells)[0], return_counts=True)
        kept = codes[counts >= _SMALLEST_SHARE * n]
        coded = (pd.factorize(cells)[0][:, None] == kept).astype(np.float64)
    else:
        numbers = cells.to_numpy(dtype=np.float64)
        missing = np.isnan(numbers)
        ranks = pd.Series(numbers).rank().to_numpy(copy=True)
        ranks[missing] = np.nanmean(ranks) if not missing.all() else 0.0
        share = missing.mean()
        flags = [missing] if _SMALLEST_SHARE <= share <= 1 - _SMALLEST_SHARE else []
        coded = np.column_stack([ranks, *flags]).astype(np.float64)
    coded -= coded.mean(0)
    size = np.linalg.norm(coded, axis=0)
    coded = coded[:, size > 0] / size[size > 0]
    if not coded.shape[1]:
        return np.empty((n, 0))
    basis, sizes, _ = np.linalg.svd(coded, full_matrices=False)
    return np.asarray(basis[:, sizes > 1e-6 * sizes[0]])


def _canonical(codes: Sequence[Floats], *, at_least: float) -> Floats:
    """Return the first canonical correlation of each pair of columns, 0 where it is surely small.

    Returns:
        ``[F, F]``, with 1 on the diagonal.
    """
    starts = np.cumsum([0, *(code.shape[1] for code in codes)])
    whole = np.hstack(codes)
    products = whole.T @ whole
    # The sum of squares bounds the square of the largest singular value.
    bounds = np.add.reduceat(np.add.reduceat(products**2, starts[:-1], 0), starts[:-1], 1)
    correlation = np.eye(len(codes))
    for i, j in np.argwhere(np.triu(bounds >= at_least**2, 1)):
        block = products[starts[i] : starts[i + 1], starts[j] : starts[j + 1]]
        correlation[i, j] = correlation[j, i] = min(float(np.linalg.norm(block, 2)), 1.0)
    return correlation
