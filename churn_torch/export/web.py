"""The what-if page: a folder for any static web server, in which the browser runs the ONNX file.

The page itself is in ``serving/web_page/``. It needs onnxruntime-web, which is too large for this
package: npm downloads it, or the user names a folder that holds it.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
from importlib import resources
from pathlib import Path

from churn_torch.errors import InputError
from churn_torch.whole_files import private_folder

MODEL = "model.onnx"  # the name that the page loads
HINT = (
    "Open it: python -m http.server 8000 --bind 127.0.0.1 --directory {out}, then "
    "http://localhost:8000"
)

VERSION = "1.30.0"
PACKAGE = f"onnxruntime-web@{VERSION}"
# The files of its smallest build (CPU only): their names in the page's folder, their names in the
# package and their SHA-256. The page has .js, because not every server sends .mjs as a script.
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
NPM_SECONDS = 300


def files(runtime: str | None = None) -> dict[str, bytes]:
    """Return the files of the page, all but the model, by file name.

    Args:
        runtime: The folder of onnxruntime-web, as npm installs it; None lets npm download it.

    Raises:
        InputError: The runtime is not available, or is another version than the page was made with.
    """
    page = resources.files("churn_torch.serving") / "web_page"
    contents = {path.name: path.read_bytes() for path in page.iterdir()}
    if runtime is not None:
        return contents | _checked(Path(runtime), f"in {runtime}")
    with private_folder() as folder:
        return contents | _checked(_downloaded(folder), "from npm")


def _checked(package: Path, where: str) -> dict[str, bytes]:
    """Return the runtime's files by their names in the page's folder; their hashes are checked."""
    contents = {}
    for name, (source, digest) in RUNTIME.items():
        try:
            content = (package / source).read_bytes()
        except OSError as error:
            raise InputError(
                "runtime",
                expected=f"{source} of {PACKAGE} {where}",
                got=f"none ({error.strerror})",
                fix="name the folder node_modules/onnxruntime-web, or leave runtime out, so that "
                "npm downloads it",
            ) from None
        if hashlib.sha256(content).hexdigest() != digest:
            raise InputError(
                "runtime",
                expected=f"{source} of {PACKAGE} {where}",
                got="another version or a damaged file",
                fix=f"install that version (npm install {PACKAGE})",
            )
        contents[name] = content
    return contents


def _downloaded(folder: Path) -> Path:
    """Let npm download the package into a folder; npm's own cache is used without a network."""
    by_hand = f"or name a folder that holds {PACKAGE} with runtime=FOLDER"
    npm = shutil.which("npm")
    if npm is None:
        raise InputError(
            "target=web",
            expected=f"npm to download {PACKAGE}",
            got="no npm on this machine",
            fix=f"install Node.js, {by_hand}",
        )
    command = [npm, "pack", "--silent", "--prefer-offline", "--ignore-scripts", PACKAGE]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=NPM_SECONDS, check=False
        )
        output = " ".join((done.stderr or done.stdout).split())[:200]
        for archive in folder.glob("*.tgz"):
            wanted = {f"package/{source}" for source, _ in RUNTIME.values()}
            with tarfile.open(archive) as opened:
                for member in opened:
                    if member.name in wanted:
                        opened.extract(member, folder, filter="data")
            return folder / "package"
    except subprocess.TimeoutExpired:
        output = f"no answer within {NPM_SECONDS} s"
    except tarfile.TarError:
        output = "the archive is damaged"
    raise InputError(
        "target=web",
        expected=f"npm to download {PACKAGE}",
        got=f"nothing ({output or 'npm gave no message'})",
        fix=f"check the network and npm's settings, {by_hand}",
    )
