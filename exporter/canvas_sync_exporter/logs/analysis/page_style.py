"""How a page looks: light and dark, on any width, and on paper."""

from __future__ import annotations

from typing import Final

__all__ = ["STYLE"]

STYLE: Final = """
:root {
  color-scheme: light dark;
  --page: #f5f6f8; --card: #fff; --text: #1c2128; --faint: #59636e; --line: #d9dee4;
  --blue: #2f6bd0; --green: #1a7f45; --amber: #8a5a00; --red: #c1292e; --purple: #7b3fb2;
  --gray: #616a74; --amber-fill: #e0a200;
  --red-tint: #fdecec; --amber-tint: #fff5da; --green-tint: #e6f5ec;
  --series-0: #2f9e8f; --series-1: #2f6bd0; --series-2: #b3386d;
}
@media (prefers-color-scheme: dark) { :root {
  --page: #0e1217; --card: #161b22; --text: #e4e8ec; --faint: #9da7b1; --line: #2d353f;
  --blue: #6aa5f8; --green: #56c985; --amber: #e5b94f; --red: #ff8078; --purple: #c89bff;
  --gray: #98a2ad; --amber-fill: #d8a52f;
  --red-tint: #2d1a1d; --amber-tint: #2a2314; --green-tint: #14271d;
  --series-0: #4cc4b3; --series-1: #6aa5f8; --series-2: #f07fb0;
} }
* { box-sizing: border-box }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100% }
body {
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; margin: 0 auto;
  max-width: 80rem; padding: 1.5rem 1.25rem 3rem; background: var(--page); color: var(--text);
}
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .6rem }
h2 { font-size: 1.25rem; line-height: 1.2; margin: 0 0 1rem }
h3 { font-size: 1rem; margin: 0 0 .6rem }
h3::first-letter { text-transform: uppercase }
a { color: var(--blue) }
a:focus-visible, summary:focus-visible { outline: 2px solid var(--blue); outline-offset: 2px }
dl, dd, ul, ol, figure { margin: 0; padding: 0 }
li { list-style: none }
section {
  background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 1.25rem; margin-top: 1.25rem; scroll-margin-top: 3.5rem;
}
.origin { display: flex; flex-wrap: wrap; gap: .2rem 2rem; color: var(--faint) }
.origin div { display: flex; gap: .5rem }
.origin dd { color: var(--text); overflow-wrap: anywhere }

.summary { border-left: 6px solid var(--green); background: var(--green-tint) }
.summary.problem { border-left-color: var(--red); background: var(--red-tint) }
.summary.warning { border-left-color: var(--amber-fill); background: var(--amber-tint) }
.summary p { margin: 0 }
.summary li { display: flex; gap: .75rem; padding: .2rem 0 }
.summary li span {
  flex: none; width: 4.6rem; font-size: .8rem; line-height: 1.9; font-weight: 600;
  text-transform: uppercase; letter-spacing: .04em; color: var(--amber);
}
.summary li.problem span { color: var(--red) }
.summary a { color: inherit; text-decoration-color: var(--faint); text-underline-offset: .2em;
  overflow-wrap: anywhere }

.figures {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .75rem;
  margin-top: 1.25rem;
}
.figures div { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: .8rem 1rem }
.figures dt { color: var(--faint); font-size: .85rem }
.figures dt::first-letter { text-transform: uppercase }
.figures dd { color: var(--faint); font-size: .85rem }
.figures b { display: block; color: var(--text); font-size: 1.6rem; line-height: 1.3;
  font-weight: 600; font-variant-numeric: tabular-nums }

nav { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem;
  margin-top: 1.25rem; padding: .5rem 0; background: var(--page) }

.outcomes { display: flex; gap: 2px; height: 22px; border-radius: 5px; overflow: hidden }
.outcomes i { min-width: 4px; background: var(--gray) }
.outcomes .success { background: var(--green) } .outcomes .partial { background: var(--amber-fill) }
.outcomes .failed { background: var(--red) } .outcomes .interrupted { background: var(--purple) }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.25rem; margin: .5rem 0 2rem }
.badge { font-weight: 600; white-space: nowrap; color: var(--gray) }
.badge::before { content: ""; display: inline-block; width: .6em; height: .6em; margin-right: .4em;
  border-radius: 50%; background: currentColor }
.badge.success { color: var(--green) } .badge.partial { color: var(--amber) }
.badge.failed { color: var(--red) } .badge.interrupted { color: var(--purple) }
.badge.partial::before { background: var(--amber-fill) }

.parts { display: flex; flex-wrap: wrap; gap: 2rem 3.5rem }
.part { flex: 1 1 100%; min-width: 0 }
.part.small { flex: 0 1 auto }
.charts { display: flex; flex-wrap: wrap; gap: 1rem 2rem }
.charts figure { flex: 1 1 26rem; min-width: 0; margin-bottom: .75rem }
figcaption { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; color: var(--faint);
  font-size: .85rem; margin-bottom: .4rem }
figcaption i { display: inline-block; width: .7em; height: .7em; margin-right: .45em;
  border-radius: 2px; background: var(--fill) }
.chart { display: flex }
svg { display: block; overflow: visible }
.plot { flex: 1; min-width: 0 }
.axis { flex: none }
svg text { fill: var(--faint); font-size: 12px }
.axis text, text.end { text-anchor: end }
text.middle { text-anchor: middle }
.good { fill: var(--blue); --fill: var(--blue) }
.bad { fill: var(--red); --fill: var(--red) }
.series-0 { --fill: var(--series-0) } .series-1 { --fill: var(--series-1) }
.series-2 { --fill: var(--series-2) }
[class^=series] line { stroke: var(--fill); stroke-width: 2; stroke-linecap: round }
circle { fill: var(--fill) }
.grid { stroke: var(--line) }
.range { stroke: var(--line); stroke-width: 5; stroke-linecap: round }
.touch { fill: transparent }
g:hover > rect { opacity: .75 }
.ranges li { display: grid; grid-template-columns: minmax(8rem, 24rem) 1fr; gap: 1rem;
  align-items: center }
.ranges span { overflow-wrap: anywhere; line-height: 1.3; padding: .15rem 0; font-size: .9rem }
.ranges svg { width: 100% }

.wide { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
th, td { text-align: left; vertical-align: top; padding: .3rem 1.1rem .3rem 0;
  border-bottom: 1px solid var(--line) }
th { font-weight: inherit }
thead th { color: var(--faint); font-size: .85rem; white-space: nowrap }
.number { text-align: right; white-space: nowrap }
.medium, .short { white-space: nowrap }
.long { overflow-wrap: break-word; min-width: 9rem }
.whole { white-space: nowrap }
.bar { width: 10rem; min-width: 6rem; vertical-align: middle }
tbody tr:hover { background: color-mix(in srgb, var(--line) 35%, transparent) }
summary { cursor: pointer; color: var(--blue); padding: .3rem 0 }
footer { color: var(--faint); font-size: .85rem; margin-top: 1.5rem }

@media screen and (min-width: 54.01rem) and (max-width: 72rem) {
  table { font-size: .92em } th, td { padding-right: .7rem } .cards .bar { display: none }
}
@media screen and (max-width: 46rem) {
  body { padding: 1rem .75rem 2rem }
  section { padding: 1rem .85rem }
  .spare { display: none }
  .summary li { display: block } .summary li span { display: block; line-height: 1.4 }
  .figures { grid-template-columns: 1fr 1fr }
  .figures b { font-size: 1.35rem }
  .ranges li { grid-template-columns: 1fr; gap: 0 }
  nav { position: static }
  table:not(.cards) { width: 100%; font-size: .92em }
  table:not(.cards) :is(th, td) { padding-right: .6rem; min-width: 0 }
  table:not(.cards) .number ~ .number ~ .bar { display: none }
}
@media screen and (max-width: 54rem) {
  .cards, .cards tbody { display: block }
  .cards thead { position: absolute; width: 1px; height: 1px; overflow: hidden;
    clip-path: inset(50%) }
  .cards tr { display: grid; grid-template-columns: repeat(auto-fill, minmax(5.2rem, 1fr));
    gap: .3rem .6rem; padding: .6rem 0; border-bottom: 1px solid var(--line) }
  .cards th, .cards td { display: block; border: 0; padding: 0; text-align: left; min-width: 0;
    white-space: normal; overflow-wrap: anywhere }
  .cards .long, .cards .bar { grid-column: 1 / -1; width: auto }
  .cards .medium { grid-column: span 2 }
  .cards th[scope] { font-weight: 600; grid-column: 1 / -1 }
  .cards td[data-name]::before { content: attr(data-name); display: block; color: var(--faint);
    font-size: .75rem; line-height: 1.2 }
}
@media print {
  :root {
    color-scheme: light; print-color-adjust: exact; -webkit-print-color-adjust: exact;
    --page: #fff; --card: #fff; --text: #000; --faint: #444; --line: #ccc;
    --blue: #2f6bd0; --green: #1a7f45; --amber: #8a5a00; --red: #c1292e; --purple: #7b3fb2;
    --gray: #616a74; --amber-fill: #e0a200; --red-tint: #fff; --amber-tint: #fff;
    --green-tint: #fff; --series-0: #2f9e8f; --series-1: #2f6bd0; --series-2: #b3386d;
  }
  html { font-size: 9pt } body { font-size: 8.5pt; padding: 0; max-width: none }
  nav { display: none }
  section { border-width: 1px 0 0; border-radius: 0; padding: 1rem 0 0 }
  .summary { border-width: 0 0 0 6px; padding-left: 1rem }
  .wide { overflow: visible }
  th, td { padding-right: .6rem } .bar { min-width: 3rem; width: 5rem } .long { min-width: 5rem }
  tr, figure, .figures div { break-inside: avoid } h2, h3 { break-after: avoid }
}
"""
