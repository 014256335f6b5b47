"""How numbers are written in tables and pages."""

from __future__ import annotations


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
