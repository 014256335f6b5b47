"""Sentences of a page: escaped, and not broken before a percent sign."""

from __future__ import annotations

from churn_torch.report.pages.page_text import bullets, paragraphs, unbroken


def test_no_line_ends_before_a_percent_sign():
    assert (
        unbroken("an interval of 95 %, and 3 < 4")
        == "an interval of 95\N{NO-BREAK SPACE}%, and 3 &lt; 4"
    )
    assert list(paragraphs(["95 %"], "note")) == ["<p class=note>95\N{NO-BREAK SPACE}%</p>"]
    assert list(bullets(["a & b", "95 %"])) == ["<ul><li>a &amp; b<li>95\N{NO-BREAK SPACE}%</ul>"]
