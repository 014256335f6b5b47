"""What a pass over a streamed table counts of its rows."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from churn_torch.tables.labelled.rows import PARTS, Rows
from churn_torch.tables.labelled.splits import NONE_LEFT_OUT, LeftOut
from churn_torch.tables.labelled.treatment import rows_by_arm
from churn_torch.tables.labelled.weights import Weights, weight_by_class


@dataclass
class Totals:
    """Counts of a pass; `order` is a checksum of the labels in their order."""

    n_read: int = 0
    n_left_out: int = 0
    order: int = 0
    left_out: LeftOut = NONE_LEFT_OUT

    def __post_init__(self) -> None:
        """Start at zero."""
        self.counts = np.zeros(len(PARTS), dtype=np.int64)
        self.n_positive = np.zeros(len(PARTS), dtype=np.int64)
        self.weights: Weights = np.zeros((len(PARTS), 2))
        self.arms = np.zeros((len(PARTS), 2, 2), dtype=np.int64)

    def add(self, n_read: int, n_left_out: int, rows: Rows) -> None:
        """Add the labelled rows of a chunk, and how many were read and left out for it."""
        self.n_read += n_read
        self.n_left_out += n_left_out
        self.left_out = self.left_out.plus(LeftOut.of(rows.part))
        inside = rows.part >= 0
        part, label = rows.part[inside], rows.label[inside]
        weight = None if rows.weight is None else rows.weight[inside]
        self.counts += np.bincount(part, minlength=len(PARTS))
        self.n_positive += np.bincount(part[label == 1], minlength=len(PARTS))
        self.weights += weight_by_class(part, label, weight, n_parts=len(PARTS))
        if rows.treatment is not None:
            self.arms += rows_by_arm(part, label, rows.treatment[inside], n_parts=len(PARTS))
        self.order = zlib.crc32(rows.label.tobytes(), self.order)
