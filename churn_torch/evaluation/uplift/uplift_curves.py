"""Uplift and Qini curves: what contacting the customers with the largest predicted uplift gains.

Uplift is the rate of the good outcome among contacted customers minus that among others; where the
outcome is churn it is P(churn | not contacted) - P(churn | contacted). With the rates r1(s) and
r0(s) of the share s of the customers who have the largest predictions:

- uplift curve, ``s (r1(s) - r0(s))``: gain per customer of the table if the share s is contacted;
- Qini curve, ``S1(s) (r1(s) - r0(s))``, with S1(s) the share of the contacted customers that is
  among them (Radcliffe 2007, "Using control groups to target on predicted lift", divided by the
  number of contacted customers).

Both end at the average effect. Times the number of rows, and times the number of contacted ones,
they are ``uplift_curve`` and ``qini_curve`` of scikit-uplift and ``get_cumgain`` and ``get_qini``
of causalml. Rows of equal prediction have no order, so a curve has one point for each group of ties
and is a straight line between them, as in `churn_torch.evaluation.gains`; it is a straight line
from 0 to the first point that has customers of both groups, as in causalml.

All functions take ``R`` curves at once: arrays of curves are ``[R, G + 1]`` for G groups.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from churn_torch.evaluation.gains import Floats, Ints
from churn_torch.evaluation.uplift.experiment import Experiment


class Sums(NamedTuple):
    """Sums over the rows up to the end of each group of ties, ``[R, G + 1]``, the first one 0.

    Attributes:
        share: Share of the rows.
        treated: Weights of contacted customers.
        treated_value: Their weights times their values; here the value is the good outcome.
        control: Weights of customers who were not contacted.
        control_value: The same of these.
    """

    share: Floats
    treated: Floats
    treated_value: Floats
    control: Floats
    control_value: Floats


def groups_of(predicted: Floats) -> tuple[Floats, Ints]:
    """Return the distinct predictions, largest first, and the group of each row in this order.

    Shape:
        [G] and [N].
    """
    values, group = np.unique(-predicted, return_inverse=True)
    return -values, group


def sums_by_group(group: Ints, value: Floats, rows: Experiment) -> Sums:
    """Return the sums of one curve.

    Args:
        group: ``[N]`` group of each row, 0 to G - 1, the first to be contacted first.
        value: ``[N]`` what each row counts: `Experiment.good`, or an amount of money.
        rows: N rows.
    """
    weight, n_groups = rows.weight, int(group.max()) + 1
    treated, control = weight * rows.treated, weight * ~rows.treated
    parts = [np.ones(len(rows)), treated, treated * value, control, control * value]
    each = [np.bincount(group, part, n_groups)[None].astype(np.float64) for part in parts]
    return cumulative(*each)


def cumulative(
    n: Floats, treated: Floats, treated_value: Floats, control: Floats, control_value: Floats
) -> Sums:
    """Return the sums of R curves from those of each group, ``[R, G]``."""
    each = (n / n.sum(axis=1, keepdims=True), treated, treated_value, control, control_value)
    return Sums(*(np.pad(np.cumsum(part, axis=1), ((0, 0), (1, 0))) for part in each))


def uplift_curve(sums: Sums) -> Floats:
    """Return each uplift curve: ``share * (r1 - r0)``."""
    return _from_both_groups(sums, sums.share * _difference(sums))


def qini_curve(sums: Sums) -> Floats:
    """Return each Qini curve: share of the contacted customers times ``r1 - r0``."""
    return _from_both_groups(sums, sums.treated / sums.treated[:, -1:] * _difference(sums))


def area(share: Floats, curve: Floats) -> Floats:
    """Return the area under each curve, ``[R]``."""
    return np.asarray(np.trapezoid(curve, share, axis=1))


def qini_area(sums: Sums) -> Floats:
    """Return the area between each Qini curve and the straight line to its end, ``[R]``.

    It is the mean gain per customer over a random order, over all shares: ``qini_score`` of
    causalml with ``normalize=False`` is this times n1 N / (N + 1), for N rows of which n1 were
    contacted, where no predictions are equal.
    """
    curve = qini_curve(sums)
    return area(sums.share, curve) - curve[:, -1] / 2


def qini_coefficient(sums: Sums, treated_share: float) -> Floats:
    """Return the Qini coefficient: `qini_area` over that of the perfect order, ``[R]``.

    The perfect order puts contacted customers with the good outcome first, and customers with it
    who were not contacted last: ``qini_auc_score`` of scikit-uplift with ``negative_effect=True``.
    Nobody sees both outcomes of one customer, so no model comes near 1: compare coefficients only
    on the same table. NaN where no customer has the good outcome.

    Args:
        sums: Of the good outcome.
        treated_share: Share of the rows that were contacted.
    """
    rate, other = (
        sums.treated_value[:, -1] / sums.treated[:, -1],
        sums.control_value[:, -1] / sums.control[:, -1],
    )
    first, last, effect = treated_share * rate, (1 - treated_share) * other, rate - other
    # The curve rises to the rate of the contacted, stays there, and falls to the effect.
    perfect = rate * (1 - (first + last) / 2) + effect * last / 2 - effect / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(qini_area(sums) / perfect)


def uplift_at(sums: Sums, share: float) -> Floats:
    """Return the uplift ``r1 - r0`` of the share with the largest predictions, ``[R]``.

    Inside the group of ties that holds the last of these rows each sum is a straight line. It is
    ``uplift_at_k`` of scikit-uplift with ``strategy="overall"``. NaN where all of these customers
    were contacted, or none.
    """
    end = np.clip((sums.share < share - 1e-12).sum(axis=1, keepdims=True), 1, None)
    before, after = (
        Sums(*(np.take_along_axis(p, i, axis=1) for p in sums)) for i in (end - 1, end)
    )
    part = (share - before.share) / (after.share - before.share)
    at = Sums(*(a + part * (b - a) for a, b in zip(before, after, strict=True)))
    return np.asarray(_difference(at)[:, 0])


def _difference(sums: Sums) -> Floats:
    """Return ``r1 - r0``; NaN where one of the groups has no rows yet."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums.treated_value / sums.treated - sums.control_value / sums.control)


def _from_both_groups(sums: Sums, curve: Floats) -> Floats:
    """Draw a straight line from 0 to the first point with rows of both groups."""
    both = (sums.treated > 0) & (sums.control > 0)
    first = both.argmax(axis=1)[:, None]
    height = np.take_along_axis(curve, first, axis=1)
    line = height * sums.share / np.take_along_axis(sums.share, first, axis=1)
    return np.asarray(np.where(both, curve, line))
