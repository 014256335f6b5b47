"""Mutated files of every kind that is read: each one is read or refused in a sentence.

    python benchmarks/fuzz_sources.py                              # 100,000 files a kind: hours
    python benchmarks/fuzz_sources.py --files 2000 --kinds parquet orc --seed 7
    python benchmarks/fuzz_sources.py --seconds 300                # at most so long a kind

A file starts as a small table in one of many forms (benchmarks/fuzzed_files.py). Then bytes are
changed, cut out, repeated or moved, sizes are inflated, or the file is cut short. It is read as a
whole and in chunks, which must agree. A fault of ours is anything but a table or an InputError of
one line: another exception, the death of the process, ten seconds for a file, or memory that grows
by 300 MB with one file. The file is then kept in --keep, and the exit code is 1.

Each kind is read in a process of its own, which goes on behind the file that killed it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path

import pandas as pd
from fuzzed_files import KINDS, Kind

from churn_torch.errors import InputError
from churn_torch.tables.readers.sources import read, read_chunks

HANG_SECONDS = 10
GROWTH_MB = 300


def outcome(path: Path) -> str:
    """Read a file twice; return what came of it, or raise what must not happen."""
    try:
        whole = read(path)
    except InputError as error:
        if "\n" in str(error):
            raise AssertionError(f"more than one line: {error}") from error
        return "refused"
    chunks = pd.concat(list(read_chunks(path, rows=3)), ignore_index=True)
    if list(chunks.columns) != list(whole.columns) or len(chunks) != len(whole):
        raise AssertionError("in chunks it is another table")
    return "read"


def peak_mb() -> float:
    """Return the most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


class Files:
    """The files of a kind, by number: the same seed and number give the same file."""

    def __init__(self, kind: Kind, seed: int, folder: Path) -> None:
        """Make some whole files, which all others are mutations of."""
        self.kind, self.seed, self.folder = kind, seed, folder
        rng = random.Random(f"{seed} {kind.name}")
        self._whole = [kind.make(rng, folder) for _ in range(kind.n_whole)]

    def write(self, number: int) -> Path:
        """Write a file and return its path."""
        rng = random.Random(f"{self.seed} {self.kind.name} {number}")
        suffix, content = rng.choice(self._whole)
        path = self.folder / f"{number}{suffix}"
        path.write_bytes(self.kind.mutate(content, rng))
        return path


def fuzz(kind: Kind, numbers: range, *, seed: int, folder: Path) -> Counter[str]:
    """Read the files of some numbers in this process; return how often each outcome came."""
    files, outcomes = Files(kind, seed, folder), Counter[str]()
    for number in numbers:
        path = files.write(number)
        outcomes[_outcome_or_fault(path)] += 1
        path.unlink()
    return outcomes


def _outcome_or_fault(path: Path) -> str:
    before = peak_mb()
    try:
        found = outcome(path)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # Rust's panics are no Exception
        return f"FAULT {type(error).__name__}: {str(error)[:80]}"
    grown = peak_mb() - before
    return f"FAULT memory: {grown:.0f} MB more" if grown > GROWTH_MB else found


def _reads(files: Files, first: int, n: int, keep: Path, tell: Connection) -> None:
    """Read files in a process of their own, and tell the parent what came of each."""
    for number in range(first, n):
        path = files.write(number)
        tell.send(None)
        found = _outcome_or_fault(path)
        if found.startswith("FAULT"):
            _keep(files.folder, keep)
        else:
            path.unlink()
        tell.send((found, peak_mb()))


def watched(
    kind: Kind, n: int, *, seed: int, seconds: float, keep: Path
) -> tuple[Counter[str], tuple[float, float]]:
    """Read files of a kind, whatever becomes of the process.

    Returns:
        How often each outcome came, and the peak memory in MB after 1,000 files and at the end.
    """
    outcomes, end = Counter[str](), time.monotonic() + seconds
    early = late = 0.0
    context = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        files = Files(kind, seed, folder)
        while (done := outcomes.total()) < n and time.monotonic() < end:
            hear, tell = context.Pipe(duplex=False)
            child = context.Process(target=_reads, args=(files, done, n, keep, tell))
            child.start()
            tell.close()
            died = True
            try:
                while outcomes.total() < n and time.monotonic() < end:
                    hear.poll(None)
                    hear.recv()  # the file is written
                    if not hear.poll(HANG_SECONDS):
                        outcomes[f"FAULT hang of {HANG_SECONDS} s"] += 1
                        break
                    found, late = hear.recv()
                    outcomes[found] += 1
                    early = late if outcomes.total() <= 1000 else early
                else:
                    died = False  # all is read, or the time is over
            except EOFError:
                child.join()
                outcomes[f"FAULT process ended with {child.exitcode}"] += 1
            child.kill()
            child.join()
            if died:
                _keep(folder, keep)
    return outcomes, (early, late)


def _keep(folder: Path, keep: Path) -> None:
    """Keep the files that are left: those that were not read well."""
    for path in folder.iterdir():
        keep.mkdir(parents=True, exist_ok=True)
        shutil.move(path, keep / path.name)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz_faults"))
    given = parser.parse_args()
    print("| kind | files | read | refused | faults | peak MB after 1,000 files, at the end | s |")
    print("|---|---|---|---|---|---|---|", flush=True)
    faults = Counter[str]()
    for name in given.kinds:
        start = time.perf_counter()
        found, (early, late) = watched(
            KINDS[name], given.files, seed=given.seed, seconds=given.seconds, keep=given.keep / name
        )
        bad = {f"{name}: {what}": n for what, n in found.items() if what.startswith("FAULT")}
        faults.update(bad)
        print(
            f"| {name} | {found.total():,} | {found['read']:,} | {found['refused']:,} "
            f"| {sum(bad.values()):,} | {early:.0f}, {late:.0f} "
            f"| {time.perf_counter() - start:.0f} |",
            flush=True,
        )
    for what, n in faults.most_common():
        print(f"{n:9,}  {what}")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
