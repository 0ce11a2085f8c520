/** From added-up looks to how much of each hour was seen at all. It knows no promise and no incident. */
import type { Rollup } from './ledger.ts';
import type { Instant, Target, TargetId } from './model.ts';
import { phaseOf, nextSlot } from './slots.ts';
import type { Span } from './span.ts';

/** A target as it is configured today; one that is no more has left only its looks. */
export type Watched = Pick<Target, 'id' | 'schedule' | 'timeoutMs' | 'advisory'>;

/** What looks say of one hour of a channel. An hour without one is not listed: nobody knows. */
export interface Seen {
  /** 0 to 1: the part of the hour about which looks say something. */
  readonly share: number;
  /** 0 to 1: of the looks outside of promised hours, those that failed. */
  readonly failing: number;
  /** The targets that the channel is judged by and that were looked at. */
  readonly targets: readonly TargetId[];
}

export type Coverage = ReadonlyMap<Instant, Seen>;

export const HOUR_MS = 3_600_000;
const DAY_HOURS = 24;
/** From the end of a look to its row. */
const WRITING_MS = 5_000;

/** How long before a span its looks begin to matter: a rhythm is that of a day, and a rare look speaks for long. */
export function lookbackMs(watched: readonly Watched[]): number {
  const rare = watched.some(({ schedule }) => schedule.kind === 'cron' || schedule.everyMs > DAY_HOURS * HOUR_MS);
  return (rare ? 8 * DAY_HOURS : DAY_HOURS + 1) * HOUR_MS;
}

/** `rows` are roll-ups by the hour from `lookbackMs` before the span, of all targets of one channel. `until` is now, or before. */
export function coverageOf(rows: readonly Rollup[], watched: readonly Watched[], span: Span): Coverage {
  const known = new Map(watched.map((each) => [each.id, each]));
  const judging = rows.filter(({ target }) => known.get(target)?.advisory !== true);
  // Of a channel of nothing but advisory targets they are all that is known.
  const views = [
    ...Map.groupBy(judging.length > 0 ? judging : rows, (row) => `${row.target} ${row.location}`).values(),
  ];
  const seen = new Map<Instant, Seen>();
  for (const view of views) {
    const target = view[0]?.target ?? '';
    for (const [hour, one] of viewOf(view, known.get(target), span)) {
      const before = seen.get(hour);
      seen.set(hour, before === undefined ? { ...one, targets: [target] } : together(before, one, target));
    }
  }
  return seen;
}

type View = Omit<Seen, 'targets'>;

/** Whoever sees anything sees the channel; it fails when all of it does. */
function together(before: Seen, one: View, target: TargetId): Seen {
  return {
    share: Math.max(before.share, one.share),
    failing: Math.min(before.failing, one.failing),
    targets: before.targets.includes(target) ? before.targets : [...before.targets, target],
  };
}

interface Count {
  all: number;
  sighted: number;
  besides: number;
  failedBesides: number;
}

/** The hours of one target from one place. */
function viewOf(rows: readonly Rollup[], target: Watched | undefined, span: Span): [Instant, View][] {
  const counts = countsOf(rows);
  const found: [Instant, View][] = [];
  let carried = 0;
  const first = Math.min(...counts.keys());
  for (let hour = first; hour < span.until; hour += HOUR_MS) {
    const count = counts.get(hour);
    const due = dueIn(hour, Math.min(hour + HOUR_MS, span.until), span.until, target);
    if (count === undefined && due === 0) {
      // Nothing was due: what was seen last still holds.
      if (carried > 0 && hour + HOUR_MS > span.from) found.push([hour, { share: carried, failing: 0 }]);
      continue;
    }
    const expected = Math.min(due ?? Infinity, rhythmAt(hour, counts));
    carried =
      count === undefined ? 0 : expected === 0 ? Math.sign(count.sighted) : Math.min(1, count.sighted / expected);
    if (count === undefined || carried === 0 || hour + HOUR_MS <= span.from) continue;
    const failing = count.besides === 0 ? 0 : count.failedBesides / count.besides;
    found.push([hour, { share: carried, failing }]);
  }
  return found;
}

function countsOf(rows: readonly Rollup[]): ReadonlyMap<Instant, Count> {
  const counts = new Map<Instant, Count>();
  for (const { fromAt, expected, looks } of rows) {
    const count = counts.get(fromAt) ?? { all: 0, sighted: 0, besides: 0, failedBesides: 0 };
    counts.set(fromAt, count);
    const sighted = looks.ok + looks.degraded + looks.failed;
    count.all += sighted + looks.unknown;
    count.sighted += sighted;
    if (expected === 'open') continue;
    count.besides += sighted;
    count.failedBesides += looks.failed;
  }
  return counts;
}

/** The most looks in an hour of the day around: the schedule of back then may have been a slower one than today's. */
function rhythmAt(hour: Instant, counts: ReadonlyMap<Instant, Count>): number {
  let most = 0;
  for (let away = -DAY_HOURS; away <= DAY_HOURS; away++)
    most = Math.max(most, counts.get(hour + away * HOUR_MS)?.all ?? 0);
  return most;
}

/** Looks that should have been recorded; the newest one may still be under way. Undefined when nobody knows any more. */
function dueIn(from: Instant, end: Instant, now: Instant, target: Watched | undefined): number | undefined {
  if (target === undefined) return undefined;
  const { schedule, id, timeoutMs } = target;
  const until = Math.min(end, now - timeoutMs - WRITING_MS);
  if (until <= from) return 0;
  if (schedule.kind === 'every') {
    const phase = phaseOf(id, schedule.everyMs);
    const before = (at: Instant): number => Math.ceil((at - phase) / schedule.everyMs);
    return before(until) - before(from);
  }
  let due = 0;
  for (let at = nextSlot(schedule, id, from - 1); at !== undefined && at < until; at = nextSlot(schedule, id, at))
    due++;
  return due;
}
