"""`.ci/audit`: it fails for a known vulnerability, and for nothing that an index does not tell."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "audit"
FLAW = {"id": "CVE-2026-1", "fix_versions": ["1.2"], "aliases": [], "description": ""}


def sound(part: str, answer: dict[str, Any]) -> bool:
    function = runpy.run_path(str(SCRIPT))[part]
    function.__globals__["answer"] = lambda *command: answer
    return bool(function())


@pytest.mark.parametrize(
    ("packages", "expected", "said"),
    [
        ([], True, "not audited"),
        ([{"name": "a", "skip_reason": "not found"}], True, "not audited"),
        ([{"name": "a", "version": "1", "vulns": []}], True, "1 of 1 packages audited"),
        ([{"name": "a", "version": "1", "vulns": [FLAW]}], False, "a 1: CVE-2026-1, fixed in 1.2"),
        (
            [{"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "odd"}],
            False,
            "b: odd",
        ),
    ],
)
def test_packages_of_python(
    packages: list[dict[str, Any]], expected: bool, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sound("python_packages", {"dependencies": packages}) is expected
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "expected", "said"),
    [
        ({"error": {"summary": "405"}}, True, "not audited"),
        ({"auditReportVersion": 2, "vulnerabilities": {}}, True, "0 packages"),
        (
            {"auditReportVersion": 2, "vulnerabilities": {"long": {"severity": "high"}}},
            False,
            "long: high",
        ),
    ],
)
def test_packages_of_node(
    answer: dict[str, Any], expected: bool, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sound("node_packages", answer) is expected
    assert said in capsys.readouterr().out
