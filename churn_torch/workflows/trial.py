"""One trial of a study: a fit without a folder, judged on the validation rows."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl

from churn_torch.console import quietly, show
from churn_torch.errors import InputError
from churn_torch.tables.labelled.rows import LabelledTable
from churn_torch.training.fit import fit_net
from churn_torch.training.optimizer_choice import is_exact, with_optimizer
from churn_torch.workflows.configuration.options import train_options
from churn_torch.workflows.fit import Prepared, new_scorer, prepared, selected

if TYPE_CHECKING:
    from optuna.trial import Trial

    from churn_torch.tuning.study import Study


def fit_trial(
    choices: Mapping[str, Any],
    trial: Trial,
    study: Study,
    table: LabelledTable,
    shared: Prepared | None,
    *,
    n_threads: int,
    refresh: Callable[[], None],
) -> None:
    """Fit with a trial's values and record its validation log-loss, or that it was pruned.

    Args:
        choices: Every choice of a training, plain values.
        trial: Its values take the place of theirs.
        study: Records the outcome.
        table: Read and split.
        shared: The rows as the net sees them, where all trials share them.
        n_threads: Threads that it may take.
        refresh: Called after each epoch.

    Raises:
        InputError: A value cannot be used.
    """
    from churn_torch.tuning.space import with_values

    options = train_options(with_values(choices, trial.params))
    pruned = False

    def watch(epoch: int, log_loss: float) -> bool:
        nonlocal pruned
        trial.report(log_loss, epoch)
        pruned = trial.should_prune()
        refresh()
        return pruned

    pl.seed_everything(options.seed, workers=True, verbose=False)
    with contextlib.ExitStack() as stack:
        if shared is None:
            scratch = study.process.scratch
            chosen, _ = selected(options, table, scratch, n_threads=n_threads, announce=quietly)
            shared = stack.enter_context(prepared(options, scratch, chosen, quietly))
        schema, statistics, store = shared
        scorer = new_scorer(options, schema, statistics)
        exact = is_exact(with_optimizer(options, scorer.preprocess.n_features))
        fit = fit_net(
            options,
            None,
            scorer.train(),
            store,
            class_weights=table.weight_by_class["train"],
            fingerprint=table.fingerprint,
            checkpoint=None,
            n_threads=n_threads,
            announce=show,
            after_epoch=None if exact else watch,
        )
    if pruned:
        study.prune(trial)
        return
    losses = [epoch["validation_log_loss"] for epoch in fit["history"]]
    # Of gradient descent the best weights are kept, of an exact solver those at the optimum.
    study.finish(trial, losses[-1] if exact else min(losses), fit["epochs"])


def failure_reason(error: Exception) -> str:
    """Return why a trial failed, in one line."""
    text = " ".join(str(error).split()) or "no reason given"
    return text if isinstance(error, InputError) else f"{type(error).__name__}: {text}"
