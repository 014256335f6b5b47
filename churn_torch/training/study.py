"""A study on disk: trials that several processes share and that outlive them."""

from __future__ import annotations

import contextlib
import json
import shutil
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock, Timeout
from optuna.distributions import distribution_to_json
from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend
from optuna.storages.journal._file import BaseJournalFileLock
from optuna.trial import FrozenTrial, Trial, TrialState

from churn_torch.errors import InputError
from churn_torch.training.space import Space, Values

JOURNAL = "study.journal"
LOCK = "study.lock"
# Nobody holds the lock for longer than it takes to write a few lines.
LOCK_SECONDS = 60.0
# Trials that run before a trial can be pruned, and how often one is tried whose process dies.
TRIALS_BEFORE_PRUNING = 5
MOST_ATTEMPTS = 3
# The importance of keys is read off the best tenth of the finished trials.
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

    The journal is written line by line. A process that works on the study holds a lock on a file
    of its own; a running trial whose process holds it no more is put into the queue again.

    Args:
        folder: Of the study; made if it is not there.
        space: The search space.
        first: Values of the first trial.
        fingerprint: Names the table.
        choices: What else decides the value of a trial.
        seed: With the number of a trial it decides what is proposed.
        prune_after: Epochs that a trial may take before it is compared; None prunes nothing.

    Raises:
        InputError: The study was started with something else, is damaged, or stays locked.
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
        self.worker = uuid.uuid4().hex[:8]
        self._alive = FileLock(self._worker_lock(self.worker))
        self._lock = FileLock(folder / LOCK, timeout=LOCK_SECONDS)
        with self._locked():
            self._alive.acquire()
            self._study = self._open(prune_after)
            started = {
                "fingerprint": fingerprint,
                "space": {key: distribution_to_json(d) for key, d in space.items()},
                "choices": choices,
            }
            self._agree(json.loads(json.dumps(started)))
            self.is_new = not self._trials()
            if self.is_new:
                self._study.enqueue_trial(first, user_attrs={"origin": ORIGIN})
            self._requeue_orphans()

    @property
    def scratch(self) -> Path:
        """A folder for files of this process; removed with it."""
        return self.folder / f"worker-{self.worker}"

    def close(self) -> None:
        """Leave the study."""
        self._remove_worker(self.worker)
        self._alive.release()

    def next(self, n_trials: int) -> Trial | None:
        """Return the next trial, or None when there are ``n_trials`` already."""
        with self._locked():
            self._requeue_orphans()
            trials = self._trials()
            if self._count(trials) >= n_trials:
                return None
            self._study.sampler = optuna.samplers.TPESampler(
                seed=(self.seed * 1_000_003 + len(trials)) % 2**32
            )
            trial = self._study.ask(self.space)
            trial.set_user_attr("worker", self.worker)
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
        """Give up a trial that is to be tried again."""
        with self._locked():
            self._again(next(t for t in self._trials() if t.number == trial.number))

    def rows(self) -> list[dict[str, Any]]:
        """Return what is known of each trial, in their order, with its values by key."""
        trials = self._trials()
        again = _retries(trials)
        rows = []
        for trial in trials:
            state, reason = STATES[trial.state], trial.user_attrs.get("reason")
            if trial.number in again:
                state, reason = "interrupted", f"{ENDED}; again as trial {again[trial.number]}"
            elif state == "failed":
                reason = reason or ENDED
            seen = list(trial.intermediate_values.values())
            rows.append(
                {
                    "trial": trial.number,
                    "state": state,
                    "log_loss": trial.value if state == "finished" else min(seen, default=None),
                    "epochs": trial.user_attrs.get("epochs", len(seen) or None),
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
                f"tune: expected a trial that finishes, got {len(trials)} that did not{reason}; "
                "mend that, or start another study with another space."
            )
        return min(finished, key=lambda trial: (trial.value, trial.number))

    def importance(self) -> dict[str, float]:
        """Return each key's share in what the finished trials differ by, largest first.

        By PED-ANOVA (Watanabe et al. 2023, "PED-ANOVA: Efficiently quantifying hyperparameter
        importance in arbitrary subspaces"); empty where the trials are too few or all alike.
        """
        finished = [t.value for t in self._trials() if t.state == TrialState.COMPLETE]
        if len(finished) < TRIALS_TO_COMPARE or len(set(finished)) == 1:
            return {}
        return optuna.importance.get_param_importances(self._study)

    # Who trains the best model at the end.

    def run_of(self, n_trials: int) -> str | None:
        """Return the run folder of the best of so many trials, if it is trained and still there."""
        final = self._study.user_attrs.get("final", {})
        done = self._count(self._trials()) >= n_trials and final.get("trials") == self._n_ended()
        return final["folder"] if done and Path(final.get("folder") or "").is_dir() else None

    def claim(self) -> bool:
        """Tell whether this process is to train the best model: nobody else is at work or has."""
        with self._locked():
            self._requeue_orphans()
            if any(trial.state == TrialState.RUNNING for trial in self._trials()):
                return False
            final = self._study.user_attrs.get("final", {})
            if final.get("trials") == self._n_ended():
                folder = final.get("folder")
                if Path(folder).is_dir() if folder else self._is_alive(final["worker"]):
                    return False
            self._note_final(None)
            return True

    def note_run(self, folder: Path) -> None:
        """Note where the best model's run is."""
        self._note_final(str(folder.absolute()))

    def _note_final(self, folder: str | None) -> None:
        final = {"trials": self._n_ended(), "worker": self.worker, "folder": folder}
        self._study.set_user_attr("final", final)

    def _n_ended(self) -> int:
        return sum(trial.state.is_finished() for trial in self._trials())

    # The study in its folder.

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with _acquired(self._lock):
            yield

    def _open(self, prune_after: int | None) -> optuna.Study:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        path = self.folder / JOURNAL
        pruner = (
            optuna.pruners.NopPruner()
            if prune_after is None
            else optuna.pruners.MedianPruner(TRIALS_BEFORE_PRUNING, prune_after)
        )
        try:
            _mend(path)
            backend: BaseJournalBackend = JournalFileBackend(str(path), _JournalLock(self._lock))
            return optuna.create_study(
                storage=JournalStorage(backend),
                study_name="study",
                pruner=pruner,
                load_if_exists=True,
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"tune.study: expected a whole journal in {str(path)!r}, got a damaged one "
                f"({str(error).partition(chr(10))[0]}); start another study (tune.study=NAME)."
            ) from error

    def _agree(self, started: dict[str, Any]) -> None:
        """Note what the study is started with, or compare."""
        before = self._study.user_attrs.get("started")
        if before is None:
            self._study.set_user_attr("started", started)
            return
        name = self.folder.name
        if started["fingerprint"] != before["fingerprint"]:
            raise InputError(
                f"tune.study: expected the table that study {name!r} was started with (fingerprint "
                f"{before['fingerprint']}), got {started['fingerprint']}; bring it back, or start "
                "another study (tune.study=NAME)."
            )
        for what, prefix in (("space", "tune.space."), ("choices", "")):
            old, new = before[what], started[what]
            for key in [*old, *new]:
                if old.get(key) != new.get(key):
                    raise InputError(
                        f"{prefix}{key}: expected {_plain(old, key)}, with which study {name!r} "
                        f"was started, got {_plain(new, key)}; set it back, or start another study "
                        "(tune.study=NAME)."
                    )

    def _trials(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    def _count(self, trials: list[FrozenTrial]) -> int:
        """Count trials that are under way or have ended; one that is tried again counts once."""
        again = _retries(trials)
        return sum(t.state != TrialState.WAITING and t.number not in again for t in trials)

    # Processes that have died.

    def _worker_lock(self, worker: str) -> Path:
        return self.folder / f"worker-{worker}.lock"

    def _is_alive(self, worker: str) -> bool:
        path = self._worker_lock(worker)
        if worker == self.worker or not path.exists():
            return worker == self.worker
        lock = FileLock(path, timeout=0)
        try:
            with lock:
                self._remove_worker(worker)
                return False
        except Timeout:
            return True

    def _remove_worker(self, worker: str) -> None:
        shutil.rmtree(self.folder / f"worker-{worker}", ignore_errors=True)
        self._worker_lock(worker).unlink(missing_ok=True)

    def _requeue_orphans(self) -> None:
        """Under the lock: a running trial whose process is gone is to be tried again."""
        for trial in self._trials():
            worker = trial.user_attrs.get("worker")
            if trial.state == TrialState.RUNNING and not (worker and self._is_alive(worker)):
                self._again(trial)

    def _again(self, trial: FrozenTrial) -> None:
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


class _JournalLock(BaseJournalFileLock):
    """The study's lock for Optuna, whose own outlives a process that is killed."""

    def __init__(self, lock: FileLock) -> None:
        self._lock = lock

    def acquire(self) -> bool:
        _acquire(self._lock)
        return True

    def release(self) -> None:
        self._lock.release()


@contextlib.contextmanager
def _acquired(lock: FileLock) -> Iterator[None]:
    _acquire(lock)
    try:
        yield
    finally:
        lock.release()


def _acquire(lock: FileLock) -> None:
    try:
        lock.acquire()
    except Timeout as error:
        raise InputError(
            f"tune.study: expected {lock.lock_file!r} to be free within {lock.timeout:g} s, got it "
            "held by another process; look for one that hangs, and end it."
        ) from error


def _mend(path: Path) -> None:
    """Cut off the last line where a process was killed while it wrote."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        end = file.read().rfind(b"\n") + 1
        if end:
            file.truncate(end)


def _retries(trials: list[FrozenTrial]) -> dict[int, int]:
    """Return the numbers of trials that are tried again, with those of the trials that do."""
    return {
        trial.user_attrs["retry_of"]: trial.number
        for trial in trials
        if "retry_of" in trial.user_attrs
    }


def _plain(values: Mapping[str, Any], key: str) -> str:
    return repr(values[key]) if key in values else "nothing"
