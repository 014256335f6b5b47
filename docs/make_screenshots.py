"""Make the pictures of docs/screenshots: python docs/make_screenshots.py [--runtime FOLDER].

Trains two models on the shipped sample, plans a campaign, and takes pictures of the pages with
Chromium. npm fetches onnxruntime-web, unless FOLDER holds it. Look at the pictures: one may show a
page that still loads, since Chromium does not wait for WebAssembly; then run this again.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import churn_torch
from churn_torch.workflows.campaign import campaign
from churn_torch.workflows.export import export

PICTURES = Path(__file__).with_name("screenshots")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files without a line for each."""

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


def picture(name: str, address: str, *, width: int, height: int, dark: bool = False) -> None:
    """Take a picture of a page."""
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
                f"--screenshot={PICTURES / name}",
                address,
            ],
            check=True,
            capture_output=True,
        )
    print(PICTURES / name)


def main() -> None:
    """Train, export, and take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runtime", help="folder of onnxruntime-web")
    runtime = parser.parse_args().runtime
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for model in ("logreg", "scorecard"):
            config = churn_torch.compose("train", [f"model={model}", f"outputs={root}"])
            churn_torch.train(config, root / model)
        web = [f"run={root / 'logreg'}", "target=web", f"out={root / 'web'}"]
        web += [f"runtime={runtime}"] if runtime else []
        export(churn_torch.compose("export", web))
        plan = [
            f"run={root / 'logreg'}",
            "source=sample:telco",
            f"out={root / 'june' / 'calls.csv'}",
        ]
        plan += ["value=12 * monthly_charges", "offer=[call,discount]", "budget=5000"]
        campaign(churn_torch.compose("campaign", plan))
        handler = functools.partial(Quiet, directory=folder)
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            at = f"http://127.0.0.1:{server.server_address[1]}"
            picture("what-if.png", f"{at}/web/", width=1100, height=900)
            picture("what-if-phone.png", f"{at}/web/", width=500, height=900)
            page = f"{at}/june/campaign.html"
            picture("campaign.png", page, width=1280, height=1280)
            picture("campaign-dark.png", page, width=500, height=900, dark=True)
            picture("scorecard.png", f"{at}/scorecard/scorecard.html", width=1100, height=900)
            picture("shapes.png", f"{at}/logreg/shapes.html", width=1100, height=900)
            shapes = f"{at}/logreg/shapes.html"
            picture("shapes-dark.png", shapes, width=1100, height=900, dark=True)
            server.shutdown()


if __name__ == "__main__":
    main()
