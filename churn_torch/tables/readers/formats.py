"""Formats: which one a file has, by its first bytes rather than by its name."""

from __future__ import annotations

import codecs
import zipfile
from pathlib import Path

from churn_torch.errors import InputError
from churn_torch.tables.readers.packing import DAMAGED, Stored, damaged, members

PARQUET, CSV, JSON, EXCEL, ARROW, ORC = "Parquet", "CSV", "JSON", "Excel", "Arrow", "ORC"
SAS, SAS_TRANSPORT, STATA, SPSS = "SAS", "SAS transport", "Stata", "SPSS"
SQLITE, DUCKDB = "SQLite", "DuckDB"

_STARTS = (
    (b"PAR1", PARQUET),
    (b"ARROW1\x00\x00", ARROW),
    (b"FEA1", ARROW),
    (b"\xff\xff\xff\xff", ARROW),  # the stream format
    (b"ORC", ORC),
    (b"SQLite format 3\x00", SQLITE),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", EXCEL),  # .xls
    (b"HEADER RECORD*******", SAS_TRANSPORT),
    (b"<stata_dta>", STATA),
    (b"$FL2", SPSS),
    (b"$FL3", SPSS),
)
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # the second where it holds nothing
_SAS_START = b"\x00" * 12 + b"\xc2\xea\x81\x60"
# Suffixes that name the format where the first bytes are not enough.
_STATA_VERSIONS = frozenset({105, 108, 110, 111, 113, 114, 115})
SUFFIXES = {
    ".parquet": PARQUET,
    ".pq": PARQUET,
    ".json": JSON,
    ".jsonl": JSON,
    ".ndjson": JSON,
    ".xlsx": EXCEL,
    ".xlsm": EXCEL,
    ".xlsb": EXCEL,
    ".xls": EXCEL,
    ".ods": EXCEL,
    ".feather": ARROW,
    ".arrow": ARROW,
    ".ipc": ARROW,
    ".orc": ORC,
    ".sas7bdat": SAS,
    ".xpt": SAS_TRANSPORT,
    ".dta": STATA,
    ".sav": SPSS,
    ".zsav": SPSS,
    ".sqlite": SQLITE,
    ".sqlite3": SQLITE,
    ".duckdb": DUCKDB,
}
# Formats of which a file by that name must be one; others may hold text after all.
_BINARY = {format for format in SUFFIXES.values() if format != JSON}

# Documents that hold no table as we read one, by how they start.
_DOCUMENTS = {
    "a web page (HTML)": (b"<!doctype html", b"<html", b"<table", b"<head", b"<meta", b"<style"),
    "an XML file": (b"<?xml",),
    "a PDF file": (b"%pdf-",),
    "a text document (RTF)": (b"{\\rtf",),
}


def is_parquet(path: Path) -> bool:
    """Tell a Parquet file, not packed, from all else by its first bytes.

    Raises:
        InputError: As for `format_of`.
    """
    return format_of(stored := Stored(path)) == PARQUET and not stored.packing


def parts(path: Path) -> list[tuple[Stored, str]]:
    """Return the files that a path holds, each with its format: one, or the members of a zip.

    Raises:
        InputError: As for `format_of`.
    """
    stored = Stored(path)
    if _head(stored).startswith(_ZIP) and not stored.packing and not _is_workbook(path):
        return [(member, format_of(member)) for member in members(path)]
    return [(stored, format_of(stored))]


def format_of(stored: Stored) -> str:
    """Return the format of a file, or of what is packed in it.

    Raises:
        InputError: The file cannot be opened, is empty, or is named like a format that it has not.
    """
    head = _head(stored)
    if not head:
        raise InputError(
            str(stored), expected="a table", got="an empty file (0 bytes)", fix="check the source"
        )
    for start, format in _STARTS:
        if head.startswith(start):
            return format
    if head.startswith(_ZIP):
        if stored.packing and stored.suffix == ".zip":
            raise InputError(
                str(stored), expected="a table", got="an archive in another", fix="unpack it first"
            )
        return EXCEL
    if head[8:12] == b"DUCK":
        return DUCKDB
    if head.startswith(_SAS_START):
        return SAS
    named = SUFFIXES.get(stored.suffix)
    if named == STATA and head[0] in _STATA_VERSIONS:
        return STATA
    document = _document(head)
    if document:
        raise InputError(
            str(stored),
            expected="a table",
            got=document,
            fix="open it in a program that shows it and save the table as .xlsx or .csv",
        )
    if named in _BINARY:
        raise InputError(
            str(stored),
            expected=f"{'an' if named[0] in 'AEO' else 'a'} {named} file",
            got=f"one that does not start like {named}",
            fix="write it again, or name it .csv if it is a CSV file",
        )
    if named == JSON or _starts_like_json(head):
        return JSON
    return CSV


def _document(head: bytes) -> str:
    """Say which kind of document a file is; exports of web portals called .xls often are HTML."""
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()[:64].lower()
    for name, beginnings in _DOCUMENTS.items():
        if start.startswith(beginnings):
            return name
    return ""


def _starts_like_json(head: bytes) -> bool:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] == b"{":
        return text[1:].lstrip()[:1] in (b'"', b"}")
    return text[:1] == b"[" and text[1:].lstrip()[:1] == b"{"


def _head(stored: Stored) -> bytes:
    try:
        with stored.open() as file:
            return file.read(4096)
    except PermissionError as error:
        raise InputError(
            str(stored),
            expected="a readable file",
            got=f"one that cannot be opened ({error.strerror})",
            fix="check its permissions",
        ) from None
    except DAMAGED as error:
        raise damaged(stored, error) from None


def _is_workbook(path: Path) -> bool:
    """Tell a workbook, which is a zip archive too, from an archive of tables."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except DAMAGED as error:
        raise damaged(Stored(path), error) from None
    return any(name.startswith("xl/") for name in names) or {"content.xml", "mimetype"} <= names
