from __future__ import annotations

import contextlib
import errno
import io
import logging
import os
import sys

import pytest
from rich.console import Group
from rich.table import Table
from rich.text import Text

from churn_torch import console
from churn_torch.cli.error_messages import explain


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, logger="churn_torch")
    return lambda: [line for r in caplog.records for line in r.getMessage().splitlines()]


def wide_table() -> Table:
    table = Table("column", "what is done")
    table.add_row("data.ignore=[id]", "left out: " + "a very long reason " * 4)
    table.add_row("日本", "[bold]not markup[/bold]")
    return table


def test_a_table_is_shown_and_logged_alike(capsys, lines):
    console.show(wide_table())
    out = capsys.readouterr().out
    assert ["", *(line.rstrip() for line in out.splitlines())] == lines()
    assert max(map(len, lines())) <= console.WIDTH_WITHOUT_TERMINAL
    for text in ("data.ignore=[id]", "日本", "reason a very"):
        assert text in out


def test_a_sentence_is_taken_literally(capsys, lines):
    sentence = "Run folder: /tmp/[red]x[/red]/12:00 'a' 1,234"
    console.show(sentence)
    assert capsys.readouterr().out == sentence + "\n"
    assert lines() == [sentence]


def test_control_characters_are_shown_and_lines_of_ours_are_kept(capsys, lines):
    names = Text("a\x1b[31m"), Group(Text("b\n2026-11-29 INFO Trained."), "c")
    table = Table("name", "of ours")
    for name in names:
        table.add_row(name, "0.5\n[0.4 to 0.6]")
    for content in (table, "first\nsecond\x1b]0;title\x07\u202e"):
        console.show(content)
    out = capsys.readouterr().out
    assert all(char.isprintable() or char == "\n" for char in out)
    for told in (out, "\n".join(lines())):
        assert r"a\x1b[31m" in told
        assert r"b\n2026-11-29 INFO" in told
        assert r"second\x1b]0;title\x07\u202e" in told
        assert told.count("[0.4 to 0.6]") == 2
        assert r"\n[0.4" not in told
        assert "first\n" in told


def test_a_table_is_stamped_once(caplog):
    caplog.set_level(logging.INFO, logger="churn_torch")
    console.show(wide_table())
    (record,) = caplog.records
    assert record.getMessage().startswith("\n")


def test_a_sweep_prints_the_same_table_once(capsys, lines):
    with console.tables_once():
        for text in ("same", "same", "other"):
            console.show(text, once=True)
            console.show("metrics")
    console.show("same", once=True)
    expected = ["same", "metrics", "metrics", "other", "metrics", "same"]
    assert capsys.readouterr().out.split() == expected
    assert lines() == ["same", "metrics", "same", "metrics", "other", "metrics", "same"]


def test_the_log_has_no_colours(capsys, lines, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    table = Table("column")
    table.add_row("a", style="bold red")
    console.show(table)
    assert not any("\x1b" in line for line in lines())
    assert capsys.readouterr().out


def test_width_is_the_terminals_where_there_is_one(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert console.make_console().width == console.WIDTH_WITHOUT_TERMINAL
    monkeypatch.setenv("COLUMNS", "71")  # a pipe honours it too
    assert console.make_console().width == 71
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "61")
    assert console.make_console().width == 61


def test_progress_is_silent_without_a_terminal(capfd):
    with console.row_progress() as progress:
        task = progress.add_task("Scoring", total=10)
        progress.advance(task, 5)
    assert capfd.readouterr() == ("", "")
    assert progress.tasks[0].completed == 5


def test_progress_counts_rows_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes it for a terminal
    monkeypatch.setenv("TERM", "xterm")
    with console.row_progress() as progress:
        task = progress.add_task("Scoring", total=1000)
        progress.advance(task, 400)
    captured = capsys.readouterr()
    assert captured.out == ""  # the scores may go there
    assert "Scoring" in captured.err
    assert "400/1000" in captured.err


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_letters_that_a_terminal_lacks_are_replaced(monkeypatch, lines, encoding):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    console.show(wide_table())
    console.show("Größe 契約")
    sys.stdout.flush()
    shown = {"ascii": "Gr??e ??", "cp1252": "Größe ??", "utf-8": "Größe 契約"}[encoding]
    assert raw.getvalue().decode(encoding).splitlines()[-1] == shown
    assert lines()[-1] == "Größe 契約"


def test_a_command_replaces_letters_that_a_terminal_lacks(monkeypatch):
    raw = io.BytesIO()
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(raw, encoding="ascii"))
    console.replace_unprintable()
    for stream in (sys.stdout, sys.stderr):
        print("契約", file=stream, flush=True)
    assert raw.getvalue().split() == [b"??", b"??"]
    monkeypatch.setattr(sys, "stdout", None)  # as without a console
    console.replace_unprintable()


def test_a_log_is_utf8_and_names_itself_when_the_disk_is_full(tmp_path, monkeypatch, capsys):
    path = tmp_path / "train.log"
    with console.logged(path):
        console.log.info("Größe 契約")
        (handler,) = console.log.handlers

        def full(*arguments):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(handler.stream, "flush", full, raising=False)
        with pytest.raises(OSError, match="No space left") as raised:
            console.log.info("more")
        assert raised.value.filename == str(path)
        monkeypatch.setattr(handler, "format", lambda record: 1 / 0)
        console.log.info("a bug in a format is told as before")
    assert path.read_text(encoding="utf-8").splitlines()[0].endswith("INFO Größe 契約")
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_reader_that_has_seen_enough_ends_nothing():
    """As with ``| head``: rich would end the process."""
    reads, writes = os.pipe()
    os.close(reads)
    with open(writes, "w") as pipe, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", pipe)
        for _ in range(2):
            console.show("a table")
        print("nobody reads this", flush=True)


def test_a_full_disk_behind_stdout_is_told_as_such(monkeypatch, lines):
    with open("/dev/full", "w") as full:
        full.write("text of a library that waits in the buffer")
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(OSError, match="No space left") as raised:
            console.show("a table")
        monkeypatch.undo()
        with contextlib.suppress(OSError):
            full.close()
    sentence = explain(raised.value)
    assert sentence.startswith("stdout: expected a place")
    assert sentence.endswith("choose another place (> FILE).")


@pytest.mark.parametrize(("columns", "width"), [("0", 110), ("1", 40), ("60", 60)])
def test_a_width_that_shows_nothing_is_not_taken(monkeypatch, columns, width):
    monkeypatch.setenv("COLUMNS", columns)
    assert console.make_console().width == width


def test_nothing_is_shown_where_there_is_no_stdout(monkeypatch, lines):
    monkeypatch.setattr(sys, "stdout", None)
    console.show("a table")
    assert lines() == ["a table"]
    assert not console.LiveTable(str).is_shown
