"""Paths: which files a path, a glob or a folder stands for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from churn_torch.errors import InputError
from churn_torch.tables.readers import paths
from churn_torch.tables.readers.formats import is_parquet
from churn_torch.tables.readers.paths import find_files, near


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (
        *("b.csv", "a.PARQUET", "c.tsv.gz", "notes.md", ".hidden.csv", "_SUCCESS", "d.csv.bak"),
        *("part=1/x.pq", "part=2/y.txt", "_temporary/z.parquet", ".cache/w.csv"),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_a_folder_stands_for_its_tables(folder: Path) -> None:
    names = [str(path.relative_to(folder)) for path in find_files(folder)]
    assert names == ["a.PARQUET", "b.csv", "c.tsv.gz", "part=1/x.pq", "part=2/y.txt"]


def test_a_glob_stands_for_what_it_matches(folder: Path) -> None:
    assert [path.name for path in find_files(str(folder / "*.*"))][:3] == ["a.PARQUET", "b.csv",
                                                                          "c.tsv.gz"]  # fmt: skip
    assert [path.name for path in find_files(str(folder / "**" / "*.pq"))] == ["x.pq"]
    (folder / "[1].csv").touch()  # a file comes before a pattern
    assert find_files(str(folder / "[1].csv")) == [folder / "[1].csv"]
    with pytest.raises(
        InputError, match=r"source: expected files that match '.*\*.xlsx', got none"
    ):
        find_files(str(folder / "*.xlsx"))


def test_a_file_stands_for_itself_whatever_its_name(folder: Path) -> None:
    assert find_files(folder / "notes.md") == [folder / "notes.md"]
    with pytest.raises(InputError, match=r"'.*note.md', which is not there .did you mean 'notes"):
        find_files(folder / "note.md")


def test_near_names_the_neighbour(folder: Path) -> None:
    assert near(folder / "B.csv") == " (did you mean 'b.csv'?)"
    assert near(folder / "zzzzzzzz") == ""
    assert near(folder / "nowhere" / "b.csv").startswith(", nor its folder '")


def test_parquet_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"PAR1...")
    assert is_parquet(tmp_path / "t.csv")
    (tmp_path / "t.txt").write_bytes(b"a,b")
    assert not is_parquet(tmp_path / "t.txt")
    (tmp_path / "t.pq").write_bytes(b"a,b")
    with pytest.raises(InputError, match=r"t.pq: expected a Parquet file, got one that does not"):
        is_parquet(tmp_path / "t.pq")


def test_a_pipe_or_a_device_is_called_so(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rows.csv")
    for place in (tmp_path / "rows.csv", "/dev/zero"):
        with pytest.raises(InputError, match="which is a pipe or a device; write the rows into"):
            find_files(place)


def test_a_folder_of_a_whole_disk_is_no_table(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "MOST_FILES", 5)
    with pytest.raises(InputError, match="folder of one table, with at most 5 files and folders"):
        find_files(folder)
