"""What a user chose, looked at before the work begins."""

from __future__ import annotations

from omegaconf import DictConfig

from churn_torch.errors import InputError
from churn_torch.evaluation.thresholds import check_rule
from churn_torch.workflows.export import export_options
from churn_torch.training.build import is_exact
from churn_torch.training.selection import check_selection


def check_choices(config: DictConfig) -> None:
    """Refuse at once what would otherwise fail after the training, or not at all.

    Raises:
        InputError: The seed, the threshold or another choice cannot be used.
    """
    if not isinstance(config.seed, int) or not 0 <= config.seed < 2**32:
        raise InputError(
            f"seed: expected a whole number from 0 to {2**32 - 1}, got {config.seed!r}."
        )
    rows = config.train_rows
    if rows is not None and (not isinstance(rows, int) or rows < 1):
        raise InputError(f"train_rows: expected a whole number above 0 or null, got {rows!r}.")
    if not isinstance(config.ensemble, int) or config.ensemble < 1:
        raise InputError(f"ensemble: expected a whole number above 0, got {config.ensemble!r}.")
    if config.ensemble > 1 and is_exact(config):
        raise InputError(
            f"ensemble: expected 1 with optimizer=newton or lbfgs, got {config.ensemble}: every "
            "member would be the same optimum."
        )
    if config.cv.average and not config.cv.folds:
        raise InputError(
            "cv.average: expected false without a cross-validation, got true; set cv.folds=5, or "
            "ensemble=5 to average seeds."
        )
    clip = config.gradient_clip
    if clip is not None and not isinstance(clip, int | float):
        raise InputError(f"gradient_clip: expected a number above 0 or null, got {clip!r}.")
    if not isinstance(config.ema_decay, int | float):
        raise InputError(
            f"ema_decay: expected a number from 0 to below 1, got {config.ema_decay!r}."
        )
    if config.matmul_precision not in ("highest", "high", "medium"):
        raise InputError(
            f"matmul_precision: expected highest, high or medium, got {config.matmul_precision!r}."
        )
    if config.patience < 0:
        raise InputError(f"patience: expected 0 or more epochs, got {config.patience}.")
    check_rule(config.threshold, config.top_share)
    check_selection(config.features.select, config.features.k)
    export_options(config.export)
