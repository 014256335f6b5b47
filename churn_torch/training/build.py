"""From configuration to objects: the only place that calls ``hydra.utils.instantiate``."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from churn_torch.errors import InputError
from churn_torch.models.preprocess import Preprocess
from churn_torch.models.scorer import Scorer
from churn_torch.models.statistics import PreprocessOptions
from churn_torch.tables.schema import Schema
from churn_torch.training.callbacks import BestWeights, LastCheckpoint
from churn_torch.training.module import ChurnModule

# Raised inside Lightning 2.6 by torch 2.13 on every fit; nothing a user could do about it.
warnings.filterwarnings("ignore", message=r".*isinstance\(treespec, LeafSpec\)")


# Epochs of `trainer.max_epochs=auto`: enough steps for a small table, enough passes for a large.
AUTO_EPOCHS = 10
AUTO_STEPS = 400


def with_epochs(config: DictConfig, n_train: int) -> DictConfig:
    """Return the configuration with ``trainer.max_epochs=auto`` made a number for the table.

    Raises:
        InputError: ``max_epochs`` is neither ``auto`` nor a whole number above 0.
    """
    epochs = config.trainer.max_epochs
    if isinstance(epochs, int) and epochs > 0:
        return config
    if epochs != "auto":
        raise InputError(
            f"trainer.max_epochs: expected a whole number above 0 or auto, got {epochs!r}."
        )
    n_batches = math.ceil(n_train / (config.batch_size or n_train))
    config = config.copy()
    config.trainer.max_epochs = max(AUTO_EPOCHS, math.ceil(AUTO_STEPS / n_batches))
    return config


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


def build_scorer(config: DictConfig, schema: Schema) -> Scorer:
    """Return an untrained scorer whose sizes come from the completed schema alone."""
    preprocess = Preprocess(schema, build_options(config))
    net = instantiate(config.model)(n_features=preprocess.n_features)
    return Scorer(preprocess, net, instantiate(config.calibration))


def build_module(
    config: DictConfig, scorer: Scorer, *, n_negative: int, n_positive: int
) -> ChurnModule:
    """Return the Lightning module around a scorer.

    Raises:
        InputError: ``class_weight`` is none of its choices.
    """
    return ChurnModule(
        scorer,
        optimizer=instantiate(config.optimizer),
        scheduler=instantiate(config.scheduler) if config.scheduler._target_ else None,
        l1=config.penalty.l1,
        l2=config.penalty.l2,
        positive_weight=_positive_weight(config.class_weight, n_negative, n_positive),
        seed=config.seed,
    )


def build_trainer(config: DictConfig, folder: Path, fingerprint: str) -> pl.Trainer:
    """Return a Lightning trainer that keeps the best weights and a checkpoint in ``folder``."""
    callbacks = [instantiate(callback) for callback in (config.callbacks or {}).values()]
    loggers = [instantiate(logger, save_dir=folder) for logger in (config.logger or {}).values()]
    trainer: pl.Trainer = instantiate(
        config.trainer,
        callbacks=[BestWeights(), *callbacks, LastCheckpoint(folder, fingerprint)],
        logger=loggers or False,
        default_root_dir=folder,
    )
    return trainer


def _positive_weight(class_weight: Any, n_negative: int, n_positive: int) -> float:
    if class_weight in (None, "none"):
        return 1.0
    if class_weight == "balanced":
        return n_negative / n_positive
    is_number = isinstance(class_weight, int | float) and not isinstance(class_weight, bool)
    if is_number and 0 < class_weight < math.inf:
        return float(class_weight)
    raise InputError(
        "class_weight: expected none, balanced or a positive number (the weight of a positive "
        f"row), got {class_weight!r}."
    )
