"""Metrics of a split of any size, materialized chunk by chunk in bounded memory.

The average of per-batch metrics is not the metric of the split, so a tally keeps what every
metric of the whole split needs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from churn_torch.evaluation import gains
from churn_torch.evaluation.bootstrap import SHARES, bootstrap
from churn_torch.evaluation.checks import check_both_classes, check_rows
from churn_torch.evaluation.gains import Ints
from churn_torch.evaluation.probability_bins import N_BINS, bin_of, edge_below, lower_edge
from churn_torch.evaluation.thresholds import (
    THRESHOLD_RULES,
    check_rule,
    checked_threshold,
    last_called,
)

CALIBRATION_BINS = 15
BLOCK_ROWS = 65_536  # rows summed at a time: they stay in cache
EPS = torch.finfo(torch.float64).eps


class SplitMetrics:
    """Probabilities and labels of a split, materialized chunk by chunk, in bounded memory.

    Rows are ranked and called churners by their probability in float32, as the ONNX file gives it.
    Up to ``exact_rows`` rows everything is exact. Beyond, rows are counted in about two million
    bins (34 MB, see ``bins``): AUROC, average precision, lift and captured share take the rows of
    one bin as ties, and ``binning_error`` bounds what that does to the AUROC. All else stays
    exact. torchmetrics and scikit-learn are the references that the tests compare with.

    Args:
        exact_rows: rows kept one by one, 4 bytes each.
        threshold: the one that ``evaluate`` will be asked for, where it is known beforehand: the
            rows from it on are counted as they come. Beyond ``exact_rows`` the only others that
            ``evaluate`` takes are edges of bins, such as this tally's own ``choose_threshold``.

    Raises:
        InputError: for a threshold outside 0..1.
    """

    def __init__(self, *, exact_rows: int = 1_000_000, threshold: float | None = None) -> None:
        self.n = 0
        self.n_positive = 0
        self.exact_rows = exact_rows
        self.threshold = None if threshold is None else checked_threshold(threshold)
        self._log_likelihood = 0.0
        self._squares = 0.0
        self._gap = np.zeros(CALIBRATION_BINS + 1)  # probability - label; exactly 1 on its own
        self._called = np.zeros(2, np.int64)  # non-churners and churners from the threshold on
        # One of the two is empty. A key: the bits of a float32 probability, then the label.
        self._keys: list[npt.NDArray[np.int32]] = []
        self._counts: npt.NDArray[np.int64] | None = None  # a bin's non-churners and churners

    def update(self, probability: Tensor, label: Tensor) -> None:
        """Add rows: all of them, or none where it raises.

        Args:
            probability: probability of churn, shape ``[N]``, any float dtype and device.
            label: 1 for churners and 0 for the others, shape ``[N]``, any dtype.

        Raises:
            InputError: for unequal lengths, a probability that is NaN or outside 0..1, a label
                other than 0 and 1.
        """
        probability, label = probability.detach(), label.detach()
        check_rows(probability, label, first_row=self.n)
        for start in range(0, len(label), BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            self._add(probability[block].cpu().double(), label[block].cpu().bool())

    def _add(self, probability: Tensor, label: Tensor) -> None:
        """Add a block of float64 probabilities and boolean labels."""
        clipped = probability.clamp(EPS, 1 - EPS)
        self._log_likelihood += torch.where(label, clipped.log(), (-clipped).log1p()).sum().item()
        gap = probability - label.double()
        self._squares += gap.square().sum().item()
        self._gap += torch.bincount(
            (probability * CALIBRATION_BINS).long(), weights=gap, minlength=len(self._gap)
        ).numpy()
        if self.threshold is not None:
            called = probability.float() >= torch.tensor(self.threshold, dtype=torch.float32)
            self._called += torch.bincount(label[called].long(), minlength=2).numpy()
        bits = probability.float().abs().view(torch.int32)  # abs: a zero may have a sign
        self._keys.append((2 * bits + label).numpy())
        self.n += len(label)
        self.n_positive += int(label.sum())
        self._fold_if_long()

    def _fold_if_long(self) -> None:
        """Move the rows kept one by one into bins, if there are bins or too many rows."""
        if self._counts is None and self.n <= self.exact_rows:
            return
        if self._counts is None:
            self._counts = np.zeros(2 * N_BINS, np.int64)
        for keys in self._keys:
            bins = bin_of((keys >> 1).view(np.float32))
            np.add.at(self._counts, 2 * bins + (keys & 1), 1)
        self._keys.clear()

    @property
    def binning_error(self) -> float:
        """Bound on the error of the AUROC from binning: 0 while exact.

        The AUROC is the share of pairs of a churner and a non-churner in order, and pairs inside
        a bin count as half.

        Raises:
            InputError: in bins, for one class only.
        """
        if self._counts is None:
            return 0.0
        groups = self._groups()
        pairs = groups.negatives.astype(np.float64) @ groups.positives
        return float(pairs / 2 / self.n_positive / (self.n - self.n_positive))

    def evaluate(self, threshold: float) -> dict[str, float | int]:
        """Compute every metric of the split.

        A row is called a churner when ``probability >= threshold``, compared in float32 as the
        ONNX file does. Lift and captured share take the first ``ceil(share * n)`` rows; rows of
        equal probability have no order, so both are expected values over random ways to break the
        ties. A ratio with a zero denominator (precision when nobody is called a churner) is 0. The
        log-loss clips probabilities to ``[eps, 1 - eps]``, eps of float64, as scikit-learn does.
        ``ece`` is the calibration error of torchmetrics: l1, over 15 bins of equal width.

        Returns:
            The metrics by name; in bins also ``auroc_error_bound``, the ``binning_error``.

        Raises:
            InputError: for no rows, one class only, a threshold outside 0..1.
            ValueError: for a threshold that is neither an edge nor that of the constructor, in
                bins.
        """
        groups = self._groups()
        threshold = checked_threshold(threshold)
        fp, tp = self._called_churners(threshold, groups)
        n, n_positive = self.n, self.n_positive
        fn, tn = n_positive - tp, n - n_positive - fp
        curve = gains.gains(groups.negatives[None], groups.positives[None])
        return {
            "n": n,
            "n_positive": n_positive,
            "base_rate": n_positive / n,
            "auroc": gains.auroc(*curve).item(),
            "average_precision": gains.average_precision(*curve).item(),
            "log_loss": -self._log_likelihood / n,
            "brier": self._squares / n,
            "ece": float(np.abs(self._gap).sum()) / n,
            "accuracy": (tp + tn) / n,
            "precision": tp / max(tp + fp, 1),
            "recall": tp / n_positive,
            "f1": 2 * tp / (2 * tp + fp + fn),
            "true_positives": tp,
            "false_positives": fp,
            "false_negatives": fn,
            "true_negatives": tn,
            **{f"lift_at_{share}": gains.lift(*curve, share).item() for share in SHARES},
            **{f"captured_at_{share}": gains.captured(*curve, share).item() for share in SHARES},
            "threshold": threshold,
            **({} if self._counts is None else {"auroc_error_bound": self.binning_error}),
        }

    def intervals(
        self, *, replicates: int = 1000, confidence: float = 0.95, seed: int = 0
    ) -> dict[str, tuple[float, float]]:
        """Compute percentile bootstrap intervals of AUROC and of each lift (see ``bootstrap``).

        Raises:
            InputError: for no rows, one class only, ``replicates`` or ``confidence`` out of range.
        """
        groups = self._groups()
        return bootstrap(
            groups.negatives,
            groups.positives,
            replicates=replicates,
            confidence=confidence,
            seed=seed,
        )

    def with_intervals(self, threshold: float, *, seed: int = 0) -> dict[str, Any]:
        """Return the metrics at a threshold, and ``intervals`` of those that have one.

        Raises:
            InputError: As for `evaluate`.
        """
        return {**self.evaluate(threshold), "intervals": self.intervals(seed=seed)}

    def choose_threshold(self, rule: str | float, *, top_share: float = 0.1) -> float:
        """Choose the probability from which a row is called a churner.

        A rule chooses rows, and the threshold is put half-way between the least probable row taken
        and the most probable row left out: a calibrator with steps gives many rows one probability,
        and a threshold on a step would move them all with the last bit of an arithmetic. In bins
        whole bins are taken, and the threshold is the edge next below that middle.

        Args:
            rule: ``"f1"`` for the largest F1 on these rows (of equals, the larger threshold),
                ``"top_share"`` for the ``ceil(top_share * n)`` most probable rows and those tied
                with the last of them, or the threshold itself.
            top_share: share of the rows that ``"top_share"`` takes, above 0 and up to 1.

        Raises:
            InputError: for another rule, a number outside 0..1, and, with a rule, for no rows or
                one class only.
        """
        check_rule(rule, top_share)
        if rule not in THRESHOLD_RULES:
            return float(rule)
        groups = self._groups()
        rows, churners = np.cumsum([groups.negatives + groups.positives, groups.positives], axis=1)
        last = last_called(rule, rows, churners, top_share=top_share)
        lowest = float(groups.lowest[last])
        left_out = float(groups.lowest[last + 1]) if last + 1 < len(rows) else 0.0
        middle = float(np.float32((lowest + left_out) / 2))
        if self._counts is not None:
            middle = edge_below(middle)
        return middle if middle > left_out else lowest  # neighbours have no middle

    def _groups(self) -> _Groups:
        """Return the groups of ties of all rows.

        Raises:
            InputError: for no rows or one class only.
        """
        check_both_classes(self.n, self.n_positive)
        if self._counts is not None:
            negatives, positives = self._counts[::2], self._counts[1::2]
            filled = np.flatnonzero(negatives + positives)[::-1]
            return _Groups(lower_edge(filled), negatives[filled], positives[filled])
        self._keys = [np.sort(np.concatenate(self._keys))]
        keys = self._keys[0][::-1]
        values, label = (keys >> 1).view(np.float32), keys & 1
        starts = np.flatnonzero(np.diff(values, prepend=np.float32(-1)))
        positives = np.add.reduceat(label, starts, dtype=np.int64)
        rows = np.diff(starts, append=len(keys))
        return _Groups(values[starts], rows - positives, positives)

    def _called_churners(self, threshold: float, groups: _Groups) -> tuple[int, int]:
        """Count the non-churners and the churners from a threshold on."""
        cut = np.float32(threshold)
        if self._counts is not None and edge_below(threshold) != cut:
            if threshold != self.threshold:
                raise ValueError(
                    f"the rows from {threshold} on were not counted: SplitMetrics(threshold={threshold})"
                )
            return int(self._called[0]), int(self._called[1])
        called = groups.lowest >= cut
        return int(groups.negatives[called].sum()), int(groups.positives[called].sum())


class _Groups(NamedTuple):
    """Rows of equal probability, or of one bin, most probable first: arrays of shape ``[G]``."""

    lowest: npt.NDArray[np.float32]
    negatives: Ints
    positives: Ints
