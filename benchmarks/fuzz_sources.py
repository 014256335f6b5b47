"""Mutated CSV, Parquet and JSON files: every one is read or refused in a sentence.

    python benchmarks/fuzz_sources.py                    # 100,000 files, some minutes
    python benchmarks/fuzz_sources.py --files 2000 --seed 7

A file starts as a small table in one of many forms (delimiters, encodings, titles, footers, types).
Then bytes are changed, cut out, repeated or moved, or the file is cut short. It is read as a whole
and in chunks, which must agree. Anything but a table or an InputError is a fault of ours: the file
is kept in --keep, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pandas as pd

from churn_torch.errors import InputError
from churn_torch.tables.readers.sources import read, read_chunks

_WORDS = [
    "basic",
    "plus",
    "São Paulo",
    "Łódź",
    "Базовый",
    "是",
    "",
    "N/A",
    'say "hi"',
    "a,b",
    "1;5",
]
_BYTES = [b'"', b",", b";", b"\n", b"\r", b"\x00", b"\xff", b"{", b"]", b"#", b"\xef\xbb\xbf", b"'"]
_ENCODINGS = ["utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252", "cp1250", "cp1251", "gbk"]


def table(rng: random.Random) -> pd.DataFrame:
    """Return a small customer table."""
    n = rng.randrange(1, 9)
    columns = {
        "id": [f"C{i}" for i in range(n)],
        "plan": [rng.choice(_WORDS) for _ in range(n)],
        "charge": [rng.choice([None, 1.5, -2, 1e30]) for _ in range(n)],
        "when": [rng.choice(["2024-01-31", "31.01.2024", None]) for _ in range(n)],
        "churn": [rng.choice(["Yes", "No"]) for _ in range(n)],
    }
    names = rng.sample(sorted(columns), rng.randrange(1, 6))
    return pd.DataFrame({name: columns[name] for name in names})


def csv_bytes(rng: random.Random) -> bytes:
    """Return a CSV file, with lines above and below its rows now and then."""
    frame = table(rng)
    text = frame.to_csv(index=rng.random() < 0.2, sep=rng.choice(",;\t|^"))
    above = rng.choice(["", "", "Report 2024\n", "# comment\n\n", "sep=;\n", "Title,,,\n"])
    below = rng.choice(["", "", "Total,,1\n", "\n3 rows exported\n", "# end"])
    return (above + text + below).encode(rng.choice(_ENCODINGS), errors="replace")


def json_bytes(rng: random.Random) -> bytes:
    """Return a JSON file in one of its layouts."""
    frame = table(rng)
    layout = rng.choice(["records", "lines", "columns", "split", "under a key"])
    if layout == "lines":
        text = frame.to_json(orient="records", lines=True)
    elif layout == "under a key":
        text = json.dumps({"n": len(frame), "data": json.loads(frame.to_json(orient="records"))})
    else:
        text = frame.to_json(orient=layout, indent=rng.choice([None, 1]))
    return text.encode()


def parquet_bytes(rng: random.Random) -> bytes:
    """Return a Parquet file."""
    file = io.BytesIO()
    table(rng).to_parquet(file, compression=rng.choice(["snappy", "zstd", None]))
    return file.getvalue()


FORMS = {".csv": csv_bytes, ".json": json_bytes, ".parquet": parquet_bytes}


def mutated(content: bytes, rng: random.Random) -> bytes:
    """Return the content with some bytes changed, cut out, put in, repeated or cut off."""
    data = bytearray(content)
    for _ in range(rng.choice([0, 1, 1, 2, 5, 20])):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.choice([1, 1, 4, 30]))
        what = rng.choice(["set", "cut", "put", "repeat", "end"])
        if what == "set" and at < len(data):
            data[at] = rng.randrange(256)
        elif what == "cut":
            del data[at:end]
        elif what == "put":
            data[at:at] = rng.choice(_BYTES)
        elif what == "repeat":
            data[at:at] = data[at:end] * rng.choice([1, 3])
        elif what == "end" and rng.random() < 0.2:
            del data[at:]
    return bytes(data)


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


def fuzz(n_files: int, *, seed: int, folder: Path, keep: Path | None = None) -> Counter[str]:
    """Read mutated files.

    Args:
        n_files: How many.
        seed: Decides them all.
        folder: For the file that is read.
        keep: Where files stay that are read with a fault.

    Returns:
        How often each outcome came, by format.
    """
    rng, outcomes = random.Random(seed), Counter[str]()
    for i in range(n_files):
        suffix = rng.choice(sorted(FORMS))
        content = mutated(FORMS[suffix](rng), rng)
        path = folder / f"{i}{suffix}"
        path.write_bytes(content)
        try:
            outcomes[f"{suffix} {outcome(path)}"] += 1
        except Exception as error:
            outcomes[f"{suffix} FAULT {type(error).__name__}: {str(error)[:80]}"] += 1
            if keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                (keep / path.name).write_bytes(content)
        path.unlink()
    return outcomes


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz_faults"))
    given = parser.parse_args()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        found = fuzz(given.files, seed=given.seed, folder=Path(folder), keep=given.keep)
    for what, n in sorted(found.items()):
        print(f"{n:9,}  {what}")
    print(f"{given.files:9,}  files in {time.perf_counter() - start:.0f} s, seed {given.seed}")
    return int(any("FAULT" in what for what in found))


if __name__ == "__main__":
    sys.exit(main())
