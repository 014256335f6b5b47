"""Sentences of a page."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence


def unbroken(sentence: str) -> str:
    """Escape a sentence, text not HTML; no line ends between a number and its percent sign."""
    return re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", html.escape(sentence))


def paragraphs(sentences: Sequence[str], kind: str = "") -> Iterator[str]:
    """Write sentences, text not HTML, as a paragraph each; ``kind`` is their CSS class."""
    for sentence in sentences:
        yield f"<p{f' class={kind}' if kind else ''}>{unbroken(sentence)}</p>"


def bullets(sentences: Sequence[str]) -> Iterator[str]:
    """Write sentences, text not HTML, as a list."""
    yield "<ul>" + "".join(f"<li>{unbroken(sentence)}" for sentence in sentences) + "</ul>"
