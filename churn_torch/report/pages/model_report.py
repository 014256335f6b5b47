"""What the report of a run is made of: plain data that the workflows put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from churn_torch.evaluation.groups.weak_segments import WeakSegment
    from churn_torch.evaluation.model_comparison.comparison import Comparison
    from churn_torch.evaluation.reliability import Reliability
    from churn_torch.evaluation.score_curves import ScoreCurves
    from churn_torch.evaluation.survival.survival_metrics import SurvivalMetrics
    from churn_torch.explanation.coefficients import Coefficients
    from churn_torch.explanation.factors import Factors
    from churn_torch.explanation.importance import Importance
    from churn_torch.explanation.one_customer import CustomerExplanation
    from churn_torch.tables.schema import Column


@dataclass(frozen=True)
class OfferCurve:
    """What contacting the customers with the highest probabilities brings, by how many are.

    Attributes:
        name: Of the offer.
        share: ``[P]`` share of the customers who are contacted, rising.
        profit: ``[P]`` profit per customer of all, at the expected keep rate.
    """

    name: str
    share: tuple[float, ...]
    profit: tuple[float, ...]


@dataclass(frozen=True)
class ReportedRun:
    """A run.

    Attributes:
        name: Tells it from others, such as ``logreg``.
        folder: The run folder as it was named.
        choices: Content of config.yaml.
        metrics: Content of metrics.json.
    """

    name: str
    folder: str
    choices: Mapping[str, Any]
    metrics: Mapping[str, Any]


@dataclass(frozen=True)
class MeasuredRun(ReportedRun):
    """A run and what its test rows say of it.

    Attributes:
        curves: Of the test rows.
        reliability: Of the test rows.
        profit: Of each offer.
    """

    curves: ScoreCurves
    reliability: Reliability
    profit: Sequence[OfferCurve]


@dataclass(frozen=True)
class ExplainedRun:
    """What the page of a run of any model shows.

    Attributes:
        run: The run.
        source: Where its table came from, in words.
        columns: Of the table.
        n_explained: Test rows that the factors were measured on.
        factors: What drives churn; None where the run has no file to ask, or its rows have one
            class only.
        no_factors: Why there are none, in a sentence.
        customer: One customer explained; None as for the factors.
    """

    run: ReportedRun
    source: str
    columns: Sequence[Column]
    n_explained: int
    factors: Factors | None
    no_factors: str
    customer: CustomerExplanation | None


@dataclass(frozen=True)
class ModelReport(ExplainedRun):
    """All that the page of a run shows.

    Attributes:
        run: The run, measured.
        weak_segments: Segments where the model is weak, the surest first.
        not_searched: Why none were searched; empty where they were.
    """

    run: MeasuredRun
    weak_segments: Sequence[WeakSegment]
    not_searched: str


@dataclass(frozen=True)
class SurvivalReport(ExplainedRun):
    """All that the page of a run of time to churn shows.

    Attributes:
        survival: What was measured of the predicted lifetimes.
    """

    survival: SurvivalMetrics


@dataclass(frozen=True)
class RunFactors:
    """What drives churn by one of several runs.

    Attributes:
        importance: Of each column, or group of strongly correlated columns, the largest first.
        coefficients: Of a logistic regression or a scorecard; None for other nets.
        missing: Why there are none, in a sentence; empty where there are.
    """

    importance: Sequence[Importance] = ()
    coefficients: Coefficients | None = None
    missing: str = ""


@dataclass(frozen=True)
class RunsReport:
    """All that the page of several runs shows.

    Attributes:
        runs: The first is the one that the others are compared with.
        comparison: Of their test rows.
        factors: Of each run.
        differing: By dotted key, the choices of the runs where they differ.
    """

    runs: Sequence[MeasuredRun]
    comparison: Comparison
    factors: Sequence[RunFactors]
    differing: Mapping[str, Sequence[Any]]
