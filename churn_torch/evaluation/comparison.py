"""How models differ on the same test rows: paired differences with intervals, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from churn_torch.evaluation.paired_metrics import (
    Bools,
    Codes,
    Estimates,
    Floats,
    auroc_estimates,
    lift_estimates,
    loss_estimates,
    mean_estimates,
    ranked,
)
from churn_torch.evaluation.simultaneous import Pairs, differences

METRICS = {
    "auroc": "AUROC",
    "log_loss": "log-loss",
    "brier": "Brier score",
    "lift_at_10": "lift in top 10%",
    "profit": "profit a customer",
    "c_index": "C-index",
}
LOWER_IS_BETTER = frozenset({"log_loss", "brier"})
ALPHA = 0.05


@dataclass(frozen=True)
class PairedDifference:
    """By how much a metric of one model differs from that of another on the same rows.

    Attributes:
        first: Name of the first model.
        second: Name of the second model.
        metric: Name of the metric, a key of `METRICS`.
        difference: The metric of the first minus that of the second.
        low: Lower end of the interval of 95 %, which holds for all pairs at once.
        high: Upper end.
        p_value: Of no difference, of this pair alone.
        adjusted_p_value: The same, corrected for the number of pairs.
        verdict: A sentence without its full stop.
    """

    first: str
    second: str
    metric: str
    difference: float
    low: float
    high: float
    p_value: float
    adjusted_p_value: float
    verdict: str

    @property
    def is_real(self) -> bool:
        """Whether the corrected test finds a difference."""
        return self.adjusted_p_value < ALPHA


@dataclass(frozen=True)
class Comparison:
    """What a comparison of R models found.

    Attributes:
        names: Of the models, as they were given.
        metric: The metric that sorts them and is put into words.
        values: Each metric of the models, by its name.
        differences: By metric, how each other model differs from the first one.
        to_best: By metric, how each other model differs from the one that is best on these rows;
            empty where there are two models.
        measured_on: Words such as ``1,056 test rows (280 churners)``.
        notes: Sentences on what to keep in mind.
    """

    names: tuple[str, ...]
    metric: str
    values: Mapping[str, tuple[float, ...]]
    differences: Mapping[str, tuple[PairedDifference, ...]]
    to_best: Mapping[str, tuple[PairedDifference, ...]]
    measured_on: str
    notes: tuple[str, ...]

    def best_first(self, metric: str | None = None) -> list[int]:
        """Return the positions of the models by a metric, the best first."""
        metric = metric or self.metric
        sign = 1 if metric in LOWER_IS_BETTER else -1
        values = self.values[metric]
        return sorted(range(len(values)), key=lambda position: sign * values[position])


def comparison(
    names: Sequence[str],
    measured: Sequence[Estimates],
    metric: str,
    *,
    measured_on: str,
    notes: Sequence[str] = (),
) -> Comparison:
    """Compare models by every metric.

    Args:
        names: Of the R models.
        measured: Each metric of them.
        metric: The metric that is put into words, one of them.
        measured_on: As for `Comparison`.
        notes: As for `Comparison`.
    """
    several = len(names) > 2
    return Comparison(
        tuple(names),
        metric,
        {one.metric: tuple(one.value.tolist()) for one in measured},
        {one.metric: against(names, one, 0) for one in measured},
        {one.metric: against_best(names, one) for one in measured if several},
        measured_on,
        tuple(notes),
    )


def estimates(
    label: Bools,
    probability: npt.NDArray[np.floating],
    *,
    profit: Floats | None = None,
    clusters: Codes | None = None,
) -> tuple[Estimates, ...]:
    """Return every metric of R models on the same rows.

    Args:
        label: ``[N]``, whether a row is a churner; both classes have two rows or more.
        probability: ``[R, N]``.
        profit: ``[R, N]``, what the decision of each model brings for each row; None for no offer.
        clusters: ``[N]``, the customer of each row, numbered from 0 on; None where no customer has
            several rows.
    """
    models = [ranked(label, one) for one in probability]
    return (
        auroc_estimates(label, models, clusters),
        *loss_estimates(label, probability, clusters),
        lift_estimates(label, models, clusters),
        *(() if profit is None else (mean_estimates("profit", profit, clusters),)),
    )


def best(measured: Estimates) -> int:
    """Return the position of the model with the best value."""
    sign = 1 if measured.metric in LOWER_IS_BETTER else -1
    return int(np.argmin(sign * measured.value))


def against(
    names: Sequence[str], measured: Estimates, reference: int
) -> tuple[PairedDifference, ...]:
    """Return how each model differs from one that was chosen without these rows.

    Args:
        names: Of the R models.
        measured: A metric of them.
        reference: Position of the one.
    """
    others = np.delete(np.arange(len(names)), reference)
    pairs = np.column_stack([others, np.full(len(others), reference)])
    return _in_words(names, measured, pairs)


def against_best(names: Sequence[str], measured: Estimates) -> tuple[PairedDifference, ...]:
    """Return how each model differs from the one that is best on these very rows.

    The rows have chosen the best, so the correction is that for all pairs.

    Args:
        names: Of the R models.
        measured: A metric of them.
    """
    reference, positions = best(measured), np.arange(len(names))
    first, second = (each.ravel() for each in np.meshgrid(positions, positions, indexing="ij"))
    # Each pair once, the best second.
    once = ((first < second) & (first != reference) & (second != reference)) | (
        (second == reference) & (first != reference)
    )
    pairs = np.column_stack([first, second])[once]
    found = _in_words(names, measured, pairs)
    return tuple(one for one in found if one.second == names[reference])


def _in_words(
    names: Sequence[str], measured: Estimates, pairs: Pairs
) -> tuple[PairedDifference, ...]:
    said = []
    for (first, second), numbers in zip(
        pairs, np.column_stack(differences(measured, pairs)).tolist(), strict=True
    ):
        value, low, high, p_value, adjusted = numbers
        verdict = _verdict(names[first], names[second], measured.metric, numbers)
        said.append(
            PairedDifference(
                names[first], names[second], measured.metric,
                value, low, high, p_value, adjusted, verdict,
            )
        )  # fmt: skip
    return tuple(said)


def _verdict(first: str, second: str, metric: str, numbers: Sequence[float]) -> str:
    difference, low, high, _, adjusted = numbers
    digits = 2 if metric in ("lift_at_10", "profit") else 4 if metric in LOWER_IS_BETTER else 3
    shown = f"({METRICS[metric]} {difference:+.{digits}f}, {low:.{digits}f} to {high:.{digits}f})"
    if adjusted >= ALPHA:
        return f"no real difference between {first} and {second} {shown}"
    better = (difference < 0) == (metric in LOWER_IS_BETTER)
    return f"{first} is {'better' if better else 'worse'} than {second} {shown}"
