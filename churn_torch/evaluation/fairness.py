"""Fairness: whether a model treats the groups of a column alike, by the usual definitions.

For each group the share that is flagged and how right the model is, with intervals of 95 %; for
each definition of fairness the largest gap between two groups (`group_gaps`), and whether it is
more than chance. The p-values of a column's gaps are corrected for their number (Holm 1979, "A
simple sequentially rejective multiple test procedure").

The definitions: demographic parity (Dwork et al. 2012, "Fairness through awareness"), equal
opportunity and equalized odds (Hardt, Price & Srebro 2016, "Equality of opportunity in supervised
learning"), calibration within groups (Kleinberg, Mullainathan & Raghavan 2017, "Inherent trade-offs
in the fair determination of risk scores"). Where base rates differ no model that is less than
perfect can have all of them (the same; Chouldechova 2017, "Fair prediction with disparate impact").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from churn_torch.evaluation.auroc_interval import (
    area,
    auroc_interval,
    ranked_counts,
    standard_error,
)
from churn_torch.evaluation.group_gaps import Estimates, gap_interval
from churn_torch.evaluation.segments import MIN_ROWS, Segments, mean_interval
from churn_torch.evaluation.share_intervals import CONFIDENCE, wilson

# A rate of fewer customers, such as recall of fewer churners, is shown and not compared.
FEWEST = 10
_SMALLEST = 1e-6

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Measure:
    """A metric of a group, and the ends of its interval of 95 %."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Group:
    """The customers of a group, and how the model does for them.

    Attributes:
        group: Its name.
        n: Customers.
        churners: Those who left.
        flagged: Those with a probability at or above their threshold.
        base_rate: Churners / customers.
        selection_rate: Flagged / customers.
        auroc: None where there is one class only.
        calibration: Mean probability minus churn rate; None for one customer.
        recall: Flagged churners / churners, the true positive rate; None without churners.
        precision: Flagged churners / flagged; None where nobody is flagged.
        false_positive_rate: Flagged stayers / stayers; None without stayers.
        too_small: Metrics that are shown and not compared, as they rest on too few customers.
    """

    group: str
    n: int
    churners: int
    flagged: int
    base_rate: Measure
    selection_rate: Measure
    auroc: Measure | None
    calibration: Measure | None
    recall: Measure | None
    precision: Measure | None
    false_positive_rate: Measure | None
    too_small: tuple[str, ...]


@dataclass(frozen=True)
class Gap:
    """The largest difference between two groups.

    Attributes:
        name: Of ``GAPS``.
        metric: The metric of `Group` in which the groups differ; of equalized odds the one of
            recall and false positive rate that differs more.
        value: Largest minus smallest value. Groups that are alike in truth differ by chance.
        typical: The same without what chance adds: the true gap of which half of the samples show
            a larger one.
        low: Lower end of the interval of the true gap, of 95 %.
        high: Upper end.
        p_value: Of no difference.
        adjusted_p_value: Corrected for the number of gaps of the column.
        differs: Whether the difference is more than chance: it is below 0.05.
        lowest: The group with the smallest value.
        highest: The group with the largest.
        left_out: Groups with too few customers.
    """

    name: str
    metric: str
    value: float
    typical: float
    low: float
    high: float
    p_value: float
    adjusted_p_value: float
    differs: bool
    lowest: str
    highest: str
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Proxy:
    """A column that the model learns from and that tells much of the protected one.

    Attributes:
        column: Its name.
        correlation: As in `churn_torch.evaluation.correlated_columns`.
    """

    column: str
    correlation: float


@dataclass(frozen=True)
class Remedy:
    """What a change would do, on the same test rows.

    Attributes:
        name: ``none`` (the model as it is), ``without_column`` (it is fitted again without it),
            ``equal_selection_rate`` or ``equal_recall`` (a threshold for each group, chosen on
            validation rows).
        gaps: Each gap by its name, as `Gap.value` and, in ``differs``, `Gap.differs`.
        selection_rate: Of all customers.
        precision: None where nobody is flagged.
        recall: Of all churners.
        thresholds: By group; empty for ``none`` and ``without_column``.
        auroc: Of all customers; thresholds do not change it.
        profit_change: By offer, what the change brings a customer, with an interval; empty without
            an offer, and for ``none``.
        sentence: The same in words; empty for ``none``.
    """

    name: str
    gaps: dict[str, float]
    differs: dict[str, bool]
    selection_rate: float
    precision: float | None
    recall: float
    thresholds: dict[str, float]
    auroc: float
    profit_change: dict[str, Measure]
    sentence: str = ""


@dataclass(frozen=True)
class Fairness:
    """One entry of ``metrics.json["fairness"]``: its fields are the keys, tuples are lists.

    Attributes:
        column: The protected column.
        is_input: Whether the model learns from it.
        measured_on: The rows in words, such as ``test``.
        note: How values were put together; empty where each is a group of its own.
        groups: In the order in which they are shown; all are here, also small ones.
        gaps: Those that two groups or more are large enough for.
        terms: Of a scorecard, its terms that contain the column: lists of one or two columns.
        proxies: The strongest first.
        remedies: What was tried, ``none`` first: thresholds for what differs beyond chance, and the
            model without the column where that was asked for.
        sentences: All of it in words.
    """

    column: str
    is_input: bool
    measured_on: str
    note: str
    groups: tuple[Group, ...]
    gaps: tuple[Gap, ...]
    terms: tuple[tuple[str, ...], ...] = ()
    proxies: tuple[Proxy, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    sentences: tuple[str, ...] = ()


# Each gap, with the metrics of which the one that differs most counts.
GAPS = {
    "base_rate": ("base_rate",),
    "demographic_parity": ("selection_rate",),
    "equal_opportunity": ("recall",),
    "equalized_odds": ("recall", "false_positive_rate"),
    "calibration": ("calibration",),
    "auroc": ("auroc",),
}


class _Counts:
    """A group's rows, and the estimates that its gaps need."""

    def __init__(self, probability: Floats, label: Floats, flagged: npt.NDArray[np.bool_]) -> None:
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

    def measures(self) -> dict[str, Measure | None]:
        """Every metric of `Group`, with its interval."""
        found: dict[str, Measure | None] = {
            name: Measure(successes / n, *wilson(successes, n)) if n else None
            for name, (successes, n) in self.shares.items()
        }
        both = self.churners and self.stayers
        found["auroc"] = (
            Measure(area(*self.ranked), *auroc_interval(*self.ranked)) if both else None
        )
        found["calibration"] = (
            Measure(float(self.errors.mean()), *mean_interval(self.errors)) if self.n > 1 else None
        )
        return found

    def too_small(self) -> tuple[str, ...]:
        """The metrics that rest on too few customers."""
        few = {name: n < FEWEST for name, (_, n) in self.shares.items()}
        few |= {"auroc": min(self.churners, self.stayers) < FEWEST, "calibration": False}
        return tuple(name for name, is_few in few.items() if is_few or self.n < MIN_ROWS)

    def estimate(self, metric: str) -> tuple[float, float]:
        """Return a metric and its standard error, of enough customers."""
        if metric == "auroc":  # of a constant probability it has no error
            return area(*self.ranked), max(standard_error(*self.ranked), _SMALLEST)
        if metric == "calibration":
            # One error of 1 more, so that a group in which nobody has left is not certain.
            variance = float(self.errors.var()) + 1 / self.n
            return float(self.errors.mean()), (variance / self.n) ** 0.5
        successes, n = self.shares[metric]
        # One success and one failure more, so that a share of 0 or 1 is not certain (Agresti &
        # Caffo 2000, "Simple and effective confidence intervals for proportions").
        share = (successes + 1) / (n + 2)
        return successes / n, (share * (1 - share) / (n + 2)) ** 0.5


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
        size = {"n": one.n, "churners": one.churners, "flagged": one.flagged}
        groups.append(Group(name, **size, **one.measures(), too_small=one.too_small()))
    return tuple(groups), _gaps(counts)


def _gaps(counts: dict[str, _Counts]) -> tuple[Gap, ...]:
    found = {}
    for name, metrics in GAPS.items():
        enough = {
            group: one for group, one in counts.items() if not set(metrics) & set(one.too_small())
        }
        if len(enough) > 1:
            estimates = [
                Estimates(*np.array([one.estimate(metric) for one in enough.values()]).T)
                for metric in metrics
            ]
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


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values that are corrected for their number, whatever their dependence."""
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.maximum.accumulate(np.asarray(p_values)[order] * factors).clip(max=1)
    return [float(p) for p in adjusted]
