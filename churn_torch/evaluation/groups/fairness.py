"""Fairness: whether a model treats the groups of a column alike, by the usual definitions.

For each group the share that is flagged and how right the model is, with intervals of 95 %; for
each definition of fairness the largest gap between two groups, and whether it is more than chance;
and what a change would do. `group_metrics` measures it; this is the shape of the result.

The definitions: demographic parity (Dwork et al. 2012, "Fairness through awareness"), equal
opportunity and equalized odds (Hardt, Price & Srebro 2016, "Equality of opportunity in supervised
learning"), calibration within groups (Kleinberg, Mullainathan & Raghavan 2017, "Inherent trade-offs
in the fair determination of risk scores"). Where base rates differ no model that is less than
perfect can have all of them (the same; Chouldechova 2017, "Fair prediction with disparate impact").
"""

from __future__ import annotations

from dataclasses import dataclass


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
