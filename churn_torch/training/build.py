"""From options to objects: scorer, Lightning module, trainer."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, EarlyStopping
from pytorch_lightning.loggers import CSVLogger, Logger, TensorBoardLogger
from torch import nn

from churn_torch.errors import InputError, suggest
from churn_torch.models.calibration import Calibrator
from churn_torch.models.nets.ensemble import Ensemble, Fold
from churn_torch.models.preprocessing.preprocess import Preprocess
from churn_torch.models.scorecard.binning import ScorecardOptions
from churn_torch.models.scorecard.features import ScorecardFeatures
from churn_torch.models.scorecard.wide_features import WideFeatures
from churn_torch.models.scorer import Scorer
from churn_torch.tables.schema import Schema
from churn_torch.training.callbacks import BestWeights, EpochProgress, LastCheckpoint, Watched
from churn_torch.training.components import maker_of
from churn_torch.training.logistic.exact_module import ExactModule
from churn_torch.training.mlflow_logger import MlflowLogger
from churn_torch.training.module import MONITOR, ChurnModule, FitModule
from churn_torch.training.options import FitOptions
from churn_torch.training.strategy import SummedProcesses

# Epochs of `trainer.max_epochs=auto`: enough steps for a small table, enough passes for a large.
AUTO_EPOCHS = 10
AUTO_STEPS = 400
# Most steps of an epoch under `batch_size=auto`.
MOST_STEPS = 512

SOLVER = "churn_torch.training.logistic.exact_module.ExactSolver"
SCORECARD = "churn_torch.models.nets.scorecard.Scorecard"
# The features of nets that have a scorecard in them; all others have those of `Preprocess`.
SCORECARD_FEATURES: dict[str, type[Preprocess]] = {
    SCORECARD: ScorecardFeatures,
    "churn_torch.models.nets.wide_deep.WideDeep": WideFeatures,
}


LOGGERS = ("csv", "tensorboard", "mlflow")


def is_exact(options: FitOptions) -> bool:
    """Tell whether the optimizer solves for the optimum instead of descending towards it."""
    return options.optimizer.target == SOLVER


def with_sizes(options: FitOptions, n_train: int) -> FitOptions:
    """Return the options with every ``auto`` made a number for the table.

    ``batch_size=auto`` doubles ``smallest_batch`` until an epoch has at most 512 steps, and
    multiplies the learning rate by the square root of the growth (Malladi et al. 2022, "On the
    SDEs and scaling rules for adaptive gradient algorithms"). ``batch_size=null`` takes all rows.
    A scheduler's argument ``epochs`` becomes the number of epochs.

    Raises:
        InputError: ``max_epochs`` or a batch size is not a number above 0 or its word.
    """
    smallest, size, optimizer = options.smallest_batch, options.batch_size, options.optimizer
    if not _is_count(smallest):
        raise InputError(f"smallest_batch: expected a whole number above 0, got {smallest!r}.")
    if size == "auto":
        size = smallest
        while n_train > MOST_STEPS * size:
            size *= 2
        if not is_exact(options):
            maker_of("optimizer", optimizer)  # refuses a rate that is no number
            lr = optimizer.arguments["lr"] * math.sqrt(size / smallest)
            optimizer = optimizer.updated(lr=lr)
    elif size is None:
        size = n_train
    if not _is_count(size):
        raise InputError(
            "batch_size: expected a whole number above 0, auto, or null (all rows), got "
            f"{options.batch_size!r}."
        )
    epochs = options.trainer.max_epochs
    if epochs == "auto":
        epochs = max(AUTO_EPOCHS, math.ceil(AUTO_STEPS / math.ceil(n_train / size)))
    elif not _is_count(epochs):
        raise InputError(
            f"trainer.max_epochs: expected a whole number above 0 or auto, got {epochs!r}."
        )
    scheduler = options.scheduler
    if scheduler is not None:
        counts = {name: epochs for name, value in scheduler.arguments.items() if value == "epochs"}
        scheduler = scheduler.updated(**counts)
    return replace(
        options,
        batch_size=size,
        optimizer=optimizer,
        scheduler=scheduler,
        trainer=replace(options.trainer, max_epochs=epochs),
    )


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def scorecard_options(options: FitOptions) -> ScorecardOptions | None:
    """Return how fine the scorecard is that the model has in it, None for other models.

    Raises:
        InputError: An option is out of range.
    """
    model, bins = options.model, options.preprocess.bins
    if model.target not in SCORECARD_FEATURES:
        return None
    if bins and model.target == SCORECARD:
        raise InputError(
            f"preprocess.bins: expected 0 with model=scorecard, got {bins}: a scorecard cuts "
            "numbers itself; set model.bins."
        )
    names = ("bins", "pair_bins", "pairs")
    return ScorecardOptions(**{n: model.arguments[n] for n in names if n in model.arguments})


def build_preprocess(options: FitOptions, schema: Schema) -> Preprocess:
    """Return the features of a model, whose statistics are still to be loaded."""
    features = SCORECARD_FEATURES.get(options.model.target, Preprocess)
    return features(schema, options.preprocess)


def build_scorer(options: FitOptions, schema: Schema) -> Scorer:
    """Return an untrained scorer whose sizes come from the completed schema alone.

    With ``cv.average`` it is the mean of as many nets as there are folds, each calibrated.
    """
    preprocess = build_preprocess(options, schema)
    make = maker_of("model", options.model)
    calibrator = maker_of("calibration", options.calibration)
    features: dict[str, list[int]] = {column: [] for column in preprocess.columns}
    for feature, column in enumerate(preprocess.feature_columns):
        features[column].append(feature)
    # What the table decides of a net: each takes of it what it has a use for.
    sizes = {
        "n_features": preprocess.n_features,
        "n_numbers": preprocess.ramps.n_numbers,
        "columns": list(features.values()),
        "n_terms": preprocess.n_terms if isinstance(preprocess, WideFeatures) else 0,
    }
    asked = inspect.signature(make).parameters
    sizes = {name: size for name, size in sizes.items() if name in asked}

    def net() -> nn.Module:
        nets = [make(**sizes) for _ in range(options.ensemble)]
        return nets[0] if len(nets) == 1 else Ensemble(nets)

    if not options.cv.average:
        return Scorer(preprocess, net(), calibrator())
    n_folds = options.cv.folds * options.cv.repeats
    members = [Fold(net(), calibrator()) for _ in range(n_folds)]
    return Scorer(preprocess, Ensemble(members), Calibrator())


def build_module(
    options: FitOptions, scorer: Scorer, *, n_negative: float, n_positive: float, n_threads: int
) -> FitModule:
    """Return the Lightning module around a scorer.

    Args:
        options: Without any ``auto`` (`with_sizes`).
        scorer: The scorer; its net is to be trained.
        n_negative: Training rows that stay, counted by their weights.
        n_positive: Churners among the training rows, counted by their weights.
        n_threads: Threads that it may take.

    Raises:
        InputError: ``class_weight`` is none of its choices, or a penalty does not suit the
            optimizer.
    """
    weight = positive_weight(options.class_weight, n_negative, n_positive)
    penalty = options.penalty
    l2 = penalty.l2
    strengths = [l2] if isinstance(l2, int | float) else list(l2)
    make_optimizer = maker_of("optimizer", options.optimizer)
    if is_exact(options):
        return ExactModule(
            scorer,
            optimizer=make_optimizer,
            l1=penalty.l1,
            l2=strengths,
            folds=penalty.folds,
            positive_weight=weight,
            n_threads=n_threads,
        )
    if not isinstance(l2, int | float):
        raise InputError(
            f"penalty.l2: expected a number, got {strengths}; a list is for optimizer=newton or "
            "lbfgs, which solve for all of them side by side."
        )
    return ChurnModule(
        scorer,
        optimizer=make_optimizer,
        scheduler=None if options.scheduler is None else maker_of("scheduler", options.scheduler),
        l1=penalty.l1,
        l2=l2,
        positive_weight=weight,
        gradient_clip=options.gradient_clip,
        ema_decay=options.ema_decay,
        compiled=options.compile,
        seed=options.seed,
    )


def build_trainer(
    options: FitOptions,
    folder: Path | None,
    fingerprint: str,
    watched: Watched | None = None,
    *,
    described: Mapping[str, Any] | None = None,
) -> pl.Trainer:
    """Return a Lightning trainer that keeps the best weights and a checkpoint in ``folder``.

    Args:
        options: Without any ``auto`` (`with_sizes`).
        folder: For the checkpoint and the loggers; None leaves nothing behind and shows nothing.
        fingerprint: Names the data in the checkpoint.
        watched: Sees every epoch.
        described: The choices as loggers are to show them.

    Raises:
        InputError: The trainer or a logger cannot be made.
    """
    callbacks: list[Callback] = []
    # An exact solver knows itself when to stop, and its last weights are the best.
    if not is_exact(options):
        callbacks.append(BestWeights())
        if (early := options.callbacks.early_stopping) is not None:
            callbacks.append(
                EarlyStopping(
                    monitor=MONITOR,
                    mode="min",
                    patience=options.patience,
                    min_delta=early.min_delta,
                )
            )
    if options.callbacks.progress and folder is not None:
        callbacks.append(EpochProgress())
    if watched is not None:
        callbacks.append(watched)
    keywords: dict[str, Any] = dict(vars(options.trainer))
    if keywords["strategy"] == "ddp":
        keywords["strategy"] = SummedProcesses()
    if folder is None:
        keywords |= {"logger": False, "enable_checkpointing": False}
    else:
        if options.trainer.enable_checkpointing:
            callbacks.append(LastCheckpoint(folder, fingerprint))
        loggers = [_logger(name, folder, keys) for name, keys in options.logger.items()]
        for logger in loggers:
            logger.log_hyperparams(dict(described or {}))
        keywords |= {"logger": loggers or False, "default_root_dir": folder}
    try:
        return pl.Trainer(callbacks=callbacks, **keywords)
    except Exception as error:  # Lightning's own classes share no base but Exception
        reason = " ".join(str(error).split()).rstrip(".!")
        mend = "its keys and values are in conf/trainer/"
        if re.search("gpu|cuda", reason, re.IGNORECASE):
            mend = "choose trainer=cpu or trainer=auto"
        raise InputError(f"trainer: {reason}; {mend}.") from error


def _logger(name: str, folder: Path, keywords: Mapping[str, Any]) -> Logger:
    try:
        if name == "csv":
            return CSVLogger(folder, **keywords)
        if name == "tensorboard":
            return TensorBoardLogger(folder, **keywords)
        if name == "mlflow":
            return MlflowLogger(folder, **keywords)
    except ModuleNotFoundError as error:
        raise InputError(
            f"logger.{name}: expected the packages it needs, got {error}; install them with pip "
            f"install 'churn-torch[{name}]'."
        ) from error
    except Exception as error:  # a store that cannot be opened raises the classes of its database
        reason = " ".join(str(error).split()).rstrip(".!")
        raise InputError(
            f"logger.{name}: {reason}; its keys and values are in conf/logger/."
        ) from error
    raise InputError(
        f"logger: expected one of {', '.join(LOGGERS)}, got {name!r}{suggest(name, LOGGERS)}."
    )


def positive_weight(class_weight: Any, n_negative: float, n_positive: float) -> float:
    """Return the weight of a churner.

    Args:
        class_weight: The choice: none, balanced or the weight.
        n_negative: Training rows that stay, counted by their weights.
        n_positive: Churners among the training rows, counted by their weights.

    Raises:
        InputError: It is none of its choices.
    """
    if class_weight in (None, "none"):
        return 1.0
    if class_weight == "balanced":
        return float(n_negative / n_positive)
    is_number = isinstance(class_weight, int | float) and not isinstance(class_weight, bool)
    if is_number and 0 < class_weight < math.inf:
        return float(class_weight)
    raise InputError(
        "class_weight: expected none, balanced or a positive number (the weight of a positive "
        f"row), got {class_weight!r}."
    )
