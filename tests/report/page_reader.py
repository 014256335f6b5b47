"""HTML pages as tests read them: their tables as people see them, and what they must not have."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from churn_torch.report.charts.chart_style import SCRIPT


class Page(HTMLParser):
    """A page: the texts of its cells, table by table.

    Attributes:
        tables: By caption, the cells of each row; what is small in a cell is left out.
        title: Of the head.
        tags: All of the page.
        is_whole: Whether it starts and ends as a page, and loads nothing.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.title = ""
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._rows: list[list[str]] = []
        self._at = ""
        self.feed(text)
        names = {name for name, _ in self.tags}
        keys = {key for _, keys in self.tags for key in keys}
        self.is_whole = (
            text.startswith("<!doctype html>")
            and text.endswith(f"<script>{SCRIPT}</script></html>")
            and "://" not in text
            and "url(" not in text
            and [name for name, _ in self.tags].count("script") == 1
            and not names & {"link", "img", "iframe"}
            and not keys & {"src", "href", "onclick"}
        )

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._at = tag
        if tag == "table":
            self._rows = []
        elif tag == "tr":
            self._rows.append([])
        elif tag in {"td", "th"}:
            self._rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self._at == "caption":
            self.tables[" ".join(data.split())] = self._rows
        elif self._at in {"td", "th"}:
            self._rows[-1][-1] += data.strip()
        elif self._at == "title" and not self.title:
            self.title = data


def points(page: str, kind: str) -> list[tuple[int, int]]:
    """Return the points of the lines and bands of a kind."""
    shapes = re.findall(f'class="{kind}" d="M([^"]*)"', page)
    return [(int(x), int(y)) for s in shapes for x, y in re.findall(r"(-?\d+) (-?\d+)", s)]
