"""Mutated bodies of POST /predict: 200 with the answer of Python, or a refusal in one line.

    python benchmarks/fuzz_bodies.py                       # 100,000 bodies
    python benchmarks/fuzz_bodies.py --bodies 2000 --seed 7

A model is trained on a table with columns of every kind. A body starts as rows of that table in
JSON. Cells, names and rows are replaced, the text is broken or its bytes are changed, and it may
be packed. The application is called in this process. A fault is a status other than 200 and 4xx, a
body that is no JSON, more than a line, ten seconds for an answer, or a probability that
`load_run(...).predict_proba` does not give for the same rows (one body in three is compared; where
Python refuses the table, it is counted). A number for a date is a day since 1970 in JSON and no
date in a table, where 0 stands for an absent one: such bodies count as refused.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import math
import random
import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
from fuzzed_bytes import mutated
from fuzzed_cells import HARD_NAMES, value
from fuzzed_text import broken
from mutated_runs import run as run_command

from churn_torch import load_run
from churn_torch.errors import InputError
from churn_torch.serving.http.server import create_app
from churn_torch.serving.model_file import ModelFile
from churn_torch.tables.schema import Kind

SLOW = 10.0
COMPARED = 3
MOST = 1e-5
_HEADERS = (
    (b"content-type", b"text/plain"),
    (b"content-encoding", b"gzip"),
    (b"content-encoding", b"br"),
    (b"origin", b"https://other.example"),
    (b"content-length", b"3"),
)
_QUERIES = (
    b"reasons=3",
    b"reasons=-1",
    b"reasons=x",
    b"quality=true",
    b"a=%ff",
    b"&&=",
    b"reasons=1e9",
)


def table(n: int = 400) -> pd.DataFrame:
    """Return a table with a column of every kind, as text."""
    rng = random.Random(0)
    rows = []
    for i in range(n):
        day = pd.Timestamp("2023-01-01") + pd.Timedelta(i, unit="D")
        rows.append(
            {
                "customer": f"C{i}",
                "plain": str(round(rng.gauss(50, 20), 2)),
                "whole": rng.choice(["0", "1", "2", "30", "", "999"]),
                "money": f"${rng.randrange(1000, 9000):,}.50",
                "share": f"{rng.randrange(100)}%",
                "iso": f"{day:%Y-%m-%d}",
                "dotted": f"{day:%d.%m.%Y}",
                "yes": rng.choice(["Yes", "No", "n.a."]),
                "true": rng.choice(["true", "false"]),
                "zip": rng.choice(["01234", "99999", "00001"]),
                "plan": rng.choice(["basic", "plus", "São Paulo", ""]),
                "churn": rng.choice(["Yes", "No", "No"]),
            }
        )
    return pd.DataFrame(rows)


def make(folder: Path) -> Path:
    """Train a model; return its run folder."""
    frame = table()
    frame.to_csv(folder / "table.csv", index=False)
    keys = [f"data.source={folder / 'table.csv'}", "data.target=churn", "data.positive=Yes"]
    keys += ["data=table", "data.id=customer", "trainer.max_epochs=2", "leakage=ignore"]
    ended = run_command(["train", *keys, "model=mlp", f"outputs={folder / 'runs'}"])
    assert ended == "read all the same", ended
    (found,) = (folder / "runs").glob("2*/*")
    return found


def body(rows: list[dict[str, Any]], rng: random.Random) -> bytes:
    """Return rows in JSON, changed in some way."""
    chosen = [dict(rng.choice(rows)) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
    for row in chosen:
        for _ in range(rng.choice((0, 1, 1, 2, 5))):
            name = rng.choice([*row])
            change = rng.random()
            if change < 0.85:
                row[name] = value(rng)
            elif change < 0.9:
                row.pop(name)
            elif change < 0.95:
                row[rng.choice(HARD_NAMES)] = value(rng)
            else:
                row[name] = rng.choice(chosen).get(name)
    shape = rng.random()
    document: Any = {"rows": chosen}
    if shape < 0.2:
        document = chosen[0]
    elif shape < 0.25:
        document = rng.choice(
            (chosen, {"rows": []}, {"rows": value(rng)}, value(rng), {}, [document])
        )
    text = json.dumps(document, ensure_ascii=rng.random() < 0.5)
    if rng.random() < 0.5:  # which are no JSON
        text = text.replace("NaN", "null").replace("-Infinity", "null").replace("Infinity", "null")
    if rng.random() < 0.1:
        text = broken(text, rng)
    content = text.encode(rng.choice(["utf-8"] * 30 + ["utf-16", "latin-1"]), "replace")
    return mutated(content, rng) if rng.random() < 0.15 else content


async def post(app: Any, content: bytes, rng: random.Random) -> tuple[int, bytes]:
    """Call the application; return status and body."""
    headers = [(b"host", b"x"), (b"content-type", b"application/json")]
    if rng.random() < 0.1:
        headers.append(rng.choice(_HEADERS))
    if rng.random() < 0.05:
        content = gzip.compress(content, 1)
        headers.append((b"content-encoding", b"gzip"))
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
        "scheme": "http", "path": "/predict", "raw_path": b"/predict", "root_path": "",
        "query_string": rng.choice(_QUERIES) if rng.random() < 0.1 else b"", "headers": headers,
        "server": ("x", 80), "client": ("x", 1),
    }  # fmt: skip
    sent: list[dict[str, Any]] = []
    waiting = [{"type": "http.request", "body": content, "more_body": False}]

    async def receive() -> dict[str, Any]:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def compared(run: Any, content: bytes, answer: Any) -> bool:
    """Raise AssertionError where Python answers something else; return False where it refuses."""
    document = json.loads(content)
    rows = document["rows"] if isinstance(document.get("rows"), list) else [document]
    given = answer.get("predictions", [answer])
    if not rows:
        return True
    dates = [column.name for column in run.schema.features if column.kind is Kind.DATETIME]
    if any(isinstance(row.get(name), int | float) for row in rows for name in dates):
        return False
    try:
        found = run.predict_proba(pd.DataFrame(rows))
    except InputError:  # a column of numbers and texts, where JSON may have either for a date
        return False
    for one, two in zip(given, found.tolist(), strict=True):
        if not math.isclose(one["churn_probability"], two, abs_tol=MOST):
            raise AssertionError(f"{one['churn_probability']} for {two}")
    return True


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bodies", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    outcomes, faults, longest = Counter[int](), Counter[str](), 0.0
    with tempfile.TemporaryDirectory() as temporary:
        folder = make(Path(temporary))
        run = load_run(folder)
        app = create_app(ModelFile(folder / "model.onnx"), max_rows=1000, max_bytes=10**6)
        columns = [column.name for column in run.schema.features]
        rows = table()[columns].to_dict("records")
        numbers = {"plain", "whole"}
        rows = [
            {name: (float(cell) if cell else None) if name in numbers else cell or None
             for name, cell in row.items()}
            for row in rows
        ]  # fmt: skip
        end, number = time.monotonic() + given.seconds, 0
        n_compared = n_refused = 0
        with asyncio.Runner() as runner:
            while number < given.bodies and time.monotonic() < end:
                rng = random.Random(f"{given.seed} {number}")
                content = body(rows, rng)
                start = time.perf_counter()
                try:
                    status, answer = runner.run(post(app, content, rng))
                    longest = max(longest, time.perf_counter() - start)
                    outcomes[status] += 1
                    if status != 200 and not 400 <= status < 500:
                        raise AssertionError(f"status {status}: {answer[:100]!r}")
                    found = json.loads(answer)
                    if status != 200 and "\n" in found["detail"]:
                        raise AssertionError("more than one line")
                    if status == 200 and number % COMPARED == 0:
                        n_compared += 1
                        n_refused += not compared(run, content, found)
                except Exception as error:
                    at = traceback.extract_tb(error.__traceback__)[-1]
                    what = f"{type(error).__name__} in {Path(at.filename).name}: {str(error)[:200]}"
                    if not faults[what]:
                        print(f"body {number}: {what}\n  {content[:300]!r}", flush=True)
                    faults[what] += 1
                number += 1
    refused = sum(n for status, n in outcomes.items() if 400 <= status < 500)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(
        "| bodies | 200 | 4xx | other | compared | Python refuses | faults | longest, s | peak MB |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    print(
        f"| {number:,} | {outcomes[200]:,} | {refused:,} | "
        f"{outcomes.total() - outcomes[200] - refused:,} | {n_compared:,} | {n_refused:,} | "
        f"{sum(faults.values()):,} | {longest:.1f} | {peak:.0f} |"
    )
    return int(bool(faults) or longest > SLOW)


if __name__ == "__main__":
    sys.exit(main())
