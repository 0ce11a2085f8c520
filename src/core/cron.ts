/** Five-field cron expressions in a time zone, right across clock changes. It computes instants; it starts nothing. */
import { Temporal } from 'temporal-polyfill';
import type { Instant } from './model.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** 29 February comes every eight years around a century that is no leap year. */
const HORIZON_DAYS = 366 * 8 + 3;

export interface Cron {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly days: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  /** 0 is Sunday. */
  readonly weekdays: ReadonlySet<number>;
  /** Day of month and day of week both restricted: either may match, as in Vixie cron. */
  readonly eitherDay: boolean;
  /** Minute or hour begins with `*`: it means "every so often", so a repeated hour is run twice and a missing one is missed. */
  readonly running: boolean;
}

export type ParsedCron = { readonly ok: true; readonly cron: Cron } | { readonly ok: false; readonly message: string };

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

const FIELDS = [
  { name: 'minute', from: 0, to: 59, names: [] },
  { name: 'hour', from: 0, to: 23, names: [] },
  { name: 'day of month', from: 1, to: 31, names: [] },
  { name: 'month', from: 1, to: 12, names: MONTHS },
  { name: 'day of week', from: 0, to: 7, names: WEEKDAYS },
] as const;
type Field = (typeof FIELDS)[number];

/** Reads `minute hour day-of-month month day-of-week`, with lists, ranges, steps and English names. */
export function parseCron(text: string): ParsedCron {
  const parts = text.trim().split(/\s+/);
  if (parts.length !== FIELDS.length) {
    return {
      ok: false,
      message: `a cron expression has five fields (minute hour day month weekday), this has ${parts.length}`,
    };
  }
  const values: number[][] = [];
  for (const [index, field] of FIELDS.entries()) {
    const read = readField(parts[index] ?? '', field);
    if (typeof read === 'string') return { ok: false, message: read };
    values.push(read);
  }
  const [minutes = [], hours = [], days = [], months = [], weekdays = []] = values;
  const restricted = (index: number): boolean => parts[index]?.startsWith('*') === false;
  const cron: Cron = {
    minutes,
    hours,
    days: new Set(days),
    months: new Set(months),
    weekdays: new Set(weekdays.map((day) => day % 7)),
    eitherDay: restricted(2) && restricted(4),
    running: !restricted(0) || !restricted(1),
  };
  return hasAnyDay(cron) ? { ok: true, cron } : { ok: false, message: `"${text}" names a day that never comes` };
}

function readField(text: string, field: Field): number[] | string {
  const found = new Set<number>();
  for (const part of text.split(',')) {
    const range = readRange(part, field);
    if (range === undefined) return `"${part}" is no ${field.name} (${field.from} to ${field.to})`;
    for (let value = range.first; value <= range.last; value += range.by) found.add(value);
  }
  return [...found].sort((a, b) => a - b);
}

/** `*`, `5`, `5-9`, each with an optional step; a single value with a step runs to the end of the field. */
function readRange(part: string, field: Field): { first: number; last: number; by: number } | undefined {
  const match = /^(?:(\*)|([a-z0-9]+)(?:-([a-z0-9]+))?)(?:\/(\d{1,4}))?$/i.exec(part);
  if (match === null) return undefined;
  const [, star, start = '', end, step] = match;
  const by = Number(step ?? 1);
  const first = star === undefined ? readValue(start, field) : field.from;
  const alone = star === undefined && step === undefined ? first : field.to;
  const last = end === undefined ? alone : readValue(end, field);
  return first === undefined || last === undefined || first > last || by < 1 ? undefined : { first, last, by };
}

function readValue(text: string, field: Field): number | undefined {
  const named = (field.names as readonly string[]).indexOf(text.toLowerCase());
  const value = named >= 0 ? named + field.from : /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN;
  return value >= field.from && value <= field.to ? value : undefined;
}

const LONGEST = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function hasAnyDay(cron: Cron): boolean {
  return (
    cron.eitherDay || [...cron.months].some((month) => [...cron.days].some((day) => day <= (LONGEST[month - 1] ?? 0)))
  );
}

/** The first firing strictly after `after`; undefined when there is none within eight years. */
export function nextFiring(cron: Cron, timezone: string, after: Instant): Instant | undefined {
  let date = Temporal.Instant.fromEpochMilliseconds(after).toZonedDateTimeISO(timezone).toPlainDate();
  for (let day = 0; day < HORIZON_DAYS; day++) {
    if (matchesDate(cron, date)) {
      const hit = firings(cron, timezone, date).find((at) => at > after);
      if (hit !== undefined) return hit;
    }
    date = date.add({ days: 1 });
  }
  return undefined;
}

function matchesDate(cron: Cron, date: Temporal.PlainDate): boolean {
  if (!cron.months.has(date.month)) return false;
  const byDay = cron.days.has(date.day);
  const byWeekday = cron.weekdays.has(date.dayOfWeek % 7);
  return cron.eitherDay ? byDay || byWeekday : byDay && byWeekday;
}

/** All firings of one local date, in order. */
function firings(cron: Cron, timezone: string, date: Temporal.PlainDate): Instant[] {
  const start = date.toZonedDateTime(timezone).epochMilliseconds;
  const plain = date.add({ days: 1 }).toZonedDateTime(timezone).epochMilliseconds - start === DAY_MS;
  const times = cron.hours.flatMap((hour) => cron.minutes.map((minute) => ({ hour, minute })));
  if (plain) return times.map(({ hour, minute }) => start + (hour * 60 + minute) * MINUTE_MS);
  const found = times.flatMap((time) => instantsOf(cron, timezone, date.toPlainDateTime(time)));
  return [...new Set(found)].sort((a, b) => a - b);
}

/** On a day with a clock change a wall time comes once, twice or never. */
function instantsOf(cron: Cron, timezone: string, wall: Temporal.PlainDateTime): Instant[] {
  const earlier = wall.toZonedDateTime(timezone, { disambiguation: 'earlier' });
  const later = wall.toZonedDateTime(timezone, { disambiguation: 'later' });
  const exists = earlier.toPlainDateTime().equals(wall);
  if (!exists) return cron.running ? [] : [endOfGap(earlier)];
  if (cron.running) return [earlier.epochMilliseconds, later.epochMilliseconds];
  return [earlier.epochMilliseconds];
}

/** The first instant after the gap that a missing wall time lies in. `before` is the reading by the offset before it. */
export function endOfGap(before: Temporal.ZonedDateTime): Instant {
  const start = before.add({ hours: -3 });
  return start.getTimeZoneTransition('next')?.epochMilliseconds ?? before.epochMilliseconds;
}
