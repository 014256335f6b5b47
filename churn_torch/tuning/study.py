"""A study on disk: its trials are shared by several processes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import distribution_to_json
from optuna.trial import FrozenTrial, Trial, TrialState

from churn_torch.errors import InputError
from churn_torch.tuning.importance import key_importance
from churn_torch.tuning.journal import Process, StudyLock, check_keys, open_study, refuse_damage
from churn_torch.tuning.space import Space, Values

# Trials that must have run before a trial can be pruned.
TRIALS_BEFORE_PRUNING = 5
# How often a trial is run whose process dies.
MOST_ATTEMPTS = 3
# The importance of keys compares the best tenth of the trials with the others.
TRIALS_TO_COMPARE = 10

ORIGIN = "the configuration itself"
ENDED = "its process ended before it did"
STATES = {
    TrialState.COMPLETE: "finished",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}


class Study:
    """An Optuna study in a folder, with a lock that the kernel releases when a process dies.

    Every process that works on the study holds a lock on a file of its own. A running trial whose
    process no longer holds its lock is queued again.

    Args:
        folder: Of the study; created if it does not exist.
        space: The search space.
        first: Values of the first trial.
        fingerprint: Identifies the table.
        choices: Everything else that decides the value of a trial.
        seed: Decides, with the number of a trial, which values are proposed.
        prune_after: Epochs of a trial before it can be pruned; None prunes nothing.

    Raises:
        InputError: The study was started with other choices, is damaged, or stays locked.
    """

    def __init__(
        self,
        folder: Path,
        *,
        space: Space,
        first: Values,
        fingerprint: str,
        choices: Values,
        seed: int,
        prune_after: int | None,
    ) -> None:
        self.folder, self.space, self.first, self.seed = folder, space, first, seed
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = StudyLock(folder)
        self.process = Process(folder)
        with self._lock, contextlib.ExitStack() as left_on_error:
            self.process.enter()
            left_on_error.callback(self.process.leave)
            self._study = open_study(folder, self._lock)
            if prune_after is not None:
                pruner = optuna.pruners.MedianPruner(TRIALS_BEFORE_PRUNING, prune_after)
                self._study.pruner = pruner
            started = {
                "fingerprint": fingerprint,
                "space": {key: distribution_to_json(d) for key, d in space.items()},
                "choices": choices,
            }
            with refuse_damage(folder):
                self._check_start(json.loads(json.dumps(started)))
                check_keys(self._trials(), space)
                self.is_new = not self._trials()
                if self.is_new:
                    self._study.enqueue_trial(first, user_attrs={"origin": ORIGIN})
                self._requeue_orphans()
                self.rows()
            left_on_error.pop_all()

    def close(self) -> None:
        """Leave the study."""
        self.process.leave()

    def next(self, n_trials: int) -> Trial | None:
        """Return the next trial, or None when there are ``n_trials`` already.

        Raises:
            InputError: The journal is damaged.
        """
        with self._lock, refuse_damage(self.folder):
            self._requeue_orphans()
            trials = self._trials()
            if self._count(trials) >= n_trials:
                return None
            self._study.sampler = optuna.samplers.TPESampler(
                seed=(self.seed * 1_000_003 + len(trials)) % 2**32
            )
            trial = self._study.ask(self.space)
            trial.set_user_attr("worker", self.process.name)
            return trial

    def finish(self, trial: Trial, value: float, epochs: int) -> None:
        """Record the validation log-loss of a trial."""
        trial.set_user_attr("epochs", epochs)
        self._study.tell(trial, value)

    def prune(self, trial: Trial) -> None:
        """Record that a trial was stopped because others were better."""
        self._study.tell(trial, state=TrialState.PRUNED)

    def fail(self, trial: Trial, reason: str) -> None:
        """Record that a trial could not be finished."""
        trial.set_user_attr("reason", reason)
        self._study.tell(trial, state=TrialState.FAIL)

    def put_back(self, trial: Trial) -> None:
        """Stop a trial and queue it again."""
        with self._lock:
            self._retry(next(t for t in self._trials() if t.number == trial.number))

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each trial, in their order: state, log-loss, time, values by key."""
        trials = self._trials()
        retries = _retries(trials)
        rows = []
        for trial in trials:
            state, reason = STATES[trial.state], trial.user_attrs.get("reason")
            if trial.number in retries:
                state, reason = "interrupted", f"{ENDED}; again as trial {retries[trial.number]}"
            elif state == "failed":
                reason = reason or ENDED
            losses = list(trial.intermediate_values.values())
            rows.append(
                {
                    "trial": trial.number,
                    "state": state,
                    "log_loss": trial.value if state == "finished" else min(losses, default=None),
                    "epochs": trial.user_attrs.get("epochs", len(losses) or None),
                    "seconds": None if trial.duration is None else trial.duration.total_seconds(),
                    "note": reason or trial.user_attrs.get("origin") or "",
                    **trial.params,
                }
            )
        return rows

    def best(self) -> FrozenTrial:
        """Return the best trial.

        Raises:
            InputError: None has finished.
        """
        trials = self._trials()
        finished = [trial for trial in trials if trial.state == TrialState.COMPLETE]
        if not finished:
            notes = [row["note"] for row in self.rows() if row["state"] == "failed"]
            reason = f", the first because: {notes[0].rstrip('.')}" if notes else ""
            raise InputError(
                "tune",
                expected="a trial that finishes",
                got=f"{len(trials)} that did not{reason}",
                fix="remove the cause, or start another study with another space",
            )
        return min(finished, key=lambda trial: (trial.value, trial.number))

    def importance(self) -> dict[str, float]:
        """Return the importance of each key, largest first; empty where the trials are too few.

        A pruned trial counts with its lowest loss, so keys that decide whether a trial is pruned
        are important too.
        """
        losses = {
            row["trial"]: row["log_loss"]
            for row in self.rows()
            if row["state"] in ("finished", "pruned")
        }
        if len(losses) < TRIALS_TO_COMPARE:
            return {}
        return key_importance([trial for trial in self._trials() if trial.number in losses], losses)

    # The last process trains the best model.

    def run_of(self, n_trials: int) -> str | None:
        """Return the run folder of the best of ``n_trials``, if it is trained and still exists."""
        final = self._study.user_attrs.get("final", {})
        done = self._count(self._trials()) >= n_trials and final.get("trials") == self._n_ended()
        return final["folder"] if done and Path(final.get("folder") or "").is_dir() else None

    def claim(self) -> bool:
        """Return whether this process is to train the best model: no other is at work."""
        with self._lock:
            self._requeue_orphans()
            if any(trial.state == TrialState.RUNNING for trial in self._trials()):
                return False
            final = self._study.user_attrs.get("final", {})
            if final.get("trials") == self._n_ended():
                folder = final.get("folder")
                if Path(folder).is_dir() if folder else self.process.is_alive(final["worker"]):
                    return False
            self._note_final(None)
            return True

    def note_run(self, folder: Path) -> None:
        """Record the folder of the best model's run."""
        self._note_final(str(folder.absolute()))

    def _note_final(self, folder: str | None) -> None:
        final = {"trials": self._n_ended(), "worker": self.process.name, "folder": folder}
        self._study.set_user_attr("final", final)

    def _n_ended(self) -> int:
        return sum(trial.state.is_finished() for trial in self._trials())

    def _check_start(self, started: dict[str, Any]) -> None:
        """Record what the study is started with, or compare it with the record."""
        before = self._study.user_attrs.get("started")
        if before is None:
            self._study.set_user_attr("started", started)
            return
        name = self.folder.name
        if started["fingerprint"] != before["fingerprint"]:
            raise InputError(
                "tune.study",
                expected=(
                    f"the table that study {name!r} was started with (fingerprint "
                    f"{before['fingerprint']})"
                ),
                got=str(started["fingerprint"]),
                fix="use that table, or start another study (tune.study=NAME)",
            )
        for what, prefix in (("space", "tune.space."), ("choices", "")):
            old, new = before[what], started[what]
            for key in [*old, *new]:
                if old.get(key) != new.get(key):
                    raise InputError(
                        f"{prefix}{key}",
                        expected=f"{_plain(old, key)}, with which study {name!r} was started",
                        got=_plain(new, key),
                        fix="set it back, or start another study (tune.study=NAME)",
                    )

    def _trials(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    def _count(self, trials: list[FrozenTrial]) -> int:
        """Count trials that are running or have ended; one that is run again counts once."""
        retries = _retries(trials)
        return sum(t.state != TrialState.WAITING and t.number not in retries for t in trials)

    # Trials of processes that have died.

    def _requeue_orphans(self) -> None:
        """Queue the running trials of dead processes again; the lock must be held."""
        for trial in self._trials():
            worker = trial.user_attrs.get("worker")
            if trial.state == TrialState.RUNNING and not (worker and self.process.is_alive(worker)):
                self._retry(trial)

    def _retry(self, trial: FrozenTrial) -> None:
        """End a trial as failed and queue its values, unless it has failed too often."""
        attempt = trial.user_attrs.get("attempt", 1)
        self._study.tell(trial.number, state=TrialState.FAIL)
        if attempt < MOST_ATTEMPTS:
            self._study.enqueue_trial(
                trial.params if trial.number else self.first,
                user_attrs={
                    "attempt": attempt + 1,
                    "retry_of": trial.number,
                    "origin": trial.user_attrs.get("origin"),
                },
            )


def _retries(trials: list[FrozenTrial]) -> dict[int, int]:
    """Return for the number of each trial that is run again the number of its new trial."""
    return {
        trial.user_attrs["retry_of"]: trial.number
        for trial in trials
        if "retry_of" in trial.user_attrs
    }


def _plain(values: Mapping[str, Any], key: str) -> str:
    return f"{values[key]!r:.200}" if key in values else "nothing"
