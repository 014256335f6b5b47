"""How strongly each column goes along with churn, whatever a model makes of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Association:
    """How strongly one column goes along with churn.

    Attributes:
        column: Its name.
        chi2_p_value: Of Pearson's chi-square test that column and churn are independent.
        mutual_information: In bits, less what chance alone would give, and at least 0.
    """

    column: str
    chi2_p_value: float
    mutual_information: float
