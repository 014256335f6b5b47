"""Groups of customers with one score: how many there are, and sums of what contacting them brings.

Every measure of profit is computed from such groups. Customers of equal score have no order, so a
list takes all of a group or none. Any number of customers fits into bins of probabilities.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from churn_torch.decisions.offers import Floats, Payoffs
from churn_torch.errors import InputError
from churn_torch.evaluation.probability_bins import N_BINS, bin_of, lower_edge

# Neighbouring bins of `probability_bins` that are one here: 2^12 bins between p and 2 p remain, and
# the sums of all bins take 6 MB.
MERGED_BITS = 4
N_SUMS = 6
LARGEST = 1e100  # an amount whose square is a number
# One bin more than that: the one with the threshold in it is cut in two.
N_PROFIT_BINS = ((N_BINS - 1) >> MERGED_BITS) + 2


class ScoreGroups(NamedTuple):
    """Customers of equal score, or of one bin, highest scores first.

    Attributes:
        lowest: The score of each group, or the lower edge of its bin, ``[G]``.
        sums: ``[6, G]`` float64: customers; what the leavers would bring if all were kept; what
            contacting the group costs; and the sums of the squares of a customer's kept, of kept
            times cost, and of the squares of cost, from which intervals are computed.
    """

    lowest: Floats
    sums: npt.NDArray[np.float64]


class Outcomes(NamedTuple):
    """What contacting each customer would have brought, now that it is known who left.

    Attributes:
        kept: What the customer would bring if kept, 0 for one who stayed anyway, ``[N]``.
        cost: What the contact costs, ``[N]``.
    """

    kept: npt.NDArray[np.float64]
    cost: npt.NDArray[np.float64]


def outcomes(label: npt.NDArray[Any], payoffs: Payoffs) -> Outcomes:
    """Return what contacting each customer would have brought.

    Args:
        label: ``[N]``: 1 for customers who left, 0 for those who stayed; or the probability of
            leaving, for expected values.
        payoffs: Of each customer, or one number for all.

    Raises:
        InputError: As for `check_outcomes`.
    """
    label = np.asarray(label)
    check_outcomes(label, payoffs)
    return next(outcome_blocks(label, payoffs, len(label) or 1), Outcomes(*np.zeros((2, 0))))


def outcome_blocks(label: npt.NDArray[Any], payoffs: Payoffs, n_rows: int) -> Iterator[Outcomes]:
    """Yield the outcomes of customers that `check_outcomes` has seen, ``n_rows`` at a time."""
    for start in range(0, len(label), n_rows):
        block = slice(start, start + n_rows)
        kept, leaver, stayer = (
            amount if np.ndim(amount) == 0 else amount[block] for amount in _amounts(payoffs)
        )
        leaves = label[block].astype(np.float64)
        yield Outcomes(leaves * kept, stayer + leaves * (leaver - stayer))


def check_outcomes(label: npt.NDArray[Any], payoffs: Payoffs) -> None:
    """Refuse labels and payoffs that cannot be.

    Raises:
        InputError: A label is outside 0..1, a payoff is not finite, a cost is negative, or the
            lengths differ.
    """
    if not _within(label, 0, 1):
        raise InputError("label", expected="1 for leavers, 0 for stayers", got="other numbers")
    for name, amount in zip(("kept", "leaver_cost", "stayer_cost"), _amounts(payoffs), strict=True):
        if amount.shape not in ((), label.shape):
            raise InputError(name, expected=f"shape {label.shape}", got=f"shape {amount.shape}")
        if not _within(amount, -LARGEST, LARGEST):
            raise InputError(name, expected="finite amounts", got="a missing or infinite one")
        if name != "kept" and not _within(amount, 0, np.inf):
            raise InputError(name, expected="costs of 0 or more", got=f"{amount.min():g}")


def _amounts(payoffs: Payoffs) -> tuple[npt.NDArray[Any], ...]:
    amounts = (payoffs.kept, payoffs.leaver_cost, payoffs.stayer_cost)
    return tuple(map(np.asarray, amounts))


def _within(values: npt.NDArray[Any], low: float, high: float) -> bool:
    """Tell whether all values are between two numbers, and none is NaN."""
    return not values.size or bool(values.min() >= low and values.max() <= high)


def exact_groups(score: npt.NDArray[Any], result: Outcomes) -> ScoreGroups:
    """Return one group for each distinct score.

    Args:
        score: ``[N]`` probabilities or other scores; higher means more likely to leave.
        result: Of the same customers.

    Raises:
        InputError: There is no customer, a score is NaN, or the lengths differ.
    """
    score = _checked(score, result)
    order = np.argsort(-score, kind="stable")
    score, kept, cost = score[order], result.kept[order], result.cost[order]
    starts = np.flatnonzero(np.concatenate([[True], score[1:] != score[:-1]]))
    sums = [
        np.diff(starts, append=len(score)),
        *(np.add.reduceat(v, starts) for v in (kept, cost, kept * kept, kept * cost, cost * cost)),
    ]
    return ScoreGroups(score[starts], np.stack(sums).astype(np.float64))


def add_to_bins(
    sums: npt.NDArray[np.float64],
    probability: npt.NDArray[np.float32],
    result: Outcomes,
    threshold: float | None = None,
) -> None:
    """Add customers to the sums of `ScoreGroups` over bins of probabilities.

    Args:
        sums: ``[6, N_PROFIT_BINS]``, least probable first; changed in place.
        probability: ``[N]`` between 0 and 1.
        result: Of the same customers.
        threshold: The bin that holds it is cut in two there.
    """
    index = bin_of(np.ascontiguousarray(probability)) >> MERGED_BITS
    if threshold is not None:
        index += probability >= np.float32(threshold)
    index = index.astype(np.intp)  # as bincount needs it, once for all sums
    kept, cost = result
    n_bins = int(index.max(initial=0)) + 1
    for row, column in zip(
        sums, (None, kept, cost, kept * kept, kept * cost, cost * cost), strict=True
    ):
        row[:n_bins] += np.bincount(index, column, n_bins)


def groups_of_bins(sums: npt.NDArray[np.float64], threshold: float | None = None) -> ScoreGroups:
    """Return the groups of `add_to_bins`, without the empty bins.

    Args:
        sums: From `add_to_bins`; those of several parts may be added up.
        threshold: The same.
    """
    filled = np.flatnonzero(sums[0])[::-1]
    bins = filled
    if threshold is not None:
        cut = int(bin_of(np.array(threshold, np.float32))) >> MERGED_BITS
        bins = filled - (filled > cut)
    lowest = lower_edge(bins << MERGED_BITS)
    if threshold is not None:
        lowest = np.where(filled == cut + 1, np.float32(threshold), lowest)
    return ScoreGroups(lowest, sums[:, filled])


def _checked(score: npt.NDArray[Any], result: Outcomes) -> npt.NDArray[Any]:
    score = np.asarray(score)
    if score.dtype.kind != "f":
        score = score.astype(np.float64)
    if score.shape != result.kept.shape or score.ndim != 1:
        raise InputError("score", expected=f"shape {result.kept.shape}", got=f"shape {score.shape}")
    if not len(score):
        raise InputError("score", expected="customers", got="none")
    if np.isnan(score).any():
        raise InputError("score", expected="numbers", got="NaN")
    return score
