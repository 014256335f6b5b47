"""Tables of a page: a caption for those who cannot see it, row headings, numbers on the right."""

from __future__ import annotations

import html
from collections.abc import Collection, Iterator, Sequence


def html_table(
    caption: str,
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    text: Collection[int] = (0,),
) -> Iterator[str]:
    """Write a table that scrolls by itself where the page is narrow.

    Args:
        caption: What it shows.
        headings: One for each column.
        rows: Their cells; all are text, not HTML. The first cell of a row is its heading.
        text: Positions of the columns that hold words; the others hold numbers.
    """
    name = html.escape(caption, quote=True)
    yield f"<div class=scroll role=region tabindex=0 aria-label='{name}'><table>"
    yield f"<caption>{name}</caption><thead><tr>"
    for place, heading in enumerate(headings):
        yield f"<th scope=col{_kind(place in text)}>{html.escape(heading)}"
    yield "<tbody>"
    for first, *others in rows:
        yield f"<tr><th scope=row>{html.escape(first)}"
        for place, cell in enumerate(others, start=1):
            yield f"<td{_kind(place in text)}>{html.escape(cell)}"
    yield "</table></div>"


def _kind(is_text: bool) -> str:
    return "" if is_text else " class=n"


def paragraphs(sentences: Sequence[str], kind: str = "") -> Iterator[str]:
    """Write sentences, text not HTML, as a paragraph each; ``kind`` is their CSS class."""
    for sentence in sentences:
        yield f"<p{f' class={kind}' if kind else ''}>{html.escape(sentence)}</p>"


def bullets(sentences: Sequence[str]) -> Iterator[str]:
    """Write sentences, text not HTML, as a list."""
    yield "<ul>" + "".join(f"<li>{html.escape(sentence)}" for sentence in sentences) + "</ul>"
