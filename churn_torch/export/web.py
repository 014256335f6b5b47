"""The what-if page around the ONNX file: a folder for any static server; the browser does the rest.

The page is in ``web_page/``. What runs the file is onnxruntime-web, which is too large for this
package: npm fetches it, or the user names a folder that holds it.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from churn_torch.errors import InputError

MODEL = "model.onnx"  # where the page looks for it
HINT = (
    "Open it: python -m http.server --bind 127.0.0.1 --directory {out}, then http://localhost:8000"
)

VERSION = "1.30.0"
PACKAGE = f"onnxruntime-web@{VERSION}"
# The smallest of its builds (CPU only), by the name here: the name there and its SHA-256. Here it
# is .js, because not every server knows that .mjs is a script.
RUNTIME = {
    "ort.js": (
        "dist/ort.wasm.bundle.min.mjs",
        "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    ),
    "ort.wasm": (
        "dist/ort-wasm-simd-threaded.wasm",
        "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
    ),
}
MOST_SECONDS = 300


def files(runtime: str | None = None) -> dict[str, bytes]:
    """Return everything but the model, by file name.

    Args:
        runtime: The folder of onnxruntime-web, as npm installs it; None lets npm fetch it.

    Raises:
        InputError: The runtime cannot be had, or is not the version that the page was made with.
    """
    page = Path(__file__).with_name("web_page")
    found = {path.name: path.read_bytes() for path in page.iterdir()}
    if runtime is not None:
        return found | _checked(Path(runtime), f"in {runtime}")
    with tempfile.TemporaryDirectory() as folder:
        return found | _checked(_fetched(Path(folder)), "from npm")


def _checked(package: Path, where: str) -> dict[str, bytes]:
    """Return the runtime's files by their names here; they must be those that are known."""
    found = {}
    for name, (source, digest) in RUNTIME.items():
        try:
            content = (package / source).read_bytes()
        except OSError as error:
            raise InputError(
                f"runtime: expected {source} of {PACKAGE} {where}, got none ({error.strerror}); "
                "name the folder node_modules/onnxruntime-web, or none, so that npm fetches it."
            ) from None
        if hashlib.sha256(content).hexdigest() != digest:
            raise InputError(
                f"runtime: expected {source} of {PACKAGE} {where}, got another version or a "
                f"damaged file; install that one (npm install {PACKAGE})."
            )
        found[name] = content
    return found


def _fetched(folder: Path) -> Path:
    """Let npm fetch the package; what npm has in its own cache needs no network."""
    mend = f"or name a folder that holds {PACKAGE} with runtime=FOLDER"
    npm = shutil.which("npm")
    if npm is None:
        raise InputError(
            f"target=web: expected npm to fetch {PACKAGE} with, got none on this machine; install "
            f"Node.js, {mend}."
        )
    command = [npm, "pack", "--silent", "--prefer-offline", "--ignore-scripts", PACKAGE]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=MOST_SECONDS, check=False
        )
        said = " ".join((done.stderr or done.stdout).split())[:200]
        for archive in folder.glob("*.tgz"):
            wanted = {f"package/{source}" for source, _ in RUNTIME.values()}
            with tarfile.open(archive) as opened:
                for member in opened:
                    if member.name in wanted:
                        opened.extract(member, folder, filter="data")
            return folder / "package"
    except subprocess.TimeoutExpired:
        said = f"no answer within {MOST_SECONDS} s"
    except tarfile.TarError:
        said = "the archive is damaged"
    raise InputError(
        f"target=web: expected npm to fetch {PACKAGE}, got none ({said or 'npm says nothing'}); "
        f"look at the network and npm's settings, {mend}."
    )
