"""Metrics of a split of any size, from chunks of its rows, in bounded memory.

The mean of per-batch metrics is not the metric of the split, so `SplitMetrics` keeps what the
metrics of the whole split need.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from churn_torch.errors import InputError
from churn_torch.evaluation import gains
from churn_torch.evaluation.auroc_interval import auroc_interval
from churn_torch.evaluation.checks import check_both_classes, check_rows
from churn_torch.evaluation.gains import Ints
from churn_torch.evaluation.probability_bins import N_BINS, bin_of, edge_below, lower_edge
from churn_torch.evaluation.reliability import Groups, calibration
from churn_torch.evaluation.share_intervals import (
    CONFIDENCE,
    Interval,
    top_intervals,
    wilson,
)
from churn_torch.evaluation.thresholds import (
    THRESHOLD_RULES,
    between,
    check_rule,
    checked_threshold,
    last_called,
)

CALIBRATION_BINS = 15
SHARES = (5, 10, 20)  # per cent of the rows for lift and captured share
BLOCK_ROWS = 65_536  # rows summed at a time, few enough for the cache
EPS = torch.finfo(torch.float64).eps


class SplitMetrics:
    """The metrics of a split whose rows are added chunk by chunk, in bounded memory.

    Rows are ranked and called churners by their probability in float32, as the ONNX file gives it.
    Up to ``exact_rows`` rows everything is exact. Beyond, rows are counted in about two million
    bins (34 MB, see `probability_bins`): AUROC, average precision, lift and captured share treat
    the rows of one bin as ties, and ``binning_error`` bounds the error of the AUROC. Everything
    else stays exact. The tests compare with torchmetrics and scikit-learn.

    Args:
        exact_rows: Rows that are kept one by one, 4 bytes each.
        threshold: The threshold of `evaluate`, if it is known before the rows are added: rows are
            then counted on both sides of it. Beyond ``exact_rows``, `evaluate` takes only this one
            and edges of bins, such as those of `choose_threshold`.

    Raises:
        InputError: The threshold is outside 0..1.
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
        # One of the two is in use. A key is the bits of a float32 probability, then the label.
        self._keys: list[npt.NDArray[np.int32]] = []
        self._counts: npt.NDArray[np.int64] | None = None  # a bin's non-churners and churners

    def update(self, probability: Tensor, label: Tensor) -> None:
        """Add all rows, or none if it raises.

        Args:
            probability: Probability of churn, shape ``[N]``, any float dtype and device.
            label: 1 for churners and 0 for the others, shape ``[N]``, any dtype.

        Raises:
            InputError: The lengths differ, a probability is NaN or outside 0..1, or a label is
                neither 0 nor 1.
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
        self._count_in_bins_if_many()

    def _count_in_bins_if_many(self) -> None:
        """Count the rows in bins if there are more than are kept one by one."""
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
        """Bound on the error of the AUROC by binning; 0 while everything is exact.

        The AUROC is the share of pairs of a churner and a non-churner in the right order, and
        pairs inside a bin count as half.

        Raises:
            InputError: Rows are in bins and have one class only.
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
        equal probability have no order, so both are expected values over random orders of the
        ties. A ratio with a zero denominator (precision when nobody is called a churner) is 0. The
        log-loss clips probabilities to ``[eps, 1 - eps]``, eps of float64, as scikit-learn does.
        ``ece`` is the calibration error of torchmetrics: l1, over 15 bins of equal width.

        Returns:
            The metrics by name; in bins also ``auroc_error_bound``, the ``binning_error``.

        Raises:
            InputError: There are no rows, one class only, or the threshold is outside 0..1.
            ValueError: Rows are in bins, and the threshold is neither an edge nor that of the
                constructor.
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

    def intervals(self, *, confidence: float = CONFIDENCE) -> dict[str, Interval]:
        """Compute the intervals of the AUROC and of each lift and captured share.

        See `auroc_interval` and `top_intervals`; benchmarks/interval_coverage.py measures how
        often they hold the truth. In bins, the rows of a bin count as ties.

        Raises:
            InputError: There are no rows, one class only, or ``confidence`` is out of range.
        """
        if not 0 < confidence < 1:
            expected = "a number between 0 and 1, such as 0.95"
            raise InputError("confidence", expected=expected, got=str(confidence))
        negatives, positives = self._groups()[1:]
        curve = gains.gains(negatives[None], positives[None])
        return {
            "auroc": auroc_interval(negatives, positives, confidence=confidence),
            **top_intervals(*curve, SHARES, confidence=confidence),
        }

    def with_intervals(self, threshold: float) -> dict[str, Any]:
        """Return the metrics at a threshold, their ``intervals`` of 95 % and the ``calibration``.

        The intervals of precision and recall are Wilson's; `reliability.Calibration` says what the
        calibration holds.

        Raises:
            InputError: As for `evaluate`.
        """
        metrics = self.evaluate(threshold)
        right = int(metrics["true_positives"])
        called = right + int(metrics["false_positives"])
        shares = {"recall": wilson(right, self.n_positive)}
        if called:
            shares["precision"] = wilson(right, called)
        calibrated = asdict(calibration(self.groups()))
        return {**metrics, "intervals": {**self.intervals(), **shares}, "calibration": calibrated}

    def choose_threshold(self, rule: str | float, *, top_share: float = 0.1) -> float:
        """Choose the probability from which a row is called a churner.

        A rule chooses rows, and the threshold is half-way between the least probable row chosen and
        the most probable of the others (`thresholds.between`). In bins whole bins are chosen, and
        the threshold is the next edge below that middle.

        Args:
            rule: ``"f1"`` for the largest F1 on these rows (of equals, the larger threshold),
                ``"top_share"`` for the ``ceil(top_share * n)`` most probable rows and those tied
                with the last of them, or the threshold itself.
            top_share: Share of the rows that ``"top_share"`` takes, above 0 and up to 1.

        Raises:
            InputError: The rule is unknown, a number is outside 0..1, or a rule has no rows or one
                class only.
        """
        check_rule(rule, top_share)
        if rule not in THRESHOLD_RULES:
            return float(rule)
        groups = self._groups()
        rows, churners = np.cumsum([groups.negatives + groups.positives, groups.positives], axis=1)
        last = last_called(rule, rows, churners, top_share=top_share)
        lowest = float(groups.lowest[last])
        left_out = float(groups.lowest[last + 1]) if last + 1 < len(rows) else 0.0
        threshold = between(lowest, left_out)
        if self._counts is not None:
            threshold = edge_below(threshold)
        return threshold if threshold > left_out else lowest

    def groups(self) -> Groups:
        """Return the rows by probability, least probable first; in bins by their lower edge.

        Raises:
            InputError: There are no rows, or one class only.
        """
        lowest, negatives, positives = self._groups()
        return Groups(
            lowest[::-1].astype(np.float64), (negatives + positives)[::-1], positives[::-1]
        )

    def _groups(self) -> _Groups:
        """Return the groups of ties of all rows.

        Raises:
            InputError: There are no rows, or one class only.
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
        """Count the non-churners and the churners at or above a threshold."""
        cut = np.float32(threshold)
        if self._counts is not None and edge_below(threshold) != cut:
            if threshold != self.threshold:
                raise ValueError(
                    f"rows are not counted at {threshold}: use SplitMetrics(threshold={threshold})"
                )
            return int(self._called[0]), int(self._called[1])
        called = groups.lowest >= cut
        return int(groups.negatives[called].sum()), int(groups.positives[called].sum())


class _Groups(NamedTuple):
    """Rows of equal probability, or of one bin, most probable first: arrays of shape ``[G]``."""

    lowest: npt.NDArray[np.float32]
    negatives: Ints
    positives: Ints
