"""What a user chose, checked before the work begins."""

from __future__ import annotations

from collections.abc import Sequence

from churn_torch.errors import InputError
from churn_torch.evaluation.thresholds import PROFIT
from churn_torch.explanation.counterfactual import check_actionable
from churn_torch.export.graph import check_input_names
from churn_torch.tables.labelled.lifetimes import LifetimeColumns
from churn_torch.tables.schema import Schema
from churn_torch.training.build import WIDE_DEEP
from churn_torch.training.optimizer_choice import is_exact
from churn_torch.training.options import UPLIFT
from churn_torch.training.selection import check_selection
from churn_torch.training.strategy import check_processes
from churn_torch.workflows.configuration.check_survival import check_survival
from churn_torch.workflows.configuration.options import TrainOptions
from churn_torch.workflows.configuration.sequence_choices import check_sequences
from churn_torch.workflows.measurement.profit import check_threshold
from churn_torch.workflows.measurement.profit_loss import check_profit_loss
from churn_torch.workflows.measurement.spend import check_spend


def check_choices(options: TrainOptions) -> None:
    """Refuse at once what would otherwise fail after the training, or not at all.

    Raises:
        InputError: The seed, the threshold or another choice cannot be used.
    """
    if not 0 <= options.seed < 2**32:
        raise InputError(
            "seed", expected=f"a whole number from 0 to {2**32 - 1}", got=repr(options.seed)
        )
    if options.trainer.strategy == "ddp":
        check_processes()
    rows = options.train_rows
    if rows is not None and rows < 1:
        raise InputError("train_rows", expected="a whole number above 0 or null", got=repr(rows))
    if options.ensemble < 1:
        raise InputError("ensemble", expected="a whole number above 0", got=repr(options.ensemble))
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
        raise InputError("patience", expected="0 or more epochs", got=str(options.patience))
    check_groups_of(options.fairness.by, options.data.target)
    check_survival(options)
    check_sequences(options)
    _check_uplift(options)
    check_threshold(options)
    check_profit_loss(options)
    check_spend(options)
    check_selection(options.features.select, options.features.k)


def check_columns(options: TrainOptions, schema: Schema) -> None:
    """Refuse columns that cannot be learned from, or that explanations cannot take.

    Args:
        options: Every choice of a training.
        schema: Of the table.

    Raises:
        InputError: Naming the column.
    """
    check_input_names(schema)
    times = LifetimeColumns.of(schema)
    stayed = None if times is None else times.stayed
    names = [column.name for column in schema.features if column.name != stayed]
    check_actionable(options.explain.actionable, names)


def check_groups_of(by: Sequence[str], target: str) -> None:
    """Refuse the target as a column of groups.

    Raises:
        InputError: ``fairness.by`` names it.
    """
    if target in by:
        raise InputError(
            "fairness.by",
            expected="columns that are known before a customer leaves",
            got=f"{target!r}, the target",
            fix="leave it out",
        )


def _check_uplift(options: TrainOptions) -> None:
    """Refuse what a model of uplift lacks or cannot do.

    Raises:
        InputError: Naming the key.
    """
    if not options.learns_uplift:
        if options.net is not None and not options.wraps:
            name = options.net.target.rpartition(".")[2]
            raise InputError(
                "net",
                expected="model=uplift or model=survival beside it, which wraps a net",
                got=f"{name} with another model",
                fix="choose a net alone with model=...",
            )
        return
    if options.net is None or options.net.target in (UPLIFT, WIDE_DEEP):
        raise InputError(
            "net",
            expected="the net that model=uplift wraps: logreg, scorecard, mlp, tabm or gam",
            got="none" if options.net is None else options.net.target,
            fix="set net=logreg",
        )
    if options.data.treatment is None:
        raise InputError(
            "data.treatment",
            expected="the column that says who was contacted, which model=uplift learns from",
            got="nothing",
            fix="name it, or choose another model",
        )
    for unfit, key, expected, got in (
        (is_exact(options), "optimizer", "auto, adam, adamw or sgd", "an exact solver of one net"),
        (options.ensemble > 1, "ensemble", "1", str(options.ensemble)),
        (options.cv.folds, "cv.folds", "0", str(options.cv.folds)),
        (options.loss != "cross_entropy", "loss", "cross_entropy", options.loss),
        (
            options.threshold == PROFIT,
            "threshold",
            "a number, f1 or top_share",
            "profit, which counts on the same keep rate for everybody",
        ),
    ):
        if unfit:
            raise InputError(key, expected=f"{expected} with model=uplift", got=got)


def refuse_folds(options: TrainOptions, what: str) -> None:
    """Refuse a cross-validation where one split is meant.

    Args:
        options: Every choice of a training.
        what: What the options are for, e.g. ``a study``.

    Raises:
        InputError: ``cv.folds`` is above 0.
    """
    if options.cv.folds:
        raise InputError(
            "cv.folds",
            expected=f"0 for {what}, which fits on one split of the rows",
            got=repr(options.cv.folds),
            fix="leave it out; churn-torch train cv.folds=5 or churn_torch.cross_validate measures "
            "by cross-validation",
        )


def check_study(options: TrainOptions, target: str) -> None:
    """Refuse choices that a study cannot take.

    Args:
        options: Every choice of a training.
        target: The class of the model that the search space is for.

    Raises:
        InputError: Naming the key.
    """
    check_choices(options)
    if options.resume is not None:
        raise InputError(
            "resume",
            expected="nothing",
            got=repr(options.resume),
            fix="a study goes on with tune.study=NAME",
        )
    refuse_folds(options, "a study")
    if options.loss != "cross_entropy":
        raise InputError(
            "loss",
            expected="cross_entropy for a study, which compares trials by their log-loss",
            got=options.loss,
            fix="leave it out, then train with the values found and loss=profit",
        )
    if options.trainer.strategy == "ddp":
        raise InputError(
            "trainer",
            expected="one process a trial (auto, cpu, gpu)",
            got="several",
            fix="start this command several times with the same tune.study=NAME instead",
        )
    wanted, key = options.model.target, "model"
    if options.learns_survival:
        wanted, key = options.own_net.target, "net"
    if target != wanted:
        raise InputError(
            "tune",
            expected=f"a search space for the {key} chosen ({wanted})",
            got=f"one for {target}",
            fix=f"choose tune=... and {key}=... alike",
        )
