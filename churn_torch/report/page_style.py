"""The start and the end of every HTML page, and the colours, the type and the paper they share."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Literal

from churn_torch.errors import escaped_lines
from churn_torch.report.chart_style import CHART_STYLE, SCRIPT

# Orange is what raises the risk or loses money, blue what lowers it or gains; lines that do
# neither are violet and green.
_LIGHT = """--text: #1a1a1a; --page: #fff; --quiet: #595959; --axis: #ccc; --line: #333;
  --more: #c2410c; --less: #0369a1; --main: #6d28d9; --second: #0f766e; --rows: #bbb;
  --open: #6b7280; --note: #fff7ed"""
_DARK = """--text: #e8e8e8; --page: #16181c; --quiet: #a8a8a8; --axis: #4a4a4a; --line: #eee;
  --more: #fb923c; --less: #38bdf8; --main: #a78bfa; --second: #2dd4bf; --rows: #666;
  --open: #9ca3af; --note: #33261a"""
STYLE = f"""
:root {{ color-scheme: light dark; {_LIGHT} }}
@media screen and (prefers-color-scheme: dark) {{ :root {{ {_DARK} }} }}
@media print {{ :root {{ color-scheme: light }} }}
body {{ font: 15px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 50em; padding: 0 1em;
  color: var(--text); background: var(--page) }}
h1, h2, h3, p, li, dd {{ overflow-wrap: anywhere }}
h2 {{ font-size: 1.05em; margin: 2em 0 .3em }}
small, .quiet {{ color: var(--quiet) }}
table {{ border-collapse: collapse }}
caption, .unseen {{ position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap }}
td, th {{ font-weight: normal; text-align: left; padding: .15em .4em }}
thead th {{ color: var(--quiet); font-size: .85em; vertical-align: bottom }}
.n {{ text-align: right; font-variant-numeric: tabular-nums }}
.scroll {{ overflow-x: auto }}
summary {{ cursor: pointer }}
:focus-visible {{ outline: 2px solid var(--line); outline-offset: 2px }}
@media screen and (max-width: 30em) {{ body {{ margin: 1em auto }}
  .scroll table {{ width: max-content }} .scroll td:not(.n) {{ max-width: 16em }}
  .scroll th:first-child {{ max-width: 9em; overflow-wrap: anywhere; position: sticky; left: 0;
    background: var(--page) }} }}
@media print {{ body {{ font-size: 11px; margin: 0; max-width: none }}
  tr, .note {{ break-inside: avoid }} h2, h3, figcaption {{ break-after: avoid }}
  * {{ print-color-adjust: exact; -webkit-print-color-adjust: exact }} }}
"""
# Of pages about money: numbers at the top, and sentences that must not be missed.
CAMPAIGN_STYLE = """
dl { display: flex; flex-wrap: wrap; gap: 1em 2.5em; margin: 1.2em 0 } dl div { min-width: 9em }
dt { color: var(--quiet); font-size: .85em } dd { margin: 0; font-size: 1.6em; line-height: 1.2 }
dd small { display: block; font-size: .55em }
.note { background: var(--note); border-left: 4px solid var(--more); padding: .5em 1em;
  margin: .6em 0 }
"""
# Nothing but what the page itself holds is used, whatever the page holds.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def page_start(title: str, *styles: str, lang: str = "en", description: str = "") -> str:
    """Return the start of a page that needs no other file, up to its heading.

    Args:
        title: Also the heading; text, not HTML.
        styles: CSS beside that of all pages.
        lang: Language of the page.
        description: What the page is for, in a sentence; text, not HTML.
    """
    title = html.escape(title)
    about = f'<meta name=description content="{html.escape(description)}">\n' if description else ""
    return (
        f"<!doctype html><html lang={lang}><meta charset=utf-8><title>{title}</title>\n"
        f'<meta http-equiv=Content-Security-Policy content="{_POLICY}">\n'
        f"<meta name=viewport content='width=device-width,initial-scale=1'>\n{about}"
        f"<style>{STYLE}{CHART_STYLE}{''.join(styles)}</style><main><h1>{title}</h1>"
    )


def cell_shade(strength: float, kind: Literal["more", "less"]) -> str:
    """Return the CSS of a cell that is coloured by its number.

    Args:
        strength: 0 is no colour, 1 all of it; text is readable up to 0.75, in the dark too.
        kind: ``more`` raises the risk or loses money, ``less`` lowers it or gains.
    """
    colour = "194,65,12" if kind == "more" else "3,105,161"
    return f"background:rgba({colour},{strength:.2f})"


def whole_page(parts: Iterable[str]) -> str:
    """Return a page from its start and its parts; control characters are written out.

    Names and cells of a table may hold them: they hide text or turn its direction.
    """
    return escaped_lines("\n".join([*parts, f"</main>\n<script>{SCRIPT}</script></html>"]))
