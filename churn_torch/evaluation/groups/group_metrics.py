"""The metrics of groups of customers, and the gaps between the groups.

The p-values of a column's gaps are corrected for their number (Holm 1979, "A simple sequentially
rejective multiple test procedure").
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from churn_torch.evaluation.auroc_interval import (
    area,
    auroc_interval,
    ranked_counts,
    standard_error,
)
from churn_torch.evaluation.groups.fairness import GAPS, Gap, Group, Measure
from churn_torch.evaluation.groups.group_gaps import Estimates, gap_interval
from churn_torch.evaluation.groups.segments import MIN_ROWS, Segments, mean_interval
from churn_torch.evaluation.share_intervals import CONFIDENCE, wilson

# A rate of fewer customers, such as recall of fewer churners, is shown and not compared.
FEWEST = 10
_SMALLEST = 1e-6

Floats = npt.NDArray[np.float64]


class _Counts:
    """A group's rows, and the estimates that its gaps need."""

    def __init__(
        self,
        probability: npt.NDArray[np.floating],
        label: npt.NDArray[np.floating],
        flagged: npt.NDArray[np.bool_],
    ) -> None:
        self.n, self.churners = len(label), int((label == 1).sum())
        self.stayers, self.flagged = self.n - self.churners, int(flagged.sum())
        self.hits = int((flagged & (label == 1)).sum())
        self.misses = self.flagged - self.hits
        self.errors = probability.astype(np.float64) - label
        self.ranked = ranked_counts(probability, label)

    @property
    def shares(self) -> dict[str, tuple[int, int]]:
        """Successes and customers of each share."""
        return {
            "base_rate": (self.churners, self.n),
            "selection_rate": (self.flagged, self.n),
            "recall": (self.hits, self.churners),
            "precision": (self.hits, self.flagged),
            "false_positive_rate": (self.misses, self.stayers),
        }

    def group(self, name: str) -> Group:
        """Every metric, with its interval."""

        def share(metric: str) -> Measure | None:
            successes, n = self.shares[metric]
            return Measure(successes / n, *wilson(successes, n)) if n else None

        base_rate, selection_rate = share("base_rate"), share("selection_rate")
        assert base_rate is not None
        assert selection_rate is not None
        both = self.churners and self.stayers
        return Group(
            name,
            self.n,
            self.churners,
            self.flagged,
            base_rate,
            selection_rate,
            auroc=Measure(area(*self.ranked), *auroc_interval(*self.ranked)) if both else None,
            calibration=Measure(float(self.errors.mean()), *mean_interval(self.errors))
            if self.n > 1
            else None,
            recall=share("recall"),
            precision=share("precision"),
            false_positive_rate=share("false_positive_rate"),
            too_small=self.too_small(),
        )

    def too_small(self) -> tuple[str, ...]:
        """The metrics that rest on too few customers."""
        few = {name: n < FEWEST for name, (_, n) in self.shares.items()}
        few |= {"auroc": min(self.churners, self.stayers) < FEWEST, "calibration": False}
        return tuple(name for name, is_few in few.items() if is_few or self.n < MIN_ROWS)

    def estimate(self, metric: str) -> tuple[float, float, float]:
        """Return a metric of enough customers, its standard error, and the error's freedom."""
        if metric == "auroc":  # of a constant probability it has no error
            error, freedom = standard_error(*self.ranked)
            return area(*self.ranked), max(error, _SMALLEST), freedom
        if metric == "calibration":
            # One error of 1 more, so that a group in which nobody has left is not certain.
            variance = float(self.errors.var()) + 1 / self.n
            return float(self.errors.mean()), (variance / self.n) ** 0.5, self.n - 1
        successes, n = self.shares[metric]
        # One success and one failure more, so that a share of 0 or 1 is not certain (Agresti &
        # Caffo 2000, "Simple and effective confidence intervals for proportions").
        share = (successes + 1) / (n + 2)
        return successes / n, (share * (1 - share) / n) ** 0.5, np.inf


def measure(
    segments: Segments,
    probability: npt.NDArray[np.floating],
    label: npt.NDArray[np.floating],
    flagged: npt.NDArray[np.bool_],
) -> tuple[tuple[Group, ...], tuple[Gap, ...]]:
    """Measure the groups of a column and the gaps between them.

    Args:
        segments: The groups of the N rows; a group may have no row, and is then left out.
        probability: ``[N]`` float32 probabilities of churn.
        label: ``[N]`` of 1 for churners and 0 for the others.
        flagged: ``[N]``, whether the probability is at or above the threshold.

    Returns:
        The groups in their order, and the gaps that two groups are large enough for, in the order
        of ``GAPS``.
    """
    order = np.argsort(segments.codes, kind="stable")
    ends = np.searchsorted(segments.codes[order], np.arange(len(segments.names) + 1))
    counts = {}
    for name, start, end in zip(segments.names, ends[:-1], ends[1:], strict=True):
        here = order[start:end]
        if len(here):
            counts[name] = _Counts(probability[here], label[here], flagged[here])
    groups = []
    for name, one in counts.items():
        groups.append(one.group(name))
    return tuple(groups), _gaps(counts)


def _gaps(counts: dict[str, _Counts]) -> tuple[Gap, ...]:
    found = {}
    for name, metrics in GAPS.items():
        enough = {
            group: one for group, one in counts.items() if not set(metrics) & set(one.too_small())
        }
        if len(enough) > 1:
            estimates = [_estimates(metric, list(enough.values())) for metric in metrics]
            found[name] = (list(enough), estimates, gap_interval(estimates))
    adjusted = holm([interval.p_value for *_, interval in found.values()])
    gaps = []
    for (name, (groups, estimates, interval)), p_value in zip(found.items(), adjusted, strict=True):
        ranges = [np.ptp(each.value) for each in estimates]
        which = int(np.argmax(ranges))
        value = estimates[which].value
        gaps.append(
            Gap(
                name,
                GAPS[name][which],
                interval.value,
                interval.typical,
                interval.low,
                interval.high,
                interval.p_value,
                p_value,
                p_value < 1 - CONFIDENCE,
                groups[int(value.argmin())],
                groups[int(value.argmax())],
                tuple(group for group in counts if group not in groups),
            )
        )
    return tuple(gaps)


def _estimates(metric: str, counts: Sequence[_Counts]) -> Estimates:
    value, error, freedom = np.array([one.estimate(metric) for one in counts], float).T
    if metric not in counts[0].shares:
        return Estimates(value, error, freedom=freedom)
    return Estimates(value, error, np.array([one.shares[metric][1] for one in counts], float))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values that are corrected for their number, whatever their dependence."""
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.maximum.accumulate(np.asarray(p_values)[order] * factors).clip(max=1)
    return [float(p) for p in adjusted]
