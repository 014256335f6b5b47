"""What a run costs: seconds and peak memory of a process, and of each step of a training.

    python benchmarks/measured.py model=logreg        as scripts/train.py, then the steps as JSON

The steps are those of `churn_torch.workflows.train.train`: a timer on the function that ends a
step separates it from the next. The top of this file imports neither torch nor NumPy, because Linux
counts the peak memory of a parent process for its children too.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"


@dataclass(frozen=True)
class Cost:
    """What a process took: wall and CPU seconds, peak resident memory in MB, its last line."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    last_line: str


def process(*command: str | Path, environment: dict[str, str] | None = None) -> Cost:
    """Run a command with this Python in a process of its own.

    Raises:
        RuntimeError: It failed.
    """
    with tempfile.TemporaryFile("w+") as output:
        start = time.perf_counter()
        child = subprocess.Popen(
            [sys.executable, *map(str, command)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().rstrip()
    if child.returncode:
        raise RuntimeError(f"{command} failed:\n{text}")
    cpu_seconds = usage.ru_utime + usage.ru_stime
    return Cost(seconds, cpu_seconds, usage.ru_maxrss * 1.024 / 1000, text.rpartition("\n")[2])


def train(*keys: str) -> Cost:
    """Run scripts/train.py."""
    return process(SCRIPTS / "train.py", *keys)


def train_in_steps(*keys: str) -> dict[str, Any]:
    """Run the same training with timers; return what `main` prints, and the end as a step."""
    cost = process(__file__, *keys)
    outcome: dict[str, Any] = json.loads(cost.last_line)
    last = outcome["steps"][-1]
    rest = {
        name: getattr(cost, name) - sum(step[name] for step in outcome["steps"])
        for name in ("seconds", "cpu_seconds")
    }
    memory = {"peak_mb": last["left_mb"], "left_mb": 0.0}
    outcome["steps"].append({"step": "end of Python", **rest, **memory})
    return outcome


class Steps:
    """Seconds, CPU seconds, peak memory and what is left of it, of consecutive steps."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        # The process began before its first line of Python.
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        self._last = ticks / os.sysconf("SC_CLK_TCK")
        self._last_cpu = 0.0

    def end(self, name: str) -> None:
        """End a step and begin the next one."""
        seconds = time.clock_gettime(time.CLOCK_BOOTTIME) - self._last
        cpu_seconds = time.process_time() - self._last_cpu
        status = Path("/proc/self/status").read_text()
        kilobytes = {
            line.split(":")[0]: int(line.split()[1])
            for line in status.splitlines()
            if line.startswith(("VmHWM", "VmRSS"))
        }
        self.rows.append(
            {
                "step": name,
                "seconds": seconds,
                "cpu_seconds": cpu_seconds,
                "peak_mb": kilobytes["VmHWM"] * 1.024 / 1000,
                "left_mb": kilobytes["VmRSS"] * 1.024 / 1000,
            }
        )
        Path("/proc/self/clear_refs").write_text("5")  # the next peak starts from here
        self._last = time.clock_gettime(time.CLOCK_BOOTTIME)
        self._last_cpu = time.process_time()

    def ending(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return the call, with the end of a step behind it."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            result = call(*args, **kwargs)
            self.end(name)
            return result

        return timed


def main() -> None:
    """Train as scripts/train.py does; print steps, training passes and the folder as one line."""
    steps = Steps()
    steps.end("python")
    from churn_torch.cli.run_command import run_command

    steps.end("imports: hydra")
    import pytorch_lightning as pl

    steps.end("imports: torch, pytorch_lightning")
    from churn_torch.tables.readers import sources
    from churn_torch.training import fit
    from churn_torch.workflows import fit as fitting
    from churn_torch.workflows import train as pipeline
    from churn_torch.workflows.runs import publish as publishing

    steps.end("imports: the rest")
    passes: list[float] = []
    results: list[Any] = []

    class Passes(pl.Callback):
        """Seconds of each training pass, without the validation after it."""

        def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
            self.started = time.perf_counter()

        def on_validation_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
            passes.append(time.perf_counter() - self.started)

    build_trainer, features, train = fit.build_trainer, fitting._features, pipeline.train

    def watched_trainer(*args: Any, **kwargs: Any) -> Any:
        trainer = build_trainer(*args, **kwargs)
        trainer.callbacks.insert(0, Passes())
        return trainer

    @contextlib.contextmanager
    def timed_features(*args: Any) -> Iterator[Any]:
        with features(*args) as store:
            steps.end("features")
            yield store

    def kept_result(*args: Any, **kwargs: Any) -> Any:
        results.append(train(*args, **kwargs))
        return results[-1]

    fit.build_trainer = watched_trainer
    fitting._features = timed_features
    pipeline.train = kept_result
    for name, module, function in (
        ("configuration", pipeline, "begin_run"),
        ("read and infer", pipeline, "read_labelled"),
        ("statistics", fitting, "fit_preprocessing"),
        ("fit", fitting, "fit_net"),
        ("calibrate", fitting, "calibrate"),
        ("export", publishing, "write_model"),
    ):
        setattr(module, function, steps.ending(name, getattr(module, function)))
    predict = sources.write
    sources.write = steps.ending("validation and test predictions", predict)
    pipeline.Run = steps.ending("test metrics", pipeline.Run)
    run_command("train")
    steps.end("save and report")
    run = results[0]
    outcome = {"steps": steps.rows, "passes": passes, "folder": str(run.folder)}
    print(json.dumps({**outcome, "metrics": run.metrics}))


if __name__ == "__main__":
    main()
