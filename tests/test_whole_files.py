from __future__ import annotations

import errno
import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from churn_torch.locks import lock
from churn_torch.whole_files import (
    PRIVATE,
    naming,
    new_folders,
    private_folder,
    whole_file,
    write_all,
    write_text,
)


def test_whole_file_appears_at_the_end(tmp_path):
    path = tmp_path / "a.json"
    with whole_file(path) as temporary:
        assert temporary.parent.parent == tmp_path
        temporary.write_text("{}")
        assert not path.exists()
    assert path.read_text() == "{}"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_whole_file_keeps_the_old_one_on_failure(tmp_path, error):
    path = tmp_path / "a.json"
    path.write_text("old")

    def fail() -> None:
        with whole_file(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_write_text_makes_the_folder(tmp_path):
    write_text(tmp_path / "a" / "b" / "c", "1")
    assert (tmp_path / "a" / "b" / "c").read_text() == "1"


def test_write_text_is_utf8(tmp_path):
    write_text(tmp_path / "a", "Größe 日本\n")
    assert (tmp_path / "a").read_bytes() == "Größe 日本\n".encode()


def test_new_folders_that_stay_empty_are_removed(tmp_path):
    def fail() -> None:
        with new_folders(tmp_path / "a" / "b"):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []
    with new_folders(tmp_path / "a" / "b"):
        (tmp_path / "a" / "b" / "file").touch()
    assert (tmp_path / "a" / "b" / "file").exists()


FULL = (errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    "error",
    [
        OSError(*FULL),
        OSError(*FULL, "/tmp/tmpabc", None, "elsewhere/.churn_torch-1/a.json"),  # a move
        OSError(*FULL, ".churn_torch-1/a.json"),
    ],
    ids=["no name", "moved", "private"],
)
def test_a_full_disk_names_the_file(tmp_path, error):
    path = tmp_path / "a.json"

    def fail() -> None:
        with whole_file(path):
            raise error

    with pytest.raises(OSError, match="No space left on device") as raised:
        fail()
    assert (raised.value.errno, raised.value.filename) == (errno.ENOSPC, str(path))
    assert list(tmp_path.iterdir()) == []


def test_errors_that_name_another_file_or_the_terminal_stay(tmp_path):
    for error in (FileNotFoundError(errno.ENOENT, "nothing", "other.csv"), BrokenPipeError()):
        with pytest.raises(type(error)) as raised, naming(tmp_path):
            raise error
        assert raised.value is error


def test_an_error_without_a_number_keeps_its_words(tmp_path):
    with pytest.raises(OSError, match="disk quota") as raised, naming(tmp_path):
        raise OSError("disk quota exceeded\nand more")
    assert raised.value.strerror == "disk quota exceeded"


def test_several_files_appear_together(tmp_path):
    (tmp_path / "old.txt").write_text("old")
    paths = [tmp_path / "old.txt", tmp_path / "new.txt"]
    before = []
    write_all(
        dict.fromkeys(paths, b"new"),
        check=lambda: before.extend(path.read_text() for path in paths if path.exists()),
    )
    assert before == ["old"]
    assert [path.read_text() for path in paths] == ["new", "new"]
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_where_one_file_cannot_take_its_place_all_are_as_before(tmp_path):
    (tmp_path / "a").write_text("old")
    (tmp_path / "link").symlink_to("elsewhere")
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.iterdir())

    with pytest.raises(OSError, match="directory") as raised:
        write_all({tmp_path / name: b"new" for name in ("a", "b", "link", "folder")})
    assert raised.value.filename == str(tmp_path / "folder")
    assert sorted(tmp_path.iterdir()) == before
    assert ((tmp_path / "a").read_text(), (tmp_path / "link").readlink().name) == (
        "old",
        "elsewhere",
    )


def test_of_several_files_the_one_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    def write(path: Path, content: bytes) -> None:
        if path.name == "large":
            raise OSError(*FULL)

    monkeypatch.setattr(Path, "write_bytes", write)
    with pytest.raises(OSError, match="No space left") as raised:
        write_all({tmp_path / "small": b"", tmp_path / "large": b""})
    assert raised.value.filename == str(tmp_path / "large")
    assert list(tmp_path.iterdir()) == []


def test_a_check_may_refuse_at_the_last_moment(tmp_path):
    def refuse() -> None:
        # Nobody else who checks can write at the same time.
        assert lock(tmp_path) is None
        raise RuntimeError("refused")

    with pytest.raises(RuntimeError, match="refused"):
        write_all({tmp_path / "a": b""}, check=refuse)
    assert list(tmp_path.iterdir()) == []


def leave(folder: Path) -> None:
    with private_folder(folder) as private:
        (private / "half").write_text("half")
        os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_killed_process_left_is_removed_and_what_is_in_use_is_not(tmp_path):
    process = multiprocessing.get_context("fork").Process(target=leave, args=(tmp_path,))
    process.start()
    process.join()
    assert len(list(tmp_path.rglob("half"))) == 1
    with private_folder(tmp_path) as first:
        (first / "mine").touch()
        assert [*tmp_path.iterdir()] == [first]
        with private_folder(tmp_path) as second:
            assert sorted(tmp_path.iterdir()) == sorted([first, second])
        assert (first / "mine").exists()
    assert [*tmp_path.iterdir()] == []


def test_links_are_neither_followed_nor_removed(tmp_path):
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "file").touch()
    (tmp_path / f"{PRIVATE}link").symlink_to("target")
    (tmp_path / ".a.json.partial").symlink_to("target/file")
    write_text(tmp_path / "a.json", "{}")
    assert (tmp_path / f"{PRIVATE}link").is_symlink()
    assert (tmp_path / "target" / "file").read_text() == ""
