/** Keeps every channel's availability over the usual windows, added up from the store bit by bit. It knows no metric and no page. */
import { setImmediate, setTimeout } from 'node:timers/promises';
import { accountOf, availability, BASES, deliveredBy, troublesOf, type Basis } from './core/availability.ts';
import type { Calendar } from './core/calendar.ts';
import { coverageOf, HOUR_MS, lookbackMs } from './core/coverage.ts';
import type { Ledger, Rollup } from './core/ledger.ts';
import type { Channel, ChannelId, Incident, IncidentId, Instant } from './core/model.ts';
import { stretchesOf, type Stretch } from './core/stretch.ts';
import type { Span } from './core/span.ts';

export const WINDOWS = ['24h', '7d', '30d', '90d'] as const;
export type Window = (typeof WINDOWS)[number];

export interface Ratio {
  readonly channel: ChannelId;
  readonly window: Window;
  readonly basis: Basis;
  /** 0 to 1; a window of which nothing is known is not listed. */
  readonly ratio: number;
}

export interface TallyOptions {
  readonly ledger: Pick<Ledger, 'rollups' | 'recentIncidents'>;
  /** The channels in force, and what they promise. */
  readonly channels: () => readonly { readonly channel: Channel; readonly calendar: Calendar }[];
  readonly now: () => Instant;
  readonly monotonic: () => number;
  readonly onTrouble: (error: unknown) => void;
  /** For each millisecond of work so many of rest; absent: looks come first. */
  readonly rest?: number;
}

export interface Tally {
  /** As of the last time that it was added up. When that is a minute ago, it is begun anew, and this does not wait for it. */
  ratios(): readonly Ratio[];
  /** Resolves when everything has been added up. */
  refresh(): Promise<void>;
  close(): void;
}

const DAY_MS = 24 * HOUR_MS;
const EVERY_MS = 60_000;
const REACH_DAYS = 90;
/** Days of which every hour is kept; of those before, the days. */
const FINE_DAYS = 7;
/** Hours that may still change: looks that come late, trouble that is found to have begun before. */
const OPEN_MS = 3 * HOUR_MS;
const CHUNK_MS = 10 * DAY_MS;
/** As long as nothing is known, which is soon over and costs nothing. */
const EVERY_AT_FIRST_MS = 5_000;
/** The first pass over 90 days of a thousand channels is minutes of work: at half a hundredth of a core nobody feels it. */
const REST = 199;
const MOST_INCIDENTS = 100_000;

export function openTally(options: TallyOptions): Tally {
  const { now, monotonic, onTrouble, rest: restPerWork = REST } = options;
  const books = new Map<ChannelId, Book>();
  const incidents = new Map<IncidentId, Incident>();
  const ending = new AbortController();
  let running: Promise<void> | undefined;
  let doneAt = -Infinity;
  let heardAt: Instant | undefined;

  /** Hands the loop back, for long enough that all of this is a small part of it. */
  async function rest(begun: number): Promise<void> {
    const worked = monotonic() - begun;
    if (worked * restPerWork < 1) await setImmediate(undefined, { signal: ending.signal });
    else await setTimeout(worked * restPerWork, undefined, { signal: ending.signal, ref: false });
  }

  async function pass(): Promise<void> {
    const at = now();
    const since = heardAt === undefined ? at - (REACH_DAYS + 1) * DAY_MS : heardAt - DAY_MS;
    for (const each of await options.ledger.recentIncidents(since, MOST_INCIDENTS)) incidents.set(each.id, each);
    heardAt = at;
    for (const [id, { resolvedAt }] of incidents)
      if ((resolvedAt ?? at) < at - (REACH_DAYS + 1) * DAY_MS) incidents.delete(id);
    const current = options.channels();
    const ids = new Set(current.map(({ channel }) => channel.id));
    for (const id of books.keys()) if (!ids.has(id)) books.delete(id);
    for (const { channel, calendar } of current) {
      const own = [...incidents.values()].filter((each) => each.channels.some((part) => part.channel === channel.id));
      const known = books.get(channel.id);
      const book = known?.terms === termsOf(channel) ? known : openBook(termsOf(channel));
      await bringUp({ book, channel, calendar, incidents: own, at, ledger: options.ledger, rest, monotonic });
      books.set(channel.id, book);
    }
  }

  function refresh(): Promise<void> {
    running ??= pass()
      .catch((error: unknown) => {
        if (!ending.signal.aborted) onTrouble(error);
      })
      .finally(() => {
        doneAt = monotonic();
        running = undefined;
      });
    return running;
  }

  return {
    ratios: () => {
      const ratios = [...books].flatMap(([channel, book]) => ratiosOf(channel, book));
      const everyMs = ratios.length === 0 ? EVERY_AT_FIRST_MS : EVERY_MS;
      if (monotonic() - doneAt >= everyMs && !ending.signal.aborted) void refresh();
      return ratios;
    },
    refresh,
    close: () => {
      ending.abort();
    },
  };
}

/** Time up and down by a basis, in slots that are written over: a channel costs a few kilobytes, however long it runs. */
interface Ring {
  readonly size: number;
  readonly index: Int32Array;
  readonly figures: Float32Array;
}

interface Book {
  /** What the figures rest on besides looks: with other hours they are others. */
  readonly terms: string;
  readonly hours: Ring;
  readonly days: Ring;
  /** Up to when everything is in. */
  doneTo: Instant;
  /** What each incident looked like when it was counted. */
  readonly counted: Map<IncidentId, string>;
}

const PER_SLOT = 2 * BASES.length;

function openRing(size: number): Ring {
  return { size, index: new Int32Array(size).fill(-1), figures: new Float32Array(size * PER_SLOT) };
}

function openBook(terms: string): Book {
  const [hours, days] = [openRing((FINE_DAYS + 1) * 24), openRing(REACH_DAYS + 1)];
  return { terms, hours, days, doneTo: -Infinity, counted: new Map() };
}

function termsOf({ hours, maintenance, targets }: Channel): string {
  return JSON.stringify([hours, maintenance, targets.map(({ id, advisory }) => [id, advisory])]);
}

function put({ size, index, figures }: Ring, slot: number, values: readonly number[]): void {
  index[slot % size] = slot;
  figures.set(values, (slot % size) * PER_SLOT);
}

function total({ size, index, figures }: Ring, first: number, last: number): readonly number[] {
  const sums = Array<number>(PER_SLOT).fill(0);
  for (let slot = first; slot <= last; slot++) {
    if (index[slot % size] !== slot) continue;
    for (let place = 0; place < PER_SLOT; place++)
      sums[place] = (sums[place] ?? 0) + (figures[(slot % size) * PER_SLOT + place] ?? 0);
  }
  return sums;
}

/** A day and a week by the hour, the longer windows by the day of UTC: none is shorter than its name. */
function ratiosOf(channel: ChannelId, { hours, days, doneTo }: Book): Ratio[] {
  const [hour, day] = [Math.floor(doneTo / HOUR_MS), Math.floor(doneTo / DAY_MS)];
  const sums: Readonly<Record<Window, readonly number[]>> = {
    '24h': total(hours, hour - 24, hour),
    '7d': total(hours, hour - FINE_DAYS * 24, hour),
    '30d': total(days, day - 30, day),
    '90d': total(days, day - REACH_DAYS, day),
  };
  return WINDOWS.flatMap((window) =>
    BASES.flatMap((basis, place) => {
      const ratio = availability({ upMs: sums[window][2 * place] ?? 0, downMs: sums[window][2 * place + 1] ?? 0 });
      return ratio === undefined ? [] : [{ channel, window, basis, ratio }];
    }),
  );
}

interface Work {
  readonly book: Book;
  readonly channel: Channel;
  readonly calendar: Calendar;
  readonly incidents: readonly Incident[];
  readonly at: Instant;
  readonly ledger: TallyOptions['ledger'];
  readonly monotonic: () => number;
  readonly rest: (begun: number) => Promise<void>;
}

/** Adds up what is new, and anew what an incident has changed. */
async function bringUp(work: Work): Promise<void> {
  const { book, at, incidents, channel } = work;
  const today = Math.floor(at / DAY_MS) * DAY_MS;
  const fineFrom = today - FINE_DAYS * DAY_MS;
  const marks = incidents.map((each) => [each, markOf(each, channel.id)] as const);
  const changed = marks.flatMap(([each, mark]) => (book.counted.get(each.id) === mark ? [] : [each.openedAt]));
  const wanted = Math.min(book.doneTo - OPEN_MS, ...changed);
  const size = wanted < fineFrom ? DAY_MS : HOUR_MS;
  const earliest = (await isKnownBefore(work, fineFrom)) ? today - REACH_DAYS * DAY_MS : fineFrom;
  const from = Math.max(earliest, Math.floor(wanted / size) * size);
  for (let start = from; start < at;) {
    const until = Math.min(at, start < fineFrom ? Math.min(start + CHUNK_MS, fineFrom) : start + CHUNK_MS);
    await count(work, { from: start, until }, start < fineFrom);
    start = until;
  }
  book.counted.clear();
  for (const [{ id }, mark] of marks) book.counted.set(id, mark);
  book.doneTo = at;
}

/** Whether anything is known of the days of which only the day is kept; of a young store it is not, and nothing is to be added up. */
async function isKnownBefore(work: Work, until: Instant): Promise<boolean> {
  const { book, channel, incidents, at, ledger, monotonic, rest } = work;
  if (book.doneTo !== -Infinity || incidents.length > 0) return true;
  const since = at - (REACH_DAYS + 1) * DAY_MS - lookbackMs(channel.targets);
  for (const { id } of channel.targets) {
    const begun = monotonic();
    const isKnown = (await ledger.rollups(id, 'day', since, until)).length > 0;
    await rest(begun);
    if (isKnown) return true;
  }
  return false;
}

function markOf({ channels, members }: Incident, channel: ChannelId): string {
  const part = channels.find((each) => each.channel === channel);
  return JSON.stringify([
    part,
    members.map(({ target, since, resolvedAt, impact }) => [target, since, resolvedAt, impact]),
  ]);
}

async function count(work: Work, span: Span, byDay: boolean): Promise<void> {
  const { book, channel, calendar, incidents, at, ledger, rest, monotonic } = work;
  const rows: Rollup[] = [];
  for (const { id } of channel.targets) {
    const begun = monotonic();
    rows.push(...(await ledger.rollups(id, 'hour', span.from - lookbackMs(channel.targets), span.until)));
    await rest(begun);
  }
  const begun = monotonic();
  const troubles = troublesOf(channel.id, incidents, at);
  // Of what nobody has looked at, no time was up and none was down.
  if (rows.length === 0 && troubles.out.size === 0 && troubles.limited.length === 0) return;
  // Of a span that is over no look is under way.
  const coverage = coverageOf(rows, channel.targets, {
    from: span.from,
    until: span.until === at ? at : span.until + DAY_MS,
  });
  const stretches = stretchesOf(calendar, span);
  const size = byDay ? DAY_MS : HOUR_MS;
  for (let from = span.from; from < span.until; from += size) {
    const piece = within(stretches, { from, until: Math.min(from + size, span.until) });
    const account = accountOf({ stretches: piece, coverage, troubles });
    const figures = BASES.flatMap((basis) => {
      const { upMs, downMs } = deliveredBy(account, basis);
      return [upMs, downMs];
    });
    put(byDay ? book.days : book.hours, from / size, figures);
  }
  if (!byDay) {
    const [first, last] = [Math.floor(span.from / DAY_MS), Math.floor((span.until - 1) / DAY_MS)];
    for (let day = first; day <= last; day++) put(book.days, day, total(book.hours, day * 24, day * 24 + 23));
  }
  await rest(begun);
}

function within(stretches: readonly Stretch[], { from, until }: Span): Stretch[] {
  return stretches.flatMap((each) => {
    const piece = { ...each, from: Math.max(each.from, from), until: Math.min(each.until, until) };
    return piece.until > piece.from ? [piece] : [];
  });
}
