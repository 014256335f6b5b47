"""The look of all charts, and the script that shows their values at the pointer and to keys."""

from __future__ import annotations

from pathlib import Path

CHART_STYLE = """
.chart { margin: 1em 0 1.5em; break-inside: avoid }
.chart figcaption { margin: 0 0 .4em } .chart figcaption b { display: block }
.chart figcaption span, .chart p, .chart .legend, .chart summary { color: var(--quiet);
  font-size: .85em }
.chart p { margin: 0; max-width: none } .chart .x-label { text-align: right }
.chart .legend { list-style: none; display: flex; flex-wrap: wrap; gap: .1em 1.2em;
  margin: 0 0 .4em; padding: 0 }
.main { --ink: var(--main) } .second { --ink: var(--second) } .more { --ink: var(--more) }
.less { --ink: var(--less) } .reference { --ink: var(--quiet) } .open { --ink: var(--open) }
.key { display: inline-block; width: 1.6em; margin-right: .4em; vertical-align: .25em;
  border-top: 3px solid var(--ink) }
.key.reference { border-top: 2px dashed var(--ink) }
.key.band { border-top: .8em solid var(--ink); opacity: .25; vertical-align: -.1em }
.key.dot { width: 9px; height: 9px; border: 0; border-radius: 50%; vertical-align: 0;
  background: var(--ink, var(--line)) }
.key.hollow { background: none; width: 6px; height: 6px; border: 2px solid var(--ink, var(--line)) }
.key.vertical { width: 0; height: 1em; border-top: 0; vertical-align: -.15em;
  border-left: 2px dashed var(--line) }
.plot { position: relative; margin: .6em var(--right) 2.1em var(--left); font-size: .8em }
.plot > svg { display: block; width: 100%; height: 18em; overflow: visible; pointer-events: none }
.plot svg svg { overflow: visible } .plot text { fill: var(--quiet) }
.chart path { fill: none; vector-effect: non-scaling-stroke; stroke: var(--ink); stroke-width: 2;
  stroke-linejoin: round }
.chart .grid { stroke: var(--axis); stroke-width: 1 }
.chart .zero { stroke: var(--quiet); stroke-width: 1 }
.chart .reference { stroke-dasharray: 5 4; stroke-width: 1.5 }
.chart .vertical { stroke: var(--line); stroke-dasharray: 5 4; stroke-width: 1.5 }
.chart .dot { fill: var(--ink, var(--line)); stroke: var(--page) }
.chart .hollow { fill: var(--page); stroke: var(--ink, var(--line)); stroke-width: 2 }
.chart .whisker { stroke: var(--ink, var(--line)) }
.chart .halo { stroke: var(--page); stroke-width: 4 }
.chart .single { stroke-linecap: round; stroke-width: 7 }
.chart .band, .chart .area { fill: var(--ink); stroke: none; opacity: .25 }
.chart .rows-below { fill: var(--rows); stroke: none }
.chart .bar { fill: var(--ink); stroke: none }
.plot .cursor { position: absolute; top: 0; bottom: 0; border-left: 1px solid var(--line) }
.plot .value { position: absolute; top: 0; padding: .2em .5em; max-width: 85%;
  background: var(--page); border: 1px solid var(--line); pointer-events: none }
.chart details td, .chart details th { padding: 0 .5em } .chart details { margin-top: .2em }
.rows table { width: 100% } .rows th { width: 30%; overflow-wrap: anywhere }
.rows .n { white-space: nowrap; width: 1px } .rows thead .n { white-space: normal;
  overflow-wrap: normal }
.rows .picture { min-width: 5em }
.rows small { display: block } .rows .first > * { border-top: 1px solid var(--axis) }
.rows svg { display: block; width: 100%; height: 1.3em }
@media (max-width: 30em) { .rows td, .rows th { padding: .15em .2em } .rows th { width: 40% }
  .rows .picture { min-width: 4em }
  .rows .n { min-width: 4.6em } .rows .n small { white-space: normal } }
@media print { .plot > svg { height: 12em } .plot { outline: 0 !important }
  .chart details, .plot .value, .plot .cursor { display: none } }
"""
# Of the end of each page; the pages can be read without it.
SCRIPT = Path(__file__).with_name("charts.js").read_text(encoding="utf-8")
