"""Callbacks of a fit: best weights, checkpoint, progress bar, a function after each epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, Checkpoint
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from churn_torch.errors import InputError
from churn_torch.training.module import FitModule
from churn_torch.whole_files import whole_file

CHECKPOINT = "last.ckpt"
# Least time between two checkpoints: an epoch of a small table is faster than writing one.
PAUSE_SECONDS = 5.0


class BestWeights(Callback):
    """Restore the net's weights of the epoch with the lowest validation loss.

    Raises:
        InputError: The loss is not a finite number, as when the learning rate is too high.
    """

    def __init__(self) -> None:
        self.loss = math.inf
        self.epoch = -1
        self.weights: dict[str, torch.Tensor] = {}

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Copy the weights when they are the best so far."""
        assert isinstance(pl_module, FitModule)
        loss, name = _validation_loss(trainer, pl_module)
        if not math.isfinite(loss):
            raise InputError(
                "training",
                expected=f"a finite {name}",
                got=f"{loss} in epoch {trainer.current_epoch}",
                fix="lower optimizer.lr or set preprocess.outliers=quantile",
            )
        if loss < self.loss:
            self.loss, self.epoch = loss, trainer.current_epoch
            state = pl_module.kept_net.state_dict()
            self.weights = {name: tensor.detach().clone() for name, tensor in state.items()}

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Restore the best weights, also if a resumed run has no epoch left to train."""
        assert isinstance(pl_module, FitModule)
        if self.weights:
            pl_module.scorer.learner.load_state_dict(self.weights)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint needs."""
        return {"loss": self.loss, "epoch": self.epoch, "weights": self.weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore from a checkpoint."""
        self.loss, self.epoch = state_dict["loss"], state_dict["epoch"]
        self.weights = state_dict["weights"]


class LastCheckpoint(Checkpoint):
    """Write ``last.ckpt`` after the first and the last epoch, and from time to time between.

    The file is replaced as a whole or not at all. Lightning calls a `Checkpoint` after the module
    and all other callbacks, so it saves the state at the end of an epoch.

    Args:
        folder: The run folder.
        fingerprint: Of the training data; a checkpoint of other data is refused.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.path = folder / CHECKPOINT
        self.fingerprint = fingerprint
        self.written = -math.inf

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop a resumed run that had already run out of patience."""
        for callback in trainer.early_stopping_callbacks:
            if callback.wait_count >= callback.patience:
                trainer.should_stop = True

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save after everything else of the epoch is done."""
        is_last = trainer.should_stop or trainer.current_epoch + 1 == trainer.max_epochs
        is_due = is_last or time.monotonic() - self.written >= PAUSE_SECONDS
        # The processes' clocks differ, and all of them must save together.
        if trainer.strategy.reduce_boolean_decision(is_due, all=False):
            self._write(trainer)

    def _write(self, trainer: pl.Trainer) -> None:
        if trainer.is_global_zero:
            with whole_file(self.path) as temporary:
                trainer.save_checkpoint(temporary, weights_only=False)
        else:  # writes nothing, but takes part
            trainer.save_checkpoint(self.path, weights_only=False)
        self.written = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint needs."""
        return {"fingerprint": self.fingerprint}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Check that the checkpoint belongs to this data."""
        if state_dict["fingerprint"] != self.fingerprint:
            raise InputError(
                "resume",
                expected=f"the data of the first start (fingerprint {state_dict['fingerprint']})",
                got=str(self.fingerprint),
                fix="the source has changed, so start a new run",
            )


class AfterEpoch(Callback):
    """Call a function after each epoch; it may stop the fit.

    Args:
        function: Takes the epoch, from 0, and its validation loss; returns whether to stop.
    """

    def __init__(self, function: Callable[[int, float], bool]) -> None:
        self.function = function

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Call the function."""
        if self.function(trainer.current_epoch, _validation_loss(trainer, pl_module)[0]):
            trainer.should_stop = True


class EpochProgress(Callback):
    """A progress bar over the epochs with the latest loss; nothing without a terminal."""

    def __init__(self) -> None:
        self.progress: Progress | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Open the bar."""
        if not trainer.is_global_zero or not Console().is_terminal:
            return
        self.progress = Progress(
            TextColumn("Training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("epochs"),
            TextColumn("{task.fields[losses]}"),
            TimeRemainingColumn(),
        )
        self.progress.start()
        done = trainer.current_epoch
        self.task = self.progress.add_task("", total=trainer.max_epochs, completed=done, losses="")

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Advance the bar."""
        if self.progress is not None:
            loss, name = _validation_loss(trainer, pl_module)
            self.progress.update(self.task, advance=1, losses=f"{name} {loss:.4f}")

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Close the bar, also after an early stop."""
        if self.progress is not None:
            self.progress.stop()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Close the bar."""
        if self.progress is not None:
            self.progress.stop()


def _validation_loss(trainer: pl.Trainer, module: pl.LightningModule) -> tuple[float, str]:
    """Return the latest validation loss and its name for people, such as validation log-loss."""
    assert isinstance(module, FitModule)
    loss = float(trainer.callback_metrics[module.monitor])
    return loss, module.monitor.replace("/", " ").replace("_", "-")
