/** What a report adds to the style sheet of the pages: tables, tiles, charts, and how they print. It knows no word. */

/** Names the language of the text, so that it is formatted as what it is. */
const sheet = String.raw;

export const reportCss = sheet`
.bar, main, .foot { width: min(100% - 2rem, 68rem); }
.hero h1 { font-size: 1.05rem; }
.hero p.lead { font-size: clamp(1.3rem, 1.05rem + 1.2vw, 1.8rem); line-height: 1.3; font-weight: 660; letter-spacing: -.01em; text-wrap: pretty; }
h2 { font-size: 1.35rem; }
h3 { font-size: 1.15rem; font-weight: 650; }
h3 .aside { font-size: .88rem; margin-left: .35rem; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 12px; background: var(--card); }
table { border-collapse: collapse; width: 100%; font-size: .88rem; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
caption { text-align: left; padding: .7rem .9rem .2rem; font-weight: 650; }
th, td { text-align: right; vertical-align: top; padding: .5rem .7rem; border-top: 1px solid var(--line); white-space: nowrap; }
thead th { border-top: 0; color: var(--soft); font-weight: 600; font-size: .82rem; vertical-align: bottom; }
caption + thead th { border-top: 0; }
th:first-child, td:first-child { padding-left: .9rem; }
tbody th, th.text, td.text { text-align: left; }
tbody th { font-weight: 600; }
td.text { white-space: normal; min-width: 9rem; }
td.long { min-width: 18rem; overflow-wrap: anywhere; }
td small, .tile small { display: block; color: var(--soft); font-size: .85em; font-weight: 400; }
.main-figure { font-weight: 680; }
.bad-figure { color: var(--bad); font-weight: 650; }
.better { color: var(--good); } .worse { color: var(--bad); }
.channel { display: grid; gap: .9rem; padding: 1.1rem 1.2rem 1.2rem; border: 1px solid var(--line); border-top: 4px solid var(--tone); border-radius: 14px; background: var(--card); }
.channel > * { min-width: 0; }
.channel + .channel { margin-top: 1rem; }
.channel .scroll { border-radius: 10px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.2rem, 1fr)); gap: .6rem; }
.tiles > .tile { display: block; padding: .55rem .75rem .6rem; border: 1px solid var(--line); border-radius: 10px; }
.tile dt { font-size: .82rem; }
.tile dd { font-size: 1.2rem; font-weight: 660; font-variant-numeric: tabular-nums; line-height: 1.35; }
.tile dd small { font-size: .8rem; }
figure { margin: 0; }
figcaption { color: var(--soft); font-size: .85rem; margin-bottom: .35rem; }
.patterns { position: absolute; }
.wide { overflow-x: auto; }
.chart { display: block; width: 100%; min-width: 34rem; height: auto; }
.chart text { font: 12px system-ui, sans-serif; fill: var(--soft); }
.chart .tick { text-anchor: middle; font-size: 11px; }
.chart .name { text-anchor: end; fill: var(--ink); font-weight: 600; font-size: 13px; }
.chart .value { fill: var(--ink); font-size: 13px; font-variant-numeric: tabular-nums; }
.axis { stroke: var(--line); stroke-width: 1; }
.closed { stroke: var(--soft); stroke-width: 2; stroke-linecap: round; opacity: .55; }
.track { fill: var(--unknown-tint); }
.before { stroke: var(--ink); stroke-width: 2; }
.f-up { fill: var(--good); fill-opacity: .72; } .f-limited { fill: url(#p-limited); } .f-down { fill: url(#p-down); }
.f-unknown { fill: url(#p-unknown); } .f-maintenance { fill: url(#p-maintenance); }
.c-limited { fill: var(--mixed-line); } .c-dot { fill: var(--mixed); } .c-down { fill: var(--bad); }
.c-blank { fill: var(--unknown-tint); } .c-unknown { fill: var(--unknown); }
.c-quiet { fill: var(--quiet-line); } .c-rule { fill: var(--quiet); }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; font-size: .85rem; color: var(--soft); }
.legend li { display: inline-flex; align-items: center; gap: .4rem; }
.legend svg { width: .9rem; height: .9rem; }
summary { cursor: pointer; min-height: 2rem; padding-block: .25rem; color: var(--link); font-weight: 600; font-size: .9rem; }
details[open] summary { margin-bottom: .4rem; }
.notes ul { padding-left: 1.15rem; display: grid; gap: .3rem; color: var(--soft); font-size: .9rem; }
@media (prefers-color-scheme: dark) { .c-limited { fill: var(--mixed-line); } .f-up { fill-opacity: .6; } }
@media (forced-colors: active) { .chart, .legend svg { forced-color-adjust: none; background: #fff; } .chart text { fill: #000; } }
@media print {
  @page { size: A4 landscape; margin: 12mm; }
  :root { --paper: #fff; --card: #fff; }
  body { font-size: 10pt; }
  .bar, main, .foot { width: 100%; }
  .scroll, .wide { overflow: visible; }
  table { font-size: 8.5pt; }
  th, td { padding: .25rem .4rem; white-space: normal; }
  td.text, td.long { min-width: 0; }
  .channel, figure, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .chart, .legend svg { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  details:not([open]) { display: none; }
}
`;
