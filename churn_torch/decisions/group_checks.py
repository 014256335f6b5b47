"""Whether chance alone decided who was treated: what would make a comparison of groups unfair."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest, chi2, fisher_exact

Floats = npt.NDArray[np.floating[Any]]
Bools = npt.NDArray[np.bool_]

# Below it a difference between the groups is called broken: one false alarm in 1,000 campaigns.
ALARM = 0.001


@dataclass(frozen=True)
class ColumnBalance:
    """A column that was known before the campaign, in both groups.

    Attributes:
        name: The column.
        treated: Its mean among the treated.
        control: Its mean in the control group.
        difference: The difference of the means in standard deviations of the column.
    """

    name: str
    treated: float
    control: float
    difference: float


@dataclass(frozen=True)
class Randomisation:
    """How the two groups compare before the campaign. p-values are NaN where there is no group.

    Attributes:
        share_planned: Share of the control group that was planned.
        share_found: Share of it among the customers with an outcome.
        share_p: p-value of the difference of the two: an exact binomial test.
        missing_treated: Share of the treated without an outcome.
        missing_control: Share of the control group without one.
        missing_p: p-value of the difference of the two: Fisher's exact test.
        balance: Columns that were known before.
        balance_p: p-value of all differences of these columns together.
    """

    share_planned: float
    share_found: float
    share_p: float
    missing_treated: float
    missing_control: float
    missing_p: float
    balance: tuple[ColumnBalance, ...]
    balance_p: float

    @property
    def warnings(self) -> list[str]:
        """What makes the comparison of the two groups unfair, a sentence each."""
        found = []
        if self.share_p < ALARM:
            found.append(
                f"{self.share_found:.1%} of the customers with an outcome are in the control "
                f"group, {self.share_planned:.1%} were planned (p {self.share_p:.1g}): outcomes "
                "were not collected from both groups alike, or customers changed the group."
            )
        if self.missing_p < ALARM:
            found.append(
                f"{self.missing_treated:.1%} of the treated and {self.missing_control:.1%} of the "
                f"control group have no outcome (p {self.missing_p:.1g}): those who are missing "
                "may be those who left."
            )
        if self.balance_p < ALARM:
            worst = max(self.balance, key=lambda one: abs(one.difference))
            found.append(
                f"The groups differed before the campaign (p {self.balance_p:.1g}): the mean of "
                f"{worst.name} is {worst.treated:.3g} among the treated and {worst.control:.3g} in "
                f"the control group, {abs(worst.difference):.2f} standard deviations apart."
            )
        return found


def check_randomisation(
    treated: Bools, with_outcome: Bools, columns: Mapping[str, Floats], share_planned: float
) -> Randomisation:
    """Compare the two groups before the campaign.

    Source: Fabijan et al. 2019, "Diagnosing sample ratio mismatch in online controlled
    experiments"; Hansen & Bowers 2008, "Covariate balance in simple, stratified and clustered
    comparative studies".

    Args:
        treated: ``[N]``, of all customers of the campaign.
        with_outcome: ``[N]``, whether the outcome is known.
        columns: ``[N]`` each: what was known before the campaign.
        share_planned: Share of the control group that was planned.
    """
    n = [int((treated == group).sum()) for group in (True, False)]
    known = [int((with_outcome & (treated == group)).sum()) for group in (True, False)]
    missing = [(a - k) / a if a else math.nan for a, k in zip(n, known, strict=True)]
    total = sum(known)
    share_p = missing_p = math.nan
    if all(n) and total:
        share_p = float(binomtest(known[1], total, share_planned).pvalue)
        table = [[a - k, k] for a, k in zip(n, known, strict=True)]
        missing_p = float(fisher_exact(table)[1])
    chosen = {name: column[with_outcome] for name, column in columns.items()}
    balance, balance_p = _balance(treated[with_outcome], chosen)
    share = known[1] / total if total else math.nan
    return Randomisation(
        share_planned=share_planned,
        share_found=share,
        share_p=share_p,
        missing_treated=missing[0],
        missing_control=missing[1],
        missing_p=missing_p,
        balance=balance,
        balance_p=balance_p,
    )


def _balance(
    treated: Bools, columns: Mapping[str, Floats]
) -> tuple[tuple[ColumnBalance, ...], float]:
    """Return the differences of the columns, and the p-value of all of them together."""
    n_treated, n_control = int(treated.sum()), int((~treated).sum())
    if min(n_treated, n_control) < 2 or not columns:
        return (), math.nan
    table = np.column_stack(list(columns.values())).astype(np.float64)
    spread = table.std(0, ddof=1)
    varies = spread > 1e-12 * np.abs(table).max(0)
    means = [table[group].mean(0) for group in (treated, ~treated)]
    differences = np.where(varies, (means[0] - means[1]) / np.where(varies, spread, 1.0), 0.0)
    balance = tuple(
        ColumnBalance(name, float(a), float(b), float(d))
        for name, a, b, d in zip(columns, *means, differences, strict=True)
    )
    if not varies.any():
        return balance, math.nan
    standard = (table[:, varies] - table[:, varies].mean(0)) / spread[varies]
    covariance = np.atleast_2d(np.cov(standard, rowvar=False))
    distance = differences[varies]
    tolerance = 1e-9
    rank = int(np.linalg.matrix_rank(covariance, tol=tolerance * len(covariance), hermitian=True))
    inverse = np.linalg.pinv(covariance, rcond=tolerance, hermitian=True)
    statistic = distance @ inverse @ distance / (1 / n_treated + 1 / n_control)
    return balance, float(chi2.sf(statistic, rank))
