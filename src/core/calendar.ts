/** What was promised at an instant: service hours, holidays, maintenance, in the channel's own zone. It knows nothing of health. */
import { matchesDay, minutesOf, parseCron, unevenFirings, type Cron } from './cron.ts';
import { dayNumber } from './dates.ts';
import { namesHolidays, parseHours, spansOn, type WeeklyHours } from './hours.ts';
import type { Expectation, Hours, Instant, MaintenanceRule } from './model.ts';
import { HORIZON_DAYS, merge, stretchAmong, stretchOf, type Daily, type Span, type Stretch } from './span.ts';
import { DAY_MS, dayOf, evenDay, instantOf, MINUTE_MS } from './zone.ts';

export type { Span } from './span.ts';

export interface Calendar {
  readonly always: boolean;
  readonly weekly: string;
  readonly timezone: string;
  /** `maintenance` when a window covers the instant, else `closed` outside hours, else `open`. */
  expectation(at: Instant): Expectation;
  /** The next instant at which the expectation becomes another one; undefined: not within 400 days. */
  nextChange(at: Instant): Change | undefined;
  /** Spans that begin on the local date of `at`, or reach into it from the day before. */
  today(at: Instant): readonly Span[];
  /** Maintenance that touches the stretch, in order. */
  maintenances(from: Instant, until: Instant): readonly Span[];
}

interface Change {
  readonly at: Instant;
  readonly to: Expectation;
}

/** What is promised, and between which instants that holds at least. */
interface Promised extends Span {
  readonly expectation: Expectation;
}

type Find = (at: Instant) => Stretch;

/** Opening and closing times, or the windows of one rule, are looked through for at most so many days at once. */
const LONGEST_LIST_DAYS = 10 * 366;
/** Only maintenance that hides many openings makes a step without a change. */
const MOST_STEPS = 10_000;

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
  const always = parsed.always && (hours.onHolidays === 'open' || hours.holidays.length === 0);
  const opening = openingOf(parsed, hours);
  const fixed = merge([...announced, ...maintenance.filter((rule) => rule.kind === 'once')]);
  const recurring = maintenance.flatMap((rule) => (rule.kind === 'cron' ? [recurringOf(rule)] : []));
  const busy: readonly Find[] = [
    ...(fixed.length === 0 ? [] : [(at: Instant) => stretchAmong(fixed, at)]),
    ...recurring.map((daily) => (at: Instant) => stretchOf(daily, at)),
  ];
  const open: Find = always ? () => FOR_EVER : (at) => stretchOf(opening, at);
  const survey = surveyOf(open, busy);
  return {
    always,
    weekly: hours.weekly,
    timezone: hours.timezone,
    expectation: remembered(survey),
    nextChange: changesOf(survey),
    today: (at) => {
      const day = dayOf(at, hours.timezone);
      const midnight = instantOf(day * DAY_MS, hours.timezone, 'start');
      return merge(listed(opening, day, day).filter((each) => each.until > midnight));
    },
    maintenances: (from, until) =>
      merge([...fixed, ...recurring.flatMap((daily) => listed(daily, daily.dayOf(from), daily.dayOf(until)))]).filter(
        (each) => each.until > from && each.from < until,
      ),
  };
}

const FOR_EVER: Stretch = { inside: true, from: -Infinity, until: Infinity };

/** Maintenance stands above open and closed. */
function surveyOf(open: Find, busy: readonly Find[]): (at: Instant) => Promised {
  return (at) => {
    const stretches = busy.map((find) => find(at));
    const inside = stretches.filter((each) => each.inside);
    if (inside.length > 0) {
      const [from, until] = [inside.map((each) => each.from), inside.map((each) => each.until)];
      return { expectation: 'maintenance', from: Math.min(...from), until: Math.max(...until) };
    }
    const hours = open(at);
    const all = [hours, ...stretches];
    return {
      expectation: hours.inside ? 'open' : 'closed',
      from: Math.max(...all.map((each) => each.from)),
      until: Math.min(...all.map((each) => each.until)),
    };
  };
}

/** Looks come by the thousand and openings by the one: the newest stretch is kept. */
function remembered(survey: (at: Instant) => Promised): (at: Instant) => Expectation {
  let newest: Promised | undefined;
  return (at) => {
    if (newest === undefined || at < newest.from || at >= newest.until) newest = survey(at);
    return newest.expectation;
  };
}

function changesOf(survey: (at: Instant) => Promised): (at: Instant) => Change | undefined {
  let newest: (Span & { readonly change: Change | undefined }) | undefined;
  return (at) => {
    if (newest === undefined || at < newest.from || at >= newest.until) {
      const now = survey(at);
      const change = changeAfter(survey, now, at + HORIZON_DAYS * DAY_MS);
      // That there is no change is true of today: the horizon moves on.
      newest = { from: change === undefined ? at : now.from, until: change?.at ?? at + DAY_MS, change };
    }
    return newest.change;
  };
}

function changeAfter(survey: (at: Instant) => Promised, now: Promised, horizon: Instant): Change | undefined {
  let turn = now.until;
  for (let step = 0; step < MOST_STEPS && turn < horizon; step++) {
    const next = survey(turn);
    if (next.expectation !== now.expectation) return { at: turn, to: next.expectation };
    turn = next.until;
  }
  return undefined;
}

/** Every span that may touch the dates from `first` to `last`. */
function listed(daily: Daily, first: number, last: number): Span[] {
  const days = Math.min(last - first, LONGEST_LIST_DAYS) + daily.reach + 1;
  return Array.from({ length: days }, (_, index) => daily.spansOn(first - daily.reach + index)).flat();
}

function openingOf(parsed: WeeklyHours, { timezone, holidays, onHolidays, workdays }: Hours): Daily {
  const closes = onHolidays === 'closed';
  // Make-up days belong to the holidays: where those change nothing, neither do these.
  const matter = closes || namesHolidays(parsed);
  const [off, on] = [matter ? daysOf(holidays) : NONE, matter ? daysOf(workdays) : NONE];
  return {
    dayOf: (at) => dayOf(at, timezone),
    // An end of 48:00 is two dates later, and a clock change may skip one.
    reach: 3,
    spansOn: (day) => {
      const workday = on.has(day);
      const spans = spansOn(parsed, day, { holiday: !workday && off.has(day), workday }, closes);
      const midnight = day * DAY_MS;
      return spans
        .map(({ from, until }) => ({
          from: instantOf(midnight + from * MINUTE_MS, timezone, 'start'),
          until: instantOf(midnight + until * MINUTE_MS, timezone, 'end'),
        }))
        .filter((each) => each.until > each.from);
    },
  };
}

const NONE: ReadonlySet<number> = new Set();

/** Dates `YYYY-MM-DD` as days since 1970-01-01. */
function daysOf(dates: readonly string[]): ReadonlySet<number> {
  return new Set(
    dates.flatMap((date) => {
      const [year = 0, month = 0, day = 0] = date.split('-').map(Number);
      return dayNumber(year, month, day) ?? [];
    }),
  );
}

/** The windows of a cron expression. On a day without a clock change they lie as on any other, so they are merged once. */
function recurringOf(rule: Extract<MaintenanceRule, { kind: 'cron' }>): Daily {
  const parsed = parseCron(rule.cron);
  if (!parsed.ok) throw new Error(`a cron expression that configuration should have refused: ${parsed.message}`);
  const { timezone, durationMs } = rule;
  const windowsAt = (starts: readonly Instant[]): Span[] =>
    merge(starts.map((from) => ({ from, until: from + durationMs })));
  const usual = windowsAt(minutesOf(parsed.cron).map((minute) => minute * MINUTE_MS));
  return {
    dayOf: (at) => dayOf(at, timezone),
    reach: Math.ceil(durationMs / DAY_MS) + 2,
    spansOn: kept((day) => windowsOn(parsed.cron, timezone, day, { usual, windowsAt })),
  };
}

const MOST_DAYS_KEPT = 32;

/** Frequent windows are asked for often: the spans of the newest days are kept. */
function kept(find: (day: number) => readonly Span[]): (day: number) => readonly Span[] {
  const days = new Map<number, readonly Span[]>();
  return (day) => {
    const known = days.get(day);
    if (known !== undefined) return known;
    if (days.size >= MOST_DAYS_KEPT) days.clear();
    const spans = find(day);
    days.set(day, spans);
    return spans;
  };
}

interface Windows {
  /** From midnight. */
  readonly usual: readonly Span[];
  readonly windowsAt: (starts: readonly Instant[]) => Span[];
}

function windowsOn(cron: Cron, timezone: string, day: number, { usual, windowsAt }: Windows): readonly Span[] {
  if (!matchesDay(cron, day)) return [];
  const start = evenDay(day, timezone);
  if (start === undefined) return windowsAt(unevenFirings(cron, timezone, day));
  return usual.map(({ from, until }) => ({ from: start + from, until: start + until }));
}
