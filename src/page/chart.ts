/** Charts as inline SVG: what stands in them also stands in a table beside. It knows shapes and colours by class, and no figure's meaning. */
import { lasting, percent } from '../core/figures.ts';
import type { DayFigures, Figures } from '../core/quality.ts';
import { Html, html, said } from './markup.ts';

const WIDTH = 720;
const HEIGHT = 64;
const GROUND = 72;
/** A minute of a day is less than a hair: what failed is seen all the same. */
const LEAST = 3;

/** Colour and pattern of each part; patterns, so that no colour stands alone. Once per document, before the first chart. */
export const PATTERNS = new Html(
  `<svg class="patterns" width="0" height="0" aria-hidden="true" focusable="false"><defs>
<pattern id="p-limited" width="4" height="4" patternUnits="userSpaceOnUse"><rect class="c-limited" width="4" height="4"/><circle class="c-dot" cx="2" cy="2" r=".8"/></pattern>
<pattern id="p-down" width="5" height="5" patternUnits="userSpaceOnUse"><rect class="c-down" width="5" height="5"/></pattern>
<pattern id="p-unknown" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="c-blank" width="5" height="5"/><rect class="c-unknown" width="1.6" height="5"/></pattern>
<pattern id="p-maintenance" width="5" height="5" patternUnits="userSpaceOnUse"><rect class="c-quiet" width="5" height="5"/><rect class="c-rule" width="5" height="1.2"/></pattern>
</defs></svg>`,
);

const PARTS = [
  ['up', 'reachable'],
  ['limited', 'slowly or in part'],
  ['down', 'unreachable'],
  ['maintenance', 'maintenance'],
  ['unknown', 'not known'],
] as const;
type PartName = (typeof PARTS)[number][0];

export function legend(): Html {
  const items = PARTS.map(
    ([name, words]) =>
      html`<li>
        <svg viewBox="0 0 14 14" aria-hidden="true" focusable="false">
          <rect class="f-${name}" width="14" height="14" rx="3" /></svg
        >${words}
      </li>`,
  );
  return html`<ul class="legend">
    ${items}
  </ul>`;
}

function parts({ upMs, limitedMs, downMs, maintenanceMs, unknownMs }: Figures): Readonly<Record<PartName, number>> {
  return { up: upMs - limitedMs, limited: limitedMs, down: downMs, maintenance: maintenanceMs, unknown: unknownMs };
}

/** A bar per day, all of the same height: what became of the hours that were promised on it. */
export function dayChart(days: readonly DayFigures[], label: string): Html {
  const step = WIDTH / days.length;
  const every = [1, 2, 5, 7, 14, 31].find((each) => days.length / each <= 12) ?? 62;
  const bars = days.map(({ promised, date }, index) => {
    const x = index * step;
    const number = Number(date.slice(8));
    const marked = days.length <= 31 ? number === 1 || number % every === 0 : index % every === 0;
    const text = marked
      ? html`<text class="tick" x="${figure(x + step / 2)}" y="${GROUND + 15}">
          ${days.length <= 31 ? number : date.slice(5)}
        </text>`
      : undefined;
    return html`<g>${bar(promised, { x, width: step * 0.8, date })}${text}</g>`;
  });
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${GROUND + 20}" role="img" aria-label="${said(label, 400)}">
    <line class="axis" x1="0" x2="${WIDTH}" y1="${GROUND}" y2="${GROUND}" />
    ${bars}
  </svg>`;
}

interface Place {
  readonly x: number;
  readonly width: number;
  readonly date: string;
}

function bar(promised: Figures, { x, width, date }: Place): Html {
  const { shares } = promised;
  if (shares === undefined) {
    return html`<line
      class="closed"
      x1="${figure(x + width * 0.3)}"
      x2="${figure(x + width * 0.7)}"
      y1="66"
      y2="66"
    />`;
  }
  const heights = heightsOf(parts(promised));
  let y = GROUND;
  const rects = PARTS.map(([name]) => {
    const height = heights[name];
    y -= height;
    return height === 0
      ? undefined
      : html`<rect
          class="f-${name}"
          x="${figure(x)}"
          y="${figure(y)}"
          width="${figure(width)}"
          height="${figure(height)}"
        />`;
  });
  return html`<title>${date}: ${sentence(promised)}</title>${rects}`;
}

function sentence(promised: Figures): string {
  const found = PARTS.filter(([name]) => parts(promised)[name] > 0);
  return found.map(([name, words]) => `${words} ${lasting(parts(promised)[name])}`).join(', ');
}

function heightsOf(of: Readonly<Record<PartName, number>>): Record<PartName, number> {
  const total = PARTS.reduce((sum, [name]) => sum + of[name], 0);
  const height = (name: PartName): number => (of[name] === 0 ? 0 : Math.max(LEAST, (of[name] / total) * HEIGHT));
  const heights = { up: 0, limited: 0, down: 0, maintenance: 0, unknown: 0 };
  for (const [name] of PARTS) heights[name] = height(name);
  // What was rounded up is taken from the tallest.
  const over = PARTS.reduce((sum, [name]) => sum + heights[name], 0) - HEIGHT;
  const [tallest] = PARTS.map(([name]) => name).toSorted((a, b) => heights[b] - heights[a]);
  if (tallest !== undefined) heights[tallest] -= over;
  return heights;
}

export interface Bar {
  readonly name: string;
  readonly now: Figures;
  readonly before: Figures;
}

const ROW = 46;
const LEFT = 210;
const RIGHT = 150;

/** Unreachable time of each, the shorter the better; a thin mark for the period before. */
export function comparisonChart(bars: readonly Bar[], label: string): Html {
  const longest = Math.max(1, ...bars.flatMap(({ now, before }) => [now.downMs, before.downMs]));
  const room = WIDTH - LEFT - RIGHT;
  const rows = bars.map(({ name, now, before }, index) => {
    const y = index * ROW;
    const width = (now.downMs / longest) * room;
    const mark = LEFT + (before.downMs / longest) * room;
    return html`<g>
      <text class="name" x="${LEFT - 12}" y="${y + 25}">${said(name, 26)}</text>
      <rect class="track" x="${LEFT}" y="${y + 10}" width="${room}" height="22" rx="4" />
      ${
        now.ratio === undefined
          ? html`<rect class="f-unknown" x="${LEFT}" y="${y + 10}" width="${room}" height="22" rx="4" />`
          : html`<rect
              class="f-down"
              x="${LEFT}"
              y="${y + 10}"
              width="${figure(Math.max(now.downMs > 0 ? LEAST : 0, width))}"
              height="22"
              rx="3"
            />`
      }
      ${
        before.ratio === undefined
          ? undefined
          : html`<line class="before" x1="${figure(mark)}" x2="${figure(mark)}" y1="${y + 5}" y2="${y + 37}" />`
      }
      <text class="value" x="${WIDTH - RIGHT + 12}" y="${y + 25}">
        ${now.ratio === undefined ? 'not known' : `${lasting(now.downMs)} · ${percent(now.ratio)}`}
      </text>
    </g>`;
  });
  return html`<svg
    class="chart"
    viewBox="0 0 ${WIDTH} ${bars.length * ROW}"
    role="img"
    aria-label="${said(label, 400)}"
  >
    ${rows}
  </svg>`;
}

function figure(value: number): string {
  return String(Math.round(value * 100) / 100);
}
