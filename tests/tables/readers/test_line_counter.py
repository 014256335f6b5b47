"""How often one line stands in a file, wherever blocks end and however lines do."""

from __future__ import annotations

import pytest

from churn_torch.tables.readers.line_counter import LineCounter


def count(line: bytes, blocks: list[bytes]) -> int:
    counter = LineCounter(line)
    for block in blocks:
        counter.update(block)
    counter.finish()
    return counter.n


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("last", [b"", b"a,b"])
def test_blocks_may_end_anywhere(end: bytes, last: bytes) -> None:
    lines = [b"a,b", b"1,2", b"a,bb", b"xa,b", b"\xef\xbb\xbfa,b", b"a,b", b"", b"a,b"]
    text = end.join([*lines, last])
    expected = 4 + (last == b"a,b")
    assert count(b"a,b", [text]) == expected
    for width in (1, 2, 3, 5):
        blocks = [text[at : at + width] for at in range(0, len(text), width)]
        assert count(b"a,b", blocks) == expected
    for at in range(len(text)):
        assert count(b"a,b", [text[:at], text[at:]]) == expected


def test_signs_of_patterns_are_letters() -> None:
    assert count(b"a.b|(c", [b"a.b|(c\naxb|(c\na\n"]) == 1


def test_a_line_too_short_for_a_header_is_not_counted() -> None:
    assert count(b"", [b"\n\n\n"]) == 0
