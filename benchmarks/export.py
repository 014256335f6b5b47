"""CPU time of an export, with torch's list of translations kept in the process and made anew.

    python benchmarks/export.py RUN [--rounds 5]

RUN is a run folder. The graph of its file is built in a process of its own for the first export of
each kind, and then both ways in turn.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from churn_torch.export import tensor_graph
from churn_torch.export.graph import build_onnx
from churn_torch.serving.outputs import OUTPUTS
from churn_torch.workflows.runs.run_folder import Run, load_run

KEPT = tensor_graph.kept_registry


@contextlib.contextmanager
def anew() -> Iterator[None]:
    """Let torch make its list for each export."""
    yield


WAYS = {"anew": anew, "kept": KEPT}


def seconds(run: Run, way: str) -> float:
    """Return the CPU time of one export."""
    tensor_graph.kept_registry = WAYS[way]
    start = time.process_time()
    build_onnx(run.scorer, run.schema, threshold=0.5, metadata={}, outputs=[*OUTPUTS.values()])
    return time.process_time() - start


def main() -> None:
    """Print the seconds of the first export and of later ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--first", choices=WAYS)
    arguments = parser.parse_args()
    run = load_run(arguments.run)
    if arguments.first:
        print(seconds(run, arguments.first))
        return
    command = [sys.executable, __file__, arguments.run, "--first"]
    for way in WAYS:
        first = [
            float(subprocess.run([*command, way], capture_output=True, check=True).stdout)
            for _ in range(arguments.rounds)
        ]
        print(f"{way}: first export {statistics.median(first):.2f} CPU s")
    pairs = [(seconds(run, "anew"), seconds(run, "kept")) for _ in range(arguments.rounds)]
    for way, times in zip(WAYS, zip(*pairs, strict=True), strict=True):
        print(f"{way}: later export {statistics.median(times):.2f} CPU s")


if __name__ == "__main__":
    main()
