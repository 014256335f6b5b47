"""Importance by permutation: how much worse a model is where some columns hold others' cells."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Importance:
    """How much a model needs a column, or columns that are strongly correlated.

    Attributes:
        columns: Their names.
        log_loss_rise: Mean rise of the log-loss where the cells are permuted.
        low: Lower end of its 95 % interval.
        high: Upper end.
        auroc_fall: Mean fall of the AUROC.
        mean_reason: Mean absolute reason of the columns together, in log-odds.
        reason_low: Lower end of its 95 % interval.
        reason_high: Upper end.
    """

    columns: tuple[str, ...]
    log_loss_rise: float
    low: float
    high: float
    auroc_fall: float
    mean_reason: float
    reason_low: float
    reason_high: float
