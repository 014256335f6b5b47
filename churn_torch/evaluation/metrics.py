"""Metrics of a churn model, each over a whole split at once.

The average of per-batch metrics is not the metric of the split, so every function here takes all
rows.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torchmetrics import Metric
from torchmetrics.functional.classification import (
    binary_auroc,
    binary_average_precision,
    binary_calibration_error,
    binary_stat_scores,
)

from churn_torch.errors import InputError, suggest
from churn_torch.evaluation.gains import (
    Floats,
    auroc,
    captured,
    gains,
    lift,
    ranking,
    top_rows,
)

SHARES = (5, 10, 20)  # per cent of the rows: where lift and captured share are taken
CALIBRATION_BINS = 15
THRESHOLD_RULES = ("f1", "top_share")
MAX_DRAWS = 200_000_000  # rows drawn by a whole bootstrap: some six seconds on one core
MIN_REPLICATES = 100
BLOCK_DRAWS = 200_000  # rows drawn at a time: memory does not grow with the replicates


def evaluate(probability: Tensor, label: Tensor, *, threshold: float) -> dict[str, float | int]:
    """Compute every metric of one split.

    A row is called a churner when ``probability >= threshold``, compared in float32 as the ONNX
    file does. Lift and captured share take the first ``ceil(share * n)`` rows; rows of equal
    probability have no order, so both are expected values over random ways to break the ties.
    A ratio with a zero denominator (precision when nobody is called a churner) is 0. The log-loss
    clips probabilities to ``[eps, 1 - eps]``, eps of float64, as scikit-learn does. ``ece`` is
    the calibration error of torchmetrics: l1, over 15 bins of equal width.

    Args:
        probability: probability of churn, shape ``[N]``.
        label: 1 for churners and 0 for the others, shape ``[N]``, any dtype.
        threshold: between 0 and 1.

    Raises:
        InputError: for no rows, one class only, unequal lengths, a probability that is NaN or
            outside 0..1, a label other than 0 and 1, a threshold outside 0..1.
    """
    probability, label = _checked(probability, label)
    cut = torch.tensor(_checked_threshold(threshold), dtype=torch.float32)
    decision = (probability.float() >= cut).long()
    tp, fp, tn, fn, n_positive = binary_stat_scores(decision, label).tolist()
    n = len(label)
    eps = torch.finfo(torch.float64).eps
    clipped = probability.clamp(eps, 1 - eps)
    log_likelihood = torch.where(label == 1, clipped.log(), (-clipped).log1p())
    order, ends = ranking(probability.numpy())
    rows, churners = gains(np.ones((1, n), np.int64), label.numpy()[order], ends)
    return {
        "n": n,
        "n_positive": n_positive,
        "base_rate": n_positive / n,
        # torchmetrics divides in float32 here: within 1e-7 of exact up to 10 million rows.
        "auroc": binary_auroc(probability, label).item(),
        "average_precision": binary_average_precision(probability, label).item(),
        "log_loss": -log_likelihood.mean().item(),
        "brier": (probability - label).square().mean().item(),
        "ece": binary_calibration_error(probability, label, n_bins=CALIBRATION_BINS).item(),
        "accuracy": (tp + tn) / n,
        "precision": tp / max(tp + fp, 1),
        "recall": tp / n_positive,
        "f1": 2 * tp / (2 * tp + fp + fn),
        "true_positives": tp,
        "false_positives": fp,
        "false_negatives": fn,
        "true_negatives": tn,
        **{f"lift_at_{share}": lift(rows, churners, share).item() for share in SHARES},
        **{f"captured_at_{share}": captured(rows, churners, share).item() for share in SHARES},
        "threshold": threshold,
    }


def bootstrap_intervals(
    probability: Tensor,
    label: Tensor,
    *,
    replicates: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """Compute percentile bootstrap intervals of AUROC and of each lift.

    Rows are drawn with replacement from all rows; a replicate with one class only is drawn again.
    Rows are sorted once: a replicate is the number of times that each row was drawn. On long
    splits there are fewer replicates, so that ``N * replicates`` stays within 2e8, but never
    fewer than 100 unless so asked.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.

    Args:
        probability: probability of churn, shape ``[N]``.
        label: 1 for churners and 0 for the others, shape ``[N]``.
        replicates: 1 or more.
        confidence: share of the replicates inside the interval, between 0 and 1.
        seed: of the draws.

    Raises:
        InputError: as ``evaluate``, and for ``replicates`` or ``confidence`` out of range.
    """
    if replicates < 1 or not 0 < confidence < 1:
        raise InputError(
            "A bootstrap needs replicates >= 1 and a confidence between 0 and 1 (such as 0.95), "
            f"but got replicates={replicates} and confidence={confidence}."
        )
    probability, label = _checked(probability, label)
    n = len(label)
    replicates = min(replicates, max(MAX_DRAWS // n, MIN_REPLICATES))
    order, ends = ranking(probability.numpy())
    ordered_label = label.numpy()[order]
    generator = np.random.default_rng(seed)
    blocks: dict[str, list[Floats]] = {"auroc": [], **{f"lift_at_{share}": [] for share in SHARES}}
    missing = replicates
    while missing:
        n_drawn = min(missing, max(BLOCK_DRAWS // n, 1))
        draws = generator.integers(n, size=(n_drawn, n))
        draws += n * np.arange(n_drawn)[:, None]  # one range of bins a replicate
        times = np.bincount(draws.ravel(), minlength=n_drawn * n).reshape(n_drawn, n)
        rows, churners = gains(times, ordered_label, ends)
        both = (churners[:, -1] > 0) & (churners[:, -1] < n)
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


def choose_threshold(
    rule: str | float, probability: Tensor, label: Tensor, *, top_share: float = 0.1
) -> float:
    """Choose the probability from which a row is called a churner.

    A rule chooses rows, and the threshold is put half-way between the least probable row taken
    and the most probable row left out: a calibrator with steps gives many rows one probability,
    and a threshold on a step would move them all with the last bit of an arithmetic.

    Args:
        rule: ``"f1"`` for the largest F1 on these rows (of equals, the larger threshold),
            ``"top_share"`` for the ``ceil(top_share * N)`` most probable rows and those tied with
            the last of them, or the threshold itself.
        probability: probability of churn, shape ``[N]``.
        label: 1 for churners and 0 for the others, shape ``[N]``.
        top_share: share of the rows that ``"top_share"`` takes, above 0 and up to 1.

    Raises:
        InputError: for another rule, a number outside 0..1, and, with a rule, as ``evaluate``.
    """
    if rule not in THRESHOLD_RULES:
        return _checked_threshold(rule)
    probability, label = _checked(probability, label)
    values = probability.float().numpy()  # decisions are made in float32
    order, ends = ranking(values)
    if rule == "f1":
        found = np.cumsum(label.numpy()[order])
        f1 = 2 * found[ends] / (ends + 1 + found[-1])
        last = int(np.argmax(f1))  # of equals the first: the larger threshold
    else:
        if not 0 < top_share <= 1:
            raise InputError(
                f"threshold=top_share takes a share above 0 and up to 1 (such as 0.1), "
                f"but got {top_share}."
            )
        last = int(np.searchsorted(ends + 1, top_rows(top_share, len(values))))
    taken = values[order[ends[last]]]
    left_out = values[order[ends[last + 1]]] if last + 1 < len(ends) else np.float32(0)
    middle = np.float32((float(taken) + float(left_out)) / 2)
    return float(middle if middle > left_out else taken)  # neighbours in float32 have no middle


class LogLoss(Metric):
    """Mean binary cross-entropy of all rows seen, from logits.

    It keeps sums, not means of batches, so uneven batches and several processes give the value of
    the whole split.
    """

    is_differentiable = False
    higher_is_better = False
    full_state_update = False
    total: Tensor
    n: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("n", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, logit: Tensor, label: Tensor) -> None:
        """Add a batch: logits and labels (1 churned, 0 not), both of shape ``[N]``."""
        self.total += binary_cross_entropy_with_logits(
            logit.detach().double(), label.double(), reduction="sum"
        )
        self.n += label.numel()

    def compute(self) -> Tensor:
        """Return the mean over all rows, a float64 scalar."""
        return self.total / self.n


def _checked(probability: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """Return float64 probabilities and int64 labels on the CPU, or raise an InputError."""
    if probability.ndim != 1 or probability.shape != label.shape:
        raise InputError(
            "Expected one probability and one label a row, two vectors of the same length, "
            f"but got the shapes {tuple(probability.shape)} and {tuple(label.shape)}."
        )
    if len(label) == 0:
        raise InputError(
            "Expected labelled rows to evaluate, but got none: give a table with rows."
        )
    # Whole splits go to the CPU: float64 and the same sums whatever the device.
    probability, label = probability.detach().cpu().double(), label.detach().cpu()
    _refuse(
        probability,
        ~((probability >= 0) & (probability <= 1)),
        "Expected probabilities between 0 and 1",
        "pass the churn probability, not the logit, and look for missing values in the inputs",
    )
    _refuse(
        label,
        (label != 0) & (label != 1),
        "Expected labels of 0 or 1",
        "turn the target into 1 for churned and 0 for not, and drop rows without a label",
    )
    label = label.long()
    if label.min() == label.max():
        raise InputError(
            f"Expected churners and non-churners, but all {len(label)} labels are "
            f"{int(label[0])}: evaluate on rows of both classes (is data.positive right?)."
        )
    return probability, label


def _refuse(values: Tensor, bad: Tensor, expected: str, mend: str) -> None:
    """Raise an InputError that counts the bad values and shows the first."""
    if bad.any():
        row = int(bad.int().argmax())
        raise InputError(
            f"{expected}, but {int(bad.sum())} of {len(values)} are not "
            f"(the first is {values[row].item()} in row {row}): {mend}."
        )


def _checked_threshold(threshold: str | float) -> float:
    """Return a threshold given as a number, or raise an InputError that names the choices."""
    is_number = isinstance(threshold, int | float) and not isinstance(threshold, bool)
    if is_number and 0 <= float(threshold) <= 1:
        return float(threshold)
    hint = suggest(threshold, THRESHOLD_RULES) if isinstance(threshold, str) else ""
    raise InputError(
        f"Expected threshold=f1, threshold=top_share or a number between 0 and 1, "
        f"but got {threshold!r}{hint}."
    )
