"""Formats: told by the first bytes; a name that promises another format is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from churn_torch.errors import InputError
from churn_torch.tables.readers import formats
from churn_torch.tables.readers.formats import format_of, is_parquet
from churn_torch.tables.readers.packing import Stored


@pytest.mark.parametrize(
    ("name", "head", "format"),
    [
        ("t", b"PAR1....", formats.PARQUET),
        ("t", b"ARROW1\x00\x00", formats.ARROW),
        ("t", b"FEA1....", formats.ARROW),
        ("t", b"ORC\x0a", formats.ORC),
        ("t", b"SQLite format 3\x00", formats.SQLITE),
        ("t", b"\x00" * 8 + b"DUCK", formats.DUCKDB),
        ("t.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", formats.EXCEL),
        ("t", b"$FL2@(#)", formats.SPSS),
        ("t", b"<stata_dta><header>", formats.STATA),
        ("t.dta", b"\x73\x02", formats.STATA),
        ("t", b"HEADER RECORD*******LIBRARY", formats.SAS_TRANSPORT),
        ("t.sas7bdat", b"\x00" * 12 + b"\xc2\xea\x81\x60", formats.SAS),
        ("t", b'[{"a": 1}]', formats.JSON),
        ("t", b'\xef\xbb\xbf {"a": 1}', formats.JSON),
        ("t.csv", b'\n [\n {"a": 1}]', formats.JSON),
        ("t.json", b"a,b\n", formats.JSON),  # refused by its reader
        ("t.csv", b"[a],b\n1,2\n", formats.CSV),
        ("t.csv", b"{a},b\n1,2\n", formats.CSV),
        ("t", b"a,b\n", formats.CSV),
    ],
)
def test_the_first_bytes_decide(tmp_path: Path, name: str, head: bytes, format: str) -> None:
    path = tmp_path / name
    path.write_bytes(head)
    assert format_of(Stored(path)) == format
    assert is_parquet(path) == (format == formats.PARQUET)


@pytest.mark.parametrize("name", [name for name in formats.SUFFIXES if "json" not in name])
def test_a_name_that_promises_more_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"t{name}"
    path.write_bytes(b"a,b\n1,2\n")
    with pytest.raises(InputError, match=r"expected an? .* file, got one that does not start like"):
        format_of(Stored(path))


@pytest.mark.parametrize("name", ["export.xls", "export.csv"])
@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\xef\xbb\xbf<html><table><tr><td>1</td></tr></table>", "a web page"),
        (b"\n<TABLE border=1>", "a web page"),
        (b"<?xml version='1.0'?><rows/>", "an XML file"),
        (b"%PDF-1.4\n", "a PDF file"),
        (b"{\\rtf1 hello}", "a text document"),
    ],
)
def test_documents_are_named(tmp_path: Path, name: str, head: bytes, kind: str) -> None:
    path = tmp_path / name
    path.write_bytes(head)
    with pytest.raises(InputError, match=f"expected a table, got {kind}.*; open it in a program"):
        format_of(Stored(path))
