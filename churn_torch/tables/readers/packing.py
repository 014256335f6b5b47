"""Packed files: gzip, bzip2, xz, zstd and zip archives, unpacked while they are read."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import os
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

import pyarrow as pa

from churn_torch.errors import InputError, first_line
from churn_torch.whole_files import private_folder

# What a damaged stream raises.
DAMAGED = (
    OSError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    RuntimeError,
    UnicodeDecodeError,  # in the name of a member
)
_BLOCK = 1 << 23
# The share of the disk that unpacking leaves free.
_LEFT_FREE = 0.02
_STARTS = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
# Files of a zip archive, each of which is opened several times.
MOST_MEMBERS = 1000
# Suffixes that a packed file has after that of its content.
SUFFIXES = (".gz", ".bz2", ".xz", ".zst")


@dataclass(frozen=True)
class Stored:
    """A file, or one member of a zip archive.

    Attributes:
        path: The file, or the archive.
        member: The name of the member; None where the path is the file itself.
    """

    path: Path
    member: str | None = None

    def __str__(self) -> str:
        return str(self.path) if self.member is None else f"{self.path} ({self.member})"

    @property
    def name(self) -> str:
        """Return the file's own name, without the folder it lies in."""
        return PurePosixPath(self.member).name if self.member else self.path.name

    @property
    def suffix(self) -> str:
        """Return the ending that says what the content is: ``.csv`` of ``a.csv.gz``."""
        name = self.name.lower()
        for packed in SUFFIXES:
            name = name.removesuffix(packed)
        return PurePosixPath(name).suffix

    @property
    def packing(self) -> str:
        """Return how the file is packed, ``""`` where it is not; a member counts as packed."""
        with self._open_stored() as file:
            head = file.read(6)
        kinds = (kind for start, kind in _STARTS.items() if head.startswith(start))
        return next(kinds, "zip" if self.member else "")

    def open(self) -> IO[bytes]:
        """Open the content for reading from its start, unpacked."""
        packing = self.packing
        stored = self._open_stored()
        opener = _OPENERS.get(packing)
        return stored if opener is None else cast(IO[bytes], _Unpacked(opener(stored), stored))

    def _open_stored(self) -> IO[bytes]:
        if self.member is None:
            return self.path.open("rb")
        stamp = self.path.stat()
        archive = _archive(self.path, stamp.st_mtime_ns, stamp.st_size, os.getpid())
        return archive.open(self.member)

    @contextlib.contextmanager
    def on_disk(self) -> Iterator[Path]:
        """Give a path of the unpacked content, for readers that need a file of their own.

        Raises:
            InputError: The file is damaged, or the disk is full.
        """
        if not self.packing:
            yield self.path
            return
        with private_folder() as folder:
            path = folder / f"content{self.suffix}"
            n_bytes = 0
            try:
                with self.open() as packed, path.open("wb") as file:
                    while block := packed.read(_BLOCK):
                        n_bytes += len(block)
                        usage = shutil.disk_usage(folder)
                        if usage.free - len(block) < _LEFT_FREE * usage.total:
                            raise InputError(
                                str(self),
                                expected=f"a file that {str(folder.parent)!r} has room for",
                                got=f"one of more than {n_bytes / 1e9:.1f} GB when unpacked",
                                fix="set the environment variable TMPDIR to a folder on a larger "
                                "disk",
                            )
                        file.write(block)
            except DAMAGED as error:
                raise damaged(self, error) from None
            yield path


class _Unpacked(io.RawIOBase):
    """The unpacked content of a file; to close it closes the file as well."""

    def __init__(self, content: Any, stored: Any) -> None:
        self._content = content
        self._stored = stored

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._content.read() if size < 0 else self._content.read(size)
        return data

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._content.close()
            self._stored.close()
        super().close()


_OPENERS: dict[str, Callable[[IO[bytes]], Any]] = {
    "gzip": lambda file: gzip.GzipFile(fileobj=file),
    "bzip2": bz2.BZ2File,
    "xz": lzma.LZMAFile,
    "zstd": lambda file: pa.CompressedInputStream(pa.PythonFile(file, "r"), "zstd"),
}


# Its list takes long to read: some seconds in all where each of 1,000 files reads it anew. A forked
# process opens it anew: it would share the place in the file.
@lru_cache(maxsize=1)
def _archive(path: Path, mtime: int, size: int, process: int) -> zipfile.ZipFile:
    """Return a zip archive, which is closed when another one is asked for."""
    return zipfile.ZipFile(path)


def unreadable(
    stored: Stored,
    problem: BaseException | str,
    *,
    expected: str,
    fix: str = "correct the file or write it again",
) -> InputError:
    """Return the sentence for a file that is not what it should be.

    Args:
        stored: The file.
        problem: What is wrong with it: a few words, or the error of a library.
        expected: What it should be.
        fix: What the user can do.

    Raises:
        MemoryError: That is the problem.
    """
    if isinstance(problem, MemoryError):  # the file may be whole
        raise problem
    words = problem if isinstance(problem, str) else first_line(problem)
    got = f"one that cannot be read ({words})"
    return InputError(str(stored), expected=expected, got=got, fix=fix)


def damaged(stored: Stored, error: BaseException) -> InputError:
    """Return the sentence for a packed file that cannot be unpacked to its end."""
    return unreadable(stored, error, expected="a file that can be unpacked")


def unpacked_bytes(stored: Stored) -> int:
    """Return the size of a file, or of what is packed in it; the latter takes a pass over it.

    Raises:
        InputError: The file is damaged.
    """
    stamp = stored.path.stat()
    if not stored.packing:
        return stamp.st_size
    return _unpacked_bytes(stored, stamp.st_mtime_ns, stamp.st_size)


@lru_cache(maxsize=256)
def _unpacked_bytes(stored: Stored, mtime: int, size: int) -> int:
    try:
        with stored.open() as file:
            return sum(len(block) for block in iter(lambda: file.read(_BLOCK), b""))
    except DAMAGED as error:
        raise damaged(stored, error) from None


def members(path: Path) -> list[Stored]:
    """Return the files in a zip archive, but for hidden ones and notes such as README.

    Raises:
        InputError: The archive is damaged, locked by a password, or holds no file or too many.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            # A damaged archive may name a member "", which `is_dir` cannot take.
            infos = [info for info in archive.infolist() if info.filename and not info.is_dir()]
    except DAMAGED as error:
        raise damaged(Stored(path), error) from None
    infos = [info for info in infos if not _is_hidden(info.filename)]
    if len(infos) > MOST_MEMBERS:
        raise InputError(
            str(path),
            expected=f"a zip archive of at most {MOST_MEMBERS:,} files",
            got=f"one of {len(infos):,}",
            fix="unpack it, and name the folder",
        )
    # Few bytes could stand for any number of tables.
    by_place = sorted(infos, key=lambda info: info.header_offset)
    for one, after in pairwise(by_place):
        if one.header_offset + one.compress_size > after.header_offset:
            raise unreadable(
                Stored(path),
                f"{one.filename!r} and {after.filename!r} overlap",
                expected="a zip archive of separate files",
            )
    if any(info.flag_bits & 1 for info in infos):
        raise InputError(
            str(path),
            expected="a zip archive without a password",
            got="one that is locked",
            fix="unpack it first",
        )
    names = [info.filename for info in infos]
    tables = [name for name in names if not PurePosixPath(name).stem.lower().startswith("readme")]
    if not (tables or names):
        raise InputError(
            str(path),
            expected="a zip archive with a table in it",
            got="one without files",
            fix="check the source",
        )
    return [Stored(path, name) for name in tables or names]


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)
