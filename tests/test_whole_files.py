from __future__ import annotations

import errno

import pytest

from churn_torch.whole_files import naming, new_folders, whole_file, write_text


def test_whole_file_appears_at_the_end(tmp_path):
    path = tmp_path / "a.json"
    with whole_file(path) as temporary:
        assert temporary.parent == tmp_path
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
        OSError(*FULL, "/tmp/tmpabc", None, "elsewhere/.a.json.1.partial"),  # a move
        OSError(*FULL, ".a.json.1.partial"),
    ],
    ids=["no name", "moved", "partial"],
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
