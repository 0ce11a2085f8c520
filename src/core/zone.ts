/** Wall clocks of time zones: from a written time to an instant and back, clock changes included. It knows no hours and no holiday. */
import { Temporal } from 'temporal-polyfill';
import type { Instant } from './model.ts';

export const MINUTE_MS = 60_000;
export const DAY_MS = 86_400_000;

/** What a clock shows, as the epoch milliseconds that it would be in UTC. */
export type Wall = number;

/** `start`: a window begins here; `end`: it ends here. */
export type Edge = 'start' | 'end';

/** Between two clock changes an instant and its wall time differ by one number. */
interface Steady {
  from: Instant;
  readonly until: Instant;
  readonly offsetMs: number;
}

/** No zone is or was further from UTC than this (Manila before 1845: 15 h 56 min). */
const WIDEST_MS = 16 * 3_600_000;

/**
 * What has been asked of the zone tables so far, by zone: the tables are slow to ask and never change while we run. `from` is
 * where somebody asked first, not where the stretch begins; `until` is a clock change.
 */
const asked = new Map<string, Steady[]>();

function steadyAt(at: Instant, timezone: string): Steady {
  const known = asked.get(timezone) ?? [];
  for (const each of known) if (at >= each.from && at < each.until) return each;
  if (known.length === 0) asked.set(timezone, known);
  const zoned = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timezone);
  const until = zoned.getTimeZoneTransition('next')?.epochMilliseconds ?? Infinity;
  const same = known.find((each) => each.until === until);
  if (same !== undefined) {
    same.from = Math.min(same.from, at);
    return same;
  }
  const found: Steady = { from: at, until, offsetMs: zoned.offsetNanoseconds / 1_000_000 };
  known.push(found);
  return found;
}

/** What a clock in the zone shows at an instant. */
export function wallOf(at: Instant, timezone: string): Wall {
  return at + steadyAt(at, timezone).offsetMs;
}

/** The local date of an instant, as days since 1970-01-01. */
export function dayOf(at: Instant, timezone: string): number {
  return Math.floor(wallOf(at, timezone) / DAY_MS);
}

/**
 * The instant of a wall time: the one rule for gaps and folds. A time that a clock change leaves out becomes the first valid
 * instant after it; of one that comes twice, a start takes the first and an end the second, so that a window is never
 * shorter than it is written.
 */
export function instantOf(wall: Wall, timezone: string, edge: Edge): Instant {
  let steady = steadyAt(wall - WIDEST_MS, timezone);
  const latest = wall + WIDEST_MS;
  if (steady.until > latest) return wall - steady.offsetMs;
  let from = -Infinity;
  let found: Instant | undefined;
  let afterGap: Instant | undefined;
  while (true) {
    const at = wall - steady.offsetMs;
    if (at >= from && at < steady.until && (found === undefined || edge === 'end')) found = at;
    // The clock shows an earlier time before this change and a later one after it.
    if (at < from) afterGap ??= from;
    if (steady.until > latest) return found ?? afterGap ?? at;
    from = steady.until;
    steady = steadyAt(from, timezone);
  }
}

/**
 * The instant at which a date begins, when no clock change is near it: each of its times comes once, 24 hours long. Else
 * undefined. A change at the midnight after it counts, since a clock set back there shows the evening again.
 */
export function evenDay(day: number, timezone: string): Instant | undefined {
  const start = instantOf(day * DAY_MS, timezone, 'start');
  const steady = steadyAt(start, timezone);
  return steady.until >= start + 2 * DAY_MS && start + steady.offsetMs === day * DAY_MS ? start : undefined;
}
