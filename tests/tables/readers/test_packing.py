"""Packed files: the same content, whatever it is packed with."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.readers.packing import Stored, members
from churn_torch.tables.readers.sources import read

TEXT = b"a,b\n" + b"1,x\n2,y\n" * 5000


def zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


PACKERS = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd,
    "": bytes,
}


@pytest.mark.parametrize("packing", PACKERS)
@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "unnamed"])
def test_packed_by_any_name(tmp_path: Path, packing: str, name: str) -> None:
    stored = Stored(tmp_path / name)
    stored.path.write_bytes(PACKERS[packing](TEXT))
    assert stored.packing == packing
    with stored.open() as file:
        assert file.read(3) == b"a,b"
        assert b"".join(iter(lambda: file.read(1000), b"")) == TEXT[3:]
    with stored.on_disk() as path:
        assert path.read_bytes() == TEXT
    assert path.exists() == (packing == "")
    assert read(stored.path)["b"].tolist() == ["x", "y"] * 5000


@pytest.mark.parametrize("packing", [packing for packing in PACKERS if packing])
def test_a_damaged_file_gets_a_sentence(tmp_path: Path, packing: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(PACKERS[packing](TEXT)[:-20])
    with pytest.raises(InputError, match=r"t.csv: expected .*, got .*cannot be read"):
        read(path)
    stored = Stored(path)
    with pytest.raises(InputError, match="expected a file that can be unpacked"), stored.on_disk():
        pass


def archive(path: Path, **content: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in content.items():
            file.writestr(name.replace("_", "/", 1).replace("__", "."), data)
    return path


def test_a_zip_archive_is_its_tables(tmp_path: Path) -> None:
    path = archive(tmp_path / "t.zip", **{"in_a.csv": TEXT, "in_b.csv": TEXT, "README.txt": b"hi"})
    assert [part.name for part in members(path)] == ["a.csv", "b.csv"]
    assert str(members(path)[0]) == f"{path} (in/a.csv)"
    assert members(path)[0].packing == "zip"
    assert len(read(path)) == 20_000
    hidden = {"__MACOSX/x.csv": b"", ".x": b"", "a.csv": TEXT}
    with zipfile.ZipFile(tmp_path / "mac.zip", "w") as file:
        for name, data in hidden.items():
            file.writestr(name, data)
    assert len(read(tmp_path / "mac.zip")) == 10_000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "expected a zip archive with a table in it, got one without files"),
        (
            {"a.csv": TEXT, "b.csv": b"a,c\n1,2\n"},
            r"t.zip \(b.csv\): expected the columns of 'a.csv",
        ),
        ({"a.csv": TEXT, "b.json": b'[{"a": 1}]'}, "expected files of one format, got CSV and oth"),
    ],
)
def test_other_archives_get_a_sentence(
    tmp_path: Path, content: dict[str, bytes], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read(archive(tmp_path / "t.zip", **content))


def test_a_line_as_long_as_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" + b"0" * (1 << 25), 1))
    with pytest.raises(InputError, match="a line is longer than 8 MB"):
        read(path)


def test_a_member_without_a_name_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("abcd", "a,b\n1,2\n")
    start, central = path.read_bytes().split(b"PK\x01\x02")
    fields = central.replace(b"abcd", b"ab\0\0")  # the name as an extra field of no length
    lengths = struct.pack("<HH", 0, 4)
    path.write_bytes(start + b"PK\x01\x02" + fields[:24] + lengths + fields[28:])
    with pytest.raises(InputError, match="expected a zip archive with a table in it, got one with"):
        read(path)


def test_an_archive_of_very_many_files_is_refused_at_once(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as packed:
        for i in range(1001):
            packed.writestr(f"{i}.csv", "a\n1\n")
    with pytest.raises(InputError, match="a zip archive of at most 1,000 files, got one of 1,001"):
        members(tmp_path / "t.zip")


@pytest.mark.parametrize("entry", [b"PK\x01\x02", b"PK\x03\x04"])
def test_a_name_of_a_member_that_is_no_text_gets_a_sentence(tmp_path: Path, entry: bytes) -> None:
    path = archive(tmp_path / "t.zip", **{"ü.csv": b"a,b\n1,2\n"})
    before, start, after = path.read_bytes().partition(entry)
    path.write_bytes(before + start + after.replace("ü".encode(), b"\xff\xff", 1))
    with pytest.raises(InputError, match=r"t.zip.*: expected a file that can be unpacked"):
        read(path)


def overlapping(path: Path, n: int) -> Path:
    """Write an archive whose list names one file ``n`` times."""
    archive(path, **{"a.csv": TEXT})
    before, start, central = path.read_bytes().partition(b"PK\x01\x02")
    entry, end, _ = central.partition(b"PK\x05\x06")
    listed = (start + entry) * n
    counts = struct.pack("<4H2IH", 0, 0, n, n, len(listed), len(before), 0)
    path.write_bytes(before + listed + end + counts)
    return path


def test_files_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    assert len(members(overlapping(tmp_path / "one.zip", 1))) == 1
    with pytest.raises(InputError, match=r"zip archive of separate files, .*'a.csv' overlap"):
        members(overlapping(tmp_path / "t.zip", 900))


def test_the_list_of_an_archive_is_read_once_for_all_files(tmp_path, monkeypatch) -> None:
    """Read anew for each, 900 small files took 30 s of the processor."""
    path = archive(tmp_path / "t.zip", **{f"{i}.csv": b"a,b\n1,2\n" for i in range(30)})
    read_list, lists = zipfile.ZipFile._RealGetContents, []
    monkeypatch.setattr(
        zipfile.ZipFile, "_RealGetContents", lambda self: (lists.append(1), read_list(self))
    )
    assert len(read(path)) == 30
    assert len(lists) < 5


@pytest.mark.parametrize("name", ["t.zip", "t.zip.gz"])
def test_an_archive_in_an_archive_is_named(tmp_path: Path, name: str) -> None:
    inner = archive(tmp_path / "inner.zip", **{"a.csv": TEXT}).read_bytes()
    path = tmp_path / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(inner))
    else:
        archive(path, **{"b.zip": inner})
    with pytest.raises(InputError, match="expected a table, got an archive in another; unpack it"):
        read(path)


@pytest.mark.parametrize("cut", [slice(20), slice(4, 400)], ids=["end", "page"])
def test_a_packed_parquet_file_is_named_by_its_own_name(tmp_path: Path, cut: slice) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"a": [str(i) for i in range(10**4)]}), sink, use_dictionary=False)
    content = bytearray(sink.getvalue().to_pybytes())
    content[cut] = b"PAR1" if cut.start is None else b"\xff" * 396
    path = tmp_path / "t.parquet.zst"
    path.write_bytes(zstd(bytes(content)))
    with pytest.raises(InputError, match=r"^\S*/t\.parquet\.zst: expected a"):
        read(path)
