"""Mutated files of every kind that is read: each one is read or refused in a sentence.

    python benchmarks/fuzz_sources.py                              # 100,000 files a kind: hours
    python benchmarks/fuzz_sources.py --files 2000 --kinds parquet orc --seed 7
    python benchmarks/fuzz_sources.py --seconds 300                # at most so long a kind

A file starts as a small table in one of many forms, of cells, types and packings that are hard to
read (benchmarks/fuzzed_*.py). Then bytes are changed, cut out, repeated or moved, sizes are
inflated, or the file is cut short. It is read as a whole and in chunks, which must give the same
names, kinds and values; of one in a hundred the schema is inferred, and the table is parsed by it.
A fault is anything but a table or an InputError of one line: another exception, the death of the
process, ten seconds of the processor for a file, or memory that grows by 300 MB with one file. The
file is then kept in --keep, and the exit code is 1.

Each kind is read in a process of its own, which goes on behind the file that killed it. The
product's own processes for parsers have started already (benchmarks/warm_processes.py).
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import random
import re
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import warm_processes
from fuzzed_files import KINDS, Kind

from churn_torch.errors import InputError
from churn_torch.tables.encode import parse
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.options import ColumnRoles
from churn_torch.tables.readers import bounded_database, json_files, own_process, queries
from churn_torch.tables.readers.formats import is_parquet
from churn_torch.tables.readers.sources import (
    column_names,
    count_rows,
    read,
    read_chunks,
    read_sample,
)
from churn_torch.tables.schema import Schema

# Seconds of the processor for a file, and of the clock, as the machine may be busy.
HANG_SECONDS = 10
MOST_SECONDS = 120
GROWTH_MB = 300
_HOLED = re.compile("u?int[0-9]+|bool|object")
# The schema of one in so many files is inferred, which takes far longer than to read it.
INFERRED = 100


def outcome(path: Path, *, inferred: bool = True) -> str:
    """Read a file in every way, infer its schema; return what came of it, or raise a fault."""
    try:
        whole = read(path)
    except InputError as error:
        _one_line(error)
        return "refused"
    pieces = list(read_chunks(path, rows=max(3, len(whole) // 3)))
    _same(whole, pd.concat(pieces, ignore_index=True), pieces, "in chunks")
    if is_parquet(path):  # which is sampled in another way than it is read
        sample, _ = read_sample(path, rows=max(len(whole), 100))
        _same(whole, sample, [sample], "as a sample")
        if (count_rows(path), column_names(path)) != (len(whole), list(whole.columns)):
            raise AssertionError("another count of rows or other names")
    if inferred and len(whole.columns) < 100:
        _infer(whole)
    return "read"


def _same(whole: pd.DataFrame, other: pd.DataFrame, pieces: list[pd.DataFrame], how: str) -> None:
    """Compare names, kinds and values of two readings of a table."""
    if list(other.columns) != list(whole.columns) or len(other) != len(whole):
        raise AssertionError(f"{how} it is another table")
    for name in whole.columns:
        kinds = {str(piece[name].dtype).lower() for piece in (whole, *pieces)}
        # With missing cells, integers and booleans have another type of pandas.
        if len(kinds) > 1 and not all(_HOLED.fullmatch(kind) for kind in kinds):
            raise AssertionError(f"{how} it has other kinds: {sorted(kinds)}")
        if whole[name].equals(other[name]):
            continue
        for one, two in zip(whole[name].tolist(), other[name].tolist(), strict=True):
            if not _equal(one, two):
                raise AssertionError(f"{how} it has other values: {one!r}, {two!r}"[:70])


def _equal(one: object, two: object) -> bool:
    """Compare cells; in a list, a number may have another type."""
    if isinstance(one, list | tuple | np.ndarray) and isinstance(two, list | tuple | np.ndarray):
        return len(one) == len(two) and all(map(_equal, one, two))
    missing = [
        cell is None or cell is pd.NA or cell is pd.NaT or cell != cell for cell in (one, two)
    ]
    return all(missing) or repr(one) == repr(two) or bool(one == two)


def _infer(frame: pd.DataFrame) -> None:
    """Infer a schema, and parse the table by it, whole and in two parts."""
    try:
        schema = infer(frame, ColumnRoles(target=""), target_required=False)
    except InputError as error:
        _one_line(error)
        return
    if Schema.from_json(schema.to_json()) != schema:
        raise AssertionError("the schema read back is another one")
    try:
        parsed, half = parse(frame, schema), len(frame) // 2
    except InputError as error:
        _one_line(error)
        return
    parts = [parse(frame[:half], schema), parse(frame[half:], schema, first_row=half)]
    if not parsed.equals(pd.concat(parts, ignore_index=True)):
        raise AssertionError("parsed in two parts it is another table")


def _one_line(error: InputError) -> None:
    if "\n" in str(error):
        raise AssertionError(f"more than one line: {error}") from error


def peak_mb() -> float:
    """Return the most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


class Files:
    """The files of a kind, by number: the same seed and number give the same file."""

    def __init__(self, kind: Kind, n: int, seed: int, folder: Path) -> None:
        """Make the whole files that n others are mutations of, where not each is made anew."""
        self.kind, self.seed, self.folder = kind, seed, folder
        rng = random.Random(f"{seed} {kind.name}")
        self._whole = [kind.make(rng, folder) for _ in range(min(kind.n_whole, n))]

    def write(self, number: int) -> Path:
        """Write a file and return its path."""
        rng = random.Random(f"{self.seed} {self.kind.name} {number}")
        make = self.kind.make
        suffix, content = rng.choice(self._whole) if self._whole else make(rng, self.folder)
        path = self.folder / f"{number}{suffix}"
        path.write_bytes(self.kind.mutate(content, rng))
        return path


def fuzz(kind: Kind, numbers: range, *, seed: int, folder: Path) -> Counter[str]:
    """Read the files of some numbers in this process; return how often each outcome came."""
    files, outcomes = Files(kind, len(numbers), seed, folder), Counter[str]()
    for number in numbers:
        path = files.write(number)
        outcomes[_outcome_or_fault(path)] += 1
        path.unlink()
    return outcomes


def _outcome_or_fault(path: Path, *, inferred: bool = True) -> str:
    before = peak_mb()
    try:
        found = outcome(path, inferred=inferred)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # Rust's panics are no Exception
        at = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(at.filename).name}:{at.lineno}"
        return f"FAULT {type(error).__name__} in {where}: {str(error)[:80]!r}"
    grown = peak_mb() - before
    return f"FAULT memory: {grown:.0f} MB more" if grown > GROWTH_MB else found


def _start_at_once() -> None:
    """Do without the start of a process and of a database for each file.

    A parser's process runs one file after another, and queries of ours share a database.
    """
    own_process.subprocess = warm_processes
    database = duckdb.connect(":memory:", config=bounded_database._SETTINGS)
    connected = bounded_database.connected

    def at_once(settings: object = None) -> contextlib.AbstractContextManager[object]:
        if settings:
            return connected(settings)
        return contextlib.nullcontext(bounded_database.Database(database.cursor(), None))

    for module in (queries, json_files):
        module.connected = at_once


def _reads(files: Files, first: int, n: int, keep: Path, tell: Connection) -> None:
    """Read files in a process of their own, and tell the parent what came of each."""
    _start_at_once()
    for number in range(first, n):
        path = files.write(number)
        tell.send(None)
        found = _outcome_or_fault(path, inferred=number % INFERRED == 0)
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
        files = Files(kind, n, seed, folder)
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
                    if not _ends(child, hear):
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


def _ends(child: BaseProcess, hear: Connection) -> bool:
    """Wait for what a process tells, unless it and its own processes are busy for too long."""
    before, end = _busy(child), time.monotonic() + MOST_SECONDS
    while not hear.poll(1):
        if _busy(child) - before > HANG_SECONDS or time.monotonic() > end:
            return False
    return True


def _busy(child: BaseProcess) -> float:
    """Return the processor's seconds of a process and of those it has waited for (Linux)."""
    fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


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
