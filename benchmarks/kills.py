"""Random kills: commands are stopped at random moments, and nothing may be lost, wrong or left.

    python benchmarks/kills.py                 100 kills, a table
    python benchmarks/kills.py --kills 20 --only train,score --seed 1
    python benchmarks/kills.py --kills 40 --only tune --before 1.5 --signals SIGINT,SIGTERM

Each command first runs unbroken. Then it is started again and again and gets SIGINT, SIGTERM or
SIGKILL at a random moment between its start and its end, and is run to its end once more: a
training goes on with resume= where its message names it. A kill counts as a fault where

    the exit code is not 130, 143 or -9 (or 0: it had ended before), or there is a traceback,
    a training that has a checkpoint does not name resume=,
    after SIGINT or SIGTERM more than a run that can be resumed is left, in outputs or in TMPDIR,
    a process that it started still runs 2 s after its end,
    the files of the run to the end differ from those of the unbroken run,
    anything of the killed process is still there after that run.

Signals that come before Python has begun with the first line of the package are not ours: Python
then ends in its own way; they are counted as ``early``. Commands that had ended before their
signal, or took it in their last steps and ended with 0, are counted as ``done``.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "churn_torch" / "samples" / "telco.parquet"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
# The first line of the package has run by then, also on a busy machine.
EARLY = 0.25
# An unbroken run leaves these too: torch's folder for compiled code, and one of onnxruntime.
OF_LIBRARIES = {"torchinductor_root", ".ses"}
TABLE = ("data=table", f"data.source={SAMPLE}", "data.target=churn", "data.positive=Yes")


@dataclass(frozen=True)
class Job:
    """A command, and which of its files must be the same after a kill.

    Args:
        arguments: On its command line, in a folder of its own.
        same: Patterns of files whose bytes must be those of the unbroken run.
        setup: Puts files into the folder before.
        resumes: It is a training that can go on; others start anew, in a folder of their own.
    """

    arguments: tuple[str, ...]
    same: tuple[str, ...]
    setup: Callable[[Path, Path], None] = field(default=lambda folder, run: None)
    resumes: bool = False

    @property
    def is_training(self) -> bool:
        """Whether it makes a new run folder."""
        return self.arguments[0] == "train"


def _run_copied(folder: Path, run: Path) -> None:
    shutil.copytree(run, folder / "run")


def _two_runs(folder: Path, run: Path) -> None:
    for name in ("run", "other"):
        shutil.copytree(run, folder / name)


def _experiment(folder: Path, run: Path) -> None:
    """Write the sample as a past campaign in which chance decided who was called."""
    import numpy as np
    import pandas as pd

    table = pd.read_parquet(SAMPLE)
    table["called"] = np.random.default_rng(0).integers(0, 2, len(table))
    table.to_parquet(folder / "past.parquet")


JOBS = {
    "train": Job(
        ("train", "model=mlp", *TABLE, "trainer.max_epochs=8", "patience=100"),
        ("outputs/*/*/weights.pt", "outputs/*/*/predictions.parquet", "outputs/*/*/schema.json"),
        resumes=True,
    ),
    "train, streamed": Job(
        ("train", "model=mlp", *TABLE, "data.streaming=true",
         "cache.folder=cache",
         "trainer.max_epochs=5", "patience=100"),
        ("outputs/*/*/weights.pt", "outputs/*/*/predictions.parquet"),
        resumes=True,
    ),
    "train, events": Job(
        ("train", "events=cdnow", "model=mlp", "trainer.max_epochs=4"),
        ("outputs/*/*/weights.pt", "outputs/*/*/predictions.parquet", "outputs/*/*/events.json"),
        resumes=True,
    ),
    "train, uplift": Job(
        ("train", "model=uplift", "net=logreg", "data=table", "data.source=past.parquet",
         "data.target=churn", "data.positive=Yes", "data.treatment=called",
         "trainer.max_epochs=6", "patience=100"),
        ("outputs/*/*/weights.pt", "outputs/*/*/predictions.parquet"),
        _experiment,
        resumes=True,
    ),
    "train, survival": Job(
        ("train", "model=survival", *TABLE, "data.duration=tenure", "data.horizon=12",
         "data.ignore=[total_charges]"),
        ("outputs/*/*/weights.pt", "outputs/*/*/predictions.parquet"),
        resumes=True,
    ),
    "train, folds": Job(
        ("train", "model=logreg", *TABLE, "cv.folds=3"),
        ("outputs/*/*/predictions.parquet",),
    ),
    "train, sweep": Job(
        ("train", "-m", "model=mlp", *TABLE, "seed=0,1", "trainer.max_epochs=2"),
        ("outputs/sweeps/*/*/*/weights.pt", "outputs/sweeps/*/*/*/predictions.parquet"),
    ),
    "tune": Job(
        ("tune", *TABLE, "model=logreg", "tune.trials=4", "tune.study=s", "trainer.max_epochs=5"),
        (),
    ),
    "score": Job(
        ("score", "run=run", "source=big.csv", "out=o/scores.csv", "keep=all"),
        ("o/scores.csv",),
        lambda folder, run: (_run_copied(folder, run), _big_table(folder / "big.csv"))[0],
    ),
    "export": Job(
        ("export", "run=run", "target=triton", "out=repository"),
        ("repository/*/*/model.onnx", "repository/*/config.pbtxt"),
        _run_copied,
    ),
    "campaign": Job(
        ("campaign", "run=run", f"source={SAMPLE}", "offer=call",
         "out=c/calls.csv", "value=monthly_charges"),
        ("c/calls.csv", "c/control.csv"),
        _run_copied,
    ),
    "features": Job(
        ("features", "events=cdnow", "out=rows"),
        ("rows/*.sql", "rows/specification.yaml"),
    ),
    "evaluate": Job(
        ("evaluate", "run=run", "by=[contract]", "fairness.by=[partner]", "weak_segments=true",
         "out=o/segments.csv"),
        ("o/segments.csv",),
        _run_copied,
    ),
    "explain": Job(("explain", "run=run", "out=o/factors.json"), ("o/factors.json",), _run_copied),
    "report": Job(("report", "run=run", "out=o/report.html"), ("o/report.html",), _run_copied),
    "compare": Job(
        ("compare", "runs=[run,other]", "out=o/differences.csv"),
        ("o/differences.csv",),
        _two_runs,
    ),
}  # fmt: skip


def _big_table(path: Path) -> None:
    import pandas as pd

    pd.concat([pd.read_parquet(SAMPLE)] * 25).to_csv(path, index=False)


class Place:
    """A folder of a job, with its own folder for temporary files."""

    def __init__(self, parent: Path, name: str) -> None:
        self.folder, self.temporary = parent / name, parent / f"{name}-tmp"
        for path in (self.folder, self.temporary):
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command in the folder, in a session of its own."""
        self.said = tempfile.TemporaryFile("w+")  # noqa: SIM115
        environment = {**os.environ, "TMPDIR": str(self.temporary), "OMP_NUM_THREADS": "1"}
        environment["PYTHONPATH"] = str(ROOT)
        return subprocess.Popen(
            [sys.executable, ROOT / "scripts" / f"{arguments[0]}.py", *arguments[1:]],
            cwd=self.folder,
            env=environment,
            stdout=self.said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def text(self) -> str:
        """Return what the last command has said."""
        self.said.seek(0)
        return self.said.read()

    def files(self) -> set[str]:
        """Return the paths of files and links."""
        return {
            str(path.relative_to(self.folder))
            for path in self.folder.rglob("*")
            if path.is_file() or path.is_symlink()
        }

    def left(self) -> list[str]:
        """Return the names of temporary files and folders, but for those of libraries."""
        private = [path for path in self.folder.rglob(".*") if path.name != ".lock"]
        return sorted({path.name for path in (*private, *self.temporary.iterdir())} - OF_LIBRARIES)


def digest(place: Place, patterns: tuple[str, ...]) -> dict[str, str]:
    """Return the digest of the files of each pattern, of which there must be one or more."""
    found = {}
    for pattern in patterns:
        paths = sorted(place.folder.glob(pattern))
        paths = [path for path in paths if "latest" not in path.parts]
        content = b"".join(path.read_bytes() for path in paths)
        found[pattern] = f"{len(paths)} files {hashlib.sha256(content).hexdigest()}"
    return found


def living(session: int) -> list[int]:
    """Return the processes of a session that still run."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, _, _, own = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            except OSError:
                continue
            if int(own) == session and state != "Z":
                found.append(int(entry.name))
    return found


def kill(
    job: Job, place: Place, number: int, after: float, expected: dict[str, str]
) -> tuple[list[str], bool]:
    """Kill once and run to the end; return the faults, and whether it ended with 0 all the same."""
    faults = []
    before = place.files()
    process = place.start(*job.arguments)
    try:
        code = process.wait(after)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, number)
        try:
            code = process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            code = process.wait()
            faults.append("hangs 30 s after the signal")
    text = place.text()
    deadline = time.monotonic() + 2
    while (alive := living(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.1)
    if alive:
        faults.append(f"{len(alive)} processes still run")
        os.killpg(process.pid, signal.SIGKILL)
    is_ours, is_done = after > EARLY, code == 0
    allowed = {0, -signal.SIGKILL} if number == signal.SIGKILL else {0, 128 + number}
    if is_ours and code not in allowed:
        faults.append(f"exit code {code}")
    if is_ours and "Traceback" in text:
        start = text.index("Traceback")
        faults.append(f"traceback: {text[start : start + 4000]}")
    new = place.files() - before
    checkpoints = [path for path in new if path.endswith("last.ckpt")]
    unfinished = [p for p in checkpoints if p.replace("last.ckpt", "metrics.json") not in new]
    resume = re.search(r"resume=(\S+?)\.?$", text, re.MULTILINE)
    if number != signal.SIGKILL and code:
        if unfinished and resume is None:
            faults.append("resume= is not named")
        if left := place.left():
            faults.append(f"left: {left[:3]}")
        elif not unfinished and job.arguments[0] != "tune":
            kept = [path for path in new if not path.startswith("cache/")]
            finished = [path for path in new if path.endswith("metrics.json")]
            if kept and not finished:
                faults.append(f"left: {sorted(kept)[:3]}")
    # Once more, to the end.
    again = job.arguments
    if unfinished and job.resumes:
        again = ("train", f"resume={Path(unfinished[0]).parent}")
    elif code == 0 or (job.resumes and any(path.endswith("metrics.json") for path in new)):
        again = ()
    elif job.is_training:
        shutil.rmtree(place.folder / "outputs", ignore_errors=True)
    if again:
        process = place.start(*again)
        code = process.wait()
        if code and not ("trials" in place.text() and again[0] == "tune"):
            faults.append(f"once more: {code} {place.text().strip().splitlines()[-1][:150]}")
    if (found := digest(place, job.same)) != expected:
        odd = [name for name in expected if found[name] != expected[name]]
        faults.append(f"other content: {odd}")
    if again and (left := place.left()):
        faults.append(f"still there: {left[:3]}")
    return faults, is_done


def main() -> None:
    """Kill as often as is asked for, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--only", default=",".join(JOBS).replace("train, ", ""))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--before", type=float, default=float("inf"), help="seconds after start")
    parser.add_argument("--signals", default=",".join(number.name for number in SIGNALS))
    chosen = parser.parse_args()
    # A shell starts jobs of the background with SIGINT ignored, and what they start inherits it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    numbers = [signal.Signals[name] for name in chosen.signals.split(",")]
    names = {name.split(", ")[-1]: name for name in JOBS}
    jobs = {names[key]: JOBS[names[key]] for key in chosen.only.split(",")}
    rng, end = random.Random(chosen.seed), time.monotonic() + 60 * chosen.minutes
    with tempfile.TemporaryDirectory(prefix="kills_") as folder:
        parent = Path(folder)
        first = Place(parent, "first")
        process = first.start("train", "model=logreg", *TABLE)
        assert process.wait() == 0, first.text()
        (run,) = first.folder.glob("outputs/2*/*")
        expected, seconds = {}, {}
        for name, job in jobs.items():
            place = Place(parent, "unbroken")
            job.setup(place.folder, run)
            start = time.monotonic()
            process = place.start(*job.arguments)
            assert process.wait() == 0, place.text()
            seconds[name] = time.monotonic() - start
            expected[name] = digest(place, job.same)
            assert not any(text.startswith("0 ") for text in expected[name].values()), expected
        counts: Counter[tuple[str, str]] = Counter()
        for round_ in range(chosen.kills):
            if time.monotonic() > end:
                break
            name = list(jobs)[round_ % len(jobs)]
            number = numbers[round_ // len(jobs) % len(numbers)]
            after = rng.uniform(0, min(chosen.before, seconds[name]))
            place = Place(parent, "killed")
            jobs[name].setup(place.folder, run)
            faults, is_done = kill(jobs[name], place, number, after, expected[name])
            counts[name, number.name] += 1
            counts[name, "early"] += after <= EARLY
            counts[name, "done"] += is_done
            counts[name, "faults"] += bool(faults)
            line = f"{name} {number.name} after {after:.2f} s of {seconds[name]:.1f}"
            print(f"{line}: {'; '.join(faults) or 'as it should be'}", flush=True)
        print("\n| command | SIGINT | SIGTERM | SIGKILL | of these early | done | faults |")
        print("|---|---|---|---|---|---|---|")
        for name in jobs:
            columns = (*(number.name for number in SIGNALS), "early", "done", "faults")
            print(f"| {name} | {' | '.join(str(counts[name, c]) for c in columns)} |")


if __name__ == "__main__":
    main()
