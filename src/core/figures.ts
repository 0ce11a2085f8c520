/** How a report's figures are written, the same in every format. English, for operators; it knows no format. */
import type { Localized } from './model.ts';
import type { ChannelQuality, ProviderQuality, Quality } from './quality.ts';
import { localId } from './view.ts';

const MINUTE_S = 60;
const HOUR_S = 3_600;
const DAY_S = 86_400;

/** `99.95 %`. Rounded down: only what never failed is a hundred. */
export function percent(ratio: number | undefined): string {
  if (ratio === undefined) return NOT_KNOWN;
  // A hair is added for figures such as 0.9995, which binary fractions put just below themselves.
  return `${(Math.floor(ratio * 10_000 + 1e-6) / 100).toFixed(2)} %`;
}

export const NOT_KNOWN = 'not known';

/** `+0.12` percentage points; undefined when one of the two is not known. */
export function points(now: number | undefined, before: number | undefined): string | undefined {
  if (now === undefined || before === undefined) return undefined;
  const difference = Math.round((now - before) * 10_000) / 100;
  if (difference === 0) return '±0.00';
  return `${difference > 0 ? '+' : '−'}${Math.abs(difference).toFixed(2)}`;
}

/** Two units at most: `1 h 12 min`, `45 s`, `230 ms`. */
export function lasting(ms: number): string {
  if (ms === 0) return '0';
  if (ms < 1_000) return `${Math.max(1, Math.round(ms))} ms`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < MINUTE_S) return ms < 10_000 ? `${Number((ms / 1_000).toFixed(1))} s` : `${seconds} s`;
  if (seconds < HOUR_S) return pair(seconds, MINUTE_S, 'min', 1, 's');
  if (seconds < DAY_S) return pair(seconds, HOUR_S, 'h', MINUTE_S, 'min');
  return pair(seconds, DAY_S, 'd', HOUR_S, 'h');
}

function pair(seconds: number, large: number, largeUnit: string, small: number, smallUnit: string): string {
  // Rounded in the small unit first, so that nothing lasts 60 of them.
  const units = Math.round(seconds / small);
  const [first, rest] = [Math.floor((units * small) / large), units % (large / small)];
  return rest === 0 ? `${first} ${largeUnit}` : `${first} ${largeUnit} ${rest} ${smallUnit}`;
}

export function lastingOr(ms: number | undefined): string {
  return ms === undefined ? '–' : lasting(ms);
}

/** A channel's name in a report, where one that is on no public route is marked: whoever passes the report on has to know. */
export function titleOf({ name, id, private: isPrivate }: Pick<ChannelQuality, 'name' | 'id' | 'private'>): string {
  return isPrivate ? `${nameOf(name, id)} (private)` : nameOf(name, id);
}

export function nameOf(name: Localized, id: string): string {
  return name.en ?? name.id ?? name.zh ?? localId(id);
}

const clocks = new Map<string, Intl.DateTimeFormat>();

/** `2026-10-12 08:15` by the clock of a zone. */
export function clockTime(at: number, timezone: string): string {
  const format =
    clocks.get(timezone) ??
    new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'short', timeZone: timezone });
  clocks.set(timezone, format);
  return format.format(at);
}

const MONTHS = 'January February March April May June July August September October November December'.split(' ');

/** `October 2026`, or `2026-10-05 to 2026-10-11`. */
export function period({ from, to }: { readonly from: string; readonly to: string }): string {
  const month = Number(from.slice(5, 7));
  const last = new Date(Date.UTC(Number(from.slice(0, 4)), month, 0)).toISOString().slice(0, 10);
  return from.endsWith('-01') && to === last ? `${MONTHS[month - 1] ?? ''} ${from.slice(0, 4)}` : `${from} to ${to}`;
}

export interface Compared {
  readonly kind: string;
  /** The best first; of equal ones the one that was mended faster. Those of which nothing is known last. */
  readonly rows: readonly { readonly provider: ProviderQuality; readonly channel: ChannelQuality }[];
}

/** The channels of a kind that several providers have, against each other. */
export function comparisons({ providers }: Pick<Quality, 'providers'>): readonly Compared[] {
  const all = providers.flatMap((provider) => provider.channels.map((channel) => ({ provider, channel })));
  return [...Map.groupBy(all, ({ channel }) => channel.kind)].flatMap(([kind, rows]) => {
    if (new Set(rows.map(({ provider }) => provider.id)).size < 2) return [];
    const ordered = rows.toSorted(
      ({ channel: a }, { channel: b }) =>
        (b.promised.ratio ?? -1) - (a.promised.ratio ?? -1) || (a.pace.recoverMs ?? 0) - (b.pace.recoverMs ?? 0),
    );
    return [{ kind, rows: ordered }];
  });
}

/** What stands under every report, in every format: how to read it. */
export const NOTES = [
  'Availability is the time that a channel could be reached, of the time about which something is known: promised, of its service hours; calendar, of all hours.',
  'Maintenance and unknown time are in neither part; their share stands beside. Unknown is when nobody looked, before the first look, or when our own network, clock or machine was the trouble.',
  'A channel is unreachable from the first failing look of a confirmed outage to the first good one, when every one of its targets fails. Slow or partly failing is counted as reachable and shown as limited.',
  'Times to detect, to answer and to recover are medians. Recovery counts promised hours only; the answer is that of looks in promised hours.',
  'Service hours are those of the configuration today.',
] as const;

/** How many incidents there were; a dash where nothing was seen, for then none is no figure. */
export function incidentsOf({ promised, pace }: Pick<ChannelQuality, 'promised' | 'pace'>): string {
  return promised.ratio === undefined && pace.incidents === 0 ? '–' : String(pace.incidents);
}
