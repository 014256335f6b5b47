"""Bootstrap intervals of the metrics of the gains curve."""

from __future__ import annotations

import numpy as np

from churn_torch.errors import InputError
from churn_torch.evaluation.gains import Floats, Ints, auroc, gains, lift

SHARES = (5, 10, 20)  # per cent of the rows for lift and captured share
MAX_ROWS = 20_000  # up to here rows are drawn one by one, which is faster than by groups
MAX_GROUPS = 2_000  # beyond: of a million rows, 500 in each group
BLOCK_DRAWS = 200_000  # drawn at a time, so that memory does not grow with the replicates


def bootstrap(
    negatives: Ints, positives: Ints, *, replicates: int, confidence: float, seed: int
) -> dict[str, tuple[float, float]]:
    """Compute percentile bootstrap intervals of AUROC and of each lift.

    Rows are drawn with replacement; a replicate with one class only is drawn again. Of more than
    20,000 rows, neighbours are merged into at most 2,000 groups, and the number of rows drawn from
    each group and class is drawn at once from a multinomial distribution. The time then does not
    grow with the rows, and the error of the merged curve is small against the intervals.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.

    Args:
        negatives: Non-churners of each group of ties, most probable group first, shape ``[G]``.
        positives: Churners of each group, shape ``[G]``.
        replicates: 1 or more.
        confidence: Share of the replicates inside the interval, between 0 and 1.
        seed: Of the draws.

    Raises:
        InputError: ``replicates`` or ``confidence`` is out of range.
    """
    if replicates < 1 or not 0 < confidence < 1:
        raise InputError(
            "bootstrap",
            expected="replicates >= 1 and a confidence between 0 and 1, such as 0.95",
            got=f"replicates={replicates} and confidence={confidence}",
        )
    n = int(negatives.sum() + positives.sum())
    if n > MAX_ROWS:
        negatives, positives = _coarser(negatives, positives)
    cells = np.stack([negatives, positives], axis=1).ravel()
    generator = np.random.default_rng(seed)
    blocks: dict[str, list[Floats]] = {"auroc": [], **{f"lift_at_{share}": [] for share in SHARES}}
    missing = replicates
    while missing:
        n_drawn = min(missing, max(BLOCK_DRAWS // min(n, len(cells)), 1))
        draw = _draw_counts if n > MAX_ROWS else _draw_rows
        times = draw(generator, cells, n_drawn)
        rows, churners = gains(times[:, ::2], times[:, 1::2])
        both = (churners[:, -1] > 0) & (churners[:, -1] < n)
        if not both.any():
            continue
        rows, churners = rows[both], churners[both]
        blocks["auroc"].append(auroc(rows, churners))
        for share in SHARES:
            blocks[f"lift_at_{share}"].append(lift(rows, churners, share))
        missing -= len(rows)
    tail = (1 - confidence) / 2
    intervals = {}
    for name, values in blocks.items():
        low, high = np.quantile(np.concatenate(values), [tail, 1 - tail])
        intervals[name] = (float(low), float(high))
    return intervals


def _draw_rows(generator: np.random.Generator, cells: Ints, n_drawn: int) -> Ints:
    """Draw as many rows as there are; return the number of each cell, ``[n_drawn, cells]``."""
    n = int(cells.sum())
    cell = np.repeat(np.arange(len(cells)), cells)[generator.integers(n, size=(n_drawn, n))]
    cell += len(cells) * np.arange(n_drawn)[:, None]  # each replicate has its own range of cells
    return np.bincount(cell.ravel(), minlength=n_drawn * len(cells)).reshape(n_drawn, -1)


def _draw_counts(generator: np.random.Generator, cells: Ints, n_drawn: int) -> Ints:
    """Return what ``_draw_rows`` returns, drawn by cells: its time does not grow with the rows."""
    n = int(cells.sum())
    times = np.zeros((n_drawn, len(cells)), np.int64)
    # The last cell gets the remainder of rounding, so it must not be empty.
    filled = np.flatnonzero(cells)
    times[:, filled] = generator.multinomial(n, cells[filled] / n, size=n_drawn)
    return times


def _coarser(negatives: Ints, positives: Ints) -> tuple[Ints, Ints]:
    """Merge neighbouring groups into at most ``MAX_GROUPS`` of about as many rows."""
    rows = negatives + positives
    part = (np.cumsum(rows) - rows) * MAX_GROUPS // rows.sum()
    starts = np.flatnonzero(np.diff(part, prepend=-1))
    return np.add.reduceat(negatives, starts), np.add.reduceat(positives, starts)
