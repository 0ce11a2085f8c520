/** A channel's month in figures: how much of what was promised was delivered, what failed, and how fast it was noticed and mended. Pure. */
import { accountOf, availability, deliveredBy, sharesOf, troublesOf } from './availability.ts';
import type { Account, Basis, Delivered, Shares } from './availability.ts';
import { coverageOf } from './coverage.ts';
import { reasonText } from './evidence.ts';
import { ANSWER_BOUNDS_MS, type Rollup } from './ledger.ts';
import type {
  Affected,
  Cause,
  Channel,
  ChannelId,
  ChannelKind,
  Impact,
  Incident,
  Instant,
  Localized,
} from './model.ts';
import { channelOf } from './part.ts';
import { present } from './present.ts';
import type { Span } from './span.ts';
import { stretchesOf, type Promises } from './stretch.ts';
import { promisedMs } from './suspension.ts';
import { DAY_MS, dayOf, instantOf } from './zone.ts';

/** Local dates as days since 1970-01-01; both belong to it. */
export interface Dates {
  readonly first: number;
  readonly last: number;
}

export interface Figures extends Delivered {
  /** 0 to 1 of the time that is known; absent where nothing is. */
  readonly ratio?: number;
  readonly shares?: Shares;
}

export interface Answer {
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly looks: number;
}

/** Medians; absent where there was nothing to measure. */
export interface Pace {
  /** From the first failing look to being sure. */
  readonly detectMs?: number;
  /** From our first packet to an answer, in promised hours. */
  readonly answer?: Answer;
  /** From the first failing look to the first good one, in promised hours. */
  readonly recoverMs?: number;
  readonly incidents: number;
}

/** A channel's part in an incident. */
export interface Lapse {
  readonly id: string;
  readonly since: Instant;
  /** Absent: it goes on. */
  readonly until?: Instant;
  readonly impact: Impact;
  readonly cause: Cause;
  readonly because: string;
  /** Of its whole time, what was promised. */
  readonly promisedMs: number;
  readonly lastedMs: number;
  readonly detectMs: number;
}

export interface DayFigures {
  /** `YYYY-MM-DD` */
  readonly date: string;
  readonly promised: Figures;
  readonly calendar: Figures;
}

export interface ChannelQuality {
  readonly id: ChannelId;
  readonly kind: ChannelKind;
  readonly name: Localized;
  readonly private: boolean;
  readonly weekly: string;
  readonly timezone: string;
  readonly promised: Figures;
  readonly calendar: Figures;
  readonly pace: Pace;
  readonly lapses: readonly Lapse[];
  readonly days: readonly DayFigures[];
  readonly before: { readonly promised: Figures; readonly calendar: Figures; readonly pace: Pace };
}

export interface ProviderQuality {
  readonly id: string;
  readonly name: string;
  readonly timezone: string;
  readonly channels: readonly ChannelQuality[];
}

export interface Quality {
  readonly generatedAt: Instant;
  /** Local dates `YYYY-MM-DD`, both included. */
  readonly from: string;
  readonly to: string;
  readonly before: { readonly from: string; readonly to: string };
  /** The period is not over. */
  readonly unfinished: boolean;
  readonly providers: readonly ProviderQuality[];
}

/** What is known of a channel, from a while before the earlier period on. */
export interface Known {
  readonly channel: Channel;
  readonly timezone: string;
  readonly calendar: Promises;
  /** By the hour. */
  readonly rows: readonly Rollup[];
  readonly incidents: readonly Incident[];
  readonly now: Instant;
}

/** The same number of days before; before a whole month the whole month. */
export function datesBefore({ first, last }: Dates): Dates {
  const [start, end] = [new Date(first * DAY_MS), new Date((last + 1) * DAY_MS)];
  const months = (end.getUTCFullYear() - start.getUTCFullYear()) * 12 + end.getUTCMonth() - start.getUTCMonth();
  if (start.getUTCDate() !== 1 || end.getUTCDate() !== 1) return { first: first - (last - first + 1), last: first - 1 };
  return { first: Date.UTC(start.getUTCFullYear(), start.getUTCMonth() - months, 1) / DAY_MS, last: first - 1 };
}

/** From the midnight before the first date to the one after the last, by the zone's own clock. */
export function spanOf({ first, last }: Dates, timezone: string): Span {
  const midnight = (day: number): Instant => instantOf(day * DAY_MS, timezone, 'start');
  return { from: midnight(first), until: midnight(last + 1) };
}

export function written(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

export function qualityOf(known: Known, dates: Dates): ChannelQuality {
  const { channel, timezone } = known;
  const { id, kind, name, hours } = channel;
  const account = accounting(known);
  const { promised, calendar } = figuresOf(account(spanOf(dates, timezone)));
  const before = datesBefore(dates);
  return {
    id,
    kind,
    name,
    private: channel.private,
    weekly: hours.weekly,
    timezone: hours.timezone,
    promised,
    calendar,
    pace: paceOf(known, dates),
    lapses: lapsesIn(known, spanOf(dates, timezone)),
    days: Array.from({ length: dates.last - dates.first + 1 }, (_, index) => {
      const day = dates.first + index;
      return { date: written(day), ...figuresOf(account(spanOf({ first: day, last: day }, timezone))) };
    }),
    before: { ...figuresOf(account(spanOf(before, timezone))), pace: paceOf(known, before) },
  };
}

/** What has not come yet is in no account. */
function accounting({ channel, calendar, rows, incidents, now }: Known): (span: Span) => Account {
  const troubles = troublesOf(channel.id, incidents, now);
  const first = Math.min(now, ...rows.map((each) => each.fromAt));
  const coverage = coverageOf(rows, channel.targets, { from: first, until: now });
  return ({ from, until }) => {
    const stretches = stretchesOf(calendar, { from, until: Math.min(until, now) });
    return accountOf({ stretches, coverage, troubles });
  };
}

function figuresOf(account: Account): Record<Basis, Figures> {
  const figures = (basis: Basis): Figures => {
    const delivered = deliveredBy(account, basis);
    return { ...delivered, ...present({ ratio: availability(delivered), shares: sharesOf(delivered) }) };
  };
  return { promised: figures('promised'), calendar: figures('calendar') };
}

/** Incidents that touch the span, the oldest first. */
function lapsesIn({ channel, incidents, now }: Known, { from, until }: Span): Lapse[] {
  return incidents
    .flatMap((incident) => {
      const part = incident.channels.find((each) => each.channel === channel.id);
      if (part === undefined || part.since >= until) return [];
      const end = part.resolvedAt ?? incident.resolvedAt;
      return (end ?? now) < from ? [] : [lapseOf(incident, part, end, now)];
    })
    .toSorted((a, b) => a.since - b.since);
}

function lapseOf(incident: Incident, part: Affected, end: Instant | undefined, now: Instant): Lapse {
  const { channel, since, impact, cause } = part;
  const entered = incident.updates.find(
    (each) => (each.change === 'joined' || each.change === 'opened') && each.channel === channel,
  );
  return {
    id: incident.id,
    since,
    ...present({ until: end }),
    impact,
    cause,
    because: becauseOf(incident, part),
    promisedMs: promisedMs({ ...incident, channels: [part] }, now),
    lastedMs: (end ?? now) - since,
    detectMs: Math.max(0, (entered?.at ?? incident.confirmedAt) - since),
  };
}

/** The evidence for the channel's own cause: that of the whole incident may be another channel's. */
function becauseOf({ members, because }: Incident, { channel, cause }: Affected): string {
  const own = members.filter((each) => channelOf(each.target) === channel);
  const witness = own.find(({ fault }) => fault.cause === cause);
  if (own.length === members.length || witness === undefined) return because;
  return reasonText({ kind: 'seen', cause, target: witness.target, fault: witness.fault, of: 1 }, 'en');
}

/** Of the incidents that began within the dates. */
function paceOf(known: Known, dates: Dates): Pace {
  const span = spanOf(dates, known.timezone);
  const lapses = lapsesIn(known, span).filter((each) => each.since >= span.from);
  const over = lapses.filter((each) => each.until !== undefined);
  const answers = known.rows.filter(
    ({ fromAt, expected }) => expected === 'open' && fromAt >= span.from && fromAt < span.until,
  );
  return {
    incidents: lapses.length,
    ...present({
      detectMs: median(lapses.map((each) => each.detectMs)),
      recoverMs: median(over.map((each) => each.promisedMs)),
      answer: answerOf(answers),
    }),
  };
}

function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]];
  return low === undefined || high === undefined ? undefined : (low + high) / 2;
}

function answerOf(rows: readonly Rollup[]): Answer | undefined {
  const histogram = ANSWER_BOUNDS_MS.map((_, place) => countAt(rows, place));
  histogram.push(countAt(rows, ANSWER_BOUNDS_MS.length));
  const looks = histogram.reduce((total, each) => total + each, 0);
  if (looks === 0) return undefined;
  const least = Math.min(...rows.map(({ answers }) => answers.minMs ?? Infinity));
  const most = Math.max(...rows.map(({ answers }) => answers.maxMs ?? 0));
  const at = (part: number): number => Math.min(most, Math.max(least, quantile(histogram, part * looks, most)));
  return { medianMs: at(0.5), p95Ms: at(0.95), looks };
}

function countAt(rows: readonly Rollup[], place: number): number {
  return rows.reduce((total, { answers }) => total + (answers.histogram[place] ?? 0), 0);
}

/** Within a bar evenly, as Prometheus does it. */
function quantile(histogram: readonly number[], rank: number, most: number): number {
  let below = 0;
  for (const [place, count] of histogram.entries()) {
    if (count > 0 && below + count >= rank) {
      const from = place === 0 ? 0 : (ANSWER_BOUNDS_MS[place - 1] ?? 0);
      const to = ANSWER_BOUNDS_MS[place] ?? Math.max(most, from);
      return from + ((to - from) * (rank - below)) / count;
    }
    below += count;
  }
  return most;
}

/** Today as a local date, for a period that is not over. */
export function today(now: Instant, timezone: string): number {
  return dayOf(now, timezone);
}
