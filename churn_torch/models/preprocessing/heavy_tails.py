"""Heavy tails: columns with a value a thousand times further out than nearly all the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]

# A column has a heavy tail if its value furthest from the median is `TAIL_RATIO` times as far out
# as the `TAIL_SHARE` quantile of the distances.
TAIL_SHARE, TAIL_RATIO = 0.999, 1_000.0


@dataclass(frozen=True)
class Limits:
    """Where the numbers of a column with a heavy tail are winsorised.

    Attributes:
        lower: Numbers below it are moved onto it; None where the tail is on the other side only.
        upper: Numbers above it are moved onto it; None as for ``lower``.
    """

    lower: float | None
    upper: float | None

    @property
    def note(self) -> str:
        """What is done, for the user to read."""
        done = []
        if self.lower is not None:
            done.append(f"numbers below {self.lower:,.6g} count as {self.lower:,.6g}")
        if self.upper is not None:
            done.append(f"numbers above {self.upper:,.6g} count as {self.upper:,.6g}")
        return f"heavy tail: {' and '.join(done)} (preprocess.outliers=none keeps them)"


def heavy_tail(present: Array, median: float, minimum: float, maximum: float) -> Limits | None:
    """Return where a column is to be winsorised, None if it has no heavy tail.

    The limits are as far from the median as the quantile. If that is zero, because nearly all
    values are equal, it is the quantile of the other values. Where the column has fewer than a
    thousand values, the quantile is the second largest distance.

    Args:
        present: A sample of the training values, none of them missing.
        median: Of the sample.
        minimum: Of all training values.
        maximum: Of all training values.
    """
    distance = np.abs(present - median)
    usual = _quantile(distance)
    if not usual:
        usual = _quantile(distance[distance > 0])
    far = TAIL_RATIO * usual
    is_low, is_high = median - minimum >= far, maximum - median >= far
    if not usual or not (is_low or is_high):
        return None
    return Limits(median - usual if is_low else None, median + usual if is_high else None)


def _quantile(distance: Array) -> float:
    """Return the quantile without interpolation, 0 if there are fewer than two distances."""
    if len(distance) < 2:
        return 0.0
    place = int(TAIL_SHARE * (len(distance) - 1))
    return float(np.partition(distance, place)[place])
