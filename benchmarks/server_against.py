"""The server of this checkout against that of another one, turn by turn in one run.

    python benchmarks/server_against.py RUN OTHER [ROUNDS]

Both are pinned to the first core and answer single rows, with 1 and with 16 connections, for a
second each in turn. Printed are medians over the rounds (10) of the ratios within a round; the
CPU time of the server per request is what a busy machine distorts least.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from server import ROOT, load, row_of, started


def cpu(pid: int) -> float:
    """Return the seconds that the main thread of a process has run."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def main() -> None:
    """Measure and print."""
    import uvloop

    run, other = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 10
    found: dict[tuple[Path, int], list[tuple[float, ...]]] = {}
    with ExitStack() as stack:
        servers = [
            (checkout, *stack.enter_context(started(run, root=checkout)))
            for checkout in (other, ROOT)
        ]
        request = row_of(servers[0][2])
        for turn in range(rounds):
            for checkout, pid, port_ in servers[:: 1 if turn % 2 else -1]:
                for connections in (1, 16):
                    before = cpu(pid)
                    taken = uvloop.run(
                        load(port_, request, connections=connections, seconds=1.0, rate=None)
                    )
                    used = (cpu(pid) - before) / len(taken) * 1e6
                    p50, p99 = np.percentile(taken, [50, 99]) * 1e3
                    found.setdefault((checkout, connections), []).append(
                        (len(taken), p50, p99, used)
                    )
    print("| connections | | requests/s | p50 ms | p99 ms | CPU µs a request |")
    print("|---|---|---|---|---|---|")
    for connections in (1, 16):
        theirs, ours = (np.array(found[each, connections]) for each in (other, ROOT))
        for name, values in (("other", theirs), ("this", ours), ("ratio", ours / theirs)):
            digits = 3 if name == "ratio" else 1
            cells = " | ".join(f"{v:,.{digits}f}" for v in np.median(values, axis=0))
            print(f"| {connections} | {name} | {cells} |")


if __name__ == "__main__":
    main()
