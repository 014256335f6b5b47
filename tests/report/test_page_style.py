from __future__ import annotations

import re
from pathlib import Path

import churn_torch
from churn_torch.report.chart_style import SCRIPT
from churn_torch.report.html_table import html_table
from churn_torch.report.page_style import STYLE, page_start, whole_page
from tests.report.page_reader import Page


def test_a_page_says_its_language_and_loads_nothing():
    text = whole_page([page_start("<A>", "p { margin: 0 }", lang="de", description='"Why"')])
    page = Page(text)
    assert page.is_whole
    assert page.title == "<A>"
    assert ("html", {"lang": "de"}) in page.tags
    assert ("meta", {"name": "description", "content": '"Why"'}) in page.tags
    policy = next(keys["content"] for _, keys in page.tags if "http-equiv" in keys)
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert "p { margin: 0 }" in text
    assert "prefers-color-scheme: dark" in text


def test_control_characters_are_written_out():
    """And nothing else of a page is changed."""
    start = page_start("a")
    whole = whole_page([start, "\x1b[31m\x00\r \u202e\u200f\ud800 Größe\t\n日本 é 🙂"])
    assert whole.startswith(start)
    assert SCRIPT in whole
    shown = r"\u001b[31m\u0000\u000d \u202e\u200f\ud800"
    assert f"{shown} Größe\t\n日本 é 🙂\n" in whole


def test_the_what_if_page_has_the_same_colours_of_risk():
    style = Path(churn_torch.__file__).parent / "serving" / "web_page" / "style.css"
    of_page = re.findall("--(?:up|down): (#[0-9a-f]+)", style.read_text())
    assert len(of_page) == 4
    assert of_page == re.findall("--(?:more|less): (#[0-9a-f]+)", STYLE)


def test_a_table_has_names_in_its_first_column_and_text_is_text():
    table = html_table("<A>", ["<b>", "n", "why"], [["<c>", "1", "<d>"]], text_columns={2})
    assert Page(table).tables == {"<A>": [["<b>", "n", "why"], ["<c>", "1", "<d>"]]}
    assert "<th scope=row>&lt;c&gt;<td class=n>1<td>&lt;d&gt;" in table
    assert "<th scope=col class=n>n<th scope=col>why" in table
