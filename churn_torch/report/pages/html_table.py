"""Tables of HTML pages: with a caption, headings, and a way to scroll them on a phone."""

from __future__ import annotations

import html
from collections.abc import Collection, Iterable, Sequence


def html_table(
    caption: str,
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    text_columns: Collection[int] = (),
    row_attributes: Sequence[str] | None = None,
) -> str:
    """Return a table whose first column names the rows.

    Args:
        caption: What it shows, for those who cannot see it; text, not HTML.
        headings: Of all columns; text, not HTML.
        rows: Cells as text.
        text_columns: Places of further columns that hold words; all others are numbers, which
            stand at the right.
        row_attributes: HTML attributes of each row.
    """
    numbers = [place > 0 and place not in text_columns for place in range(len(headings))]
    kinds = [" class=n" if is_number else "" for is_number in numbers]
    shown = html.escape(caption)
    parts = [
        f"<div class=scroll><table><caption>{shown}</caption><thead><tr>",
    ]
    parts += [
        f"<th scope=col{kind}>{html.escape(heading)}"
        for kind, heading in zip(kinds, headings, strict=True)
    ]
    parts.append("<tbody>")
    for place, row in enumerate(rows):
        attributes = f" {row_attributes[place]}" if row_attributes is not None else ""
        first, *others = map(html.escape, row)
        parts.append(f"<tr{attributes}><th scope=row>{first}")
        parts += [f"<td{kind}>{cell}" for kind, cell in zip(kinds[1:], others, strict=True)]
        parts.append("\n")
    return "".join(parts) + "</table></div>"
