/** Stretches of time that a rule gives day by day: what covers an instant, and until when. It knows no zone and no rule. */
import type { Instant } from './model.ts';

/** A half-open stretch of time: `from` belongs to it, `until` does not. */
export interface Span {
  readonly from: Instant;
  readonly until: Instant;
}

/** Spans that begin on local dates. */
export interface Daily {
  /** The local date of an instant, as days since 1970-01-01. */
  readonly dayOf: (at: Instant) => number;
  /** In order; those that begin on that date. */
  readonly spansOn: (day: number) => readonly Span[];
  /** Spans of dates more than so many before an instant's own ended over half a day before that instant. */
  readonly reach: number;
}

/** Whether an instant is inside, and between which instants that holds at least. */
export interface Stretch extends Span {
  readonly inside: boolean;
}

const DAY_MS = 86_400_000;
const HALF_DAY_MS = DAY_MS / 2;
/** How far ahead anybody looks: over the longest holiday, and over a rule for one day of the year. */
export const HORIZON_DAYS = 400;

/** Sorted, with spans that touch made one. */
export function merge(spans: readonly Span[]): Span[] {
  const merged: Span[] = [];
  for (const span of spans.toSorted((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last === undefined || span.from > last.until) merged.push(span);
    else if (span.until > last.until) merged[merged.length - 1] = { from: last.from, until: span.until };
  }
  return merged;
}

/** The stretch of a daily rule around an instant; it ends at the horizon when nothing changes before. */
export function stretchOf(daily: Daily, at: Instant): Stretch {
  const horizon = at + HORIZON_DAYS * DAY_MS;
  const today = daily.dayOf(at);
  let before = at - HALF_DAY_MS;
  let inside: Span | undefined;
  for (let day = today - daily.reach; day <= today + HORIZON_DAYS + 1; day++) {
    for (const span of daily.spansOn(day)) {
      if (inside !== undefined) {
        if (span.from > inside.until) return { inside: true, ...inside };
        if (span.until > inside.until) inside = { from: inside.from, until: span.until };
      } else if (span.until <= at) before = Math.max(before, span.until);
      else if (span.from <= at) inside = span;
      else return { inside: false, from: before, until: Math.min(span.from, horizon) };
    }
  }
  if (inside !== undefined) return { inside: true, from: inside.from, until: Math.min(inside.until, horizon) };
  return { inside: false, from: before, until: horizon };
}

/** The stretch of merged spans around an instant. */
export function stretchAmong(spans: readonly Span[], at: Instant): Stretch {
  let before = -Infinity;
  for (const span of spans) {
    if (span.until <= at) before = span.until;
    else if (span.from <= at) return { inside: true, ...span };
    else return { inside: false, from: before, until: span.from };
  }
  return { inside: false, from: before, until: Infinity };
}
