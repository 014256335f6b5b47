"""What a user chose for a cross-validation, checked before the work begins."""

from __future__ import annotations

from churn_torch.errors import InputError
from churn_torch.training.build import scorecard_options
from churn_torch.workflows.configuration.check_config import check_choices
from churn_torch.workflows.configuration.options import TrainOptions


def check_cross_validation(options: TrainOptions) -> None:
    """Refuse what a cross-validation cannot do.

    Raises:
        InputError: Naming the key.
    """
    check_choices(options)
    n_folds, n_repeats = options.cv.folds, options.cv.repeats
    if n_folds < 2:
        raise InputError(
            "cv.folds",
            expected="2 or more folds, or 0 for one split and a model",
            got=repr(n_folds),
        )
    if n_repeats < 1:
        raise InputError("cv.repeats", expected="a whole number above 0", got=repr(n_repeats))
    if n_repeats > 1 and options.data.split.by_time:
        raise InputError(
            "cv.repeats",
            expected="1 with data.split.by=time",
            got=str(n_repeats),
            fix="time has one order",
        )
    split = options.data.split
    if split.by_time and (split.by_group or split.test_from is not None):
        key = "by" if split.by_group else "test_from"
        raise InputError(
            f"data.split.{key}",
            expected="time alone in a cross-validation, whose folds are blocks of time",
            got=str(getattr(split, key)),
            fix="set cv.folds=0, or data.split.by=time without data.split.test_from",
        )
    if options.cv.average:
        _check_average(options)
    if options.resume:
        raise InputError(
            "resume",
            expected="an interrupted training",
            got="cv.folds above 0",
            fix="a cross-validation starts anew",
        )
    if options.fairness.by:
        raise InputError(
            "fairness.by",
            expected="nothing in a cross-validation, whose folds have a threshold each",
            got=str(list(options.fairness.by)),
            fix="set cv.folds=0, or leave it out",
        )
    if options.data.test_source is not None:
        raise InputError(
            "data.test_source",
            expected="none in a cross-validation, which tests every row of data.source",
            got=repr(options.data.test_source),
            fix="set cv.folds=0",
        )


def _check_average(options: TrainOptions) -> None:
    """Refuse where the features of all rows would tell a fold what it must not know.

    Raises:
        InputError: Naming the key.
    """
    select, split = options.features.select, options.data.split
    for unfit, choice, why in (
        (select != "none", f"features.select={select}", "columns are chosen by the labels"),
        (
            scorecard_options(options),
            "model=scorecard or wide_deep",
            "pairs are chosen by the labels",
        ),
        (split.by_time, "data.split.by=time", "later rows would teach the folds before them"),
    ):
        if unfit:
            raise InputError(
                "cv.average",
                expected=f"false with {choice}",
                got=f"true: {why}, and the features of an average are learned from all rows",
                fix="leave one of the two out",
            )
