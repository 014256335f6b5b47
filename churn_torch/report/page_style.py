"""The start of every HTML page, and the colours and the type that all pages share."""

from __future__ import annotations

import html

# Orange is what raises the risk or loses money, blue what lowers it or gains.
STYLE = """
:root { color-scheme: light dark; --text: #1a1a1a; --page: #fff; --quiet: #595959; --axis: #ccc;
  --line: #333; --more: #c2410c; --less: #0369a1; --band: #0369a133; --rows: #bbb; --open: #6b7280;
  --note: #fff7ed }
@media (prefers-color-scheme: dark) {
  :root { --text: #e8e8e8; --page: #16181c; --quiet: #a8a8a8; --axis: #4a4a4a; --line: #eee;
    --more: #fb923c; --less: #38bdf8; --band: #38bdf833; --rows: #666; --open: #9ca3af;
    --note: #33261a } }
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 50em; padding: 0 1em;
  color: var(--text); background: var(--page) }
h2 { font-size: 1.05em; margin: 2em 0 .3em }
small, .quiet { color: var(--quiet) }
table { border-collapse: collapse }
caption, .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap }
td, th { font-weight: normal; text-align: left }
thead th { color: var(--quiet); font-size: .85em; vertical-align: bottom }
.n { text-align: right }
"""
# Of pages about money: numbers at the top, sentences that must not be missed, and paper.
CAMPAIGN_STYLE = """
dl { display: flex; flex-wrap: wrap; gap: 1em 2.5em; margin: 1.2em 0 } dl div { min-width: 9em }
dt { color: var(--quiet); font-size: .85em } dd { margin: 0; font-size: 1.6em; line-height: 1.2 }
dd small { display: block; font-size: .55em }
.note { background: var(--note); border-left: 4px solid var(--more); padding: .5em 1em;
  margin: .6em 0 }
@media print { :root { --text: #000; --page: #fff; --quiet: #444; --axis: #bbb; --line: #333;
    --more: #c2410c; --less: #0369a1; --band: #0369a133; --open: #6b7280; --note: #fff }
  body { font-size: 11px; margin: 0; max-width: none } section { break-inside: avoid } }
"""


def page_start(title: str, *styles: str) -> str:
    """Return the start of a page that needs no other file, up to its heading.

    Args:
        title: Also the heading; text, not HTML.
        styles: CSS beside `STYLE`.
    """
    title = html.escape(title)
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title>\n"
        "<meta name=viewport content='width=device-width,initial-scale=1'>\n"
        f"<style>{STYLE}{''.join(styles)}</style><main><h1>{title}</h1>"
    )
