"""One fit of a scorer's net: the rows, the module and the trainer brought together."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from rich.console import Group, RenderableType
from torch.multiprocessing.spawn import ProcessExitedException

from churn_torch.errors import InputError, first_line, lack_of_memory
from churn_torch.models.scorer import Scorer
from churn_torch.tables.labelled.weights import Weights
from churn_torch.training.build import build_module
from churn_torch.training.logistic.exact_module import ExactModule
from churn_torch.training.logistic.person_periods import PersonPeriods
from churn_torch.training.mlflow_logger import MlflowLogger
from churn_torch.training.module import FitModule
from churn_torch.training.optimizer_choice import is_exact, with_optimizer
from churn_torch.training.options import FitOptions
from churn_torch.training.profit_module import ProfitModule, payoff_scale
from churn_torch.training.rows.batches import spread_sample
from churn_torch.training.rows.datamodule import ChurnDataModule
from churn_torch.training.rows.materialize import Store
from churn_torch.training.rows.store import MemoryPart, Part
from churn_torch.training.sizes import with_sizes
from churn_torch.training.strategy import unguarded_script
from churn_torch.training.survival_module import start_baseline
from churn_torch.training.trainer import build_trainer

# Numbers in a step of gradient descent from which torch's own threads are faster than one.
LARGE_STEP = 1_000_000
# What Lightning reads from a checkpoint.
CHECKPOINT_KEYS = {"epoch", "state_dict", "optimizer_states", "loops", "callbacks"}


def fit_net(
    options: FitOptions,
    folder: Path | None,
    scorer: Scorer,
    store: Store,
    *,
    class_weights: Weights,
    fingerprint: str,
    checkpoint: Path | None,
    n_threads: int,
    announce: Callable[[RenderableType], None],
    after_epoch: Callable[[int, float], bool] | None = None,
    described: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Fit the scorer's net on the training rows, with early stopping on the validation rows.

    With ``loss=profit`` it is fitted by cross-entropy first, as expected profit has local optima.

    Args:
        options: How to fit.
        folder: The run folder, for the checkpoint and the loggers; None writes nothing.
        scorer: Its net ends with the best weights.
        store: The rows of every part.
        class_weights: Sums of the weights of the training rows without and with churn.
        fingerprint: Identifies the data; a checkpoint of other data is refused.
        checkpoint: Where to continue from.
        n_threads: Threads that the fit may use.
        announce: Shows the profiler's summary to the user.
        after_epoch: Called with each epoch and its validation loss; True stops the fit.
        described: The choices, for the loggers.

    Returns:
        Epochs, best epoch, batch size and the loss curve; under ``exact`` how an exact solver
        ended; under ``validation_profit`` the expected profit a validation customer at the best
        epoch of ``loss=profit``; under ``mlflow_run`` the id of the run in MLflow.

    Raises:
        InputError: A choice or the checkpoint cannot be used, or the loss is not finite.
        KeyboardInterrupt: The user has stopped it.
    """
    payoffs = None
    if options.loss == "profit":
        payoffs = payoff_scale(store.parts["train"])
        if checkpoint is None:
            fit_net(
                replace(options, loss="cross_entropy"), None, scorer, store,
                class_weights=class_weights, fingerprint=fingerprint, checkpoint=None,
                n_threads=n_threads, announce=announce,
            )  # fmt: skip
    train, class_weights = _training_rows(options, store, class_weights)
    options = with_optimizer(options, scorer.preprocess.n_features)
    options = with_sizes(options, train.n_rows)
    if scorer.hazard is not None:
        start_baseline(scorer.hazard, train)
    module = build_module(
        options,
        scorer,
        n_negative=class_weights[0],
        n_positive=class_weights[1],
        n_threads=n_threads,
        payoffs=payoffs,
    )
    assert isinstance(options.batch_size, int)
    exact, batch_size = is_exact(options), min(options.batch_size, train.n_rows)
    data = ChurnDataModule(
        train,
        store.parts["validation"],
        batch_size=None if exact else batch_size,
        seed=options.seed,
    )
    trainer = build_trainer(
        options,
        folder,
        fingerprint,
        after_epoch=after_epoch,
        described=described,
        monitor=module.monitor,
    )
    if checkpoint is not None:
        _check_checkpoint(checkpoint)
    # The exact solvers open threads of their own, and need every digit of float32.
    large = not exact and batch_size * scorer.preprocess.n_features >= LARGE_STEP
    precision = "highest" if exact else options.matmul_precision
    with _arithmetic(n_threads if large else 1, precision):
        handler = signal.getsignal(signal.SIGINT)
        try:
            trainer.fit(module, data, ckpt_path=checkpoint, weights_only=True)
        except SystemExit:  # Lightning's answer to Ctrl-C; it leaves a handler that ignores another
            signal.signal(signal.SIGINT, handler)
            raise KeyboardInterrupt from None
        except _OF_DAMAGE as error:
            # Names and shapes of a checkpoint are met in many places, some after an epoch.
            if checkpoint is None or isinstance(error, InputError) or lack_of_memory(error):
                raise
            raise _damaged_checkpoint(
                checkpoint, f"{type(error).__name__}: {first_line(error)}"
            ) from error
        except ProcessExitedException as error:
            if error.exit_code != 1:
                raise
            raise unguarded_script() from None
    if options.trainer.profiler:
        summary = trainer.profiler.summary()  # type: ignore[attr-defined]
        announce(Group(*summary.expandtabs().splitlines()))
    return _record(module, trainer, None if exact else batch_size)


def _training_rows(
    options: FitOptions, store: Store, class_weights: Weights
) -> tuple[Part, Weights]:
    """Return the training rows, or the ``train_rows`` of them, and the weights of the classes."""
    train = store.parts["train"]
    if options.train_rows is None:
        return train, class_weights
    rows = spread_sample(train, options.train_rows)
    counted = rows.label if rows.weight is None else rows.label[rows.weight > 0]
    n_positive = int(counted.sum())
    if n_positive in (0, len(counted)):
        raise InputError(
            "train_rows",
            expected="rows of both classes",
            got=f"{n_positive} churners in {len(counted)}",
            fix="raise it",
        )
    if rows.weight is None:
        return MemoryPart(rows), np.array([len(counted) - n_positive, n_positive], dtype=np.float64)
    weight = rows.weight / rows.weight.mean()
    sums = np.bincount(rows.label.int().numpy(), weights=weight.numpy(), minlength=2)
    return MemoryPart(rows._replace(weight=weight)), sums.astype(np.float64)


# What Lightning and torch raise where a checkpoint does not hold what they wrote.
_OF_DAMAGE = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError),
    ValueError,
)


def _check_checkpoint(path: Path) -> None:
    """Check that a checkpoint can be read without running code from it.

    Raises:
        InputError: It is damaged, or holds objects besides tensors and plain values.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        missing = CHECKPOINT_KEYS - content.keys()
        reason = f"no {min(missing)}" if missing else None
    except OSError:
        raise
    except Exception as error:  # a damaged file raises errors of many classes
        reason = f"the error {type(error).__name__}"
    if reason is not None:
        raise _damaged_checkpoint(path, reason)


def _damaged_checkpoint(path: Path, reason: str) -> InputError:
    return InputError(
        "resume",
        expected=f"a whole checkpoint of tensors and plain values in {str(path)!r}",
        got=reason,
        fix="start a new run; a checkpoint with other objects could run code",
    )


def _record(module: FitModule, trainer: pl.Trainer, batch_size: int | None) -> dict[str, Any]:
    """Return what is kept of a fit."""
    losses = module.validation_losses
    fit: dict[str, Any] = {
        "epochs": len(losses),
        "best_epoch": 1 + losses.index(min(losses)),
        "batch_size": batch_size,
        "history": module.history,
    }
    if isinstance(module, ExactModule | PersonPeriods):
        fit["exact"] = module.outcome
    if isinstance(module, ProfitModule):
        fit["validation_profit"] = -min(losses) * module.scale.size
    for logger in trainer.loggers:
        if isinstance(logger, MlflowLogger):
            fit["mlflow_run"] = logger.run_id
    return fit


@contextlib.contextmanager
def _arithmetic(n_threads: int, matmul_precision: str) -> Iterator[None]:
    """Set torch's threads and the precision of matrix products for a fit, then restore them."""
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(n_threads)
    torch.set_float32_matmul_precision(matmul_precision)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(precision)
