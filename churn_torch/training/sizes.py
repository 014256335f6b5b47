"""Sizes of a fit that depend on the table: epochs, batch size and learning rate of ``auto``."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from churn_torch.errors import InputError
from churn_torch.training.components import maker_of
from churn_torch.training.optimizer_choice import SOLVER_EPOCHS, is_exact
from churn_torch.training.options import FitOptions

# Epochs of `trainer.max_epochs=auto`: at least so many, and so many steps in all.
AUTO_EPOCHS = 10
AUTO_STEPS = 400
# Most steps of an epoch under `batch_size=auto`.
MOST_STEPS = 512


def with_sizes(options: FitOptions, n_train: int) -> FitOptions:
    """Return the options with every ``auto`` made a number for the table.

    ``batch_size=auto`` doubles ``smallest_batch`` until an epoch has at most 512 steps, and
    multiplies the learning rate by the square root of the growth (Malladi et al. 2022, "On the
    SDEs and scaling rules for adaptive gradient algorithms"). ``batch_size=null`` takes all rows.
    A scheduler's argument ``epochs`` becomes the number of epochs.

    Args:
        options: With an optimizer that is not ``auto`` (`with_optimizer`).
        n_train: Training rows.

    Raises:
        InputError: ``max_epochs`` or a batch size is not a number above 0 or its word.
    """
    smallest, size, optimizer = options.smallest_batch, options.batch_size, options.optimizer
    if not _is_count(smallest):
        raise InputError("smallest_batch", expected="a whole number above 0", got=repr(smallest))
    if size == "auto":
        size = smallest
        while n_train > MOST_STEPS * size:
            size *= 2
        if "lr" in optimizer.arguments:  # the exact solvers have none
            maker_of("optimizer", optimizer)  # refuses a rate that is no number
            lr = optimizer.arguments["lr"] * math.sqrt(size / smallest)
            optimizer = optimizer.updated(lr=lr)
    elif size is None:
        size = n_train
    if not _is_count(size):
        raise InputError(
            "batch_size",
            expected="a whole number above 0, auto, or null (all rows)",
            got=repr(options.batch_size),
        )
    epochs = options.trainer.max_epochs
    if epochs == "auto" and is_exact(options):
        epochs = SOLVER_EPOCHS.get(optimizer.arguments["method"], AUTO_STEPS)
    elif epochs == "auto":
        epochs = max(AUTO_EPOCHS, math.ceil(AUTO_STEPS / math.ceil(n_train / size)))
    elif not _is_count(epochs):
        raise InputError(
            "trainer.max_epochs", expected="a whole number above 0 or auto", got=repr(epochs)
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
