"""How far every runtime is from torch: the largest differences in probability and in reasons.

    python benchmarks/parity.py RUN... [ROWS]

ROWS real rows of the Telco sample (10,000 by default) and as many edge-case rows are scored with
the file of each run: by onnxruntime in an environment that has only NumPy besides, by
onnxruntime-web in Node, and by ONNX's own evaluator. The script uses helpers of tests/export, which
make the same comparison on fewer rows. Decisions must follow from the probability of each runtime,
and quality must be equal. Needs `npm ci` in tests/export/node.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import numpy as np
import pandas as pd
from onnx.reference import ReferenceEvaluator

from churn_torch import samples
from churn_torch.cli.compose import compose
from churn_torch.export.parity import hostile_rows
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.serving.outputs import DECISION, PROBABILITY, QUALITY, REASONS
from churn_torch.serving.session import make_feed
from churn_torch.tables.encode import encode, parse
from churn_torch.workflows import export as exporting
from churn_torch.workflows.runs.run_folder import load_run

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.export.elsewhere import answers
from tests.export.test_elsewhere import BARE, pinned
from tests.export.test_web import NODE, RUNTIME, decoded, encoded


def main() -> None:
    """Compare and print."""
    n_rows = int(sys.argv.pop()) if sys.argv[-1].isdigit() else 10_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        venv.create(folder / "bare", with_pip=True)
        bare = folder / "bare" / "bin" / "python"
        packages = [pinned("onnxruntime"), pinned("numpy")]
        subprocess.run([bare, "-m", "pip", "install", "-q", *packages], check=True)
        (folder / "bare.py").write_text(BARE, encoding="utf-8")
        (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")
        for place, path in enumerate(sys.argv[1:]):
            compare(path, n_rows, folder, bare, folder / f"page{place}")


def compare(path: str, n_rows: int, folder: Path, bare: Path, page: Path) -> None:
    """Print a line a runtime and kind of rows."""
    run = load_run(path)
    real = parse(pd.read_parquet(samples.path("telco")), run.schema)
    tables = {
        "real": real.iloc[np.arange(n_rows) % len(real)],
        "hostile": hostile_rows(real, run.schema, n_rows, seed=1),
    }
    feeds = {kind: make_feed(rows, run.schema) for kind, rows in tables.items()}
    ours = {kind: answers(run.model, feed) for kind, feed in feeds.items()}
    asked = {k: {c: cells.ravel().tolist() for c, cells in f.items()} for k, f in feeds.items()}
    (folder / "asked.json").write_text(json.dumps(asked), encoding="utf-8")
    command = [bare, "-I", folder / "bare.py", run.model.resolve(), folder / "asked.json"]
    there = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    exporting.export(
        compose("export", [f"run={path}", "target=web", f"runtime={RUNTIME}", f"out={page}"])
    )
    coded = {k: {c: encoded(cells) for c, cells in f.items()} for k, f in feeds.items()}
    model = str(run.model.resolve())
    web = json.loads(
        subprocess.run(
            ["node", NODE / "answers.mjs", page],
            input=json.dumps({model: coded}),
            stdout=subprocess.PIPE,
            encoding="utf-8",
            check=True,
        ).stdout
    )[model]
    evaluator = ReferenceEvaluator(str(run.model))
    for kind, rows in tables.items():
        columns = Columns.from_arrays(encode(rows, run.schema))
        truth = {
            PROBABILITY: run.scorer.score(columns).numpy(),
            REASONS: run.attribution.explain(columns).numpy(),
        }
        with np.errstate(all="ignore"):
            reference = evaluator.run(None, feeds[kind])
        by_runtime = {
            "onnxruntime, bare": {
                k: np.array(v, dtype=ours[kind][k].dtype) for k, v in there[kind].items()
            },
            "onnxruntime-web": {k: decoded(v, ours[kind][k]) for k, v in web[kind].items()},
            "onnx.reference": dict(zip(evaluator.output_names, reference, strict=True)),
        }
        for runtime, outputs in by_runtime.items():
            worst = [np.abs(outputs[name] - truth[name]).max() for name in truth]
            decided = outputs[PROBABILITY] >= np.float32(run.threshold)
            assert np.array_equal(outputs[DECISION], decided), (runtime, kind)
            assert np.array_equal(outputs[QUALITY], ours[kind][QUALITY]), (runtime, kind)
            print(
                f"{path} {runtime}, {kind}: probability {worst[0]:.1e}, reasons {worst[1]:.1e}",
                flush=True,
            )


if __name__ == "__main__":
    main()
