"""Files of runs, studies, campaigns and events, changed at random, and the commands that read them.

    python benchmarks/mutated_runs.py                      2,000 changes, a table
    python benchmarks/mutated_runs.py --changes 100 --seed 3 --only metrics.json

Bytes are cut, flipped and inserted; values in JSON, YAML and checkpoints are replaced by others,
and keys are left out. A command must end within 10 s of the processor, with its result or with one
sentence: an exception is a fault, and printed.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import json
import logging
import math
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pandas as pd
import torch
import yaml
from hydra.core.global_hydra import GlobalHydra

from churn_torch import samples
from churn_torch.cli.run_command import run_command

# Seconds of the processor that a command may take, and of the clock, as the machine may be busy.
LIMITS = (
    (signal.SIGPROF, signal.ITIMER_PROF, 10.0),
    (signal.SIGALRM, signal.ITIMER_REAL, 120.0),
)
VALUES = (
    None, True, -1, 0, 3, 0.5, 1e308, math.nan, "", "x", "9" * 400, "\0", "../..", "${oc.env:HOME}",
    [], [None], ["x"], {}, {"a": 1}, {"_target_": "os.system"}, [[[]]], 2**70,
)  # fmt: skip
SCORES = ("score", "run=RUN", "source=TABLE", "out=OUT/s.csv")
SPECIFICATION = """
events: {orders: {source: LOG, id: who, time: day}}
features: {orders: {windows: [30d, all], count: true, sum: [amount], trend: [30d/60d]}}
population: {active: {orders: 90d}, tenure: 10d}
label: {none_of: [orders], within: 30d, gap: 0d}
cutoffs: {every: 30d, count: 2, test: last}
"""
# Commands that read a file; TABLE, RUN, OUT and FILES are put in.
READERS = {
    "config.yaml": (
        ("evaluate", "run=RUN"),
        ("compare", "runs=[RUN,RUN]"),
        ("train", "resume=RUN"),
    ),
    "schema.json": (("evaluate", "run=RUN"), ("export", "run=RUN", "out=OUT/m.onnx")),
    "metrics.json": (
        ("evaluate", "run=RUN"),
        ("compare", "runs=[RUN,RUN]"),
        ("report", "run=RUN", "out=OUT/r.html"),
        ("export", "run=RUN", "out=OUT/m.onnx"),
    ),
    "weights.pt": (("evaluate", "run=RUN"),),
    "predictions.parquet": (
        ("compare", "runs=[RUN,RUN]"),
        ("report", "run=RUN", "out=OUT/r.html"),
        ("export", "run=RUN", "threshold=0.4", "out=OUT/m.onnx"),
    ),
    "model.onnx": (
        SCORES,
        ("explain", "run=RUN", "source=TABLE", "row=0"),
        ("campaign", "run=RUN", "source=TABLE", "out=OUT/c.csv", "offer=call",
         "value=monthly_charges"),
    ),
    "last.ckpt": (("train", "resume=RUN"),),
    "specification.yaml": (("features", "specification=FILES/specification.yaml", "out=OUT/rows"),),
    "campaign.json": (("campaign", "results=FILES/outcomes.csv", "campaign=FILES"),),
    "outcomes.csv": (("campaign", "results=FILES/outcomes.csv", "campaign=FILES"),),
    "calls.csv": (("campaign", "results=FILES/outcomes.csv", "campaign=FILES"),),
    "study.journal": (
        ("tune", "outputs=STUDIES", "tune.study=s", "tune.trials=2", "KEYS"),
    ),
}  # fmt: skip


class Hangs(BaseException):
    """A command has not ended in time."""


def changed(content: bytes, name: str, rng: random.Random) -> bytes:
    """Return other content for a file."""
    structured = {"config.yaml": _yaml, "last.ckpt": _checkpoint, "weights.pt": _checkpoint}
    structured |= {"specification.yaml": _yaml, "campaign.json": _json}
    structured |= {"schema.json": _json, "metrics.json": _json, "study.journal": _lines}
    if name in structured and rng.random() < 0.7:
        return structured[name](content, rng)
    if rng.random() < 0.1:
        return b""
    data = bytearray(content)
    kind = rng.choice(("cut", "flip", "insert", "leave out"))
    at = rng.randrange(len(data))
    if kind == "cut":
        return bytes(data[:at])
    if kind == "flip":
        for _ in range(rng.choice((1, 1, 3, 20))):
            data[rng.randrange(len(data))] = rng.randrange(256)
    elif kind == "insert":
        data[at:at] = rng.randbytes(rng.choice((1, 8, 1000)))
    else:
        del data[at : at + rng.choice((1, 8, 1000))]
    return bytes(data)


def replaced(document: Any, rng: random.Random) -> Any:
    """Return a document with one value replaced, or one key left out."""
    document = copy.deepcopy(document)
    places = list(_places(document))
    if not places or rng.random() < 0.02:
        return rng.choice(VALUES)
    container, key = rng.choice(places)
    if rng.random() < 0.2:
        del container[key]
    else:
        container[key] = copy.deepcopy(rng.choice(VALUES))
    return document


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(node, dict | list):
        for key in node if isinstance(node, dict) else range(len(node)):
            yield node, key
            yield from _places(node[key])


def _json(content: bytes, rng: random.Random) -> bytes:
    return json.dumps(replaced(json.loads(content), rng)).encode()


def _yaml(content: bytes, rng: random.Random) -> bytes:
    return yaml.safe_dump(replaced(yaml.safe_load(content), rng)).encode()


def _lines(content: bytes, rng: random.Random) -> bytes:
    lines = content.splitlines()
    at = rng.randrange(len(lines))
    lines[at : at + 1] = [_json(lines[at], rng)] if rng.random() < 0.8 else []
    return b"\n".join(lines) + b"\n"


def _checkpoint(content: bytes, rng: random.Random) -> bytes:
    document = torch.load(io.BytesIO(content), weights_only=True)
    file = io.BytesIO()
    torch.save(replaced(document, rng), file)
    return file.getvalue()


def run(arguments: list[str]) -> str:
    """Run a command in this process; return how it ended, with a traceback where it is a fault."""

    def hang(*_: object) -> None:
        raise Hangs

    GlobalHydra.instance().clear()
    sys.argv = [f"{arguments[0]}.py", *arguments[1:]]
    root, said = logging.getLogger(), io.StringIO()
    handlers = root.handlers[:]
    before = {number: signal.getsignal(number) for number, _, _ in LIMITS}
    for number, timer, seconds in LIMITS:
        signal.signal(number, hang)
        signal.setitimer(timer, seconds)
    try:
        with (
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(said),
            warnings.catch_warnings(action="ignore"),
        ):
            run_command(arguments[0])
        return "read all the same"
    except SystemExit:
        sentence = said.getvalue().strip().splitlines()[-1]
        return "one sentence" if sentence.startswith(("Error: ", "export: ")) else sentence
    except Hangs:
        return f"hangs: {traceback.format_exc()}"
    except Exception:
        return traceback.format_exc()
    finally:
        for number, timer, _ in LIMITS:
            signal.setitimer(timer, 0)
            signal.signal(number, before[number])
        for handler in set(root.handlers) - set(handlers):
            handler.close()
        root.handlers[:] = handlers


def make(folder: Path) -> tuple[Path, Path]:
    """Train a run on a small table, and start a study; return the run and the table."""
    import churn_torch.workflows.report
    import churn_torch.workflows.tune  # noqa: F401 - which takes seconds, before the clock runs

    table = folder / "table.csv"
    pd.read_parquet(samples.path("telco")).head(400).to_csv(table, index=False)
    keys = ["data=table", f"data.source={table}", "data.target=churn", "data.positive=Yes"]
    keys += ["trainer.max_epochs=2", "leakage=ignore"]
    for command in (
        ["train", *keys, "model=mlp", f"outputs={folder / 'runs'}"],
        ["tune", *keys, "model=logreg", "tune.study=s", "tune.trials=1",
         f"outputs={folder / 'studies'}"],
    ):  # fmt: skip
        ended = run(command)
        assert ended == "read all the same", ended
    (found,) = (folder / "runs").glob("2*/*")
    _make_files(folder / "files", found, table)
    (folder / "keys").write_text("\n".join([*keys, "model=logreg"]))
    return found, table


def _make_files(folder: Path, run_folder: Path, table: Path) -> None:
    """Write a specification of events with its log, and a campaign with its outcomes."""
    folder.mkdir()
    rng = random.Random(0)
    log = [(f"C{rng.randrange(60)}", f"2024-{rng.randrange(1, 8):02}-{rng.randrange(1, 29):02}", i)
           for i in range(600)]  # fmt: skip
    log_file = folder.parent / "log.csv"
    pd.DataFrame(log, columns=["who", "day", "amount"]).to_csv(log_file, index=False)
    (folder / "specification.yaml").write_text(SPECIFICATION.replace("LOG", str(log_file)))
    ended = run(["campaign", f"run={run_folder}", f"source={table}", f"out={folder / 'calls.csv'}",
                 "offer=call", "value=monthly_charges", "control=0.3"])  # fmt: skip
    assert ended == "read all the same", ended
    listed = pd.concat([pd.read_csv(folder / name) for name in ("calls.csv", "control.csv")])
    outcomes = listed[["row"]].assign(
        churned=[rng.choice(["Yes", "No"]) for _ in range(len(listed))]
    )
    outcomes.to_csv(folder / "outcomes.csv", index=False)


def mutate(
    changes: int, seed: int, names: list[str], *, minutes: float = 60
) -> Counter[tuple[str, str]]:
    """Change files in turn, run their readers, and print the first fault of each kind.

    Args:
        changes: How many.
        seed: Decides about all of them.
        names: Files, of `READERS`.
        minutes: No change is made after so many.

    Returns:
        How often a file was ``read all the same``, refused by ``one sentence``, or had ``faults``.
    """
    counts: Counter[tuple[str, str]] = Counter()
    faults: Counter[str] = Counter()
    rng, end = random.Random(seed), time.monotonic() + 60 * minutes
    with tempfile.TemporaryDirectory(prefix="mutated_") as parent:
        home = Path(parent)
        good, table = make(home)
        out, copied, studies = home / "out", home / "run", home / "changed"
        files = home / "changed_files"
        for number in range(changes):
            if time.monotonic() > end:
                break
            name = names[number % len(names)]
            for path in (out, copied, studies, files):
                shutil.rmtree(path, ignore_errors=True)
            out.mkdir()
            shutil.copytree(good, copied)
            shutil.copytree(home / "studies", studies)
            shutil.copytree(home / "files", files)
            file = studies / "studies" / "s" / name if name == "study.journal" else copied / name
            file = file if file.exists() else files / name
            file.write_bytes(changed(file.read_bytes(), name, rng))
            for reader in READERS[name]:
                if reader[0] == "train":  # an interrupted one can be resumed
                    (copied / "metrics.json").unlink(missing_ok=True)
                words = {"RUN": copied, "TABLE": table, "OUT": out, "STUDIES": studies}
                words["FILES"] = files
                arguments: list[str] = []
                for argument in reader:
                    for word, value in words.items():
                        argument = argument.replace(word, str(value))
                    keys = (home / "keys").read_text().splitlines()
                    arguments += keys if argument == "KEYS" else [argument]
                ended = run(arguments)
                is_fault = ended not in ("one sentence", "read all the same")
                counts[name, "faults" if is_fault else ended] += 1
                if is_fault:
                    where = " < ".join(ended.strip().splitlines()[-3:])
                    if not faults[where]:
                        print(f"change {number}, {name}, {reader[0]}:\n{ended}", flush=True)
                    faults[where] += 1
    return counts


def main() -> None:
    """Change files as often as is asked for, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--changes", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default=",".join(READERS))
    parser.add_argument("--minutes", type=float, default=60)
    chosen = parser.parse_args()
    counts = mutate(chosen.changes, chosen.seed, chosen.only.split(","), minutes=chosen.minutes)
    print("\n| file | read all the same | one sentence | faults |\n|---|---|---|---|")
    for name in chosen.only.split(","):
        columns = ("read all the same", "one sentence", "faults")
        print(f"| {name} | {' | '.join(str(counts[name, column]) for column in columns)} |")


if __name__ == "__main__":
    main()
