"""What a user chose, looked at before the work begins."""

from __future__ import annotations

from churn_torch.errors import InputError
from churn_torch.evaluation.thresholds import check_rule
from churn_torch.training.build import is_exact
from churn_torch.training.selection import check_selection
from churn_torch.workflows.options import TrainOptions


def check_choices(options: TrainOptions) -> None:
    """Refuse at once what would otherwise fail after the training, or not at all.

    Raises:
        InputError: The seed, the threshold or another choice cannot be used.
    """
    if not 0 <= options.seed < 2**32:
        raise InputError(
            "seed", expected=f"a whole number from 0 to {2**32 - 1}", got=f"{options.seed!r}"
        )
    rows = options.train_rows
    if rows is not None and rows < 1:
        raise InputError("train_rows", expected="a whole number above 0 or null", got=f"{rows!r}")
    if options.ensemble < 1:
        raise InputError("ensemble", expected="a whole number above 0", got=f"{options.ensemble!r}")
    if options.ensemble > 1 and is_exact(options):
        raise InputError(
            "ensemble",
            expected="1 with optimizer=newton or lbfgs",
            got=f"{options.ensemble}: every member would be the same optimum",
        )
    if options.cv.average and not options.cv.folds:
        raise InputError(
            "cv.average",
            expected="false without a cross-validation",
            got="true",
            fix="set cv.folds=5, or ensemble=5 to average seeds",
        )
    if options.patience < 0:
        raise InputError("patience", expected="0 or more epochs", got=f"{options.patience}")
    check_rule(options.threshold, options.top_share)
    check_selection(options.features.select, options.features.k)
