"""The order of a study: many fits judged on validation, then one run of the best."""

from __future__ import annotations

import contextlib
import logging
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from omegaconf import DictConfig

from churn_torch.console import LiveTable, log, logged, show
from churn_torch.errors import InputError
from churn_torch.report.trials import importance_table, trials_table, values_text
from churn_torch.tables.labelled.read import located
from churn_torch.tables.labelled.rows import LabelledTable
from churn_torch.training.process_state import alone, one_thread
from churn_torch.whole_files import naming, write_text
from churn_torch.workflows.configuration.check_config import check_study
from churn_torch.workflows.configuration.event_choices import check_events, with_event_columns
from churn_torch.workflows.configuration.options import train_options
from churn_torch.workflows.configuration.typed_config import plain_config, read_options
from churn_torch.workflows.csv_tables import csv_text
from churn_torch.workflows.fit import prepared, selected
from churn_torch.workflows.measurement.suspicions import warn_of_leakage
from churn_torch.workflows.rows.row_counts import watched
from churn_torch.workflows.runs.run_folder import Run
from churn_torch.workflows.runs.study_folder import rows_of_study, study_folder
from churn_torch.workflows.train import read_table, train
from churn_torch.workflows.trial import failure_reason, fit_trial

if TYPE_CHECKING:
    from churn_torch.tuning.study import Study

TRIALS = "trials.csv"
IMPORTANCE = "importance.csv"
LOG = "tune.log"
SHOWN, SHOWN_LIVE = 10, 5  # trials in the table at the end, and while it moves


@dataclass(frozen=True, kw_only=True)
class StudyOptions:
    """The keys of ``tune`` in conf/tune.yaml.

    Attributes:
        target: The class of the model that the search space is for.
        space: Ranges by key.
        study: The folder of the study; None is a new one.
        trials: How many in all.
        minutes: No trial starts after so many.
        prune_after: Epochs that a trial may take before it is compared.
    """

    target: str
    space: Mapping[str, Any]
    study: str | None = None
    trials: int = 40
    minutes: float | None = None
    prune_after: int | None = 10

    def __post_init__(self) -> None:
        """Refuse a budget or a name that cannot be used."""
        if self.trials < 1:
            raise InputError("tune.trials", expected="a whole number from 1", got=str(self.trials))
        if self.prune_after is not None and self.prune_after < 0:
            raise InputError(
                "tune.prune_after", expected="a whole number from 0", got=str(self.prune_after)
            )
        if self.minutes is not None and not self.minutes > 0:
            raise InputError(
                "tune.minutes", expected="a number above 0 or null", got=repr(self.minutes)
            )
        if self.study is not None and not re.fullmatch(r"\w[\w.-]*", self.study):
            raise InputError(
                "tune.study",
                expected="a name of letters, digits, dots and dashes",
                got=repr(self.study),
                fix="it becomes a folder",
            )


@alone()
def tune(
    config: DictConfig | Mapping[str, Any],
    new_folder: Callable[[], Path],
    *,
    source: Any = None,
) -> Run | None:
    """Search for better values of a training, then train and export with the best.

    Trials see the training rows and are judged by the validation log-loss; the test rows are
    looked at once, by the run at the end. Several processes may work on one study.

    Args:
        config: The composed configuration (conf/tune.yaml).
        new_folder: Gives the folder of that run when it is time.
        source: As for `churn_torch.train`.

    Returns:
        The run of the best values; None where another process trains it.

    Raises:
        InputError: A choice, the table or the study cannot be used, or no trial has finished.
        KeyboardInterrupt: The user has stopped it; the study can go on.
    """
    try:
        from churn_torch.tuning import space as spaces
        from churn_torch.tuning.study import TRIALS_TO_COMPARE, Study
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("churn_torch"):
            raise
        raise InputError(
            "tune",
            expected="the packages of the extra [tune]",
            got=f"none called {error.name!r}",
            fix="install them with pip install 'churn-torch[tune]'",
        ) from error
    content = plain_config(config)
    budget = read_options(StudyOptions, content.pop("tune"), "tune.")
    given = with_event_columns(content)
    options = train_options(given)
    check_study(options, budget.target)
    check_events(options, source)
    if options.learns_survival:  # the net that it wraps is tuned
        budget = replace(budget, space=spaces.of_wrapped_net(budget.space))
    space = spaces.read_space(budget.space, given)
    first = spaces.current_values(given, space)
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    if source is not None:
        source = located(source)  # a stream can be read once, and the best model needs it again
    with (
        study_folder(options.outputs, budget.study) as folder,
        naming(folder),
        rows_of_study(given, folder) as choices,
    ):
        options = train_options(choices)
        table = read_table(options, source)
        if table.streamed:  # its fingerprint, and what leaks, are known after a pass
            for _ in watched(table.chunks(), table, "Reading"):
                pass
        if options.leakage == "error":  # or the last training would refuse it
            warn_of_leakage(table, options, source=source)
        with contextlib.ExitStack() as opening:
            # First: where the log cannot be written, the journal is as before.
            opening.enter_context(logged(folder / LOG))
            study = Study(
                folder,
                space=space,
                first=first,
                fingerprint=table.fingerprint,
                # Of two that differ the first is named, and other keys follow from the events.
                choices=spaces.deciding_choices({"events": None, **choices}),
                seed=options.seed,
                prune_after=budget.prune_after,
            )
            opening.callback(study.close)
            opened = opening.pop_all()
    name, n_trials = study.folder.name, budget.trials
    with naming(folder), opened, contextlib.ExitStack() as stack:
        if (done := study.run_of(n_trials)) is not None:
            raise InputError(
                "tune.trials",
                expected=f"more than the {n_trials} trials that study {name!r} has",
                got=str(n_trials),
                fix=f"raise it to go on (the best model is in {done})",
            )
        show(f"{'Study' if study.is_new else 'Going on with study'} {name}: {folder}")
        stack.enter_context(_told_how_to_go_on(study))
        with one_thread() as n_threads:
            _search(choices, budget, study, table, n_threads)
        _write(study)
        show(trials_table(study.rows(), at_most=SHOWN))
        if not study.claim():
            show("Other processes are still at it; the last one trains the best model.")
            return None
        best = study.best()
        importance = study.importance()
        few = f"The importance of the keys is shown from {TRIALS_TO_COMPARE} different trials on."
        show(importance_table(importance) if importance else few)
        show(_gain(study.rows(), best.number))
        folder = new_folder()
        with logged(folder / "train.log"):
            # A journal could hold other keys than those of the space.
            values = {key: value for key, value in best.params.items() if key in space}
            rows = study.folder if options.events else None
            run = train(spaces.with_values(given, values), folder, source=source, event_rows=rows)
        study.note_run(folder)
        _write(study)  # once more: another process may have written before the last trial ended
        show(f"Study folder: {study.folder}")
    return run


@contextlib.contextmanager
def _told_how_to_go_on(study: Study) -> Iterator[None]:
    """Name the key that goes on with a study that is interrupted, or finds the disk full."""
    try:
        yield
    except (KeyboardInterrupt, OSError):
        with contextlib.suppress(OSError):
            _write(study)
        show(f"Stopped; go on with tune.study={study.folder.name}.")
        raise


def _search(
    choices: Mapping[str, Any],
    budget: StudyOptions,
    study: Study,
    table: LabelledTable,
    n_threads: int,
) -> None:
    """Run trials until there are enough, or the time is up."""
    from churn_torch.tuning.space import prepares_anew

    options = train_options(choices)
    minutes = budget.minutes
    deadline = math.inf if minutes is None else time.monotonic() + 60 * minutes
    with contextlib.ExitStack() as stack:
        shared = None
        if not prepares_anew(study.space):
            scratch = study.process.scratch
            chosen, _ = selected(options, table, scratch, n_threads=n_threads, announce=show)
            shared = stack.enter_context(prepared(options, scratch, chosen, show))
        board = stack.enter_context(
            LiveTable(lambda: trials_table(study.rows(), at_most=SHOWN_LIVE))
        )
        while time.monotonic() < deadline:
            trial = study.next(budget.trials)
            if trial is None:
                break
            try:
                fit_trial(
                    choices,
                    trial,
                    study,
                    table,
                    shared,
                    n_threads=n_threads,
                    refresh=board.refresh,
                )
            except KeyboardInterrupt:
                study.put_back(trial)
                raise
            except OSError:  # the disk: neither can the next trial be recorded
                raise
            except Exception as error:
                study.fail(trial, failure_reason(error))
            _tell(study.rows()[trial.number], board)


def _tell(row: Mapping[str, Any], board: LiveTable) -> None:
    """Tell how a trial has ended: in the table that is there, or else by a line."""
    loss = "" if row["log_loss"] is None else f" {row['log_loss']:.4f}"
    note = f" ({row['note']})" if row["note"] else ""
    line = f"Trial {row['trial']} {row['state']}{loss}{note}: {values_text(row)}"
    if board.is_shown:
        log.info(line)
        board.refresh()
    else:
        show(line)


def _gain(rows: Sequence[Mapping[str, Any]], best: int) -> str:
    """Say how much better the best trial is than the choices as they were given."""
    loss = rows[best]["log_loss"]
    firsts = [row for row in rows if row["state"] == "finished" and row["note"]]
    before = f"; the choices as given {firsts[0]['log_loss']:.4f}" if firsts else ""
    return (
        f"Trial {best} is the best, validation log-loss {loss:.4f}{before}. The best of many "
        "trials looks better on these rows than it is; the test below is unbiased. Trained again "
        f"with {values_text(rows[best])}:"
    )


def _write(study: Study) -> None:
    """Write the trials as CSV, and the importance of the keys where it can be said."""
    # A trial that was cut short has no number of epochs; that of the others stays a whole one.
    tables = {TRIALS: pd.DataFrame(study.rows()).astype({"epochs": "Int64"})}
    if importance := study.importance():
        tables[IMPORTANCE] = pd.DataFrame(importance.items(), columns=["key", "importance"])
    for name, table in tables.items():
        write_text(study.folder / name, csv_text(table))
