"""Sentences of a page."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence


def paragraphs(sentences: Sequence[str], kind: str = "") -> Iterator[str]:
    """Write sentences, text not HTML, as a paragraph each; ``kind`` is their CSS class."""
    for sentence in sentences:
        yield f"<p{f' class={kind}' if kind else ''}>{html.escape(sentence)}</p>"


def bullets(sentences: Sequence[str]) -> Iterator[str]:
    """Write sentences, text not HTML, as a list."""
    yield "<ul>" + "".join(f"<li>{html.escape(sentence)}" for sentence in sentences) + "</ul>"
