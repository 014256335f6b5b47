"""Make the pictures of docs/screenshots: python docs/make_screenshots.py [--runtime FOLDER].

Trains three models on the shipped sample, plans a campaign, makes up its outcomes, and takes
pictures of the pages with Chromium and the Node packages of the tests (npm ci --prefix
tests/export/node). npm fetches onnxruntime-web, unless FOLDER holds it. Look at the pictures.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import http.server
import json
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import numpy as np
import pandas as pd

import churn_torch
from churn_torch.workflows.campaign import campaign
from churn_torch.workflows.export import export

PICTURES = Path(__file__).with_name("screenshots")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files without a line for each."""

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


def picture(
    name: str,
    address: str,
    *,
    width: int = 1100,
    height: int = 900,
    dark: bool = False,
    ready: str = "body",
) -> dict[str, object]:
    """Return a picture to take of a page; one that is called .pdf is the page on paper."""
    return {
        "path": str(PICTURES / name),
        "url": address,
        "width": width,
        "height": height,
        "dark": dark,
        "ready": ready,
    }


def pictures(at: str) -> list[dict[str, object]]:
    """Return all pictures of the pages below an address."""
    phone = {"width": 400, "height": 900}
    what_if = {"ready": "#page"}  # shown once the model has loaded
    found = [
        picture("what-if.png", f"{at}/web/", **what_if),
        picture("what-if-phone.png", f"{at}/web/", **phone, **what_if),
        picture("what-if-dark.png", f"{at}/web/", dark=True, **what_if),
        picture("report-charts.png", f"{at}/logreg/report.html#ranking", height=1500),
    ]
    pages = {
        "report": ("logreg/report", 1500),
        "campaign": ("campaign/campaign", 1280),
        "results": ("campaign/results", 1400),
        "scorecard": ("scorecard/scorecard", 900),
        "shapes": ("logreg/shapes", 900),
        "survival": ("survival/survival", 1900),
    }
    for name, (page, height) in pages.items():
        address = f"{at}/{page}.html"
        found += [
            picture(f"{name}.png", address, height=height),
            picture(f"{name}-phone.png", address, width=400, height=1500),
            picture(f"{name}-dark.png", address, dark=True),
            picture(f"{name}.pdf", address),
        ]
    return found


def make_campaign(root: Path) -> None:
    """Write a campaign with made outcomes, of which a call kept a quarter of the leavers."""
    lists = root / "campaign"
    keys = [f"run={root / 'logreg'}", "source=sample:telco", f"out={lists / 'calls.csv'}"]
    offers = ["offer=[call,discount]", "value=12 * monthly_charges", "offer.call.capacity=900"]
    campaign(churn_torch.compose("campaign", [*keys, *offers, "budget=30000"]))
    names = {"calls.csv": 0.25, "control.csv": 0.0}
    random = np.random.default_rng(0)
    outcomes = []
    for name, keep_rate in names.items():
        table = pd.read_csv(lists / name)
        leaves = random.random(len(table)) < table["churn_probability"]
        kept = random.random(len(table)) < keep_rate
        outcomes.append(table[["row"]].assign(churned=leaves & ~kept))
    results = churn_torch.compose("campaign", ["results=made", f"campaign={lists}"])
    campaign(results, source=pd.concat(outcomes))


def main() -> None:
    """Train, export, and take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runtime", help="folder of onnxruntime-web")
    runtime = parser.parse_args().runtime
    runtime = runtime and Path(runtime).resolve()
    PICTURES.mkdir(exist_ok=True)
    # Pages name their run folder, so it has the name that it has for users.
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        root = Path("outputs")
        for model in ("logreg", "scorecard"):
            config = churn_torch.compose("train", [f"model={model}", f"outputs={root}"])
            churn_torch.train(config, root / model)
        lived = ["data.duration=tenure", "data.horizon=12", "data.ignore=[total_charges]"]
        config = churn_torch.compose("train", ["model=survival", *lived, f"outputs={root}"])
        churn_torch.train(config, root / "survival")
        make_campaign(root)
        web = [f"run={root / 'logreg'}", "target=web", f"out={root / 'web'}"]
        web += [f"runtime={runtime}"] if runtime else []
        export(churn_torch.compose("export", web))
        handler = functools.partial(Quiet, directory=root)
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            at = f"http://127.0.0.1:{server.server_address[1]}"
            subprocess.run(
                ["node", Path(__file__).with_name("take_pictures.mjs"), CHROMIUM],
                input=json.dumps(pictures(at)),
                text=True,
                check=True,
            )
            server.shutdown()


if __name__ == "__main__":
    main()
