"""One fit of a scorer's net: the rows, the module and the trainer brought together."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from churn_torch.errors import InputError
from churn_torch.models.scorer import Scorer
from churn_torch.tables.labelled.weights import Weights
from churn_torch.training.build import build_module, build_trainer, is_exact, with_sizes
from churn_torch.training.callbacks import Watched
from churn_torch.training.logistic.exact_module import ExactModule
from churn_torch.training.mlflow_logger import MlflowLogger
from churn_torch.training.options import FitOptions
from churn_torch.training.rows.batches import spread_sample
from churn_torch.training.rows.datamodule import ChurnDataModule
from churn_torch.training.rows.materialize import Store
from churn_torch.training.rows.store import MemoryPart

# Numbers in a step of gradient descent from which torch's own threads pay.
LARGE_STEP = 1_000_000


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
    announce: Callable[[str], None],
    watched: Watched | None = None,
    described: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Fit the scorer's net on the training rows, watching the validation rows.

    Args:
        options: How to fit.
        folder: The run folder, for the checkpoint and the loggers; None leaves nothing behind.
        scorer: Its net is left with the best weights.
        store: The rows of every part.
        class_weights: Of the training rows, those that stay and the churners, counted by their
            weights.
        fingerprint: Names the data; a checkpoint of other data is refused.
        checkpoint: Where to go on from.
        n_threads: Threads that it may take.
        announce: Tells the user what the profiler has found.
        watched: Sees every epoch, and may stop the fit.
        described: The choices as loggers are to show them.

    Returns:
        Epochs, best epoch, batch size, the loss curve, under ``exact`` how the solver ended, and
        under ``mlflow_run`` the id of the run of MLflow.

    Raises:
        InputError: A choice cannot be used, or the loss is not finite.
        KeyboardInterrupt: The user has stopped it.
    """
    train, validation = store.parts["train"], store.parts["validation"]
    if options.train_rows is not None:
        rows = spread_sample(train, options.train_rows)
        counted = rows.label if rows.weight is None else rows.label[rows.weight > 0]
        n_positive = int(counted.sum())
        if n_positive in (0, len(counted)):
            raise InputError(
                f"train_rows: expected rows of both classes, got {n_positive} churners in "
                f"{len(counted)}; take more."
            )
        class_weights = np.array([len(counted) - n_positive, n_positive], dtype=np.float64)
        if rows.weight is not None:
            weight = rows.weight / rows.weight.mean()
            rows = rows._replace(weight=weight)
            sums = np.bincount(rows.label.int().numpy(), weights=weight.numpy(), minlength=2)
            class_weights = sums.astype(np.float64)
        train = MemoryPart(rows)
    options = with_sizes(options, train.n_rows)
    module = build_module(
        options,
        scorer,
        n_negative=class_weights[0],
        n_positive=class_weights[1],
        n_threads=n_threads,
    )
    exact = is_exact(options)
    assert isinstance(options.batch_size, int)
    batch_size = min(options.batch_size, train.n_rows)
    data = ChurnDataModule(
        train, validation, batch_size=None if exact else batch_size, seed=options.seed
    )
    trainer = build_trainer(options, folder, fingerprint, watched, described=described)
    # The exact solvers open threads of their own, and need every digit of float32.
    large = not exact and batch_size * scorer.preprocess.n_features >= LARGE_STEP
    precision = "highest" if exact else options.matmul_precision
    with _arithmetic(n_threads if large else 1, precision):
        try:
            trainer.fit(module, data, ckpt_path=checkpoint, weights_only=True)
        except SystemExit:  # Lightning's answer to Ctrl-C, after which it is deaf to another
            signal.signal(signal.SIGINT, signal.default_int_handler)
            raise KeyboardInterrupt from None
    if options.trainer.profiler:
        announce(trainer.profiler.summary())  # type: ignore[attr-defined]
    losses = [epoch["validation_log_loss"] for epoch in module.history]
    fit: dict[str, Any] = {
        "epochs": len(losses),
        "best_epoch": 1 + losses.index(min(losses)),
        "batch_size": None if exact else batch_size,
        "history": module.history,
    }
    if isinstance(module, ExactModule):
        fit["exact"] = module.outcome
    for logger in trainer.loggers:
        if isinstance(logger, MlflowLogger):
            fit["mlflow_run"] = logger.run_id
    return fit


@contextlib.contextmanager
def one_thread() -> Iterator[int]:
    """Keep torch to one thread, and give the number it had.

    Its threads wait for each other after every operation: they gain little on rows that go through
    a cache chunk by chunk, and where another process holds a core they slow everything many times
    over. What gains from threads opens its own, or sets torch's for large steps.
    """
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield n_threads
    finally:
        torch.set_num_threads(n_threads)


@contextlib.contextmanager
def _arithmetic(n_threads: int, matmul_precision: str) -> Iterator[None]:
    """Set torch's threads and matrix products for a fit, and set them back."""
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(n_threads)
    torch.set_float32_matmul_precision(matmul_precision)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(precision)
