"""Each metric straight from its definition: slow, in NumPy, sharing no code with the package."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def auroc(probability: Array, label: Array) -> float:
    """How often a churner ranks above a non-churner, over all pairs; a tie is half a win."""
    wins, pairs = 0.0, 0
    for churner in probability[label == 1]:
        for other in probability[label == 0]:
            wins += 1.0 if churner > other else 0.5 if churner == other else 0.0
            pairs += 1
    return wins / pairs


def average_precision(probability: Array, label: Array) -> float:
    """Sum of precision times the gain in recall, threshold by threshold, from the top."""
    area, recall_before = 0.0, 0.0
    for threshold in sorted(set(probability.tolist()), reverse=True):
        taken = label[probability >= threshold]
        recall = taken.sum() / label.sum()
        area += (recall - recall_before) * taken.mean()
        recall_before = recall
    return float(area)


def log_loss(probability: Array, label: Array) -> float:
    """Mean negative log-likelihood, probabilities kept one float64 eps from 0 and 1."""
    eps = np.finfo(np.float64).eps
    total = 0.0
    for p, y in zip(probability, label, strict=True):
        p = min(max(p, eps), 1 - eps)
        total -= np.log(p) if y == 1 else np.log(1 - p)
    return total / len(label)


def brier(probability: Array, label: Array) -> float:
    """Mean squared distance of the probability from the label."""
    return float(np.mean([(p - y) ** 2 for p, y in zip(probability, label, strict=True)]))


def ece(probability: Array, label: Array, n_bins: int = 15) -> float:
    """Mean over rows of |churn rate - mean probability| of its bin; exactly 1 has its own bin."""
    total = 0.0
    for i in range(n_bins + 1):
        inside = (probability >= i / n_bins) & (probability < (i + 1) / n_bins)
        if inside.any():
            total += inside.sum() * abs(label[inside].mean() - probability[inside].mean())
    return float(total / len(label))


def confusion(probability: Array, label: Array, threshold: float) -> tuple[int, int, int, int]:
    """True positives, false positives, false negatives, true negatives, in float32."""
    counts = {(True, 1): 0, (True, 0): 0, (False, 1): 0, (False, 0): 0}
    for p, y in zip(probability, label, strict=True):
        counts[bool(np.float32(p) >= np.float32(threshold)), int(y)] += 1
    return counts[True, 1], counts[True, 0], counts[False, 1], counts[False, 0]


def captured(probability: Array, label: Array, percent: int) -> float:
    """Expected share of the churners in the top rows: each row by its chance to be there."""
    k = -(-percent * len(label) // 100)
    found = 0.0
    for p, y in zip(probability, label, strict=True):
        above = int((probability > p).sum())
        tied = int((probability == p).sum())
        found += y * min(max((k - above) / tied, 0.0), 1.0)
    return found / float(label.sum())


def lift(probability: Array, label: Array, percent: int) -> float:
    """Expected churn rate of the top rows over the churn rate of all rows."""
    k = -(-percent * len(label) // 100)
    found = captured(probability, label, percent) * label.sum()
    return float((found / k) / label.mean())


def best_f1(probability: Array, label: Array) -> tuple[float, int]:
    """The largest F1 that a threshold reaches, and the fewest rows that reach it."""
    candidates = []
    for threshold in set(probability.tolist()):
        tp, fp, fn, _ = confusion(probability, label, threshold)
        candidates.append((2 * tp / (2 * tp + fp + fn), -(tp + fp)))
    f1, minus_rows = max(candidates)
    return f1, -minus_rows
