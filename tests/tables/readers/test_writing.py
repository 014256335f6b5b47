"""Writing: what was written is read back, and a failure leaves nothing behind."""

from __future__ import annotations

import errno
import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.readers.sources import read, read_chunks, write

FRAME = pd.DataFrame(
    {
        "key": ["k1", 'say "hi", twice', "zwei\nZeilen"],
        "größe": [0.1, np.nan, -2.0],
        "count": [1, 2, 3],
    }
)
NAMES = ["t.csv", "t.csv.gz", "t.tsv", "t.tsv.gz", "t.parquet", "t.pq", "T.CSV"]


def chunks(frame: pd.DataFrame = FRAME) -> Iterator[pd.DataFrame]:
    yield frame[:2]
    yield frame[2:]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_read_back(tmp_path: Path, name: str) -> None:
    assert write(chunks(), tmp_path / "new folder" / name) == 3
    assert [path.name for path in (tmp_path / "new folder").iterdir()] == [name]
    back = read(str(tmp_path / "new folder" / name))
    if "parquet" not in name and "pq" not in name:
        back = back.astype({"größe": "float64", "count": "int64"})
    pd.testing.assert_frame_equal(back, FRAME)


@pytest.mark.parametrize("name", NAMES)
def test_equal_rows_give_equal_bytes_and_replace_the_old(tmp_path: Path, name: str) -> None:
    write(chunks(), tmp_path / name)
    first = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(b"old")
    write(chunks(), str(tmp_path / name))
    assert (tmp_path / name).read_bytes() == first


@pytest.mark.parametrize("name", NAMES)
def test_a_failure_leaves_what_was_there(tmp_path: Path, name: str) -> None:
    def failing() -> Iterator[pd.DataFrame]:
        yield FRAME
        raise InputError("row 3", expected="a number", got="text")

    with pytest.raises(InputError, match="row 3"):
        write(failing(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / name).write_bytes(b"old")
    with pytest.raises(InputError, match="row 3"):
        write(failing(), tmp_path / name)
    assert (tmp_path / name).read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_interrupts_leave_nothing_either(tmp_path: Path) -> None:
    def interrupted() -> Iterator[pd.DataFrame]:
        yield FRAME
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(interrupted(), tmp_path / "t.csv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["t.xlsx", "t", "t.csv.zip", "csv"])
def test_other_formats_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"^out: .* in .csv, .csv.gz, .tsv or .parquet, got"):
        write(chunks(), tmp_path / name)


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_places_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="out: expected a file that can be written"):
        write(chunks(), tmp_path / "file" / name)
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match="out: expected a file that can be written"):
        write(chunks(), tmp_path / name)
    with pytest.raises(IsADirectoryError) as raised:  # the user has named no such place
        write(chunks(), tmp_path / name, key=None)
    assert raised.value.filename == str(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", name]


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.parquet"])
def test_a_full_disk_is_told_with_the_file(tmp_path: Path, name: str) -> None:
    def full() -> Iterator[pd.DataFrame]:
        yield from chunks()
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(InputError, match=rf"^out: .*{name}' \(No space left on device\); choose"):
        write(full(), tmp_path / name)
    with pytest.raises(OSError, match="No space left") as raised:
        write(full(), tmp_path / name, key=None)
    assert raised.value.filename == str(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_csv_is_plain_text_with_line_feeds(tmp_path: Path) -> None:
    write([pd.DataFrame({"a": ["ü"], "b": [0.1]})], tmp_path / "t.csv.gz")
    assert gzip.decompress((tmp_path / "t.csv.gz").read_bytes()) == "a,b\nü,0.1\n".encode()


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_no_rows_still_make_a_file_with_columns(tmp_path: Path, name: str) -> None:
    assert write([FRAME[:0]], tmp_path / name) == 0
    with pytest.raises(InputError, match="columns but no rows"):
        read(tmp_path / name)


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_nothing_at_all_makes_an_empty_file(tmp_path: Path, name: str) -> None:
    assert write([], tmp_path / name) == 0
    assert (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_whole_numbers_stay_whole_when_a_later_chunk_has_gaps(tmp_path: Path, name: str) -> None:
    numbers = pd.array([2**60 + 1, 2**60 + 3, 2**60 + 5, None], dtype="Int64")
    pd.DataFrame({"key": numbers, "text": [None, None, None, "x"]}).to_parquet(
        tmp_path / "in.parquet"
    )
    write(read_chunks(tmp_path / "in.parquet", rows=2), tmp_path / name)
    back = read(tmp_path / name)
    digits = back["key"].astype("str").tolist()
    assert digits[:3] == [str(2**60 + 1), str(2**60 + 3), str(2**60 + 5)]
    assert back["key"].isna().tolist() == [False, False, False, True]
    assert back["text"].isna().tolist() == [True, True, True, False]


def test_parquet_columns_must_keep_their_type(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"columns of one type from the first .*write a CSV"):
        write([pd.DataFrame({"a": [1]}), pd.DataFrame({"a": ["x"]})], tmp_path / "t.parquet")
    assert list(tmp_path.iterdir()) == []
