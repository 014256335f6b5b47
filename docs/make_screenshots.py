"""Make the pictures of docs/screenshots: python docs/make_screenshots.py [--runtime FOLDER].

Trains three models on the shipped sample, plans a campaign, makes up its outcomes, and takes
pictures of the pages with Chromium. npm fetches onnxruntime-web, unless FOLDER holds it. Look at
them: one may show a page that still loads, since Chromium does not wait for WebAssembly; then run
this again.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import http.server
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
    name: str, address: str, *, width: int = 1100, height: int = 900, dark: bool = False
) -> None:
    """Take a picture of a page; one that is called .pdf is the page on paper."""
    kind = "print-to-pdf" if name.endswith(".pdf") else "screenshot"
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                CHROMIUM,
                *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                *("--disable-background-networking", "--disable-component-update"),
                f"--user-data-dir={profile}",
                f"--window-size={width},{height}",
                "--virtual-time-budget=15000",
                *(("--force-dark-mode", "--blink-settings=preferredColorScheme=0") * dark),
                *(f"--{kind}={PICTURES / name}", "--no-pdf-header-footer"),
                address,
            ],
            check=True,
            capture_output=True,
        )
    print(PICTURES / name)


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
            picture("what-if.png", f"{at}/web/", width=1100, height=900)
            picture("what-if-phone.png", f"{at}/web/", width=500, height=900)
            page = f"{at}/logreg/report.html"
            picture("report.png", page, height=1500)
            # Chromium takes an empty picture of a page at an anchor, but not of a frame at one.
            frame = "<iframe src=logreg/report.html#ranking style='border:0;width:99%;height:98vh'>"
            (root / "charts.html").write_text(frame, encoding="utf-8")
            picture("report-charts.png", f"{at}/charts.html", height=1500)
            picture("report-phone.png", page, width=500, height=1500)
            picture("report-dark.png", page, height=1500, dark=True)
            picture("report.pdf", page)
            page = f"{at}/campaign/campaign.html"
            picture("campaign.png", page, width=1280, height=1280)
            picture("campaign-phone.png", page, width=500, height=1500)
            picture("campaign-dark.png", page, width=500, height=900, dark=True)
            picture("campaign.pdf", page)
            for name, model in (("scorecard", "scorecard"), ("shapes", "logreg")):
                page = f"{at}/{model}/{name}.html"
                picture(f"{name}.png", page, width=1100, height=900)
                picture(f"{name}-phone.png", page, width=500, height=900)
                picture(f"{name}-dark.png", page, width=1100, height=900, dark=True)
                picture(f"{name}.pdf", page)
            survival = f"{at}/survival/survival.html"
            picture("survival.png", survival, width=1100, height=1900)
            picture("survival-phone.png", survival, width=500, height=1500)
            picture("survival-dark.png", survival, width=1100, height=1200, dark=True)
            results = f"{at}/campaign/results.html"
            picture("results.png", results, width=1100, height=1400)
            picture("results-phone.png", results, width=500, height=1400)
            picture("results-dark.png", results, width=1100, height=900, dark=True)
            server.shutdown()


if __name__ == "__main__":
    main()
