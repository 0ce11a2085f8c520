/** What was promised at an instant: service hours, holidays, maintenance, in the channel's own zone. It knows nothing of health. */
import { Temporal } from 'temporal-polyfill';
import { endOfGap, nextFiring, parseCron, type Cron } from './cron.ts';
import { parseHours, spansOn, type WeeklyHours } from './hours.ts';
import type { Expectation, Hours, Instant, MaintenanceRule } from './model.ts';

/** A half-open stretch of time: `from` belongs to it, `until` does not. */
export interface Span {
  readonly from: Instant;
  readonly until: Instant;
}

export interface Calendar {
  readonly always: boolean;
  readonly weekly: string;
  readonly timezone: string;
  /** `maintenance` when a window covers the instant, else `closed` outside hours, else `open`. */
  expectation(at: Instant): Expectation;
  /** The next instant at which the expectation becomes another one; undefined: not within 15 days. */
  nextChange(at: Instant): { readonly at: Instant; readonly to: Expectation } | undefined;
  /** Spans that begin on the local date of `at`, or reach into it from the day before. */
  today(at: Instant): readonly Span[];
  /** Maintenance that touches the stretch, in order. */
  maintenances(from: Instant, until: Instant): readonly Span[];
}

const DAY_MS = 86_400_000;
const HORIZON_DAYS = 15;
const LOOP_CAP = 10_000;

/**
 * Opens a channel's calendar. Hours that do not parse are a defect of the caller: configuration has refused them. `announced`
 * are maintenance windows that came from outside the configuration: an operator's, or an accepted notice's.
 */
export function openCalendar(
  hours: Hours,
  maintenance: readonly MaintenanceRule[],
  announced: readonly Span[] = [],
): Calendar {
  const parsed = parseHours(hours.weekly);
  if (!parsed.ok) throw new Error(`hours that configuration should have refused: ${parsed.message}`);
  const windows = maintenance.map(compile);
  const closedOn = new Set(hours.closedOn);
  const open = remember((at) => openStretch(parsed, hours.timezone, closedOn, at));
  const busy = remember((at) => maintenanceStretch(windows, announced, at));

  const expectation = (at: Instant): Expectation => {
    if (busy(at).inside) return 'maintenance';
    return open(at).inside ? 'open' : 'closed';
  };
  return {
    always: parsed.always && closedOn.size === 0,
    weekly: hours.weekly,
    timezone: hours.timezone,
    expectation,
    nextChange: (at) => {
      const now = expectation(at);
      let turn = at;
      for (let step = 0; step < LOOP_CAP; step++) {
        turn = Math.min(open(turn).until, busy(turn).until);
        if (turn >= at + HORIZON_DAYS * DAY_MS) return undefined;
        const to = expectation(turn);
        if (to !== now) return { at: turn, to };
      }
      return undefined;
    },
    today: (at) => {
      const date = localDate(at, hours.timezone);
      const midnight = date.toZonedDateTime(hours.timezone).epochMilliseconds;
      const spans = [date.subtract({ days: 1 }), date].flatMap((each) =>
        spansOfDate(parsed, hours.timezone, closedOn, each),
      );
      return merge(spans.filter((each) => each.until > midnight));
    },
    maintenances: (from, until) =>
      merge([...announced, ...windows.flatMap((window) => window.between(from, until))]).filter(
        (each) => each.until > from && each.from < until,
      ),
  };
}

/** Whether an instant is inside, and until when that holds. */
interface Stretch extends Span {
  readonly inside: boolean;
}

/** Looks come by the thousand and days by the one: the newest stretch is kept. */
function remember(find: (at: Instant) => Stretch): (at: Instant) => Stretch {
  let newest: Stretch | undefined;
  return (at) => {
    if (newest === undefined || at < newest.from || at >= newest.until) newest = find(at);
    return newest;
  };
}

function openStretch(hours: WeeklyHours, timezone: string, closedOn: ReadonlySet<string>, at: Instant): Stretch {
  const date = localDate(at, timezone);
  const dates = Array.from({ length: HORIZON_DAYS + 3 }, (_, day) => date.add({ days: day - 1 }));
  return stretchOf(merge(dates.flatMap((each) => spansOfDate(hours, timezone, closedOn, each))), at);
}

function stretchOf(spans: readonly Span[], at: Instant): Stretch {
  const inside = spans.find((each) => each.from <= at && at < each.until);
  if (inside !== undefined)
    return { inside: true, ...inside, until: Math.min(inside.until, at + HORIZON_DAYS * DAY_MS) };
  const next = spans.find((each) => each.from > at);
  return { inside: false, from: at, until: Math.min(next?.from ?? Infinity, at + HORIZON_DAYS * DAY_MS) };
}

function localDate(at: Instant, timezone: string): Temporal.PlainDate {
  return Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timezone).toPlainDate();
}

function spansOfDate(
  hours: WeeklyHours,
  timezone: string,
  closedOn: ReadonlySet<string>,
  date: Temporal.PlainDate,
): Span[] {
  const holiday = closedOn.has(date.toString());
  if (holiday && !hours.rules.some((rule) => rule.days.publicHolidays && !rule.days.weekdays.size)) return [];
  return spansOn(hours, date, holiday)
    .map(({ from, until }) => ({
      from: instantOf(date, from, timezone, 'earlier'),
      until: instantOf(date, until, timezone, 'later'),
    }))
    .filter((each) => each.until > each.from);
}

/**
 * A wall time as an instant. A time in a gap moves to the first valid instant; in a fold a start takes the first and an end
 * the second, so that a window is never shorter than it is written.
 */
function instantOf(date: Temporal.PlainDate, minutes: number, timezone: string, fold: 'earlier' | 'later'): Instant {
  const wall = date
    .add({ days: Math.floor(minutes / 1440) })
    .toPlainDateTime({ hour: Math.floor((minutes % 1440) / 60), minute: minutes % 60 });
  const zoned = wall.toZonedDateTime(timezone, { disambiguation: fold });
  if (zoned.toPlainDateTime().equals(wall)) return zoned.epochMilliseconds;
  return endOfGap(wall.toZonedDateTime(timezone, { disambiguation: 'earlier' }));
}

function merge(spans: readonly Span[]): Span[] {
  const merged: Span[] = [];
  for (const span of spans.toSorted((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last !== undefined && span.from <= last.until) {
      merged[merged.length - 1] = { from: last.from, until: Math.max(last.until, span.until) };
    } else merged.push(span);
  }
  return merged;
}

interface Window {
  between(from: Instant, until: Instant): Span[];
}

function compile(rule: MaintenanceRule): Window {
  if (rule.kind === 'once') return { between: () => [{ from: rule.from, until: rule.until }] };
  const parsed = parseCron(rule.cron);
  if (!parsed.ok) throw new Error(`a cron expression that configuration should have refused: ${parsed.message}`);
  return { between: (from, until) => recurring(parsed.cron, rule.timezone, rule.durationMs, from, until) };
}

function recurring(cron: Cron, timezone: string, durationMs: number, from: Instant, until: Instant): Span[] {
  const spans: Span[] = [];
  let start = nextFiring(cron, timezone, from - durationMs);
  while (start !== undefined && start < until && spans.length < LOOP_CAP) {
    spans.push({ from: start, until: start + durationMs });
    start = nextFiring(cron, timezone, start);
  }
  return spans;
}

function maintenanceStretch(windows: readonly Window[], announced: readonly Span[], at: Instant): Stretch {
  if (windows.length === 0 && announced.length === 0) return { inside: false, from: at, until: Infinity };
  const horizon = at + HORIZON_DAYS * DAY_MS;
  return stretchOf(merge([...announced, ...windows.flatMap((window) => window.between(at, horizon))]), at);
}
