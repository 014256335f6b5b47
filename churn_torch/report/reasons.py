"""How exact the reasons of a run are, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from churn_torch.report.formats import listed

# Error of a reason, in log-odds, above which the user is told what to do.
ROUGH_REASONS = 0.1


def reasons_sentence(reasons: Mapping[str, Any]) -> str:
    """Say how exact the reasons of a run are.

    Args:
        reasons: The entry ``reasons`` of metrics.json.
    """
    if reasons["method"] == "exact":
        return "Reasons are exact."
    said = (
        f"Reasons are integrated gradients at {reasons['points']} points, with an error of up to "
        f"{reasons['spread']:.2g} log-odds a row. The error is divided among the columns, so the "
        f"reasons add up to the logit within {reasons['completeness_error']:.1e}."
    )
    if reasons["spread"] > ROUGH_REASONS:
        said += (
            " This is a large error. For more exact reasons, use a smooth activation (silu, gelu, "
            "tanh), a lower optimizer.lr or a higher penalty.l2."
        )
    return said


def correlated_sentence(groups: Sequence[Mapping[str, Any]]) -> str:
    """Say which reasons cannot be told apart; nothing where there are none.

    Args:
        groups: The entry ``correlated_columns`` of metrics.json.
    """
    named = [listed(group["columns"]) for group in groups]
    if not named:
        return ""
    return f"Columns that move together, so read their reasons as one: {'; '.join(named)}."
