"""A parser in a process of its own: whatever becomes of it, the user reads one sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from churn_torch.errors import InputError
from churn_torch.tables.readers import own_process
from churn_torch.tables.readers.packing import Stored


@pytest.mark.parametrize(
    ("program", "got"),
    [
        ("import sys; sys.exit('row 3 is odd')", r"cannot be read \(row 3 is odd\)"),
        ("import os; os.kill(os.getpid(), 11)", "its reader crashes, signal 11"),
        (
            "import os, sys; sys.stderr.write('memory allocation of 99 bytes failed'); os.abort()",
            r"its reader needs more memory than it gets, at most 1\.1 GB",
        ),
        ("while True: pass", "its reader has not come to an end in 1 s"),
    ],
)
def test_every_bad_end_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, got: str
) -> None:
    monkeypatch.setattr(own_process, "_SECONDS", 1.0)
    (tmp_path / "program.py").write_text(program)
    (tmp_path / "t.xls").write_bytes(b"content")
    with (
        pytest.raises(InputError, match=rf"t.xls: expected a workbook, got .*{got}.*; save it"),
        own_process.output_of(
            tmp_path / "program.py",
            tmp_path / "t.xls",
            stored=Stored(tmp_path / "t.xls"),
            expected="a workbook",
            fix="save it again",
        ),
    ):
        raise AssertionError("the program has failed")


def test_the_output_is_given_as_a_file(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("def main(*given): print(given)")
    path = tmp_path / "t.xls"
    path.write_bytes(b"content")
    with own_process.output_of(
        tmp_path / "program.py", path, "Sheet", stored=Stored(path), expected="", fix=""
    ) as out:
        assert out.read().decode().strip() == str((str(path), "Sheet"))


def test_the_limit_of_memory_holds(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("def main(path): bytes(1 << 31)")
    path = tmp_path / "t.xls"
    path.write_bytes(b"content")
    with (
        pytest.raises(
            InputError, match=r"its reader needs more memory than it gets, at most 1\.1 GB"
        ),
        own_process.output_of(
            tmp_path / "program.py", path, stored=Stored(path), expected="", fix=""
        ),
    ):
        raise AssertionError("the program has failed")


def test_an_interruption_ends_it_also_where_a_thread_waits_for_it(tmp_path, monkeypatch) -> None:
    (tmp_path / "program.py").write_text("import time; time.sleep(60)")
    path = tmp_path / "t.xls"
    path.write_bytes(b"content")
    monkeypatch.setattr(own_process.interruption, "interrupted", lambda: True)
    reading = own_process.output_of(
        tmp_path / "program.py", path, stored=Stored(path), expected="", fix=""
    )
    with pytest.raises(KeyboardInterrupt), reading:
        raise AssertionError("the program is still running")


def test_a_limit_of_the_users_own_is_not_raised(tmp_path: Path) -> None:
    program = "import resource\ndef main(path): print(resource.getrlimit(resource.RLIMIT_FSIZE))"
    (tmp_path / "program.py").write_text(program)
    limited = "import resource, runpy; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000)); "
    code = f"{limited}runpy.run_path({str(own_process._LIMITED)!r}, run_name='__main__')"
    arguments = ["99999999999", "9", str(tmp_path / "program.py"), "t.xls"]
    ended = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "(9000, 9000)"
