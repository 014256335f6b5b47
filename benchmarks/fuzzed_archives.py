"""Packed files, archives and workbooks, whole and not."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import re
import struct
import zipfile
from pathlib import Path

import pyarrow as pa
from fuzzed_bytes import mutated
from fuzzed_cells import rows
from fuzzed_text import Whole, csv_file, json_file, json_lines
from fuzzed_typed import arrow_file, orc_file, parquet_file

_MEMBERS = (
    "a.csv", "b.csv", "../a.csv", "/etc/a.csv", "C:\\a.csv", "d/", "d/a.csv", "a.csv/",
    "README.txt", ".hidden", "a",
    "__MACOSX/._a.csv", "ü.csv", "a\x00.csv", "x" * 300 + ".csv", "a.zip", "a.csv.gz", "\\a.csv",
    "..", ".", "a b.csv",
)  # fmt: skip
_ODD = (
    b"0", b"1", b"-1", b"1048576", b"16384", b"999999999", b"4294967295", b"18446744073709551616",
    b"1e999", b"NaN", b"",
    b"XFD1048576", b"A0", b"ZZZZ99999999", b"true", b"date", b"s", b"e", b"PT99999999H",
    b"99999-12-31", b"inlineStr",
)  # fmt: skip
_ATTRIBUTES = (
    b'r="XFD1048576"', b'r="B3"', b'r="0"', b't="s"', b't="d"', b't="e"', b't="str"', b's="9"',
    b'ref="A1:XFD1048576"',
    b'table:number-columns-repeated="16384"', b'table:number-columns-repeated="999999999"',
    b'table:number-rows-repeated="1048576"', b'table:number-rows-repeated="4294967296"',
    b'office:value-type="date" office:date-value="99999-12-31"',
    b'office:value-type="time" office:time-value="PT9H"',
    b'table:number-columns-spanned="99"', b'state="hidden"', b'name="Sheet0"', b'table:name=""',
)  # fmt: skip


def _content(rng: random.Random, folder: Path) -> tuple[str, bytes]:
    if rng.random() < 0.7:
        return csv_file(rng, folder)
    return rng.choice((json_file, json_lines, parquet_file, arrow_file, orc_file))(rng, folder)


def zip_file(rng: random.Random, folder: Path) -> Whole:
    """Return an archive: mostly one or two tables, and members of every sort of name."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        n = rng.choice((1, 1, 2, 2, 3, 0))
        suffix, content = _content(rng, folder)
        for at in range(n):
            name = f"{'ab'[at % 2]}{suffix}" if rng.random() < 0.7 else rng.choice(_MEMBERS)
            info = zipfile.ZipInfo(name.replace("\x00", "_") if rng.random() < 0.5 else name)
            info.compress_type = rng.choice((0, 8, 8, 8, 12, 14))
            if rng.random() < 0.05:
                info.external_attr = 0o120777 << 16  # a symbolic link
            packed = content
            if rng.random() < 0.1:
                packed = rng.choice(
                    (gzip.compress(content, mtime=0), b"", file.getvalue(), bz2.compress(content))
                )
            elif rng.random() < 0.1:
                packed = _content(rng, folder)[1]
            if at and name.endswith("/"):
                packed = b""
            with _no_warning():
                archive.writestr(info, packed)
        if rng.random() < 0.1:
            archive.comment = rng.randbytes(rng.choice((1, 100)))
    return ".zip", file.getvalue()


def _no_warning() -> object:
    import warnings

    return warnings.catch_warnings(action="ignore")  # a name that stands twice


def packed_file(rng: random.Random, folder: Path) -> Whole:
    """Return a table packed by gzip or one of its like, by two of them or in two parts."""
    suffix, content = _content(rng, folder)
    packings = {
        ".gz": lambda data: gzip.compress(data, 1, mtime=0),
        ".bz2": bz2.compress,
        ".xz": lambda data: lzma.compress(data, preset=0),
        ".zst": lambda data: pa.compress(data, codec="zstd", asbytes=True),
    }
    ending = rng.choice((".gz", ".gz", ".gz", ".bz2", ".xz", ".zst"))
    pack = packings[ending]
    if rng.random() < 0.1:
        at = rng.randrange(len(content) + 1)
        return suffix + ending, pack(content[:at]) + pack(content[at:])
    if rng.random() < 0.05:
        return suffix + ending, pack(pack(content))
    tail = rng.choice((b"", b"", b"", b"", b"\x00" * 20, b"garbage"))
    return suffix + ending, pack(content) + tail


def mutated_packed(content: bytes, rng: random.Random) -> bytes:
    """Mutate a packed file; what is packed in it is of any form already."""
    return content if rng.random() < 0.5 else mutated(content, rng)


def workbook(suffix: str):
    """Return what makes workbooks of a suffix."""

    def make(rng: random.Random, folder: Path) -> Whole:
        from tests.tables.readers.workbooks import write_ods, write_xlsx

        sheets = {}
        for at in range(rng.choice((1, 1, 2))):
            header, body = rows(rng)
            cells = [[_cell(text, rng) for text in row[:60]] for row in [header, *body]]
            if suffix == ".ods":
                cells = [
                    ["" if c is None else str(c) if c is True else c for c in row] for row in cells
                ]
            sheets[f"Sheet{at}"] = cells
        path = folder / f"whole{suffix}"
        (write_ods if suffix == ".ods" else write_xlsx)(path, sheets)
        content = path.read_bytes()
        path.unlink()
        return suffix, content

    return make


def _cell(text: str, rng: random.Random) -> object:
    text = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]", "?", text)
    return rng.choice((text, text, text, None, True, 1.5, -3, 45322.5))


def _mutated_xml(text: bytes, rng: random.Random) -> bytes:
    """Put another value into attributes and elements, leave tags out, or repeat them."""
    for _ in range(rng.choice((1, 1, 2, 5))):
        places = list(re.finditer(rb'="([^"]*)"|>([^<>]+)<|<[^<>]+>', text))
        if not places:
            break
        place = rng.choice(places)
        group = 1 if place[1] is not None else 2 if place[2] is not None else 0
        start, end = place.span(group)
        if group:
            new = rng.choice(_ODD)
        elif rng.random() < 0.5:
            new = re.sub(rb"^(<[\w:]+)", rb"\1 " + rng.choice(_ATTRIBUTES), place[0])
        else:
            new = rng.choice(
                (b"", place[0] * 2, place[0].replace(b"/>", b">"), place[0].replace(b">", b"/>"))
            )
        text = text[:start] + new + text[end:]
    return text


def mutated_archive(content: bytes, rng: random.Random) -> bytes:
    """Mutate an archive, its directory, or one of its members, which checksums would guard."""
    change = rng.random()
    if change < 0.15:
        return content
    if change < 0.4:
        return mutated(content, rng)
    if change < 0.5:  # flags, methods and sizes in the directory, where each has its place
        data = bytearray(content)
        entries = [match.start() for match in re.finditer(b"PK\x01\x02|PK\x03\x04", content)]
        if entries:
            at = rng.choice(entries) + rng.choice((6, 8, 10, 18, 20, 22, 24, 26, 28, 42))
            data[at : at + 4] = rng.choice(
                (
                    struct.pack("<I", rng.getrandbits(32)),
                    b"\xff\xff\xff\xff",
                    b"\0\0\0\0",
                    b"\x01\0\0\0",
                )
            )
        return bytes(data)
    file = io.BytesIO()
    try:
        with (
            zipfile.ZipFile(io.BytesIO(content)) as old,
            zipfile.ZipFile(file, "w") as new,
            _no_warning(),
        ):
            infos = old.infolist()
            chosen = rng.choice(infos) if infos else None
            for info in infos:
                member = old.read(info)
                if info is chosen:
                    is_xml = member[:1] == b"<"
                    member = (
                        _mutated_xml(member, rng)
                        if is_xml and rng.random() < 0.7
                        else mutated(member, rng)
                    )
                new.writestr(info, member)
    except (RuntimeError, zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError):
        return mutated(content, rng)
    return file.getvalue()
