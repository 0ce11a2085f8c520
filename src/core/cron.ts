/** Five-field cron expressions in a time zone, right across clock changes. It computes instants; it starts nothing. */
import type { Instant } from './model.ts';
import { DAY_MS, dayOf, evenDay, instantOf, MINUTE_MS, wallOf } from './zone.ts';

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

export type ParsedCron =
  | { readonly ok: true; readonly cron: Cron }
  /** `at` is the offset of the field that is wrong. */
  | { readonly ok: false; readonly message: string; readonly at: number };

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
  const parts = [...text.matchAll(/\S+/g)].map((match) => ({ text: match[0], at: match.index }));
  if (parts.length !== FIELDS.length) {
    return {
      ok: false,
      message: `a cron expression has five fields (minute hour day month weekday), this has ${parts.length}`,
      at: parts[FIELDS.length]?.at ?? 0,
    };
  }
  const values: number[][] = [];
  for (const [index, field] of FIELDS.entries()) {
    const part = parts[index] ?? NOTHING;
    const read = readField(part.text, field);
    if (typeof read === 'string') return { ok: false, message: read, at: part.at };
    values.push(read);
  }
  const cron = cronOf(
    values,
    parts.map((part) => part.text.startsWith('*')),
  );
  if (hasAnyDay(cron)) return { ok: true, cron };
  return { ok: false, message: `"${text}" names a day that never comes`, at: (parts[2] ?? NOTHING).at };
}

const NOTHING = { text: '', at: 0 };

function cronOf(values: readonly number[][], starred: readonly boolean[]): Cron {
  const [minutes = [], hours = [], days = [], months = [], weekdays = []] = values;
  const [anyMinute = false, anyHour = false, anyDay = false, , anyWeekday = false] = starred;
  return {
    minutes,
    hours,
    days: new Set(days),
    months: new Set(months),
    weekdays: new Set(weekdays.map((day) => day % 7)),
    eitherDay: !anyDay && !anyWeekday,
    running: anyMinute || anyHour,
  };
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
  const today = dayOf(after, timezone);
  // A clock set back over midnight shows yesterday again, so yesterday may have firings to come.
  for (let day = today - 1; day < today + HORIZON_DAYS; day++) {
    const hit = firstOn(cron, timezone, day, after);
    if (hit !== undefined) return Math.min(hit, firstOn(cron, timezone, day + 1, after) ?? Infinity);
  }
  return undefined;
}

function firstOn(cron: Cron, timezone: string, day: number, after: Instant): Instant | undefined {
  if (!matchesDay(cron, day)) return undefined;
  const start = evenDay(day, timezone);
  if (start === undefined) return unevenFirings(cron, timezone, day).find((at) => at > after);
  const minute = nextMinute(cron, Math.floor((after - start) / MINUTE_MS) + 1);
  return minute === undefined ? undefined : start + minute * MINUTE_MS;
}

/** The first matching minute of a day that is not before `from`. */
function nextMinute(cron: Cron, from: number): number | undefined {
  for (const hour of cron.hours) {
    if (hour * 60 + 59 < from) continue;
    const minute = cron.minutes.find((each) => hour * 60 + each >= from);
    if (minute !== undefined) return hour * 60 + minute;
  }
  return undefined;
}

/** Whether the expression names a date, given as days since 1970-01-01. */
export function matchesDay(cron: Cron, day: number): boolean {
  const date = new Date(day * DAY_MS);
  if (!cron.months.has(date.getUTCMonth() + 1)) return false;
  const byDay = cron.days.has(date.getUTCDate());
  const byWeekday = cron.weekdays.has(date.getUTCDay());
  return cron.eitherDay ? byDay || byWeekday : byDay && byWeekday;
}

/** Minutes from midnight of a day without a clock change. */
export function minutesOf(cron: Cron): readonly number[] {
  return cron.hours.flatMap((hour) => cron.minutes.map((minute) => hour * 60 + minute));
}

/** By expression, of the newest days: who asks for one firing of such a day asks for the next one too. */
const unevenDays = new WeakMap<Cron, Map<string, readonly Instant[]>>();
const MOST_UNEVEN_DAYS = 4;

/** All firings of a date on which a wall time may come once, twice or never, in order. */
export function unevenFirings(cron: Cron, timezone: string, day: number): readonly Instant[] {
  const days = unevenDays.get(cron) ?? new Map<string, readonly Instant[]>();
  const key = `${day} ${timezone}`;
  const firings = days.get(key) ?? findUneven(cron, timezone, day);
  if (!days.has(key) && days.size >= MOST_UNEVEN_DAYS) days.clear();
  unevenDays.set(cron, days.set(key, firings));
  return firings;
}

function findUneven(cron: Cron, timezone: string, day: number): Instant[] {
  const found = minutesOf(cron).flatMap((minute) => {
    const wall = day * DAY_MS + minute * MINUTE_MS;
    const first = instantOf(wall, timezone, 'start');
    if (!cron.running) return [first];
    return wallOf(first, timezone) === wall ? [first, instantOf(wall, timezone, 'end')] : [];
  });
  return [...new Set(found)].sort((a, b) => a - b);
}
