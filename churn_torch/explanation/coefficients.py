"""The coefficients of a model that is linear in its columns, with intervals."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Coefficient:
    """One coefficient, per unit of its column or of a level against the first."""

    column: str
    term: str
    unit: str
    estimate: float
    std_error: float
    low: float
    high: float
    p_value: float
    odds_ratio: float
    odds_low: float
    odds_high: float
    odds_ratio_per_sd: float | None


@dataclass(frozen=True)
class Coefficients:
    """All coefficients, and how far they can be trusted."""

    rows: tuple[Coefficient, ...]
    method: str
    warnings: tuple[str, ...]
    condition_number: float
    inflation: dict[str, float]
