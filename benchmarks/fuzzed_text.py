"""CSV and JSON in many forms, well formed and not."""

from __future__ import annotations

import json
import random
from pathlib import Path

from fuzzed_cells import cell, names, rows, value

# A name's suffix and the bytes of a file.
Whole = tuple[str, bytes]
_ENCODINGS = (
    ["utf-8"] * 40 + ["utf-8-sig"] * 2
    + ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "cp1252", "cp1250", "cp1251",
    "koi8-r", "gbk", "shift_jis", "euc-kr", "big5", "cp437"]
)  # fmt: skip


def encoded(text: str, rng: random.Random) -> bytes:
    """Return a text in an encoding, or its lines in two of them."""
    one, other = rng.choice(_ENCODINGS), rng.choice(_ENCODINGS)
    errors = rng.choice(("replace", "surrogatepass")) if one == "utf-8" else "replace"
    if rng.random() < 0.95:
        return text.encode(one, errors=errors)
    at = rng.randrange(len(text) + 1)
    return text[:at].encode(one, errors=errors) + text[at:].encode(other, errors="replace")


def _quoted(text: str, style: str, delimiter: str, rng: random.Random) -> str:
    if style == "none":
        return text
    if style == "backslash":
        return '"' + text.replace('"', '\\"') + '"'
    if style == "single":
        return "'" + text.replace("'", "''") + "'"
    needs = any(mark in text for mark in (delimiter, '"', "\n", "\r"))
    if style == "all" or needs or (style == "some" and rng.random() < 0.3):
        return '"' + text.replace('"', '""') + '"'
    return text


def csv_text(rng: random.Random) -> str:
    """Return the text of a CSV file."""
    header, body = rows(rng)
    delimiter = rng.choice([*",,,,;;\t\t|^: \x1f~", "\x01", "::"])
    style = rng.choice(["minimal"] * 8 + ["all"] * 2 + ["some", "none", "backslash", "single"])
    end = rng.choice(["\n"] * 6 + ["\r\n"] * 3 + ["\r", "\n\n", "\n\r", "\x85"])
    lines = [
        delimiter.join(_quoted(text, style, delimiter, rng) for text in row)
        for row in ([header, *body] if rng.random() < 0.95 else body)
    ]
    if rng.random() < 0.15 and lines:
        at = rng.randrange(len(lines))
        change = rng.randrange(8)
        if change == 0:
            lines[at] += delimiter
        elif change == 1:
            lines[at] = lines[at].rpartition(delimiter)[0]
        elif change == 2:
            lines.insert(at, lines[0])
        elif change == 3:
            lines.insert(
                at, rng.choice(["", " ", "# comment", delimiter * 3, "\x1a", "-----+----", "\x00"])
            )
        elif change == 4:
            lines[at] = lines[at].replace('"', "", 1)
        elif change == 5:
            lines[at] += rng.choice(['"', '"x', ' "x"', "\ufeff", "\ud800", "\x00"])
        elif change == 6:
            lines = [line + delimiter for line in lines]
        else:
            lines *= 3
    above = rng.choice(
        [""] * 8
        + ["Report 2024", "# comment\n", "sep=;", f"sep={delimiter}", "Title,,,", "\n", '"T\nx"']
    )
    below = rng.choice(
        [""] * 8 + ["Total,,1", "\n3 rows exported", "# end", '"', "\x1a", "END OF FILE;;"]
    )
    parts = [above] * bool(above) + lines + [below] * bool(below)
    return end.join(parts) + (end if rng.random() < 0.8 else "")


def csv_file(rng: random.Random, folder: Path) -> Whole:
    """Return a CSV file."""
    return rng.choice([".csv"] * 6 + [".tsv", ".txt", ".dat"]), encoded(csv_text(rng), rng)


def _records(rng: random.Random) -> list[dict[str, object]]:
    header, body = rows(rng)
    typed = rng.random() < 0.7
    return [
        {
            name: value(rng) if typed and rng.random() < 0.3 else text
            for name, text in zip(header, row, strict=True)
            if rng.random() < 0.97
        }
        for row in body
    ]


def broken(text: str, rng: random.Random) -> str:
    """Return JSON with something of another dialect."""
    change = rng.randrange(9)
    at = rng.randrange(len(text) + 1)
    if change == 0:
        return text.replace('"', "'")
    if change == 1:
        return (
            text[:at]
            + rng.choice(
                ["\\ud800", "\\u0000", "\\x", "//c\n", "/**/", "NaN", ",", "\x00", "\ufeff"]
            )
            + text[at:]
        )
    if change == 2:
        return text.replace(":", ':"x",', 1)
    if change == 3:  # a name twice
        return text.replace("{", '{"id_0": 1, ', 1).replace("{", '{"id_0": "b", ', 1)
    if change == 4:
        return text.replace("}", ",}").replace("]", ",]")
    if change == 5:
        return text + rng.choice([text, "\n" + text, "x", "[]", "{}", "\n\n"])
    if change == 6:
        deep = rng.choice((40, 1500, 100_000))
        return text[:at] + "[" * deep + "]" * deep + text[at:]
    if change == 7:
        return f"callback({text});"
    return text[:at]


def _json(document: object, rng: random.Random) -> str:
    indent = rng.choice((None, None, 1))
    return json.dumps(document, ensure_ascii=rng.random() < 0.5, indent=indent)


def json_file(rng: random.Random, folder: Path) -> Whole:
    """Return a JSON file in one of its layouts."""
    layout, document = rng.randrange(9), None
    if layout < 3:
        document = _records(rng)
    elif layout < 8:
        header, body = rows(rng)
        cells = [[value(rng) if rng.random() < 0.3 else text for text in row] for row in body]
        if layout == 3:
            document = {name: [row[i] for row in cells] for i, name in enumerate(header)}
        elif layout == 4:
            document = {
                name: {str(at): row[i] for at, row in enumerate(cells) if rng.random() < 0.98}
                for i, name in enumerate(header)
            }
        elif layout == 5:
            document = {"columns": header, "data": cells}
        elif layout == 6:
            fields = [{"name": name, "type": "string"} for name in header]
            document = {"schema": {"fields": fields}, "data": _records(rng), "n": 1}
        else:
            document = [header, *cells]
    else:
        document = value(rng)
    text = _json(document, rng)
    return ".json", encoded(broken(text, rng) if rng.random() < 0.15 else text, rng)


def json_lines(rng: random.Random, folder: Path) -> Whole:
    """Return a file of JSON lines."""
    lines = [json.dumps(row, ensure_ascii=rng.random() < 0.5) for row in _records(rng)]
    if lines and rng.random() < 0.2:
        at = rng.randrange(len(lines))
        lines[at] = rng.choice(
            [broken(lines[at], rng), _json(value(rng), rng), "", cell(rng), names(rng, 1)[0]]
        )
    return rng.choice([".jsonl", ".jsonl", ".ndjson", ".json"]), encoded(
        "\n".join(lines) + rng.choice(["", "\n"]), rng
    )
