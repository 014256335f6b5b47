"""Licences of what a user installs: each is one that code under Apache-2.0 can stand beside.

``python -m tests.test_licences`` lists them (`make licences`).
"""

from __future__ import annotations

import importlib.metadata
import json
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# All extras but those for development and for benchmarks.
EXTRAS = ("excel", "mlflow", "serve", "statistics", "tensorboard", "tune")
# Permissive, or MPL-2.0, which binds changes of its own files alone.
ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "LLVM-exception",
    "MIT",
    "MIT-0",
    "MIT-CMU",
    "MPL-2.0",
    "PSF-2.0",
    "Zlib",
}
# What packages without an expression of SPDX say.
_WORDS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
_NODE = Path(__file__).parent / "export" / "node" / "package-lock.json"


def licences_of(package: importlib.metadata.PackageMetadata) -> set[str]:
    """Return the identifiers of SPDX that a package's metadata name."""
    expression = package.get("License-Expression")
    if expression is None:
        classifiers = package.get_all("Classifier") or []
        said = [c.rpartition(" :: ")[2] for c in classifiers if c.startswith("License :: ")]
        said = said or [(package.get("License") or "nothing").strip()]
        expression = " AND ".join(_WORDS.get(text, text) for text in said)
    return set(re.split(r"[\s()]+(?:AND|OR|WITH)[\s()]+|[()]", expression)) - {""}


def installed() -> dict[str, set[str]]:
    """Return the licences of the package, and of all that it and its extras want."""
    found: dict[str, set[str]] = {}
    waiting = [("churn-torch", EXTRAS)]
    while waiting:
        name, extras = waiting.pop()
        if canonicalize_name(name) in found:
            continue
        package = importlib.metadata.distribution(name)
        found[canonicalize_name(name)] = licences_of(package.metadata)
        for wanted in map(Requirement, package.requires or []):
            environments = [{"extra": extra} for extra in ("", *extras)]
            if wanted.marker is None or any(map(wanted.marker.evaluate, environments)):
                waiting.append((wanted.name, tuple(wanted.extras)))
    return found


def test_every_licence_is_allowed() -> None:
    found = installed()
    assert len(found) > 80
    assert {name: said - ALLOWED for name, said in found.items() if said - ALLOWED} == {}


def test_every_licence_in_node_is_allowed() -> None:
    packages = json.loads(_NODE.read_text())["packages"]
    assert {entry["license"] for name, entry in packages.items() if name} <= ALLOWED


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("License-Expression: MIT AND (Apache-2.0 OR PSF-2.0)", {"MIT", "Apache-2.0", "PSF-2.0"}),
        ("License-Expression: Apache-2.0 WITH LLVM-exception", {"Apache-2.0", "LLVM-exception"}),
        ("License: GPL-3.0", {"GPL-3.0"}),
        ("License: long text\nClassifier: License :: OSI Approved :: MIT License", {"MIT"}),
        ("Name: x", {"nothing"}),
    ],
)
def test_what_metadata_say(fields: str, expected: set[str]) -> None:
    import email

    assert licences_of(email.message_from_string(fields)) == expected  # type: ignore[arg-type]


def test_the_release_set_has_a_hash_for_every_file() -> None:
    root = Path(__file__).parents[1]
    pinned = dict(re.findall(r"(?m)^([\w.-]+)==(\S+)", (root / "constraints.txt").read_text()))
    pinned = {canonicalize_name(name): version for name, version in pinned.items()}
    hashed: dict[str, str] = {}
    for entry in re.split(r"\n(?=[a-z])", (root / "constraints-hashes.txt").read_text()):
        if match := re.match(r"([\w.-]+)==(\S+)", entry):
            hashed[match[1]] = match[2]
            assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), match[1]
    assert set(installed()) - set(hashed) <= {"churn-torch", "torch", "triton"}
    assert {name: hashed[name] for name in hashed.keys() & pinned.keys()} == {
        name: pinned[name] for name in hashed.keys() & pinned.keys()
    }


if __name__ == "__main__":
    for package_name, ids in sorted(installed().items()):
        odd = "  <- not allowed" if ids - ALLOWED else ""
        print(f"{package_name:40} {', '.join(sorted(ids))}{odd}")
