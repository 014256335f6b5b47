"""From configuration to objects: the only place that calls ``hydra.utils.instantiate``."""

from __future__ import annotations

import inspect
import math
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import EarlyStopping
from torch import nn

from churn_torch.errors import InputError
from churn_torch.models.scorecard.binning import CardOptions
from churn_torch.models.calibration import Calibrator
from churn_torch.models.nets.ensemble import Ensemble, Fold
from churn_torch.models.preprocessing.preprocess import Preprocess
from churn_torch.models.scorer import Scorer
from churn_torch.models.preprocessing.statistics import PreprocessOptions
from churn_torch.models.scorecard.features import CardFeatures
from churn_torch.models.scorecard.wide_features import WideFeatures
from churn_torch.tables.schema import Schema
from churn_torch.training.callbacks import BestWeights, EpochProgress, LastCheckpoint, Watched
from churn_torch.training.logistic.exact_module import ExactModule
from churn_torch.training.module import ChurnModule, FitModule

# Epochs of `trainer.max_epochs=auto`: enough steps for a small table, enough passes for a large.
AUTO_EPOCHS = 10
AUTO_STEPS = 400
# Most steps of an epoch under `batch_size=auto`.
MOST_STEPS = 512

SOLVER = "churn_torch.training.logistic.exact_module.ExactSolver"
SCORECARD = "churn_torch.models.nets.scorecard.Scorecard"
# The features of nets that have a scorecard in them; all others have those of `Preprocess`.
CARD_FEATURES: dict[str, type[Preprocess]] = {
    SCORECARD: CardFeatures,
    "churn_torch.models.nets.wide_deep.WideDeep": WideFeatures,
}


def is_exact(config: DictConfig) -> bool:
    """Tell whether the optimizer solves for the optimum instead of descending towards it."""
    return bool(config.optimizer._target_ == SOLVER)


def with_sizes(config: DictConfig, n_train: int) -> DictConfig:
    """Return the configuration with every ``auto`` made a number for the table.

    ``batch_size=auto`` doubles ``smallest_batch`` until an epoch has at most 512 steps, and
    multiplies the learning rate by the square root of the growth (Malladi et al. 2022, "On the
    SDEs and scaling rules for adaptive gradient algorithms"). ``batch_size=null`` takes all rows.

    Raises:
        InputError: ``max_epochs`` or a batch size is not a number above 0 or its word.
    """
    config = config.copy()
    smallest = config.smallest_batch
    if not _is_count(smallest):
        raise InputError(f"smallest_batch: expected a whole number above 0, got {smallest!r}.")
    if config.batch_size == "auto":
        size = smallest
        while n_train > MOST_STEPS * size:
            size *= 2
        config.batch_size = size
        if not is_exact(config):
            config.optimizer.lr *= math.sqrt(size / smallest)
    elif config.batch_size is None:
        config.batch_size = n_train
    if not _is_count(config.batch_size):
        raise InputError(
            "batch_size: expected a whole number above 0, auto, or null (all rows), got "
            f"{config.batch_size!r}."
        )
    epochs = config.trainer.max_epochs
    if epochs == "auto":
        n_batches = math.ceil(n_train / config.batch_size)
        config.trainer.max_epochs = max(AUTO_EPOCHS, math.ceil(AUTO_STEPS / n_batches))
    elif not _is_count(epochs):
        raise InputError(
            f"trainer.max_epochs: expected a whole number above 0 or auto, got {epochs!r}."
        )
    return config


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def build_options(config: DictConfig) -> PreprocessOptions:
    """Return the preprocessing options of a configuration.

    Raises:
        InputError: An option is out of range.
    """
    options: Any = OmegaConf.to_container(config.preprocess, resolve=True)
    quantiles = options["quantiles"]
    if len(quantiles) != 2 or not all(isinstance(value, int | float) for value in quantiles):
        raise InputError(
            f"preprocess.quantiles: expected two numbers such as [0.01,0.99], got {quantiles}."
        )
    return PreprocessOptions(**{**options, "quantiles": tuple(quantiles)})


def card_options(config: DictConfig) -> CardOptions | None:
    """Return how fine the scorecard is that a configuration asks for, None for other models.

    Raises:
        InputError: An option is out of range.
    """
    model = config.model
    if model._target_ not in CARD_FEATURES:
        return None
    if config.preprocess.bins and model._target_ == SCORECARD:
        raise InputError(
            f"preprocess.bins: expected 0 with model=scorecard, got {config.preprocess.bins}: a "
            "scorecard cuts numbers itself; set model.bins."
        )
    return CardOptions(bins=model.bins, pair_bins=model.pair_bins, pairs=model.pairs)


def build_preprocess(config: DictConfig, schema: Schema) -> Preprocess:
    """Return the features of a model, whose statistics are still to be loaded."""
    features = CARD_FEATURES.get(config.model._target_, Preprocess)
    return features(schema, build_options(config))


def build_scorer(config: DictConfig, schema: Schema) -> Scorer:
    """Return an untrained scorer whose sizes come from the completed schema alone.

    With ``cv.average`` it is the mean of as many nets as there are folds, each calibrated.
    """
    preprocess = build_preprocess(config, schema)
    make = instantiate(config.model)
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
        nets = [make(**sizes) for _ in range(config.ensemble)]
        return nets[0] if len(nets) == 1 else Ensemble(nets)

    if not config.cv.average:
        return Scorer(preprocess, net(), instantiate(config.calibration))
    n_folds = config.cv.folds * config.cv.repeats
    members = [Fold(net(), instantiate(config.calibration)) for _ in range(n_folds)]
    return Scorer(preprocess, Ensemble(members), Calibrator())


def build_module(
    config: DictConfig, scorer: Scorer, *, n_negative: float, n_positive: float, n_threads: int
) -> FitModule:
    """Return the Lightning module around a scorer.

    Args:
        config: The composed configuration.
        scorer: The scorer; its net is to be trained.
        n_negative: Training rows that stay, counted by their weights.
        n_positive: Churners among the training rows, counted by their weights.
        n_threads: Threads that it may take.

    Raises:
        InputError: ``class_weight`` is none of its choices, or a penalty does not suit the
            optimizer.
    """
    weight = positive_weight(config.class_weight, n_negative, n_positive)
    l2: Any = OmegaConf.to_container(config.penalty)["l2"]  # type: ignore[index, call-overload]
    strengths = l2 if isinstance(l2, list) else [l2]
    if not all(isinstance(s, int | float) and not isinstance(s, bool) for s in strengths):
        raise InputError(f"penalty.l2: expected a number or a list of numbers, got {l2!r}.")
    if is_exact(config):
        return ExactModule(
            scorer,
            optimizer=instantiate(config.optimizer),
            l1=config.penalty.l1,
            l2=strengths,
            folds=config.penalty.folds,
            positive_weight=weight,
            n_threads=n_threads,
        )
    if isinstance(l2, list):
        raise InputError(
            f"penalty.l2: expected a number, got {l2}; a list is for optimizer=newton or lbfgs, "
            "which solve for all of them side by side."
        )
    return ChurnModule(
        scorer,
        optimizer=instantiate(config.optimizer),
        scheduler=instantiate(config.scheduler) if config.scheduler._target_ else None,
        l1=config.penalty.l1,
        l2=l2,
        positive_weight=weight,
        gradient_clip=config.gradient_clip,
        ema_decay=config.ema_decay,
        compiled=config.compile,
        seed=config.seed,
    )


def build_trainer(
    config: DictConfig, folder: Path | None, fingerprint: str, watched: Watched | None = None
) -> pl.Trainer:
    """Return a Lightning trainer that keeps the best weights and a checkpoint in ``folder``.

    Without a folder it leaves nothing behind and shows nothing. ``watched`` sees every epoch.
    """
    chosen = [instantiate(callback) for callback in (config.callbacks or {}).values()]
    if is_exact(config):  # it knows itself when to stop, and its last weights are the best
        callbacks = [c for c in chosen if not isinstance(c, EarlyStopping)]
    else:
        callbacks = [BestWeights(), *chosen]
    if watched is not None:
        callbacks.append(watched)
    if folder is None:
        return instantiate(  # type: ignore[no-any-return]
            config.trainer,
            callbacks=[c for c in callbacks if not isinstance(c, EpochProgress)],
            logger=False,
            enable_checkpointing=False,
        )
    if config.trainer.enable_checkpointing:
        callbacks.append(LastCheckpoint(folder, fingerprint))
    loggers = [instantiate(logger, save_dir=folder) for logger in (config.logger or {}).values()]
    for logger in loggers:
        logger.log_hyperparams(OmegaConf.to_container(config, resolve=True))
    trainer: pl.Trainer = instantiate(
        config.trainer,
        callbacks=callbacks,
        logger=loggers or False,
        default_root_dir=folder,
    )
    return trainer


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
