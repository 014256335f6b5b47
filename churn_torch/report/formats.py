"""How numbers and names are written in tables, pages and sentences."""

from __future__ import annotations

from collections.abc import Sequence


def listed(names: Sequence[str]) -> str:
    """Write names as a sentence does: ``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def count(value: float) -> str:
    """Write a number of rows."""
    return f"{value:,}"


def percent(value: float) -> str:
    """Write a share as a percentage."""
    return f"{value:.1%}"


def score(value: float) -> str:
    """Write a metric between 0 and 1, or a loss."""
    return f"{value:.4f}"


def lift(value: float) -> str:
    """Write a ratio of rates."""
    return f"{value:.2f}"


def p_value(value: float) -> str:
    """Write a p-value."""
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}"


def factor_in_words(factor: float, *, more_digits: int = 0) -> str:
    """Write a factor on the odds: ``x 1.5``, ``x 0.62``, ``x 140``.

    Args:
        factor: The factor.
        more_digits: After the point, for charts and for what they show.
    """
    digits = 0 if factor >= 100 else (1 if factor >= 1 else 2) + more_digits
    return f"x {factor:,.{digits}f}"
