"""Build Lightning's trainer with its callbacks and loggers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, EarlyStopping
from pytorch_lightning.loggers import CSVLogger, Logger, TensorBoardLogger

from churn_torch.errors import InputError, suggest, without_secrets
from churn_torch.training.callbacks import AfterEpoch, BestWeights, EpochProgress, LastCheckpoint
from churn_torch.training.mlflow_logger import MlflowLogger
from churn_torch.training.module import MONITOR
from churn_torch.training.optimizer_choice import is_exact
from churn_torch.training.options import FitOptions
from churn_torch.training.strategy import SummedProcesses

LOGGERS = ("csv", "tensorboard", "mlflow")


def build_trainer(
    options: FitOptions,
    folder: Path | None,
    fingerprint: str,
    *,
    after_epoch: Callable[[int, float], bool] | None = None,
    described: Mapping[str, Any] | None = None,
    monitor: str = MONITOR,
) -> pl.Trainer:
    """Return a Lightning trainer that keeps the best weights and a checkpoint in ``folder``.

    Args:
        options: Without any ``auto`` (`with_sizes`).
        folder: For the checkpoint and the loggers; None writes nothing and shows nothing.
        fingerprint: Identifies the data in the checkpoint.
        after_epoch: Called with each epoch and its validation loss; True stops the fit.
        described: The choices, for the loggers.
        monitor: The validation loss by which early stopping goes.

    Raises:
        InputError: The trainer or a logger cannot be made.
    """
    callbacks: list[Callback] = []
    # An exact solver stops by itself, and its last weights are the best.
    if not is_exact(options):
        callbacks.append(BestWeights())
        if (early := options.callbacks.early_stopping) is not None:
            callbacks.append(
                EarlyStopping(
                    monitor=monitor,
                    mode="min",
                    patience=options.patience,
                    min_delta=early.min_delta,
                )
            )
    if options.callbacks.progress and folder is not None:
        callbacks.append(EpochProgress())
    if after_epoch is not None:
        callbacks.append(AfterEpoch(after_epoch))
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
            logger.log_hyperparams(_logged(dict(described or {})))
        keywords |= {"logger": loggers or False, "default_root_dir": folder}
    try:
        trainer = pl.Trainer(callbacks=callbacks, **keywords)
    except Exception as error:  # Lightning's own classes share no base but Exception
        reason = _in_one_line(error)
        is_gpu = re.search("gpu|cuda", reason, re.IGNORECASE)
        raise InputError(
            "trainer",
            expected="values that Lightning's trainer takes",
            got=f"its error: {reason}",
            fix="choose trainer=cpu or trainer=auto" if is_gpu else "see the keys in conf/trainer/",
        ) from error
    if options.trainer.strategy == "auto" and (n := trainer.num_devices * trainer.num_nodes) > 1:
        # Lightning would start the caller's script again for each of them.
        raise InputError(
            "trainer.strategy",
            expected="ddp for several devices",
            got="auto",
            fix=f"choose trainer=ddp trainer.devices={n}, or leave trainer.devices out",
        )
    return trainer


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
            f"logger.{name}",
            expected="the packages that it needs",
            got=str(error),
            fix=f"install them with pip install 'churn-torch[{name}]'",
        ) from error
    except Exception as error:  # a store that cannot be opened raises the classes of its database
        raise InputError(
            f"logger.{name}",
            expected="values that the logger takes",
            got=f"its error: {_in_one_line(error)}",
            fix="see the keys in conf/logger/",
        ) from error
    raise InputError(
        "logger",
        expected=f"one of {', '.join(LOGGERS)}",
        got=f"{name!r}{suggest(name, LOGGERS)}",
        fix="see conf/logger/",
    )


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".!")


def _logged(content: Any) -> Any:
    """Return choices as loggers get them: they may send them to a server that others read."""
    if isinstance(content, Mapping):
        return {name: _logged(value) for name, value in content.items()}
    if isinstance(content, list):
        return [*map(_logged, content)]
    return without_secrets(content) if isinstance(content, str) else content
